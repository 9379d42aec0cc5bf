"""An order as a channel shows it, and the facts that this implies: one table for every channel that sends snapshots.

    state on the wire       facts
    held                    held
    expired, cancelled      held + hold_expired | hold_cancelled
    issued                  issued                      (an issued ticket does not imply that it was held)
    checked_in, entered,    issued + that step
    used, voided, released
    changed                 issued + changed, paired with its new ticket through the change record
    refunded                issued + refunded, with the number of its (leading) refund record

Payments, refunds, changes, waitlists and invoices are facts already. Facts that no field dates are left out: the
order is then incomplete until another message says them.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from adapters.kit import built
from adapters.kit.reading import Record
from adapters.kit.refusing import Losses
from schemas.facts import (
    ChangeFact,
    Fact,
    InvoiceFact,
    PaymentFact,
    RefundFact,
    TicketChanged,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketRefunded,
    WaitlistRequested,
    WaitlistStep,
)
from schemas.observation import ReferenceClaim, ReferenceKind

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
Name = tuple[str, ReferenceKind, str]
_HOLDS = frozenset({"held", "expired", "cancelled"})
_BEGINNINGS = frozenset({"held", "issued"})
"""The states that are no step: the ticket has come into being and nothing more."""


class SnapshotTicket(NamedTuple):
    """One ticket on the wire. ``state_at``: when it came into ``state``; times are None when no field says them.

    ``record`` and ``field`` give the state. (No dataclass: a frozen one of 13 fields costs eight times a tuple.)
    """

    content: TicketContent
    state: str
    record: Record
    field: str
    state_at: datetime | None = None
    held_at: datetime | None = None
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    change_kind: Literal["train", "destination"] = "train"
    printed_at: datetime | None = None
    control_no: str | None = None
    resigned_at: datetime | None = None
    extensions: dict[str, str] | None = None

    @property
    def place(self) -> str:
        """Of the field that gives the state, for losses."""
        return self.record.at(self.field)

    @property
    def is_dated(self) -> bool:
        """Whether the fields say when the ticket came into being; if not, that fact is left out and a loss says so."""
        if self.state in _HOLDS:
            return self.held_at is not None and self.expires_at is not None
        return self.issued_at is not None


class Snapshot(NamedTuple):
    """One order on the wire, its money already as facts."""

    tickets: tuple[SnapshotTicket, ...]
    payments: tuple[PaymentFact, ...] = ()
    refunds: tuple[RefundFact, ...] = ()
    changes: tuple[ChangeFact, ...] = ()
    waitlists: tuple[WaitlistRequested | WaitlistStep, ...] = ()
    invoices: tuple[InvoiceFact, ...] = ()


def facts_of(snapshot: Snapshot, losses: Losses) -> tuple[Fact, ...]:
    """Every fact that the snapshot can date, tickets first, then changes, money, waitlists and invoices."""
    facts: list[Fact] = []
    paired = list(_changed(snapshot)) if snapshot.changes else []
    known = {fact.ticket_no for fact in paired}
    for ticket in snapshot.tickets:
        facts += _ticket_facts(ticket, snapshot, losses, ticket.content.ticket_no in known)
    for more in (paired, snapshot.changes, snapshot.payments, snapshot.refunds, snapshot.waitlists, snapshot.invoices):
        facts += more
    return tuple(facts)


def _ticket_facts(ticket: SnapshotTicket, snapshot: Snapshot, losses: Losses, paired: bool) -> Iterator[Fact]:
    more = ticket.extensions
    if ticket.state in _HOLDS:
        if ticket.held_at and ticket.expires_at:
            held_at, until = ticket.held_at, ticket.expires_at
            held = TicketHeld if more else built.ticket_held
            yield held(ticket=ticket.content, occurred_at=held_at, expires_at=until, extensions=more)
    elif ticket.issued_at:
        issued = TicketIssued if more else built.ticket_issued
        yield issued(ticket=ticket.content, occurred_at=ticket.issued_at, extensions=more)
    if ticket.printed_at:
        yield built.ticket_printed(
            ticket_no=ticket.content.ticket_no, control_no=ticket.control_no, occurred_at=ticket.printed_at
        )
    if ticket.resigned_at:
        yield built.ticket_step(
            fact="ticket.resigned_on_board", ticket_no=ticket.content.ticket_no, occurred_at=ticket.resigned_at
        )
    if ticket.state not in _BEGINNINGS:
        yield from _step(ticket, snapshot, losses, paired)


def _step(ticket: SnapshotTicket, snapshot: Snapshot, losses: Losses, paired: bool) -> Iterator[Fact]:
    """The fact that ended or advanced the ticket, from its record or, without one, from the time of its state."""
    number, at = ticket.content.ticket_no, ticket.state_at
    if ticket.state == "refunded":
        refund = _leading_refund(snapshot, number)
        if refund is not None:
            _check_time(ticket, refund.occurred_at, losses)
            yield TicketRefunded(ticket_no=number, refund_ref=refund.refund_ref, occurred_at=refund.occurred_at)
            return
        if at is not None:
            losses.add(ticket.place, "inferred", "refunded", "no refund record names this ticket")
            yield TicketRefunded(ticket_no=number, occurred_at=at)
            return
    elif ticket.state == "changed":
        if paired:
            change = next(c for c in snapshot.changes if number in c.old_ticket_nos)
            _check_time(ticket, change.occurred_at, losses)
            return
        if at is not None:
            losses.add(ticket.place, "inferred", "changed", "no change record names this ticket")
            yield TicketChanged(ticket_no=number, kind=ticket.change_kind, occurred_at=at)
            return
    elif ticket.state not in STEP_OF_STATE:
        return
    elif at is not None:
        yield built.ticket_step(fact=STEP_OF_STATE[ticket.state], ticket_no=number, occurred_at=at)
        return
    losses.add(ticket.place, "not_expressible", ticket.state, "no field says when")


def _check_time(ticket: SnapshotTicket, recorded_at: datetime, losses: Losses) -> None:
    """The record's time counts; another one on the ticket is a loss."""
    if ticket.state_at is not None and ticket.state_at != recorded_at:
        losses.add(ticket.place, "less_precise", ticket.state_at.isoformat(), "its record says another time")


def _leading_refund(snapshot: Snapshot, number: str) -> RefundFact | None:
    """The beginning of the last repayment that names this ticket and is no part of another one."""
    named = [r for r in snapshot.refunds if number in r.ticket_nos and r.part_of is None]
    return next((r for r in named if r.refund_ref == named[-1].refund_ref), None)


def _changed(snapshot: Snapshot) -> Iterator[TicketChanged]:
    """One ``changed`` per old ticket; old and new are paired in order when there are as many of each."""
    for change in snapshot.changes:
        olds, news = change.old_ticket_nos, change.new_ticket_nos
        partners: tuple[str | None, ...] = news if len(news) == len(olds) else (None,) * len(olds)
        for old, new in zip(olds, partners, strict=True):
            yield TicketChanged(ticket_no=old, new_ticket_no=new, kind=change.kind, occurred_at=change.occurred_at)


def references(order_no: str | None, snapshot: Snapshot, *own: ReferenceClaim) -> tuple[ReferenceClaim, ...]:
    """The anchor first, then the channel's own names, then every payment, refund and invoice.

    ``order_no`` is None for a waitlist that has not become an order yet: then its own number is the anchor.
    """
    anchors: dict[Name, None] = {("rail", "order", order_no): None} if order_no else {}
    for waitlist in snapshot.waitlists:
        anchors["rail", "waitlist", waitlist.waitlist_ref] = None
    money: dict[Name, None] = {}
    for payment in snapshot.payments:
        money[payment.processor, "payment", payment.processor_ref] = None
    for refund in snapshot.refunds:
        money[refund.processor, "refund", refund.refund_ref] = None
    for invoice in snapshot.invoices:
        money["tax", "invoice", invoice.invoice_no] = None
    return (*[_claim(*name) for name in anchors], *own, *[_claim(*name) for name in money])


def _claim(system: str, kind: ReferenceKind, value: str) -> ReferenceClaim:
    return built.reference_claim(system=system, kind=kind, value=value)
