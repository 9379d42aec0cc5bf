"""What is new in an order, for channels of flat records: steps of tickets, and the money that goes with them.

News stands in the event's facts; an event without facts (a snapshot) is told by the state of each ticket.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.ports import Act
from schemas.events import OrderEvent
from schemas.facts import (
    ChangeFact,
    Fact,
    PaymentFact,
    PickupCollected,
    RefundFact,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketRefunded,
)
from schemas.order import Change, Order, Payment, Refund

FACT_OF_STATE = {
    "held": "ticket.held",
    "cancelled": "ticket.hold_cancelled",
    "expired": "ticket.hold_expired",
    "issued": "ticket.issued",
    "checked_in": "ticket.checked_in",
    "entered": "ticket.entered",
    "used": "ticket.exited",
    "released": "ticket.released",
    "voided": "ticket.voided",
    "refunded": "ticket.refunded",
    "changed": "ticket.changed",
}
SOLD: tuple[Act, ...] = ("sell", "pay", "change", "change_destination")
"""Acts whose rows can say a payment."""


@dataclass(frozen=True, slots=True)
class Told:
    """One row: slot -> value; ``ticket``: the ticket's place in the order, for losses."""

    act: Act
    ticket: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a ticket."""

    fact: str
    ticket_no: str
    at: datetime
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """What happened since: to tickets, and the money that moved."""

    steps: Sequence[Step]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    changes: Sequence[Change]


def news_of(event: OrderEvent, order: Order) -> News:
    """What an event brings; values are the order's, where personal data is clear."""
    steps = [step for fact in event.facts for step in _steps(fact)]
    if not steps and not any(isinstance(f, PaymentFact | RefundFact | ChangeFact) for f in event.facts):
        shown = [(t, FACT_OF_STATE[t.state]) for t in order.tickets if t.state in FACT_OF_STATE]
        states = [Step(fact, ticket.ticket_no, ticket.state_since) for ticket, fact in shown]
        return News(states, [p for p in order.payments if p.captured_at], order.refunds, order.changes)
    said = {f.processor_ref for f in event.facts if isinstance(f, PaymentFact) and f.fact == "payment.captured"}
    back = {f.refund_ref for f in event.facts if isinstance(f, RefundFact | TicketRefunded)}
    changed = {f.change_ref for f in event.facts if isinstance(f, ChangeFact)}
    return News(
        steps,
        [p for p in order.payments if p.processor_ref in said and p.captured_at],
        [r for r in order.refunds if r.refund_ref in back],
        [c for c in order.changes if c.change_id in changed],
    )


def _steps(fact: Fact) -> Iterator[Step]:
    if isinstance(fact, TicketHeld | TicketIssued):
        yield Step(fact.fact, fact.ticket.ticket_no, fact.occurred_at)
    elif isinstance(fact, PickupCollected):
        for number in fact.ticket_nos or ("",):
            yield Step(fact.fact, number, fact.occurred_at, {"pickup_ref": fact.pickup_ref})
    elif fact.fact.startswith("ticket."):
        extra = {"control_no": fact.control_no} if isinstance(fact, TicketPrinted) else {}
        if isinstance(fact, TicketRefunded):
            extra["refund_ref"] = fact.refund_ref
        yield Step(fact.fact, getattr(fact, "ticket_no", ""), fact.occurred_at, extra)


def head_of(order: Order, at: datetime) -> dict[str, Any]:
    """What every row says first."""
    own = next((r.value for r in order.references if r.kind == "order" and r.system != "rail"), None)
    return {"at": at, "order_no": order.reference("rail", "order"), "own_order": own}
