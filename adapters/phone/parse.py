"""The call centre's XML -> the facts it implies. Every message is a snapshot of one order; see README.md."""

import re
from collections.abc import Sequence

from lxml import etree

from adapters.kit import people
from adapters.kit.reading import Losses, Record, Refused, never_raises, refusal
from adapters.kit.snapshot import Snapshot, SnapshotTicket, facts_of, references
from adapters.kit.times import local_date
from adapters.phone.document import groups, local, read_xml, record
from adapters.phone.profile import PROFILE
from adapters.phone.wire import BERTHS, DAY, DECLARATION, KINDS, MINUTE, MODES, NS, ORIGINS, SOAP
from hub.ports import Part
from schemas.codes import code_list
from schemas.facts import (
    ChangeFact,
    Leg,
    Passenger,
    PaymentFact,
    PointOfSale,
    RefundFact,
    Seat,
    Stop,
    Surcharge,
    TicketContent,
)
from schemas.identifiers import order_no, ticket_no
from schemas.money import format_decimal
from schemas.observation import Observation, ReferenceClaim, Rejection
from schemas.stations import telecode_of

_SEAT = re.compile(r"^(\S{1,20}) ([0-9]{2})车(?:([0-9A-Z]{1,4})号(上铺|中铺|下铺)?|无座)$")
_REFERENCE = re.compile(r"^[0-9A-Za-z_.:-]{1,64}$")
_TICKETS_MOST = 20


@never_raises
def parse(raw: bytes) -> Observation:
    """One message (or one order of a day extract) as an observation; ``Reserve`` asks, the others tell."""
    operation, orders = _operation(read_xml(raw, PROFILE.max_message_bytes))
    name = local(operation)
    if len(orders) != 1:
        place = f"/Envelope/Body/{name}"
        raise refusal("message_malformed", place, "a message holds one Order", expected="1", found=len(orders))
    losses = Losses()
    envelope = [record(part, f"/Envelope/{part.tag.rpartition('}')[2]}", losses) for part in _headers(operation)]
    for header in envelope:
        header.repeated("MessageId")
        header.finish()
    outer = record(operation, f"/Envelope/Body/{name}", losses)
    outer.repeated("@date")
    outer.finish()
    return _order(orders[0], f"/Envelope/Body/{name}/Order", name, losses)


def split(raw: bytes) -> Sequence[Part] | Rejection:
    """The orders of a day extract, each as a message of its own."""
    try:
        operation, orders = _operation(read_xml(raw, None))
    except Refused as refused:
        return refused.rejection
    name = local(operation)
    return [_part(order, index, name) for index, order in enumerate(orders, 1)]


def _part(order: etree._Element, index: int, name: str) -> Part:
    number = order.findtext(f"{{{NS}}}RailOrderNo") or f"order-{index}"
    revision = order.findtext(f"{{{NS}}}Revision") or "0"
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, None: NS})
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    order.tail = None
    etree.SubElement(body, f"{{{NS}}}{name}").append(order)
    text = DECLARATION + etree.tostring(envelope, encoding="unicode")
    return Part(f"extract-{number}-{revision}-{index}", text.encode("gb18030"), f"Order[{index}]")


def _operation(root: etree._Element) -> tuple[etree._Element, list[etree._Element]]:
    operations = [child for body in root.findall(f"{{{SOAP}}}Body") for child in body]
    if root.tag != f"{{{SOAP}}}Envelope" or len(operations) != 1 or local(operations[0]) not in MODES:
        found = ", ".join(local(child) for child in operations) or str(root.tag)
        raise refusal(
            "message_malformed",
            "/Envelope/Body",
            "the body holds one operation of this channel",
            expected=", ".join(MODES),
            found=found,
        )
    return operations[0], operations[0].findall(f"{{{NS}}}Order")


def _headers(operation: etree._Element) -> list[etree._Element]:
    body = operation.getparent()
    envelope = body.getparent() if body is not None else None
    return [] if envelope is None else [part for part in envelope if part is not body]


def _order(element: etree._Element, place: str, operation: str, losses: Losses) -> Observation:
    order = record(element, place, losses)
    number = order.identifier("RailOrderNo", order_no.validate, example="EP12345678")
    payments = tuple(_payment(row) for row in groups(element, "Payment", place, losses, _TICKETS_MOST))
    refunds = tuple(_refund(row, number) for row in groups(element, "Repayment", place, losses, _TICKETS_MOST))
    changes = tuple(_change(row, number) for row in groups(element, "Change", place, losses, _TICKETS_MOST))
    tickets = tuple(_ticket(row, order, number) for row in groups(element, "Ticket", place, losses, _TICKETS_MOST))
    snapshot = Snapshot(tickets, payments, refunds, changes)
    updated = order.time("UpdatedAt", MINUTE)
    facts = facts_of(snapshot, losses)
    if not facts:
        raise order.refuse("Ticket", "message_malformed", "the order says nothing that has happened")
    own = _own_references(order)
    revision = order.integer("Revision", default=0)
    order.repeated("SoldIn", "BookedAt", "PickupDeadline")
    order.finish()
    return Observation(
        mode=MODES[operation],
        references=references(number, snapshot, *own),
        occurred_at=updated,
        sequence=revision,
        business_date=local_date(updated),
        point_of_sale=PointOfSale(channel="phone"),
        facts=facts,
        losses=losses.all(),
    )


def _own_references(order: Record) -> list[ReferenceClaim]:
    claims = []
    if order.has("CallId"):
        claims.append(ReferenceClaim(system="phone", kind="order", value=_reference(order, "CallId")))
    if order.has("PickupCode"):
        claims.append(ReferenceClaim(system="phone", kind="pickup", value=_reference(order, "PickupCode")))
    return claims


def _reference(row: Record, name: str) -> str:
    text = row.text(name)
    if not _REFERENCE.match(text):
        raise row.refuse(name, "identifier_invalid", f"{name} is letters, digits and _ . : - only")
    return text


def _number_of_this_order(row: Record, name: str, text: str, order: str) -> str:
    if text[:10] != order:
        raise row.refuse(name, "identifier_invalid", "the ticket is of another order", expected=f"{order}...")
    return text


def _ticket_no(row: Record, name: str, order: str) -> str:
    text = row.identifier(name, ticket_no.validate, example="EP12345678105012A")
    return _number_of_this_order(row, name, text, order)


def _ticket_nos(row: Record, name: str, order: str) -> tuple[str, ...]:
    texts = row.texts(name)
    for text in texts:
        if not ticket_no.is_valid(text):
            raise row.refuse(name, "identifier_invalid", f"{text[:20]} is no ticket number", example=f"{order}105012A")
        _number_of_this_order(row, name, text, order)
    return tuple(ticket_no.compact(text) for text in texts)


def _ticket(row: Record, order: Record, number: str) -> SnapshotTicket:
    content = _content(row, order, number)
    kind = KINDS.get("变更到站" if content.origin == "destination_change" else "改签", "train")
    ticket = SnapshotTicket(
        content=content,
        state=row.code("Status", code_list("ticket_state")),
        place=row.at("Status"),
        state_at=row.time("StatusAt", MINUTE),
        held_at=order.optional_time("BookedAt", MINUTE),
        expires_at=order.optional_time("PickupDeadline", MINUTE),
        issued_at=row.optional_time("IssuedAt", MINUTE),
        change_kind=kind,
    )
    if not ticket.is_dated:
        row.lost("Status", "not_expressible", "no IssuedAt, or no BookedAt and PickupDeadline")
    row.repeated("ReplacedBy", "RefundNo")
    row.finish()
    return ticket


def _content(row: Record, order: Record, number: str) -> TicketContent:
    ticket = _ticket_no(row, "TicketNo", number)
    document_type = row.code_or_unknown("DocumentType", code_list("document_type"))
    ticket_type = row.code_or_unknown("TicketType", code_list("ticket_type"))
    fee = row.money("ServiceFee", fen=100, default=0)
    sold_in = order.code_or_unknown("SoldIn", code_list("sales_channel")) if order.has("SoldIn") else "unknown"
    return TicketContent(
        ticket_no=ticket,
        batch=int(ticket[10]),
        ticket_type=ticket_type,
        passenger=Passenger(
            name=row.text("PassengerName", maximum=60),
            document=people.document(row, "DocumentNo", document_type),
            type=ticket_type,
            phone=people.phone(row, "Mobile"),
        ),
        leg=_leg(row),
        seat=_seat(row),
        fare_gross=row.money("Price", fen=100),
        surcharges=(Surcharge(kind="agent_service", amount_gross=fee),) if fee.amount else (),
        origin=row.choice("Origin", ORIGINS) if row.has("Origin") else "sale",
        replaces=_ticket_no(row, "Replaces", number) if row.has("Replaces") else None,
        point_of_sale=PointOfSale(channel=sold_in),
    )


def _leg(row: Record) -> Leg:
    depart, arrive = row.time("DepartAt", MINUTE), row.time("ArriveAt", MINUTE)
    if arrive <= depart:
        raise row.refuse("ArriveAt", "time_invalid", "the train arrives before it departs", example=MINUTE.example)
    code = row.text("TrainCode", example="G6012")
    if not re.fullmatch(r"[A-Z]?[0-9]{1,4}", code):
        raise row.refuse("TrainCode", "identifier_invalid", "no train code", expected="letter, digits", example="G6012")
    train_no = row.optional("TrainNo")
    if train_no is not None and not re.fullmatch(r"[0-9A-Z]{1,12}", train_no):
        raise row.refuse("TrainNo", "identifier_invalid", "no train number", example="240000G1010C")
    return Leg(
        train_no=train_no,
        train_code=code,
        service_date=row.time("RunDate", DAY).date(),
        origin=Stop(station=_station(row, "From"), at=depart),
        destination=Stop(station=_station(row, "To"), at=arrive),
    )


def _station(row: Record, name: str) -> str:
    telecode = telecode_of(row.text(name, example="北京南"))
    if telecode is None:
        raise row.refuse(name, "unknown_code", "no such station", expected="a station's Chinese name", example="北京南")
    return telecode


def _seat(row: Record) -> Seat:
    found = _SEAT.match(row.text("Seat", example="二等座 05车12A号"))
    if found is None:
        raise row.refuse(
            "Seat", "message_malformed", "no seat", expected="class, coach车seat号 or 无座", example="二等座 05车12A号"
        )
    native_class, coach, number, berth = found.groups()
    seat_class = code_list("seat_class").read("phone", native_class)
    if seat_class is None:
        row.lost("Seat", "unknown_code", "the class is not in the list seat_class")
    return Seat(
        seat_class=seat_class or "unknown",
        coach=coach,
        number=(number.lstrip("0") or "0") if number else None,
        position=BERTHS[berth] if berth else None,
        standing=number is None,
    )


def _payment(row: Record) -> PaymentFact:
    payment = PaymentFact(
        fact="payment.captured",
        processor=row.code("Processor", code_list("processor")),
        processor_ref=_reference(row, "Ref"),
        method=row.code_or_unknown("Method", code_list("payment_method")),
        amount_gross=row.money("Amount", fen=100),
        occurred_at=row.time("PaidAt", MINUTE),
    )
    row.finish()
    return payment


def _refund(row: Record, order: str) -> RefundFact:
    gross, fee, net = (row.money(name, fen=100) for name in ("Gross", "Fee", "Net"))
    if gross != fee + net:
        raise row.refuse(
            "Net", "amount_invalid", "gross is not fee and net together", expected=format_decimal(gross - fee)
        )
    refund = RefundFact(
        fact="refund.requested",
        processor=row.code("Processor", code_list("processor")),
        refund_ref=_reference(row, "RefundNo"),
        ticket_nos=_ticket_nos(row, "TicketNo", order),
        amount_gross=gross,
        fee=fee,
        amount_net=net,
        occurred_at=row.time("RequestedAt", MINUTE),
    )
    row.finish()
    return refund


def _change(row: Record, order: str) -> ChangeFact:
    change = ChangeFact(
        fact="change.confirmed",
        change_ref=_reference(row, "ChangeNo"),
        kind=row.choice("Kind", KINDS),
        old_ticket_nos=_ticket_nos(row, "OldTicketNo", order),
        new_ticket_nos=_ticket_nos(row, "NewTicketNo", order),
        fee=row.money("Fee", fen=100),
        difference=row.money("Difference", fen=100, signed=True),
        occurred_at=row.time("ChangedAt", MINUTE),
    )
    row.finish()
    return change
