"""The travel agents (代售点): OTA JSON with yuan doubles. The wire is described in README.md."""

from collections.abc import Mapping, Sequence
from datetime import date

from adapters.agents import transport
from adapters.agents.format import Formatter
from adapters.agents.parse import parser, split
from adapters.agents.profile import PROFILE, SWAPPED, with_tables
from hub.ports import Formatted, Part, PollPage, Profile
from schemas.events import OrderEvent
from schemas.observation import Observation, Rejection
from schemas.order import Order


class AgentsAdapter:
    """Adapter, Splitting, Polled and Extracting of ``hub.ports`` for one agent's connection."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._parse = parser(profile)

    def parse(self, raw: bytes) -> Observation | Rejection:
        return self._parse(raw)

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return Formatter(self.profile).message(event, order)

    def split(self, raw: bytes) -> Sequence[Part] | Rejection:
        return split(raw)

    def poll(self, endpoint: str, watermark: str | None) -> PollPage:
        return transport.poll(endpoint, watermark)

    def extract(self, endpoint: str, business_date: date) -> bytes:
        return transport.extract(endpoint, business_date)


def connection(code_tables: Mapping[str, Mapping[str, str]]) -> AgentsAdapter:
    """The adapter for another agent: the same wire, its own code tables (list name -> native -> our code)."""
    return AgentsAdapter(with_tables(code_tables))


adapter = AgentsAdapter(PROFILE)

__all__ = ["SWAPPED", "AgentsAdapter", "adapter", "connection"]
