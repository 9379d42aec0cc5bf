"""Web's JSON -> observation. Every message is a snapshot of one order; its act only says what came last."""

import re
from datetime import datetime, timedelta

from adapters.kit import trains
from adapters.kit.letters import MODES, Letter
from adapters.kit.money_records import ORIGIN_OF_CHANGE, read_change, read_payment, read_refund, replaced
from adapters.kit.people import document, phone
from adapters.kit.reading import Record, decode_json, finish_all, never_raises
from adapters.kit.snapshot import Snapshot, SnapshotTicket, facts_of, references
from adapters.kit.telling import SURCHARGE
from adapters.kit.times import local_date
from adapters.web.profile import PROFILE
from adapters.web.wire import ACTS, LETTERS, MONEY, PAGE_TIME, STANDING, TIME
from schemas.codes import code_list
from schemas.facts import (
    ChangeFact,
    Leg,
    Passenger,
    PointOfSale,
    Seat,
    Stop,
    Surcharge,
    TicketContent,
)
from schemas.identifiers import order_no, ticket_no
from schemas.observation import Observation

SEAT_CLASS, TICKET_TYPE, DOCUMENT_TYPE = code_list("seat_class"), code_list("ticket_type"), code_list("document_type")
CHANNEL = code_list("sales_channel")

_CLOCK = re.compile(r"1970-01-(0[1-9]) ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")
_FLAGS = ("cancel_flag", "resign_flag", "return_flag", "print_eticket_flag", "pay_flag", "pay_resign_flag")
_PAGE_TEXTS = ("arrive_time_page", "train_code_page", "ticket_total_price_page", "array_passser_name_page")
_LABELS = ("ticket_type_name", "seat_type_name", "ticket_status_name", "coach_name", "str_ticket_price_page")


@never_raises
def parse(raw: bytes) -> Observation:
    """One message of the web channel; see README.md for the wire. Raises nothing but through ``never_raises``."""
    message = decode_json(raw, "web", PROFILE.max_message_bytes)
    mode = message.choice("messageType", MODES)
    message.choice("act", ACTS)
    revision = message.integer("revision", default=0)
    message.repeated("messageId", "sentAt")
    orders = "OrderDTODataList" if message.has("OrderDTODataList") else "orderDBList"
    (order,) = message.children(orders, least=1, most=1)
    number = order.identifier("sequence_no", order_no.validate, example="EW12345678")
    occurred_at = order.time("update_time", TIME)
    order.time("order_date", TIME)
    order.repeated(*_FLAGS, *_PAGE_TEXTS, "confirm_flag", "start_train_date_page")
    snapshot = _snapshot(order, number)
    finish_all((message, order))
    return Observation(
        mode=mode,
        references=references(number, snapshot),
        occurred_at=occurred_at,
        sequence=revision,
        business_date=local_date(occurred_at),
        point_of_sale=PointOfSale(channel="web"),
        facts=facts_of(snapshot, message.losses),
        losses=message.losses.all(),
    )


def _snapshot(order: Record, number: str) -> Snapshot:
    changes = tuple(read_change(record, MONEY) for record in order.children("changes"))
    tickets = tuple(_ticket(record, number, changes) for record in order.children("tickets", least=1, most=10))
    _check_totals(order, tickets)
    return Snapshot(
        tickets=tickets,
        changes=changes,
        payments=tuple(read_payment(record, MONEY, number) for record in order.children("payments")),
        refunds=tuple(fact for record in order.children("refunds") for fact in read_refund(record, MONEY, number)),
    )


def _check_totals(order: Record, tickets: tuple[SnapshotTicket, ...]) -> None:
    """The order's own count and sum must fit its tickets: a page that lost one of them must not become truth."""
    if order.integer("ticket_totalnum") != len(tickets):
        raise order.refuse("ticket_totalnum", "message_malformed", f"the message has {len(tickets)} tickets")
    total = sum(ticket.content.fare_gross.amount for ticket in tickets)
    if order.money("ticket_price_all").amount != total:
        raise order.refuse("ticket_price_all", "amount_invalid", f"the tickets cost {total} fen together")


def _ticket(record: Record, order_number: str, changes: tuple[ChangeFact, ...]) -> SnapshotTicket:
    letter = record.choice("ticket_status_code", LETTERS)
    content = _content(record, order_number, letter, changes)
    state, state_at = _state(record, letter)
    if letter.loss:
        record.lost("ticket_status_code", "less_precise", letter.loss)
    printed_at = record.optional_time("print_time", TIME)
    if letter.paper and printed_at is None:
        record.lost("ticket_status_code", "less_precise", "paper is printed, no field says when")
    issued = state in ("issued", "used")
    ticket = SnapshotTicket(
        content=content,
        state=state,
        place=record.at("ticket_status_code"),
        state_at=state_at,
        held_at=record.optional_time("reserve_time", TIME),
        expires_at=record.time("pay_limit_time", TIME)
        if letter.state == "held"
        else record.optional_time("pay_limit_time", TIME),
        issued_at=record.time("issue_time", TIME) if issued else record.optional_time("issue_time", TIME),
        change_kind=letter.change_kind,
        printed_at=printed_at,
        control_no=record.optional("print_no"),
    )
    if letter.state == "held" and ticket.held_at is None:
        raise record.refuse("reserve_time", "time_invalid", "a held ticket says since when", example=TIME.example)
    record.repeated(*_LABELS, *_FLAGS, "confirm_flag", "limit_time", "sequence_no", "start_train_date_page")
    record.finish()
    return ticket


def _state(record: Record, letter: Letter) -> tuple[str, datetime | None]:
    """Letters have no word for a hold that ended: ``cancel_flag`` and ``lose_time`` say it."""
    state_at = record.optional_time("status_time", TIME)
    lapsed_at = record.optional_time("lose_time", TIME)
    if letter.state != "held":
        return letter.state, state_at
    if record.flag("cancel_flag"):
        if state_at is None:
            raise record.refuse("status_time", "time_invalid", "a cancelled hold says when", example=TIME.example)
        return "cancelled", state_at
    return ("expired", lapsed_at) if lapsed_at else ("held", None)


def _content(record: Record, order_number: str, letter: Letter, changes: tuple[ChangeFact, ...]) -> TicketContent:
    number = record.identifier("ticket_no", ticket_no.validate, example="EW12345678105012A")
    of_order, batch, *_ = ticket_no.split(number)
    if of_order != order_number:
        raise record.refuse("ticket_no", "identifier_invalid", f"a ticket of {of_order} in order {order_number}")
    if record.integer("batch_no", low=1, high=9, default=batch) != batch:
        raise record.refuse("batch_no", "identifier_invalid", f"the ticket number says batch {batch}")
    change, old = replaced(changes, number)
    fee = record.money("service_fee", default=0)
    return TicketContent(
        ticket_no=number,
        batch=batch,
        ticket_type=record.code_or_unknown("ticket_type_code", TICKET_TYPE),
        passenger=_passenger(record),
        leg=_leg(record),
        seat=_seat(record),
        fare_gross=record.money("ticket_price"),
        surcharges=(Surcharge(kind=SURCHARGE, amount_gross=fee),) if fee.amount else (),
        origin=ORIGIN_OF_CHANGE[change.kind] if change else letter.origin,
        replaces=old,
        point_of_sale=PointOfSale(channel=record.code_or_unknown("sale_channel_code", CHANNEL)),
    )


def _passenger(record: Record) -> Passenger:
    person = record.child("passengerDTO")
    person.repeated("passenger_id_type_name")
    passenger = Passenger(
        name=person.text("passenger_name"),
        document=document(person, "passenger_id_no", person.code_or_unknown("passenger_id_type_code", DOCUMENT_TYPE)),
        type=TICKET_TYPE.read("web", str(record.fields.get("ticket_type_code"))) or "unknown",
        phone=phone(person, "mobile_no"),
    )
    person.finish()
    return passenger


def _leg(record: Record) -> Leg:
    """``train_date`` is the day the run leaves its origin; the clock times count days from 1970-01-01."""
    station, day = record.child("stationTrainDTO"), record.time("train_date", TIME)
    train = station.child("trainDTO")
    departs = day + _clock(station, "start_time")
    shown = record.optional_time("start_train_date_page", PAGE_TIME)
    if shown is not None and shown != departs.replace(second=0):
        raise record.refuse("start_train_date_page", "time_invalid", f"train_date and start_time say {departs}")
    leg = Leg(
        train_no=trains.train_no(train, "train_no"),
        train_code=trains.train_code(station, "station_train_code"),
        service_date=day.date(),
        origin=Stop(station=trains.telecode(station, "from_station_telecode"), at=departs),
        destination=Stop(
            station=trains.telecode(station, "to_station_telecode"), at=day + _clock(station, "arrive_time")
        ),
    )
    station.repeated("from_station_name", "to_station_name")
    finish_all((train, station))
    return leg


def _clock(station: Record, field: str) -> timedelta:
    text = station.text(field, example="1970-01-01 07:00:00")
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise station.refuse(
            field, "time_invalid", "a clock time is a date from 1970-01-01 on", example="1970-01-02 00:26:00"
        )
    day, hour, minute, second = (int(group) for group in found.groups())
    return timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)


def _seat(record: Record) -> Seat:
    return Seat(
        seat_class=record.code_or_unknown("seat_type_code", SEAT_CLASS),
        coach=trains.coach(record, "coach_no"),
        number=trains.seat_number(record, "seat_no"),
        standing=record.optional("seat_name") == STANDING,
    )
