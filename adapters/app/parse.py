"""The app's JSON -> observation: a list of records, one ticket each, of one order; always a snapshot of it."""

from datetime import datetime

from adapters.app.profile import PROFILE
from adapters.app.wire import ACTS, DAY, JIAO, LETTERS, MONEY, SEAT_TEXT, TIME, UNPAID
from adapters.kit import trains
from adapters.kit.letters import MODES, Letter
from adapters.kit.money_records import ORIGIN_OF_CHANGE, read_change, read_payment, read_refund, replaced
from adapters.kit.people import document, phone
from adapters.kit.reading import Record, decode_json, never_raises
from adapters.kit.snapshot import Snapshot, SnapshotTicket, facts_of, references
from adapters.kit.telling import SURCHARGE
from adapters.kit.times import local_date
from schemas.codes import code_list
from schemas.facts import ChangeFact, Leg, Passenger, PointOfSale, Seat, Stop, Surcharge, TicketContent
from schemas.identifiers import order_no, ticket_no
from schemas.observation import Observation

SEAT_CLASS, TICKET_TYPE, DOCUMENT_TYPE = code_list("seat_class"), code_list("ticket_type"), code_list("document_type")
CHANNEL = code_list("sales_channel")

_LABELS = ("ticket_type_name", "seat_type_name", "status_name", "passenger_id_type_name", "passenger_type_name")
_STATION_LABELS = ("from_station_name", "to_station_name")


@never_raises
def parse(raw: bytes) -> Observation:
    """One message of the app channel; see README.md for the wire. Raises nothing but through ``never_raises``."""
    message = decode_json(raw, "app", PROFILE.max_message_bytes)
    mode = message.choice("msg_type", MODES)
    message.choice("act", ACTS)
    message.repeated("msg_id", "sent_at")
    number = message.identifier("sequence_no", order_no.validate, example="EA12345678")
    occurred_at = message.time("update_time", TIME)
    message.time("order_date", TIME)
    device, version = message.optional("device_no"), message.optional("app_version")
    sequence = message.integer("order_rev", default=0)
    snapshot = _snapshot(message, number)
    message.finish()
    return Observation(
        mode=mode,
        references=references(number, snapshot),
        occurred_at=occurred_at,
        sequence=sequence,
        business_date=local_date(occurred_at),
        point_of_sale=PointOfSale(channel="app", device=device, app_version=version),
        facts=facts_of(snapshot, message.losses),
        losses=message.losses.all(),
    )


def _snapshot(message: Record, number: str) -> Snapshot:
    changes = tuple(read_change(record, MONEY) for record in message.children("resigns"))
    records = message.children("records", least=1, most=10)
    if message.integer("record_num") != len(records):
        raise message.refuse("record_num", "message_malformed", f"the message has {len(records)} records")
    return Snapshot(
        tickets=tuple(_ticket(record, number, changes) for record in records),
        changes=changes,
        payments=tuple(read_payment(record, MONEY, number) for record in message.children("pays")),
        refunds=tuple(fact for record in message.children("refunds") for fact in read_refund(record, MONEY, number)),
    )


def _ticket(record: Record, order_number: str, changes: tuple[ChangeFact, ...]) -> SnapshotTicket:
    letter = record.choice("status", LETTERS) if record.has("status") else UNPAID
    content = _content(record, order_number, letter, changes)
    state, state_at = _state(record, letter)
    if letter.loss:
        record.lost("status", "less_precise", letter.loss)
    printed_at = record.optional_time("print_time", TIME)
    if letter.paper and printed_at is None:
        record.lost("status", "less_precise", "paper is printed, no field says when")
    held = letter is UNPAID
    ended = state in ("changed", "refunded", "voided")
    ticket = SnapshotTicket(
        content=content,
        state=state,
        place=record.at("status"),
        state_at=state_at,
        held_at=record.time("reserve_time", TIME) if held else record.optional_time("reserve_time", TIME),
        expires_at=record.time("pay_limit_time", TIME) if held else record.optional_time("pay_limit_time", TIME),
        issued_at=record.optional_time("issue_time", TIME) if held or ended else record.time("issue_time", TIME),
        change_kind=letter.change_kind,
        printed_at=printed_at,
        control_no=record.optional("print_no"),
    )
    record.repeated("status", *_LABELS)
    record.finish()
    return ticket


def _state(record: Record, letter: Letter) -> tuple[str, datetime | None]:
    """An unpaid ticket whose hold ended says so in ``cancel_time`` or ``lose_time``."""
    state_at = record.optional_time("status_time", TIME)
    cancelled_at = record.optional_time("cancel_time", TIME)
    lapsed_at = record.optional_time("lose_time", TIME)
    if letter is not UNPAID:
        return letter.state, state_at
    if cancelled_at is not None:
        return "cancelled", cancelled_at
    return ("expired", lapsed_at) if lapsed_at is not None else ("held", None)


def _content(record: Record, order_number: str, letter: Letter, changes: tuple[ChangeFact, ...]) -> TicketContent:
    number = record.identifier("ticket_no", ticket_no.validate, example="EA12345678105012A")
    of_order, batch, *_ = ticket_no.split(number)
    if not of_order == order_number == record.text("sequence_no"):
        raise record.refuse("ticket_no", "identifier_invalid", f"a ticket of {of_order} in order {order_number}")
    if record.integer("batch_no", low=1, high=9, default=batch) != batch:
        raise record.refuse("batch_no", "identifier_invalid", f"the ticket number says batch {batch}")
    change, old = replaced(changes, number)
    fee = record.money("service_fee", fen=JIAO, default=0)
    ticket_type = record.code_or_unknown("ticket_type_code", TICKET_TYPE)
    return TicketContent(
        ticket_no=number,
        batch=batch,
        ticket_type=ticket_type,
        passenger=_passenger(record, ticket_type),
        leg=_leg(record),
        seat=_seat(record),
        fare_gross=record.money("ticket_price", fen=JIAO),
        surcharges=(Surcharge(kind=SURCHARGE, amount_gross=fee),) if fee.amount else (),
        origin=ORIGIN_OF_CHANGE[change.kind] if change else letter.origin,
        replaces=old,
        point_of_sale=PointOfSale(
            channel=record.code_or_unknown("sale_channel", CHANNEL),
            device=record.optional("sale_device_no"),
            app_version=record.optional("sale_app_version"),
        ),
    )


def _passenger(record: Record, ticket_type: str) -> Passenger:
    kind = record.code_or_unknown("passenger_id_type_code", DOCUMENT_TYPE)
    return Passenger(
        name=record.text("passenger_name"),
        document=document(record, "passenger_id_no", kind),
        type=ticket_type,
        phone=phone(record, "mobile_no"),
    )


def _leg(record: Record) -> Leg:
    """``train_date`` is the day the run leaves its origin; departure and arrival are full local times."""
    leg = Leg(
        train_no=trains.train_no(record, "train_no"),
        train_code=trains.train_code(record, "station_train_code"),
        service_date=record.time("train_date", DAY).date(),
        origin=Stop(station=trains.telecode(record, "from_station_telecode"), at=record.time("start_time", TIME)),
        destination=Stop(station=trains.telecode(record, "to_station_telecode"), at=record.time("arrive_time", TIME)),
    )
    record.repeated(*_STATION_LABELS)
    if leg.origin.at and leg.destination.at and leg.destination.at <= leg.origin.at:
        raise record.refuse("arrive_time", "time_invalid", "the train arrives before it leaves", example=TIME.example)
    return leg


def _seat(record: Record) -> Seat:
    found = SEAT_TEXT.fullmatch(record.text("seat_text", example="03车12A号"))
    if found is None:
        raise record.refuse(
            "seat_text", "message_malformed", "no seat in this text", expected="coach车seat号", example="03车12A号"
        )
    coach, number = found.groups()
    return Seat(
        seat_class=record.code_or_unknown("seat_type_code", SEAT_CLASS),
        coach=coach.rjust(2, "0"),
        number=(number or "").lstrip("0") or None,
        standing=number is None,
    )
