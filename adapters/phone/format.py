"""An order -> the call centre's XML: one ``Notice`` with the order as it stands, and what its words cannot say."""

from datetime import datetime

from lxml import etree

from adapters.kit import people
from adapters.kit.reading import Losses
from adapters.phone.profile import PROFILE
from adapters.phone.wire import BERTHS, CONTENT_TYPE, DAY, DECLARATION, KINDS, MINUTE, NS, ORIGINS, SOAP
from hub.ports import Formatted
from schemas.codes import code_list
from schemas.events import OrderEvent
from schemas.facts import Leg, Seat
from schemas.money import Money, format_decimal
from schemas.order import Change, Order, OrderPassenger, Payment, Refund, Ticket
from schemas.stations import station_name

_ORIGIN_WORDS = {ours: word for word, ours in ORIGINS.items()}
_KIND_WORDS = {ours: word for word, ours in KINDS.items()}
_BERTH_WORDS = {ours: word for word, ours in BERTHS.items()}
_ENDED_HOLDS = frozenset({"held", "expired", "cancelled"})


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """A ``Notice``; None for an event the call centre has no use for, or an order without a rail order number."""
    number = order.reference("rail", "order")
    if event.type not in PROFILE.subscribes or number is None:
        return None
    losses = Losses()
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, None: NS})
    header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
    _add(header, "MessageId", str(event.event_id))
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    notice = etree.SubElement(body, f"{{{NS}}}Notice")
    _order(etree.SubElement(notice, f"{{{NS}}}Order"), order, number, losses)
    text = DECLARATION + etree.tostring(envelope, encoding="unicode")
    return Formatted(text.encode("gb18030"), CONTENT_TYPE, losses.all())


def _add(parent: etree._Element, name: str, text: str | None) -> None:
    if text:
        etree.SubElement(parent, f"{{{NS}}}{name}").text = text


def _yuan(money: Money) -> str:
    """``553.0``: one decimal where it is exact, else two."""
    text = format_decimal(money)
    return text[:-1] if text.endswith("0") else text


def _minute(moment: datetime | None, place: str, losses: Losses) -> str | None:
    if moment is None:
        return None
    if moment.second or moment.microsecond:
        losses.add(place, "less_precise", moment.isoformat(), "times are to the minute here")
    return MINUTE.write(moment)


def _word(name: str, code: str | None, place: str, losses: Losses) -> str | None:
    """Their word for our code; ``未知`` and a loss when they have none."""
    if code is None:
        return None
    word = code_list(name).write("phone", code)
    if word is None:
        losses.add(place, "not_expressible", code, f"the call centre has no word for it in {name}")
    return word or "未知"


def _order(node: etree._Element, order: Order, number: str, losses: Losses) -> None:
    deadlines = [t.hold_expires_at for t in order.tickets if t.hold_expires_at]
    held = [t.state_since for t in order.tickets if t.state == "held"]
    deadline = order.hold.expires_at if order.hold else min(deadlines, default=None)
    _add(node, "RailOrderNo", number)
    _add(node, "Revision", str(order.version))
    _add(node, "SoldIn", _word("sales_channel", order.channel, "/channel", losses))
    _add(node, "CallId", order.reference("phone", "order"))
    _add(node, "PickupCode", order.reference("phone", "pickup"))
    _add(node, "BookedAt", _minute(order.booked_at or min(held, default=None), "/booked_at", losses))
    _add(node, "UpdatedAt", _minute(order.updated_at, "/updated_at", losses))
    _add(node, "PickupDeadline", _minute(deadline, "/hold/expires_at", losses))
    people_by_id = {p.passenger_id: p for p in order.passengers}
    for index, ticket in enumerate(order.tickets):
        passenger = people_by_id.get(ticket.passenger_id or "")
        _ticket(node, ticket, passenger, order, f"/tickets/{index}", losses)
    for index, payment in enumerate(order.payments):
        _payment(node, payment, f"/payments/{index}", losses)
    for index, refund in enumerate(order.refunds):
        _refund(node, refund, f"/refunds/{index}", losses)
    for index, change in enumerate(order.changes):
        _change(node, change, f"/changes/{index}", losses)


def _ticket(
    parent: etree._Element,
    ticket: Ticket,
    passenger: OrderPassenger | None,
    order: Order,
    place: str,
    losses: Losses,
) -> None:
    if passenger is None or ticket.leg is None or ticket.seat is None or ticket.fare_gross is None:
        losses.add(place, "not_expressible", ticket.ticket_no, "its sale is not known yet")
        return
    refund = next((r for r in reversed(order.refunds) if ticket.ticket_no in r.ticket_nos), None)
    origin = "sale" if ticket.origin == "waitlist" else ticket.origin
    if ticket.origin == "waitlist":
        losses.add(f"{place}/origin", "less_precise", ticket.origin, "written as a sale")
    if ticket.control_no is not None:
        losses.add(f"{place}/control_no", "not_expressible", ticket.control_no, "the call centre prints nothing")
    node = etree.SubElement(parent, f"{{{NS}}}Ticket")
    _add(node, "TicketNo", ticket.ticket_no)
    _add(node, "Status", _status(ticket, place, losses))
    _add(node, "StatusAt", _minute(ticket.state_since, f"{place}/state_since", losses))
    _add(node, "IssuedAt", _minute(ticket.issued_at, f"{place}/issued_at", losses))
    _add(node, "Origin", _ORIGIN_WORDS[origin])
    _add(node, "Replaces", ticket.replaces)
    _add(node, "ReplacedBy", ticket.replaced_by)
    _add(node, "RefundNo", refund.refund_ref if refund and ticket.state == "refunded" else None)
    _add(node, "PassengerName", passenger.name)
    _add(node, "DocumentType", _word("document_type", passenger.document.type, f"{place}/document/type", losses))
    _add(node, "DocumentNo", passenger.document.number)
    _add(node, "Mobile", people.national(passenger.phone))
    _add(node, "TicketType", _word("ticket_type", ticket.ticket_type, f"{place}/ticket_type", losses))
    _leg(node, ticket.leg, place, losses)
    _add(node, "Seat", _seat(ticket.seat, place, losses))
    _add(node, "Price", _yuan(ticket.fare_gross))
    fee = sum(surcharge.amount_gross.amount for surcharge in ticket.surcharges)
    _add(node, "ServiceFee", _yuan(Money(amount=fee)) if fee else None)


def _status(ticket: Ticket, place: str, losses: Losses) -> str:
    word = code_list("ticket_state").write("phone", ticket.state)
    if word is not None and (ticket.issued_at is not None or ticket.state in _ENDED_HOLDS):
        return word
    losses.add(f"{place}/state", "less_precise", ticket.state, "written as 已出票")
    return "已出票"


def _leg(node: etree._Element, leg: Leg, place: str, losses: Losses) -> None:
    _add(node, "TrainNo", leg.train_no)
    _add(node, "TrainCode", leg.train_code)
    _add(node, "RunDate", leg.service_date.strftime(DAY.layout))
    _add(node, "From", station_name(leg.origin.station))
    _add(node, "To", station_name(leg.destination.station))
    _add(node, "DepartAt", _minute(leg.origin.at, f"{place}/leg/origin/at", losses))
    _add(node, "ArriveAt", _minute(leg.destination.at, f"{place}/leg/destination/at", losses))


def _seat(seat: Seat, place: str, losses: Losses) -> str:
    seat_class = _word("seat_class", seat.seat_class, f"{place}/seat/seat_class", losses)
    where = "无座" if seat.standing or seat.number is None else f"{seat.number}号"
    berth = _BERTH_WORDS.get(seat.position or "", "")
    if seat.position is not None and not berth:
        losses.add(f"{place}/seat/position", "not_expressible", seat.position)
    return f"{seat_class} {seat.coach or '0':0>2}车{where}{berth}"


def _payment(parent: etree._Element, payment: Payment, place: str, losses: Losses) -> None:
    if payment.captured_at is None or payment.state != "captured":
        losses.add(place, "not_expressible", payment.state, "only captured payments are told to the call centre")
        return
    node = etree.SubElement(parent, f"{{{NS}}}Payment")
    _add(node, "Processor", _word("processor", payment.processor, f"{place}/processor", losses))
    _add(node, "Method", _word("payment_method", payment.method, f"{place}/method", losses))
    _add(node, "Ref", payment.processor_ref)
    _add(node, "Amount", _yuan(payment.amount_gross))
    _add(node, "PaidAt", _minute(payment.captured_at, f"{place}/captured_at", losses))


def _refund(parent: etree._Element, refund: Refund, place: str, losses: Losses) -> None:
    if refund.external or refund.state == "failed":
        losses.add(place, "not_expressible", refund.refund_ref, "failed, or asked by nobody")
        return
    node = etree.SubElement(parent, f"{{{NS}}}Repayment")
    _add(node, "Processor", _word("processor", refund.processor, f"{place}/processor", losses))
    _add(node, "RefundNo", refund.refund_ref)
    for number in refund.ticket_nos:
        _add(node, "TicketNo", number)
    _add(node, "Gross", _yuan(refund.amount_gross))
    _add(node, "Fee", _yuan(refund.fee))
    _add(node, "Net", _yuan(refund.amount_net))
    _add(node, "RequestedAt", _minute(refund.requested_at, f"{place}/requested_at", losses))


def _change(parent: etree._Element, change: Change, place: str, losses: Losses) -> None:
    if change.confirmed_at is None:
        losses.add(place, "not_expressible", change.change_id, "not confirmed yet")
        return
    node = etree.SubElement(parent, f"{{{NS}}}Change")
    _add(node, "ChangeNo", change.change_id)
    _add(node, "Kind", _KIND_WORDS[change.kind])
    for number in change.old_ticket_nos:
        _add(node, "OldTicketNo", number)
    for number in change.new_ticket_nos:
        _add(node, "NewTicketNo", number)
    _add(node, "Fee", _yuan(change.fee))
    _add(node, "Difference", _yuan(change.difference))
    _add(node, "ChangedAt", _minute(change.confirmed_at, f"{place}/confirmed_at", losses))
