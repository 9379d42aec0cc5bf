"""An order as a channel shows it, and the facts that this implies: one table for every channel that sends snapshots.

    state on the wire       facts
    held                    held
    expired, cancelled      held + hold_expired | hold_cancelled
    issued                  issued                      (an issued ticket does not imply that it was held)
    checked_in, entered,    issued + that step
    used, voided, released
    changed                 issued + changed, paired with its new ticket through the change record
    refunded                issued + refunded, with the number of its refund record

Payments, refunds and changes are facts already. Facts that no field dates are left out: the order is then
incomplete until another message says them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from adapters.kit.reading import Losses
from schemas.facts import (
    ChangeFact,
    Fact,
    PaymentFact,
    RefundFact,
    TicketChanged,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketRefunded,
    TicketStep,
)
from schemas.observation import ReferenceClaim

_StepName = Literal[
    "ticket.hold_expired",
    "ticket.hold_cancelled",
    "ticket.checked_in",
    "ticket.entered",
    "ticket.exited",
    "ticket.voided",
    "ticket.released",
    "ticket.resigned_on_board",
]
STEP_OF_STATE: dict[str, _StepName] = {
    "expired": "ticket.hold_expired",
    "cancelled": "ticket.hold_cancelled",
    "checked_in": "ticket.checked_in",
    "entered": "ticket.entered",
    "used": "ticket.exited",
    "voided": "ticket.voided",
    "released": "ticket.released",
    "resigned_on_board": "ticket.resigned_on_board",
}
_HOLDS = frozenset({"held", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class SnapshotTicket:
    """One ticket on the wire. ``state_at``: when it came into ``state``; times are None when no field says them.

    ``place`` is the pointer of the field that gives the state, for losses.
    """

    content: TicketContent
    state: str
    place: str
    state_at: datetime | None = None
    held_at: datetime | None = None
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    change_kind: Literal["train", "destination"] = "train"
    printed_at: datetime | None = None
    control_no: str | None = None

    @property
    def is_dated(self) -> bool:
        """Whether the fields say when the ticket came into being; if not, that fact is left out and a loss says so."""
        if self.state in _HOLDS:
            return self.held_at is not None and self.expires_at is not None
        return self.issued_at is not None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One order on the wire, its money already as facts."""

    tickets: tuple[SnapshotTicket, ...]
    payments: tuple[PaymentFact, ...] = ()
    refunds: tuple[RefundFact, ...] = ()
    changes: tuple[ChangeFact, ...] = ()


def facts_of(snapshot: Snapshot, losses: Losses) -> tuple[Fact, ...]:
    """Every fact that the snapshot can date, tickets first, then changes, payments and refunds."""
    facts: list[Fact] = []
    paired = list(_changed(snapshot))
    known = {fact.ticket_no for fact in paired}
    for ticket in snapshot.tickets:
        facts.extend(_ticket_facts(ticket, snapshot, losses, ticket.content.ticket_no in known))
    return (*facts, *paired, *snapshot.changes, *snapshot.payments, *snapshot.refunds)


def _ticket_facts(ticket: SnapshotTicket, snapshot: Snapshot, losses: Losses, paired: bool) -> Iterator[Fact]:
    if ticket.state in _HOLDS:
        if ticket.held_at and ticket.expires_at:
            yield TicketHeld(ticket=ticket.content, occurred_at=ticket.held_at, expires_at=ticket.expires_at)
    elif ticket.issued_at:
        yield TicketIssued(ticket=ticket.content, occurred_at=ticket.issued_at)
    if ticket.printed_at:
        yield TicketPrinted(
            ticket_no=ticket.content.ticket_no, control_no=ticket.control_no, occurred_at=ticket.printed_at
        )
    yield from _step(ticket, snapshot, losses, paired)


def _step(ticket: SnapshotTicket, snapshot: Snapshot, losses: Losses, paired: bool) -> Iterator[Fact]:
    """The fact that ended or advanced the ticket, from its record or, without one, from the time of its state."""
    number, at = ticket.content.ticket_no, ticket.state_at
    if ticket.state == "refunded":
        refund = next((r for r in reversed(snapshot.refunds) if number in r.ticket_nos), None)
        if refund is not None:
            yield TicketRefunded(ticket_no=number, refund_ref=refund.refund_ref, occurred_at=refund.occurred_at)
            return
        if at is not None:
            losses.add(ticket.place, "inferred", "refunded", "no refund record names this ticket")
            yield TicketRefunded(ticket_no=number, occurred_at=at)
            return
    elif ticket.state == "changed":
        if paired:
            return
        if at is not None:
            losses.add(ticket.place, "inferred", "changed", "no change record names this ticket")
            yield TicketChanged(ticket_no=number, kind=ticket.change_kind, occurred_at=at)
            return
    elif ticket.state not in STEP_OF_STATE:
        return
    elif at is not None:
        yield TicketStep(fact=STEP_OF_STATE[ticket.state], ticket_no=number, occurred_at=at)
        return
    losses.add(ticket.place, "not_expressible", ticket.state, "no field says when")


def _changed(snapshot: Snapshot) -> Iterator[TicketChanged]:
    """One ``changed`` per old ticket; old and new are paired in order when there are as many of each."""
    for change in snapshot.changes:
        olds, news = change.old_ticket_nos, change.new_ticket_nos
        partners: tuple[str | None, ...] = news if len(news) == len(olds) else (None,) * len(olds)
        for old, new in zip(olds, partners, strict=True):
            yield TicketChanged(ticket_no=old, new_ticket_no=new, kind=change.kind, occurred_at=change.occurred_at)


def references(order_no: str, snapshot: Snapshot, *own: ReferenceClaim) -> tuple[ReferenceClaim, ...]:
    """The anchor first, then the channel's own names, then every payment and refund."""
    claims = [ReferenceClaim(system="rail", kind="order", value=order_no), *own]
    claims += [ReferenceClaim(system=p.processor, kind="payment", value=p.processor_ref) for p in snapshot.payments]
    claims += [ReferenceClaim(system=r.processor, kind="refund", value=r.refund_ref) for r in snapshot.refunds]
    return tuple(dict.fromkeys(claims))
