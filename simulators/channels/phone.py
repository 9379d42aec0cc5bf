"""The call centre's own system: SOAP-like XML in GB18030, amounts in yuan text, times to the minute, Chinese words.

Written from ``adapters/phone/README.md`` and not from the adapter, as a stranger would.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal, cast

from lxml import etree

from schemas.codes import code_list
from schemas.stations import station_name, telecode_of
from simulators.book import (
    Act,
    ActKind,
    Book,
    SimChange,
    SimOrder,
    SimPayment,
    SimRefund,
    SimTicket,
    TicketState,
    Wire,
)
from simulators.channels.merge import merge

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_NS = "urn:interlock:phone:1"
_BEIJING = timezone(timedelta(hours=8))
_CONTENT_TYPE = "text/xml; charset=GB18030"
_MINUTE = "%Y年%m月%d日 %H:%M"
_DAY = "%Y年%m月%d日"

OriginName = Literal["sale", "change", "destination_change"]

_OPERATIONS: dict[ActKind, str] = {"hold": "Reserve", "cancel": "Cancel", "refund": "Refund"}
_ORIGINS = {"sale": "售票", "change": "改签", "destination_change": "变更到站"}
_KINDS = {"train": "改签", "destination": "变更到站"}
_STATES: dict[TicketState, str] = {
    "held": "已预订",
    "expired": "已过期",
    "cancelled": "已取消",
    "issued": "已出票",
    "changed": "已改签",
    "refunded": "已退票",
}


def _word(name: str, code: str) -> str:
    return code_list(name).write("phone", code) or "未知"


def _yuan(fen: int) -> str:
    whole, rest = divmod(abs(fen), 100)
    text = f"{whole}.{rest:02d}"
    return ("-" if fen < 0 else "") + (text[:-1] if rest % 10 == 0 else text)


def _minute(at: datetime) -> str:
    return at.astimezone(_BEIJING).strftime(_MINUTE)


def _add(parent: etree._Element, name: str, text: str | None) -> None:
    if text:
        etree.SubElement(parent, f"{{{_NS}}}{name}").text = text


def _ticket(parent: etree._Element, ticket: SimTicket) -> None:
    node = etree.SubElement(parent, f"{{{_NS}}}Ticket")
    _add(node, "TicketNo", ticket.ticket_no)
    _add(node, "Status", _STATES[ticket.state])
    _add(node, "StatusAt", _minute(ticket.state_at))
    _add(node, "IssuedAt", _minute(ticket.issued_at) if ticket.issued_at else None)
    _add(node, "Origin", _ORIGINS[ticket.origin])
    _add(node, "Replaces", ticket.replaces)
    _add(node, "ReplacedBy", ticket.replaced_by)
    _add(node, "RefundNo", ticket.refund_ref)
    _add(node, "PassengerName", ticket.name)
    _add(node, "DocumentType", _word("document_type", ticket.document_type))
    _add(node, "DocumentNo", ticket.document_no)
    _add(node, "Mobile", ticket.phone)
    _add(node, "TicketType", _word("ticket_type", ticket.ticket_type))
    _add(node, "TrainNo", ticket.train_no)
    _add(node, "TrainCode", ticket.train_code)
    _add(node, "RunDate", ticket.service_date.strftime(_DAY))
    _add(node, "From", station_name(ticket.from_station))
    _add(node, "To", station_name(ticket.to_station))
    _add(node, "DepartAt", _minute(ticket.depart_at))
    _add(node, "ArriveAt", _minute(ticket.arrive_at))
    _add(node, "Seat", f"{_word('seat_class', ticket.seat_class)} {ticket.coach}车{ticket.seat_no}号")
    _add(node, "Price", _yuan(ticket.fare_fen))
    _add(node, "ServiceFee", _yuan(ticket.surcharge_fen) if ticket.surcharge_fen else None)


def _payment(parent: etree._Element, payment: SimPayment) -> None:
    node = etree.SubElement(parent, f"{{{_NS}}}Payment")
    _add(node, "Processor", _word("processor", payment.processor))
    _add(node, "Method", _word("payment_method", payment.method))
    _add(node, "Ref", payment.processor_ref)
    _add(node, "Amount", _yuan(payment.amount_fen))
    _add(node, "PaidAt", _minute(payment.captured_at))


def _refund(parent: etree._Element, refund: SimRefund) -> None:
    node = etree.SubElement(parent, f"{{{_NS}}}Repayment")
    _add(node, "Processor", _word("processor", refund.processor))
    _add(node, "RefundNo", refund.refund_ref)
    for ticket_no in refund.ticket_nos:
        _add(node, "TicketNo", ticket_no)
    _add(node, "Gross", _yuan(refund.gross_fen))
    _add(node, "Fee", _yuan(refund.fee_fen))
    _add(node, "Net", _yuan(refund.net_fen))
    _add(node, "RequestedAt", _minute(refund.requested_at))


def _change(parent: etree._Element, change: SimChange) -> None:
    node = etree.SubElement(parent, f"{{{_NS}}}Change")
    _add(node, "ChangeNo", change.change_ref)
    _add(node, "Kind", _KINDS[change.kind])
    for ticket_no in change.old_ticket_nos:
        _add(node, "OldTicketNo", ticket_no)
    for ticket_no in change.new_ticket_nos:
        _add(node, "NewTicketNo", ticket_no)
    _add(node, "Fee", _yuan(change.fee_fen))
    _add(node, "Difference", _yuan(change.difference_fen))
    _add(node, "ChangedAt", _minute(change.confirmed_at))


def _order(parent: etree._Element, order: SimOrder, at: datetime, desk: dict[str, str]) -> None:
    node = etree.SubElement(parent, f"{{{_NS}}}Order")
    _add(node, "RailOrderNo", order.order_no)
    _add(node, "Revision", str(order.revision))
    _add(node, "SoldIn", _word("sales_channel", order.channel))
    _add(node, "CallId", desk.get("call_id") or order.own_refs.get("call_id"))
    _add(node, "PickupCode", desk.get("pickup_code") or order.own_refs.get("pickup_code"))
    _add(node, "BookedAt", _minute(order.booked_at))
    _add(node, "UpdatedAt", _minute(at))
    _add(node, "PickupDeadline", _minute(order.hold_expires_at) if order.hold_expires_at else None)
    for ticket in order.tickets:
        _ticket(node, ticket)
    for payment in order.payments:
        _payment(node, payment)
    for refund in order.refunds:
        _refund(node, refund)
    for change in order.changes:
        _change(node, change)


def _envelope(operation: str, message_id: str | None) -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"soap": _SOAP, None: _NS})
    if message_id is not None:
        header = etree.SubElement(envelope, f"{{{_SOAP}}}Header")
        _add(header, "MessageId", message_id)
    body = etree.SubElement(envelope, f"{{{_SOAP}}}Body")
    return envelope, etree.SubElement(body, f"{{{_NS}}}{operation}")


def _wire(envelope: etree._Element) -> Wire:
    text = etree.tostring(envelope, encoding="unicode")
    return Wire(f'<?xml version="1.0" encoding="GB18030"?>\n{text}'.encode("gb18030"), _CONTENT_TYPE)


class PhoneCodec:
    """Reserve by call, cancel, refund; what others do to the order comes in as a Notice."""

    channel = "phone"

    def encode(self, act: Act, message_id: str) -> Wire:
        envelope, operation = _envelope(_OPERATIONS.get(act.kind, "Notice"), message_id)
        _order(operation, act.order, act.at, act.desk)
        return _wire(envelope)

    def extract(self, orders: list[SimOrder], business_date: date) -> Wire:
        envelope, operation = _envelope("DayExtract", None)
        operation.set("date", business_date.strftime(_DAY))
        for order in orders:
            _order(operation, order, order.updated_at or order.booked_at, {})
        return _wire(envelope)

    def absorb(self, body: bytes, book: Book) -> None:
        text = body.decode("gb18030").split("?>", 1)[1]
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        for node in etree.fromstring(text, parser).iter(f"{{{_NS}}}Order"):
            merge(book, _read_order(node))


def _text(node: etree._Element, name: str) -> str:
    return node.findtext(f"{{{_NS}}}{name}") or ""


def _texts(node: etree._Element, name: str) -> tuple[str, ...]:
    return tuple(child.text or "" for child in node.findall(f"{{{_NS}}}{name}"))


def _each(node: etree._Element, name: str) -> Iterator[etree._Element]:
    return iter(node.findall(f"{{{_NS}}}{name}"))


def _code(name: str, word: str) -> str:
    return code_list(name).read("phone", word) or "unknown"


def _fen(text: str) -> int:
    return int(Decimal(text) * 100)


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _MINUTE).replace(tzinfo=_BEIJING)


def _read_ticket(node: etree._Element) -> SimTicket:
    seat_class, _, place = _text(node, "Seat").partition(" ")
    coach, _, number = place.partition("车")
    states = {word: state for state, word in _STATES.items()}
    ticket_no = _text(node, "TicketNo")
    issued_at = _text(node, "IssuedAt")
    return SimTicket(
        ticket_no=ticket_no,
        batch=int(ticket_no[10]),
        coach=coach,
        seat_no=number.partition("号")[0],
        seat_class=_code("seat_class", seat_class),
        ticket_type=_code("ticket_type", _text(node, "TicketType")),
        name=_text(node, "PassengerName"),
        document_type=_code("document_type", _text(node, "DocumentType")),
        document_no=_text(node, "DocumentNo"),
        phone=_text(node, "Mobile"),
        train_no=_text(node, "TrainNo"),
        train_code=_text(node, "TrainCode"),
        service_date=datetime.strptime(_text(node, "RunDate"), _DAY).date(),
        from_station=telecode_of(_text(node, "From")) or "",
        to_station=telecode_of(_text(node, "To")) or "",
        depart_at=_instant(_text(node, "DepartAt")),
        arrive_at=_instant(_text(node, "ArriveAt")),
        fare_fen=_fen(_text(node, "Price")),
        surcharge_fen=_fen(_text(node, "ServiceFee") or "0"),
        state=states.get(_text(node, "Status"), "cancelled"),
        state_at=_instant(_text(node, "StatusAt")),
        issued_at=_instant(issued_at) if issued_at else None,
        origin=_origin(_text(node, "Origin")),
        replaces=_text(node, "Replaces") or None,
        replaced_by=_text(node, "ReplacedBy") or None,
        refund_ref=_text(node, "RefundNo") or None,
    )


def _origin(word: str) -> OriginName:
    return cast(OriginName, {name: origin for origin, name in _ORIGINS.items()}.get(word, "sale"))


def _read_order(node: etree._Element) -> SimOrder:
    deadline, call_id, pickup = _text(node, "PickupDeadline"), _text(node, "CallId"), _text(node, "PickupCode")
    return SimOrder(
        order_no=_text(node, "RailOrderNo"),
        channel=_code("sales_channel", _text(node, "SoldIn")),
        booked_at=_instant(_text(node, "BookedAt") or _text(node, "UpdatedAt")),
        tickets=[_read_ticket(child) for child in _each(node, "Ticket")],
        payments=[
            SimPayment(
                processor=_code("processor", _text(child, "Processor")),
                processor_ref=_text(child, "Ref"),
                method=_code("payment_method", _text(child, "Method")),
                amount_fen=_fen(_text(child, "Amount")),
                captured_at=_instant(_text(child, "PaidAt")),
            )
            for child in _each(node, "Payment")
        ],
        refunds=[
            SimRefund(
                processor=_code("processor", _text(child, "Processor")),
                refund_ref=_text(child, "RefundNo"),
                ticket_nos=_texts(child, "TicketNo"),
                gross_fen=_fen(_text(child, "Gross")),
                fee_fen=_fen(_text(child, "Fee")),
                net_fen=_fen(_text(child, "Net")),
                requested_at=_instant(_text(child, "RequestedAt")),
            )
            for child in _each(node, "Repayment")
            if _text(child, "Status") != "退款失败" and _text(child, "AskedBy") != "支付机构"
        ],
        changes=[
            SimChange(
                change_ref=_text(child, "ChangeNo"),
                kind="destination" if _text(child, "Kind") == _KINDS["destination"] else "train",
                old_ticket_nos=_texts(child, "OldTicketNo"),
                new_ticket_nos=_texts(child, "NewTicketNo"),
                fee_fen=_fen(_text(child, "Fee")),
                difference_fen=_fen(_text(child, "Difference")),
                confirmed_at=_instant(_text(child, "ChangedAt")),
            )
            for child in _each(node, "Change")
        ],
        hold_expires_at=_instant(deadline) if deadline else None,
        own_refs={k: v for k, v in (("call_id", call_id), ("pickup_code", pickup)) if v},
        updated_at=_instant(_text(node, "UpdatedAt")),
    )


codec = PhoneCodec()
