"""The travel agents (代售点): OTA JSON with yuan doubles. The wire is described in README.md."""

from collections.abc import Mapping

from adapters.agents import transport
from adapters.agents.format import Formatter
from adapters.agents.parse import parser, split
from adapters.agents.profile import PROFILE, SWAPPED, with_tables
from adapters.kit.channel import ChannelAdapter
from hub.ports import Formatted, PollPage, Profile
from schemas.events import OrderEvent
from schemas.order import Order


class AgentsAdapter(ChannelAdapter):
    """``hub.ports``: Polled too, for one agent's connection."""

    def __init__(self, profile: Profile) -> None:
        def write(event: OrderEvent, order: Order) -> Formatted | None:
            return Formatter(profile).message(event, order)  # one formatter a message: it gathers that one's losses

        super().__init__(profile, parser(profile), write, split, transport.extract)

    def poll(self, endpoint: str, watermark: str | None) -> PollPage:
        return transport.poll(endpoint, watermark)


def connection(code_tables: Mapping[str, Mapping[str, str]]) -> AgentsAdapter:
    """The adapter for another agent: the same wire, its own code tables (list name -> native -> our code)."""
    return AgentsAdapter(with_tables(code_tables))


adapter = AgentsAdapter(PROFILE)

__all__ = ["SWAPPED", "AgentsAdapter", "adapter", "connection"]
