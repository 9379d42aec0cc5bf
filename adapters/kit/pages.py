"""An order's page: everything that web and app say of one order, whatever they call it, in both directions.

A page is the order's tickets and its lists of payments, refunds, changes, waitlists and invoices. A channel declares
what it calls them and brings the reading of one ticket.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from operator import attrgetter
from typing import Literal, NamedTuple, TypeVar

from adapters.kit.letters import Letter
from adapters.kit.money_records import (
    ORIGIN_OF_CHANGE,
    InvoiceNames,
    MoneyWire,
    read_change,
    read_invoice,
    read_payment,
    read_refund,
    replaced,
)
from adapters.kit.reading import Record
from adapters.kit.snapshot import Snapshot, SnapshotTicket
from adapters.kit.telling import SURCHARGE, Words, captured, confirmed, requested
from adapters.kit.times import TimeForm
from adapters.kit.waitlist_records import WaitlistWire, read_waitlist, write_waitlist
from adapters.kit.writing import Native, Pen, write_change, write_invoice, write_payment, write_refund
from schemas.facts import ChangeFact, Fact, Surcharge
from schemas.identifiers import order_no, ticket_no
from schemas.order import Order

F = TypeVar("F", bound=Fact)

WAITLISTS_MAX = 5
_WAITLIST_REF = attrgetter("waitlist_ref")

PAGE_WORDS: Words = frozenset(
    {"waitlists", "invoices", "split_refund", "external", "refund_state", "payment_state", "printed_at", "berth"}
)
"""What a page has words for; the rest of an order is a loss when it is told."""


@dataclass(frozen=True, slots=True)
class PageWire:
    """What a channel calls the lists of a page, and the tables of their records."""

    tickets: str
    tickets_max: int
    payments: str
    refunds: str
    changes: str
    money: MoneyWire
    invoice: InvoiceNames
    waitlist: WaitlistWire
    waitlists: str = "reserves"
    invoices: str = "invoices"


class Page(NamedTuple):
    """The order's number, its changes, and the numbers of its waitlists."""

    order_number: str
    changes: tuple[ChangeFact, ...]
    waitlists: frozenset[str]


def order_number(record: Record, wire: PageWire, example: str) -> str | None:
    """The order's number; a waitlist that nothing has come of yet has none."""
    if record.has(wire.waitlists) and not record.has("sequence_no"):
        return record.optional("sequence_no")
    return record.identifier("sequence_no", order_no.validate, example=example)


def read_page(
    record: Record, number: str | None, wire: PageWire, read_ticket: Callable[[Record, Page], SnapshotTicket]
) -> Snapshot:
    """The whole page, tickets in their order. Without an order number there is a waitlist and no ticket."""
    least, most = (1, wire.tickets_max) if number else (0, 0)
    reserves = record.children(wire.waitlists, least=1 - least, most=WAITLISTS_MAX)
    waitlists = _facts(reserves, read_waitlist, wire.waitlist)
    anchor, money = number or waitlists[0].waitlist_ref, wire.money
    changes = tuple(map(read_change, record.children(wire.changes), repeat(money), repeat(anchor)))
    page = Page(anchor, changes, frozenset(map(_WAITLIST_REF, waitlists)))
    return Snapshot(
        tickets=tuple(map(read_ticket, record.children(wire.tickets, least=least, most=most), repeat(page))),
        changes=changes,
        payments=_facts(record.children(wire.payments), read_payment, money, anchor),
        refunds=_facts(record.children(wire.refunds), read_refund, money, anchor),
        waitlists=waitlists,
        invoices=_facts(record.children(wire.invoices), read_invoice, money, wire.invoice, anchor),
    )


def _facts(records: Sequence[Record], read: Callable[..., list[F]], *wire: object) -> tuple[F, ...]:
    """Everything that the records of a list say; most lists are empty."""
    facts: list[F] = []
    for record in records:
        facts += read(record, *wire)
    return tuple(facts)


def write_page(order: Order, anchor: str, wire: PageWire, words: Words, pen: Pen) -> Native:
    """The lists of a page besides its tickets; waitlists and invoices only where there are any."""
    money, losses = wire.money, pen.losses
    page = {
        wire.payments: [write_payment(pen, money.payment, p, anchor) for p in captured(order, losses, words)],
        wire.refunds: [write_refund(pen, money.refund, r, anchor) for r in requested(order, losses, words)],
        wire.changes: [write_change(pen, money.change, change) for change in confirmed(order, losses)],
    }
    if order.waitlists:
        page[wire.waitlists] = [write_waitlist(pen, wire.waitlist, waitlist) for waitlist in order.waitlists]
    if order.invoices:
        page[wire.invoices] = [write_invoice(pen, wire.invoice, invoice) for invoice in order.invoices]
    return page


def number_on(page: Page, record: Record) -> tuple[str, int]:
    """Ticket number and batch: a ticket of this order; what repeats a part of the number must repeat it rightly."""
    number = record.identifier("ticket_no", ticket_no.validate, example=f"{page.order_number}105012A")
    of_order, batch = number[:10], int(number[10])
    if of_order != page.order_number or (record.optional("sequence_no") or of_order) != of_order:
        raise record.refuse("ticket_no", "identifier_invalid", f"a ticket of {of_order} in order {page.order_number}")
    if record.integer("batch_no", low=1, high=9, default=batch) != batch:
        raise record.refuse("batch_no", "identifier_invalid", f"the ticket number says batch {batch}")
    return number, batch


def origin_on(
    page: Page, record: Record, number: str, letter: Letter
) -> tuple[Literal["sale", "change", "destination_change", "waitlist"], str | None]:
    """How the ticket came into being, and the ticket it replaces: its change record first, then its waitlist."""
    change, old = replaced(page.changes, number)
    waitlist = record.optional("reserve_no")
    is_sale = change is None and letter.origin == "sale"
    if waitlist and not (is_sale and waitlist in page.waitlists):
        record.lost("reserve_no", "not_mapped", "no waitlist of this order, or the ticket comes from a change")
    if change is not None:
        return ORIGIN_OF_CHANGE[change.kind], old
    return ("waitlist" if waitlist and is_sale else letter.origin), None


def undated(record: Record, ticket: SnapshotTicket) -> None:
    """A ticket that has ended may come without the time of its sale: the sale is then left out, and that is a loss."""
    if not ticket.is_dated:
        note = "no field says when it was issued: its sale is left out"
        record.losses.add(record.pointer, "not_expressible", ticket.content.ticket_no, note)


def printed_on(record: Record, letter: Letter, status: str, form: TimeForm) -> datetime | None:
    """When paper was printed; a letter that says so without a time is a loss."""
    printed_at = record.optional_time("print_time", form)
    if letter.paper and printed_at is None:
        record.lost(status, "less_precise", "paper is printed, no field says when")
    return printed_at


def waitlist_of(order: Order, number: str, place: str, pen: Pen) -> str | None:
    """The waitlist that a ticket came out of; a loss when no waitlist of the order says so."""
    found = next((w.waitlist_ref for w in order.waitlists if number in w.ticket_nos), None)
    if found is None:
        pen.losses.add(f"{place}/origin", "not_expressible", "waitlist", "its waitlist is not known")
    return found


def surcharges_on(record: Record, fen: int) -> tuple[Surcharge, ...]:
    """The agents' service fee, when there is one."""
    fee = record.money("service_fee", fen=fen, default=0)
    return (Surcharge(kind=SURCHARGE, amount_gross=fee),) if fee.amount else ()
