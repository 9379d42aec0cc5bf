"""An order -> a window's notice: one message of records, as the order stands."""

from collections.abc import Iterator
from datetime import date

from adapters.kit.columns import misfits, write
from adapters.kit.refusing import Losses
from adapters.kit.telling import Words, captured, requested, unsaid, whole_tickets
from adapters.kit.times import local_date
from adapters.windows.files import message
from adapters.windows.layout import FILE_HEADER, OFFICE_HEADER, SHIFT_HEADER
from adapters.windows.notice import Notice
from adapters.windows.profile import PROFILE
from hub.ports import Formatted
from schemas.events import OrderEvent
from schemas.facts import TicketStep
from schemas.order import Order

CONTENT_TYPE = "text/plain; charset=GB18030"
DESK = frozenset({"office", "window", "shift", "clerk", "terminal"})
WORDS: Words = frozenset({"pickups", "invoices", "override", "split_refund", "printed_at", "berth", "later_acts"})


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """A notice; None for an event windows have no use for, or an order of which no record can be written."""
    number = order.reference("rail", "order")
    if event.type not in PROFILE.subscribes or number is None:
        return None
    losses = Losses()
    business_date = local_date(order.updated_at)
    lines = list(_lines(event, order, Notice(order, number, event.origin, business_date, losses), losses))
    if not lines:
        return None
    headers = [line.removesuffix(b"\r\n") for line in _headers(order, business_date, losses)]
    return Formatted(message(headers, lines), CONTENT_TYPE, losses.all())


def _headers(order: Order, business_date: date, losses: Losses) -> Iterator[bytes]:
    yield write(FILE_HEADER, {"kind": "N", "version": 1, "business_date": business_date}, losses, "")
    pos = order.point_of_sale
    if pos is None or pos.channel != "windows" or not (pos.office and pos.window and pos.shift):
        return
    office: dict[str, object] = {"office": pos.office}
    desk: dict[str, object] = {name: getattr(pos, name) for name in ("window", "shift", "clerk", "terminal")}
    if misfits(OFFICE_HEADER, office) or misfits(SHIFT_HEADER, desk):
        losses.add("/point_of_sale", "not_expressible", pos.office, "does not fit the columns of its headers")
        return
    yield write(OFFICE_HEADER, office, losses, "/point_of_sale")
    yield write(SHIFT_HEADER, desk, losses, "/point_of_sale")


def _lines(event: OrderEvent, order: Order, notice: Notice, losses: Losses) -> Iterator[bytes]:
    """The records in the order in which things happened; each ticket's end after its beginning."""
    whole = {w.ticket.ticket_no: w for w in whole_tickets(order, losses, DESK, WORDS | {"waitlists"})}
    for index, ticket in enumerate(order.tickets):
        if ticket.ticket_no in whole:
            yield from notice.sale(whole[ticket.ticket_no])
        yield from notice.printed(ticket, f"/tickets/{index}", ticket.ticket_no in whole)
        yield from notice.ended(ticket, f"/tickets/{index}")
    yield from notice.collected()
    for index, change in enumerate(order.changes):
        yield from notice.change(change, f"/changes/{index}")
    for payment in captured(order, losses):
        yield from notice.payment(payment, f"/payments/{order.payments.index(payment)}")
    for refund in requested(order, losses, WORDS):
        yield from notice.refund(refund, f"/refunds/{order.refunds.index(refund)}")
    for index, invoice in enumerate(order.invoices):
        yield from notice.invoice(invoice, f"/invoices/{index}")
    for fact in event.facts:
        if isinstance(fact, TicketStep) and fact.override:
            yield from notice.override("V", fact.ticket_no, fact.override, fact.occurred_at, "/event")
    unsaid(order, losses, WORDS)
