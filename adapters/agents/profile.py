"""One agent connection: asks for holds, tells of sales and after-sales, and is polled for what it never pushes.

``code_tables`` is the connection's own: two published documents of one company give the document types 3 and 4 in
opposite order, so :func:`swapped_documents` makes the profile of a connection that follows the other one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from hub.ports import Profile
from schemas.events import INTERNAL_TYPES, EventType

PROFILE = Profile(
    channel="agents",
    name_zh="代售点",
    name_en="travel agents",
    media_type="application/json",
    encoding="UTF-8",
    asks=frozenset({"hold"}),
    tells=frozenset({"sell", "pay", "cancel", "change", "refund"}),
    subscribes=frozenset(get_args(EventType)) - INTERNAL_TYPES,
    scope="own",
    states=frozenset({"held", "expired", "cancelled", "issued", "changed", "refunded"}),
    hold_minutes=25,
    max_message_bytes=256_000,
    arrival="push",
)

SWAPPED: Mapping[str, Mapping[str, str]] = {"document_type": {"3": "hk_macau_permit", "4": "taiwan_permit"}}
"""The other published table: 3 and 4 the other way round than in the cross-walk."""


def with_tables(code_tables: Mapping[str, Mapping[str, str]]) -> Profile:
    """The profile of another agent's connection: the same wire, its own codes."""
    return replace(PROFILE, code_tables=code_tables)
