"""Two agents' connections: the same wire, two published code tables that contradict each other.

Two documents of one company number the permits in opposite order, so the table belongs to the connection. Another
agent needs no code: ``interlock channel register NAME --adapter agents --codes ...`` gives it its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from mmap import mmap
from typing import get_args

from adapters.agents import transport
from adapters.agents.format import formatter
from adapters.agents.parse import parser
from adapters.agents.table import AgentsTable
from adapters.agents.wording import AgentsWording
from adapters.kit.channel import ChannelAdapter
from adapters.kit.lines import split_lines
from hub.ports import PollPage, Profile, Table
from schemas.events import INTERNAL_TYPES, EventType
from schemas.observation import Rejection

AGENTS = Profile(
    channel="agents",
    name_zh="代售点",
    name_en="travel agents",
    media_type="application/json",
    encoding="UTF-8",
    asks=frozenset({"hold"}),
    tells=frozenset({"hold", "sell", "pay", "cancel", "change", "change_destination", "refund"}),
    subscribes=frozenset(get_args(EventType)) - INTERNAL_TYPES,
    scope="own",
    states=frozenset({"held", "expired", "cancelled", "issued", "changed", "refunded"}),
    hold_minutes=25,
    max_message_bytes=256_000,
    arrival="push",
    ignores=dict.fromkeys(
        ("orderDate", "orderTime", "payLimitDate", "payLimitTime"),
        "when it was held and for how long: an issued ticket does not imply that it was held",
    ),
)
"""The table of the cross-walk: 3 is the Taiwan permit, 4 the one of HK and Macau."""

AGENTS_SOUTH = replace(
    AGENTS,
    channel="agents_south",
    name_zh="代售点（南）",
    name_en="travel agents, south",
    code_tables={"document_type": {"3": "hk_macau_permit", "4": "taiwan_permit"}},
)
"""The other published table."""


@dataclass(frozen=True, slots=True)
class AgentsAdapter(ChannelAdapter):
    """``hub.ports``: Polled, Connectable and Tabular too, for one agent's connection."""

    wording: AgentsWording

    def poll(self, endpoint: str, watermark: str | None) -> PollPage:
        return transport.poll(endpoint, watermark)

    def connected(self, profile: Profile) -> AgentsAdapter:
        return adapter_for(profile)

    def table(self, raw: bytes | mmap) -> Table | Rejection:
        return AgentsTable(raw, self.profile, self.wording)


def adapter_for(profile: Profile) -> AgentsAdapter:
    """The adapter of a connection: the wire of all agents, the code tables and limits of this one."""
    # What this agent calls its own sale is a sale of this connection, not of the first one.
    tables = {"sales_channel": {"AGENT": profile.channel}, **profile.code_tables}
    wording = AgentsWording(profile.channel, tables)
    functions = (parser(profile, wording), formatter(profile, wording), split_lines, transport.extract)
    return AgentsAdapter(profile, *functions, wording)
