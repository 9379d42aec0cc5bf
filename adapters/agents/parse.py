"""The agents' JSON -> the facts it implies. Every document is a snapshot of one order; see README.md."""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from adapters.agents.wire import DAY, KINDS, MODES, MOMENT, ORDER_STATUS, ORIGINS, TICKET_STATUS
from adapters.kit import people
from adapters.kit.reading import Record, decode_json, never_raises, refusal
from adapters.kit.snapshot import Snapshot, SnapshotTicket, facts_of, references
from adapters.kit.times import local_date
from hub.ports import Part, PollPage, Profile
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

_SEAT = re.compile(r"^([0-9]{2}),(?:([0-9A-Z]{1,4})|无座)$")
_REFERENCE = re.compile(r"^[0-9A-Za-z_.:-]{1,64}$")
_TICKETS_MOST = 20


def parser(profile: Profile) -> Callable[[bytes], Observation | Rejection]:
    """``parse`` for one connection: its code tables and its size limit."""

    def read(raw: bytes) -> Observation:
        return _order(decode_json(raw, "agents", profile.max_message_bytes, profile.code_tables))

    return never_raises(read)


def split(raw: bytes) -> Sequence[Part] | Rejection:
    """The lines of a day extract, each as a message of its own; empty lines are none."""
    lines = enumerate(raw.splitlines(), 1)
    return [Part(f"extract-{_digest(line)}", line, f"line {number}") for number, line in lines if line.strip()]


def page(raw: bytes) -> PollPage | Rejection:
    """The answer of ``GET /changes``: the order documents as they stand, and the watermark to ask from next time.

    The id of a part is made of its bytes: the same document on two pages is one message.
    """
    try:
        answer = msgspec.json.decode(raw, type=_Page)
    except msgspec.DecodeError as error:
        expected = '{"watermark": "...", "orders": [...]}'
        return refusal("message_malformed", "/", f"no page of changes: {error}", expected=expected).rejection
    parts = [(bytes(order), number) for number, order in enumerate(answer.orders)]
    return PollPage(tuple(Part(f"poll-{_digest(b)}", b, f"orders/{n}") for b, n in parts), answer.watermark)


class _Page(msgspec.Struct):
    watermark: str
    orders: list[msgspec.Raw]


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]


def _order(order: Record) -> Observation:
    mode = order.choice("msgType", MODES)
    number = order.identifier("supplierOrderNo", order_no.validate, example="ED12345678")
    order.choice("orderStatus", ORDER_STATUS)
    payments = tuple(_payment(row) for row in order.children("payments"))
    refunds = tuple(_refund(row, number) for row in order.children("refunds"))
    changes = tuple(_change(row, number) for row in order.children("changes"))
    rows = order.children("tickets", most=_TICKETS_MOST)
    snapshot = Snapshot(tuple(_ticket(row, order, number) for row in rows), payments, refunds, changes)
    updated = _moment(order, "update")
    facts = facts_of(snapshot, order.losses)
    if not facts:
        raise order.refuse("tickets", "message_malformed", "the order says nothing that has happened")
    own = _own_references(order)
    revision = order.integer("revision", default=0)
    seller = _seller(order)
    order.repeated("orderDate", "orderTime", "payLimitDate", "payLimitTime", "soldIn")
    order.finish()
    return Observation(
        mode=mode,
        references=references(number, snapshot, *own),
        occurred_at=updated,
        sequence=revision,
        business_date=local_date(updated),
        point_of_sale=seller,
        facts=facts,
        losses=order.losses.all(),
    )


def _seller(order: Record) -> PointOfSale:
    return PointOfSale(
        channel="agents",
        agent=order.optional("agentId", maximum=40),
        agent_contract=order.optional("contractNo", maximum=40),
    )


def _own_references(order: Record) -> list[ReferenceClaim]:
    if not order.has("agentOrderNo"):
        return []
    return [ReferenceClaim(system="agents", kind="agent_order", value=_reference(order, "agentOrderNo"))]


def _reference(row: Record, name: str) -> str:
    text = row.text(name)
    if not _REFERENCE.match(text):
        raise row.refuse(name, "identifier_invalid", f"{name} is letters, digits and _ . : - only")
    return text


def _moment(row: Record, prefix: str) -> datetime:
    """A date field and its time field as one instant; the refusal points at the half that is wrong."""
    day, clock = row.text(f"{prefix}Date", example=DAY.example), row.text(f"{prefix}Time", example="16:51:55")
    found = MOMENT.read(f"{day} {clock}")
    if found is None:
        half = "Date" if DAY.read(day) is None else "Time"
        example = DAY.example if half == "Date" else "16:51:55"
        raise row.refuse(
            f"{prefix}{half}", "time_invalid", "no possible date or time", expected=MOMENT.words, example=example
        )
    return found


def _optional_moment(row: Record, prefix: str) -> datetime | None:
    return _moment(row, prefix) if row.has(f"{prefix}Date") or row.has(f"{prefix}Time") else None


def _of_this_order(row: Record, name: str, text: str, order: str) -> str:
    if text[:10] != order:
        raise row.refuse(name, "identifier_invalid", "the ticket is of another order", expected=f"{order}...")
    return text


def _ticket_no(row: Record, name: str, order: str) -> str:
    return _of_this_order(row, name, row.identifier(name, ticket_no.validate, example="ED12345678105012A"), order)


def _ticket_nos(row: Record, name: str, order: str) -> tuple[str, ...]:
    texts = [ticket_no.compact(text) for text in row.texts(name)]
    for text in texts:
        if not ticket_no.is_valid(text):
            raise row.refuse(name, "identifier_invalid", f"{text[:20]} is no ticket number", example=f"{order}105012A")
        _of_this_order(row, name, text, order)
    return tuple(texts)


def _ticket(row: Record, order: Record, number: str) -> SnapshotTicket:
    status = row.choice("ticketStatus", TICKET_STATUS)
    if status.lost:
        row.lost("ticketStatus", "less_precise", status.lost)
    content = _content(row, order, number)
    ticket = SnapshotTicket(
        content=content,
        state=status.state,
        place=row.at("ticketStatus"),
        state_at=_moment(row, "status"),
        held_at=_optional_moment(order, "order"),
        expires_at=_optional_moment(order, "payLimit"),
        issued_at=_optional_moment(row, "issue"),
        change_kind="destination" if row.text("ticketStatus") == "3705" else "train",
    )
    if not ticket.is_dated:
        row.lost("ticketStatus", "not_expressible", "no issueDate and issueTime, or no orderDate and payLimitDate")
    row.repeated("newTicketNo", "refundNo")
    row.finish()
    return ticket


def _content(row: Record, order: Record, number: str) -> TicketContent:
    ticket = _ticket_no(row, "ticketNo", number)
    document_type = row.code_or_unknown("idType", code_list("document_type"))
    ticket_type = row.code_or_unknown("ticketType", code_list("ticket_type"))
    fee = row.money("serviceFee", fen=100, default=0)
    sold_in = order.code_or_unknown("soldIn", code_list("sales_channel")) if order.has("soldIn") else "unknown"
    return TicketContent(
        ticket_no=ticket,
        batch=int(ticket[10]),
        ticket_type=ticket_type,
        passenger=Passenger(
            name=row.text("passengerName", maximum=60),
            document=people.document(row, "idNo", document_type),
            type=ticket_type,
            phone=people.phone(row, "mobile"),
        ),
        leg=_leg(row),
        seat=_seat(row),
        fare_gross=row.money("price", fen=100),
        surcharges=(Surcharge(kind="agent_service", amount_gross=fee),) if fee.amount else (),
        origin=row.choice("origin", ORIGINS) if row.has("origin") else "sale",
        replaces=_ticket_no(row, "oldTicketNo", number) if row.has("oldTicketNo") else None,
        point_of_sale=_seller(order) if sold_in == "agents" else PointOfSale(channel=sold_in),
    )


def _leg(row: Record) -> Leg:
    depart = _moment(row, "depart")
    days, clock = row.integer("arriveDays", high=9), row.text("arriveTime", example="12:40")
    arrive_day = local_date(depart) + timedelta(days=days)
    arrive = MOMENT.read(f"{arrive_day.isoformat()} {clock}")
    if arrive is None or arrive <= depart:
        detail = "no possible time, or before the departure"
        raise row.refuse("arriveTime", "time_invalid", detail, expected="a time like 12:40", example="12:40")
    code = row.text("trainCode", example="G6012")
    if not re.fullmatch(r"[A-Z]?[0-9]{1,4}", code):
        raise row.refuse("trainCode", "identifier_invalid", "no train code", expected="letter, digits", example="G6012")
    train_no = row.optional("trainNo")
    if train_no is not None and not re.fullmatch(r"[0-9A-Z]{1,12}", train_no):
        raise row.refuse("trainNo", "identifier_invalid", "no train number", example="240000G1010C")
    return Leg(
        train_no=train_no,
        train_code=code,
        service_date=row.time("trainStartDate", DAY).date(),
        origin=Stop(station=_station(row, "fromStation"), at=depart),
        destination=Stop(station=_station(row, "toStation"), at=arrive),
    )


def _station(row: Record, name: str) -> str:
    telecode = telecode_of(row.text(name, example="北京南"))
    if telecode is None:
        raise row.refuse(name, "unknown_code", "no such station", expected="a station's Chinese name", example="北京南")
    return telecode


def _seat(row: Record) -> Seat:
    found = _SEAT.match(row.text("seat", example="05,12A"))
    if found is None:
        raise row.refuse("seat", "message_malformed", "no coach and seat", expected="coach,seat", example="05,12A")
    coach, number = found.groups()
    return Seat(
        seat_class=row.code_or_unknown("seatClass", code_list("seat_class")),
        coach=coach,
        number=(number.lstrip("0") or "0") if number else None,
        standing=number is None,
    )


def _payment(row: Record) -> PaymentFact:
    payment = PaymentFact(
        fact="payment.captured",
        processor=row.code("payChannel", code_list("processor")),
        processor_ref=_reference(row, "payNo"),
        method=row.code_or_unknown("payType", code_list("payment_method")),
        amount_gross=row.money("amount", fen=100),
        occurred_at=_moment(row, "pay"),
    )
    row.finish()
    return payment


def _refund(row: Record, order: str) -> RefundFact:
    gross, fee, net = (row.money(name, fen=100) for name in ("gross", "fee", "net"))
    if gross != fee + net:
        detail = "gross is not fee and net together"
        raise row.refuse("net", "amount_invalid", detail, expected=format_decimal(gross - fee))
    refund = RefundFact(
        fact="refund.requested",
        processor=row.code("payChannel", code_list("processor")),
        refund_ref=_reference(row, "refundNo"),
        ticket_nos=_ticket_nos(row, "ticketNos", order),
        amount_gross=gross,
        fee=fee,
        amount_net=net,
        occurred_at=_moment(row, "refund"),
    )
    row.finish()
    return refund


def _change(row: Record, order: str) -> ChangeFact:
    change = ChangeFact(
        fact="change.confirmed",
        change_ref=_reference(row, "changeNo"),
        kind=row.choice("changeType", KINDS),
        old_ticket_nos=_ticket_nos(row, "oldTicketNos", order),
        new_ticket_nos=_ticket_nos(row, "newTicketNos", order),
        fee=row.money("fee", fen=100),
        difference=row.money("difference", fen=100, signed=True),
        occurred_at=_moment(row, "change"),
    )
    row.finish()
    return change
