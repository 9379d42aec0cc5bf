"""The fold: an order is a pure function of the set of its facts.

``fold(all facts)`` equals folding them one by one in any order; the property test of that sentence is what the rest
of the hub leans on.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.ledger.dating import dated_postings
from hub.ledger.disputes import disputes
from hub.ledger.document import Document, statements_of
from hub.ledger.money import changes, invoices, payments, refunds
from hub.ledger.postings import Books, Posting, clearing, postings
from hub.ledger.reading import About, Reading, about, document_key, first_sale, readings, resolutions, sold_at
from hub.ledger.tickets import pickups, tickets
from hub.ledger.waitlists import waitlists
from schemas.facts import Passenger, TicketHeld, TicketIssued
from schemas.model import trusted
from schemas.money import Money, money
from schemas.observation import Observation
from schemas.order import (
    Dispute,
    DisputeStatus,
    FulfilmentStatus,
    Hold,
    Order,
    OrderPassenger,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    Ticket,
    Waitlist,
)
from schemas.states import valid_states

RAILWAY_ZONE = ZoneInfo("Asia/Shanghai")

_build_order, _build_passenger = trusted(Order), trusted(OrderPassenger)


class Folded(NamedTuple):
    """An order and the lines its facts post."""

    order: Order
    lines: list[Posting]


def fold(document: Document) -> Order:
    """The order that these facts make. Never fails: what is missing makes it incomplete, what clashes a dispute."""
    return _fold(document, _lines_now).order


def fold_with_postings(document: Document) -> Folded:
    """The order and its postings in one pass; the document must hold at least one fact."""
    return _fold(document, dated_postings)


def _lines_now(_: Document, facts: Sequence[Reading], channel: str | None) -> list[Posting]:
    """What stands in the books now, for who asks for no other time: the same sums as the dated lines."""
    return postings(facts, Books(facts, channel))


def _fold(document: Document, post: Callable[[Document, Sequence[Reading], str | None], list[Posting]]) -> Folded:
    facts = readings(document)
    said = about(facts)
    passengers, numbers = _passengers(said.begun)
    the_tickets = tickets(said.tickets, numbers)
    the_disputes = disputes(facts, resolutions(document))
    sale = first_sale(said.begun)
    pos = sale.ticket.point_of_sale if sale else sold_at(said)
    channel = pos.channel if pos else None
    the_payments, the_refunds = payments(said.payments), refunds(said.refunds)
    the_waitlists = waitlists(said.waitlists)
    lines = post(document, facts, channel)
    currency = _currency(said)
    balance = _balance(lines, channel, currency)
    times = [reading.fact.occurred_at for reading in facts]
    order = _build_order(
        order_id=document.order_id,
        version=document.statements,
        channel=channel,
        point_of_sale=pos,
        references=document.references,
        business_date=_business_date(sale.occurred_at if sale else min(times)),
        booked_at=sale.occurred_at if sale else None,
        passengers=passengers,
        tickets=the_tickets,
        payments=the_payments,
        refunds=the_refunds,
        changes=changes(said.changes),
        pickups=pickups(said.pickups),
        waitlists=the_waitlists,
        invoices=invoices(said.invoices),
        hold=_hold(the_tickets),
        disputes=the_disputes,
        fulfilment=_fulfilment(the_tickets, the_waitlists),
        payment=_payment_status(the_payments, balance),
        refund=_refund_status(the_refunds, the_tickets),
        dispute=_dispute_status(the_disputes),
        paid_gross=_sum([p.amount_gross for p in the_payments if p.state == "captured"], currency),
        refunded_net=_sum([r.amount_net for r in the_refunds if r.state != "failed"], currency),
        balance=balance,
        complete=_is_complete(the_tickets, the_waitlists),
        updated_at=max(times),
        extensions=_extensions(facts),
    )
    return Folded(order, lines)


def fold_observations(order_id: UUID, said: Iterable[tuple[str, Observation]]) -> Order:
    """The order that some observations alone make: what one system believes, for reconciliation."""
    document = Document(order_id=order_id)
    for witness, observation in said:
        document = document.with_references(observation.references, observation.occurred_at)
        document, _ = document.join(witness, statements_of(observation, observation.occurred_at, "extract"))
    return fold(document)


def _business_date(at: datetime) -> date:
    return at.astimezone(RAILWAY_ZONE).date()


def _passengers(begun: Sequence[TicketHeld | TicketIssued]) -> tuple[tuple[OrderPassenger, ...], dict[str, str]]:
    """Distinct passengers by document, numbered p1.., and document key -> number."""
    found: dict[str, Passenger] = {}
    for fact in begun:
        found.setdefault(document_key(fact.ticket.passenger), fact.ticket.passenger)
    numbers = {key: f"p{place}" for place, key in enumerate(sorted(found), start=1)}
    people = [
        _build_passenger(
            passenger_id=number,
            name=found[key].name,
            document=found[key].document,
            type=found[key].type,
            phone=found[key].phone,
            person_id=found[key].person_id,
        )
        for key, number in numbers.items()
    ]
    return tuple(people[:9]), numbers


def _extensions(facts: Sequence[Reading]) -> dict[str, str] | None:
    """What channels added in words of their own; the latest fact that uses a key counts."""
    found: dict[str, str] = {}
    for reading in facts:
        if reading.fact.extensions:
            found |= reading.fact.extensions
    return found or None


def _hold(the_tickets: Sequence[Ticket]) -> Hold | None:
    held = [t for t in the_tickets if t.state == "held" and t.hold_expires_at]
    if not held:
        return None
    return Hold(
        expires_at=min(t.hold_expires_at for t in held if t.hold_expires_at),
        ticket_nos=tuple(t.ticket_no for t in held),
    )


def _balance(lines: Sequence[Posting], channel: str | None, currency: str) -> Money:
    """What the passenger owes, in the order's currency; amounts in another one stand in the books beside it."""
    account = clearing(channel)
    return _sum([line.amount for line in lines if line.account == account], currency)


def _currency(said: About) -> str:
    """The order's own currency: of its fares, else of the first money that moved."""
    if said.begun:
        return said.begun[0].ticket.fare_gross.currency
    moved = [*[f.amount_gross for f in said.payments], *[f.amount_gross for f in said.refunds]]
    return moved[0].currency if moved else "CNY"


def _sum(amounts: Sequence[Money], currency: str) -> Money:
    return money(sum([a.amount for a in amounts if a.currency == currency]), currency)


def _is_complete(the_tickets: Sequence[Ticket], the_waitlists: Sequence[Waitlist]) -> bool:
    """Whether everything that happened to the order has its beginning: sales of tickets, requests of waitlists."""
    if any([t.leg is None for t in the_tickets]) or any([not w.alternatives for w in the_waitlists]):
        return False
    return bool(the_tickets) or bool(the_waitlists)


def _fulfilment(the_tickets: Sequence[Ticket], the_waitlists: Sequence[Waitlist]) -> FulfilmentStatus:
    """The rules of ``schemas/states/order.json``, in their order."""
    if not the_tickets and the_waitlists and all(w.alternatives for w in the_waitlists):
        return "waitlisted" if any(w.state == "requested" for w in the_waitlists) else "ended"
    if not the_tickets or any([t.leg is None for t in the_tickets]):
        return "incomplete"
    states = {t.state for t in the_tickets} & valid_states()
    if not states:
        return "ended"
    if states == {"used"}:
        return "used"
    if not states.isdisjoint({"used", "entered"}):
        return "partly_used"
    return "held" if states == {"held"} else "issued"


def _payment_status(payments: Sequence[Payment], balance: Money) -> PaymentStatus:
    if not any([p.state == "captured" for p in payments]):
        return "unpaid"
    if balance.amount > 0:
        return "partly_paid"
    return "overpaid" if balance.amount < 0 else "paid"


def _refund_status(refunds: Sequence[Refund], the_tickets: Sequence[Ticket]) -> RefundStatus:
    """A repayment that failed is owed as before, unless another one of the same tickets stands in its place."""
    if not refunds:
        return "none"
    standing = [r for r in refunds if r.state != "failed"]
    covered = {no for r in standing for no in r.ticket_nos}
    failed = any(not r.ticket_nos or set(r.ticket_nos) - covered for r in refunds if r.state == "failed")
    if failed or any(r.state != "settled" for r in standing):
        return "owed"
    if not standing:
        return "none"
    return "partly_refunded" if any(t.state in valid_states() for t in the_tickets) else "refunded"


def _dispute_status(the_disputes: Sequence[Dispute]) -> DisputeStatus:
    if not the_disputes:
        return "none"
    return "open" if any(d.state == "open" for d in the_disputes) else "resolved"
