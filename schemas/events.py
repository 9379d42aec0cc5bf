"""What the hub tells the other channels: one event per decided message, CloudEvents 1.0 in its JSON form.

Source: CloudEvents specification 1.0.2, "Context Attributes"; type names are reverse-DNS without a host of ours.
"""

from datetime import date
from typing import Literal
from uuid import UUID

from schemas.facts import Fact
from schemas.model import Canonical, Code, Instant
from schemas.order import Order

EventType = Literal[
    "order.held",
    "order.issued",
    "order.paid",
    "order.changed",
    "order.refunded",
    "order.cancelled",
    "order.expired",
    "order.collected",
    "order.travelled",
    "order.waitlisted",
    "order.invoiced",
    "order.disputed",
    "order.resolved",
    "order.joined",
    "order.adjusted",
    "order.witnessed",
]

INTERNAL_TYPES = frozenset({"order.witnessed", "order.adjusted"})
"""Never delivered: they change what the hub knows about witnesses, not what a channel must know."""


class OrderEvent(Canonical):
    """One step of one order. ``sequence`` is 1, 2, 3 ... within the order; ``origin`` is the channel that caused it."""

    event_id: UUID
    type: EventType
    order_id: UUID
    sequence: int
    origin: Code
    business_date: date
    recorded_at: Instant
    facts: tuple[Fact, ...]


class CloudEvent(Canonical):
    """The envelope for who prefers the canonical form over the channel's native one."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    sequence: str
    data: Order
