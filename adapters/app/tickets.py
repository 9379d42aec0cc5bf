"""One record of the app, which is one ticket -> what the snapshot knows of it."""

from datetime import datetime

from adapters.app.profile import PROFILE
from adapters.app.wire import DAY, LETTERS, MONEY, SEAT_TEXT, TIME, UNPAID
from adapters.kit import built, trains
from adapters.kit.berths import NAMES
from adapters.kit.letters import Letter
from adapters.kit.pages import Page, number_on, origin_on, printed_on, surcharges_on, undated
from adapters.kit.people import document, phone
from adapters.kit.reading import Record
from adapters.kit.snapshot import SnapshotTicket
from adapters.kit.together import Together
from schemas.codes import code_list
from schemas.facts import Leg, Passenger, Seat, TicketContent

SEAT_CLASS, TICKET_TYPE, DOCUMENT_TYPE = code_list("seat_class"), code_list("ticket_type"), code_list("document_type")
CHANNEL = code_list("sales_channel")

_IGNORED = frozenset({*PROFILE.ignores, "status_name"})
_ENDED = frozenset({"changed", "refunded", "voided"})


def read_ticket(record: Record, page: Page) -> SnapshotTicket:
    """One record; an empty ``status`` is a ticket that is not paid yet."""
    letter = record.choice("status", LETTERS) if record.has("status") else UNPAID
    if letter.loss:
        record.lost("status", "less_precise", letter.loss)
    held = letter is UNPAID
    issued_at = record.optional_time("issue_time", TIME)
    if issued_at is None and not held and letter.state not in _ENDED:
        raise record.refuse("issue_time", "time_invalid", "a ticket says when it was issued", example=TIME.example)
    printed_at = printed_on(record, letter, "status", TIME)
    held_at = record.time("reserve_time", TIME) if held else None
    expires_at = record.time("pay_limit_time", TIME) if held else None
    state, state_at, resigned_at = _state(record, letter, (held_at or issued_at, printed_at))
    ticket = SnapshotTicket(
        content=_content(record, page, letter, letter.paper and printed_at is None),
        state=state,
        record=record,
        field="status",
        state_at=state_at,
        held_at=held_at,
        expires_at=expires_at,
        issued_at=issued_at,
        change_kind=letter.change_kind,
        printed_at=printed_at,
        control_no=record.optional("print_no") if printed_at else None,
        resigned_at=resigned_at,
    )
    record.repeated("status")
    undated(record, ticket)
    record.surplus("print_no", "reserve_time", "pay_limit_time", "cancel_time", "lose_time", "enter_time")
    record.finish(_IGNORED)
    return ticket


def _state(
    record: Record, letter: Letter, known: tuple[datetime | None, ...]
) -> tuple[str, datetime | None, datetime | None]:
    """State, since when, and when the ticket was re-signed on board.

    An unpaid ticket whose hold ended says so in ``cancel_time`` or ``lose_time``; letter k may say in ``enter_time``
    when the passenger entered.
    """
    said_at = record.optional_time("status_time", TIME)
    if letter.state == "resigned_on_board":
        if said_at is None:
            raise record.refuse("status_time", "time_invalid", "it says re-signed on board, not when")
        entered_at = record.optional_time("enter_time", TIME)
        if entered_at is None:
            record.lost("status", "less_precise", "when the passenger entered is not said")
        return ("entered" if entered_at else letter.state), entered_at or said_at, said_at if entered_at else None
    resigned_at = record.optional_time("resign_board_time", TIME)
    if letter is UNPAID:
        state, ended_at = _hold(record)
        known = (ended_at,) if ended_at else known
    elif letter.state == "issued":
        state, ended_at = letter.state, said_at
    else:
        return letter.state, said_at, resigned_at
    if said_at not in (None, *known):
        record.lost("status_time", "not_mapped", "other fields say when the ticket was held, issued or printed")
    return state, ended_at, resigned_at


def _hold(record: Record) -> tuple[str, datetime | None]:
    """What became of a hold, and when; nothing yet when neither field says so."""
    for name, state in (("cancel_time", "cancelled"), ("lose_time", "expired")):
        if (ended_at := record.optional_time(name, TIME)) is not None:
            return state, ended_at
    return "held", None


def _content(record: Record, page: Page, letter: Letter, paper: bool) -> TicketContent:
    number, batch = number_on(page, record)
    ticket_type = record.code_or_unknown("ticket_type_code", TICKET_TYPE)
    origin, replaces = origin_on(page, record, number, letter)
    if letter is UNPAID and origin == "sale" and batch > 1:
        origin = "change"
        record.lost(
            "batch_no", "inferred", "a hold of a later batch is for a change; of train or destination is not said"
        )
    return built.ticket_content(
        ticket_no=number,
        batch=batch,
        ticket_type=ticket_type,
        passenger=_passenger(record, ticket_type),
        leg=_LEG(record),
        seat=_SEAT(record),
        fare_gross=record.money("ticket_price", fen=MONEY.fen),
        surcharges=surcharges_on(record, MONEY.fen),
        medium="paper" if paper else "e_ticket",
        origin=origin,
        replaces=replaces,
        point_of_sale=built.sold_on(
            record.code_or_unknown("sale_channel", CHANNEL),
            record.optional("sale_device_no"),
            record.optional("sale_app_version"),
        ),
    )


def _passenger(record: Record, ticket_type: str) -> Passenger:
    kind = record.code_or_unknown("passenger_id_type_code", DOCUMENT_TYPE)
    return built.passenger(
        name=record.text("passenger_name"),
        document=document(record, "passenger_id_no", kind),
        type=ticket_type,
        phone=phone(record, "mobile_no"),
    )


def _leg(record: Record) -> Leg:
    """``train_date`` is the day the run leaves its origin; departure and arrival are full local times."""
    departs, arrives = record.time("start_time", TIME), record.time("arrive_time", TIME)
    if arrives <= departs:
        raise record.refuse("arrive_time", "time_invalid", "the train arrives before it leaves", example=TIME.example)
    day = record.time("train_date", DAY).date()
    return built.leg(
        (trains.train_no(record, "train_no"), trains.train_code(record, "station_train_code"), day),
        (trains.telecode(record, "from_station_telecode"), departs),
        (trains.telecode(record, "to_station_telecode"), arrives),
    )


def _seat(record: Record) -> Seat:
    found = SEAT_TEXT.fullmatch(record.text("seat_text", example="03车12A号"))
    if found is None:
        raise record.refuse(
            "seat_text", "message_malformed", "no seat in this text", expected="coach车seat号", example="03车12A号"
        )
    coach, number, berth = found.groups()
    return built.seat(
        seat_class=record.code_or_unknown("seat_type_code", SEAT_CLASS),
        coach=coach.rjust(2, "0"),
        number=(number or "").lstrip("0") or None,
        berth=NAMES[berth] if berth else None,
        standing=number is None,
    )


_LEG = Together(
    _leg,
    "train_no",
    "station_train_code",
    "train_date",
    "from_station_telecode",
    "start_time",
    "to_station_telecode",
    "arrive_time",
)
_SEAT = Together(_seat, "seat_text", "seat_type_code")
