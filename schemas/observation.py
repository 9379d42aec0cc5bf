"""What an adapter makes of one native message: an observation, or a rejection that names the place."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from schemas.facts import Fact, PointOfSale
from schemas.model import Canonical, Code, Instant, Text

ReferenceKind = Literal[
    "order", "ticket", "payment", "refund", "pickup", "voucher", "agent_order", "call", "invoice", "waitlist"
]
IDENTIFYING = frozenset({"order", "waitlist"})
"""The kinds that name one order. The others may be shared: an agent's order, a call, a payment can be for two."""


class ReferenceClaim(Canonical):
    """One name that one system gives to this order or a part of it; unique per (system, kind, value).

    ``rail`` is the system of the 10-character order number that every channel prints on its tickets.
    """

    system: Code
    kind: ReferenceKind
    value: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:/-]{1,80}$")]


class Loss(Canonical):
    """A native value that could not be carried over, or was carried over with less meaning. Never silent."""

    pointer: Annotated[str, Field(max_length=200, description="JSON pointer, XPath, or 'line 3, columns 14-24'")]
    reason: Literal["not_mapped", "unknown_code", "less_precise", "not_expressible", "inferred"]
    native: Annotated[str, Field(max_length=200)] = ""
    note: Annotated[str, Field(max_length=200)] = ""


class Observation(Canonical):
    """The facts that one native message implies in full, told or asked by its channel.

    ``references``: at least one; all of them name this one order. ``sequence``: the channel's own ordering of
    statements that carry the same ``occurred_at``; 0 when it has none. ``business_date``: the channel's local
    date of the act that this message reports.
    """

    mode: Literal["ask", "tell"]
    references: Annotated[tuple[ReferenceClaim, ...], Field(min_length=1)]
    occurred_at: Instant
    sequence: Annotated[int, Field(ge=0)] = 0
    business_date: date
    point_of_sale: PointOfSale
    facts: Annotated[tuple[Fact, ...], Field(min_length=1)]
    losses: tuple[Loss, ...] = ()


class Rejection(Canonical):
    """A native message that cannot be an observation: where it is wrong, what was expected, an example of it."""

    code: Code
    detail: Text
    pointer: Annotated[str, Field(max_length=200)]
    expected: Annotated[str, Field(max_length=200)] = ""
    found: Annotated[str, Field(max_length=200)] = ""
    example: Annotated[str, Field(max_length=200)] = ""
