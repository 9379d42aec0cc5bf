"""One ticket of the web's page -> what the snapshot knows of it."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from adapters.kit import built, trains
from adapters.kit.berths import NAMES, apart, words
from adapters.kit.letters import Letter
from adapters.kit.pages import Page, number_on, origin_on, printed_on, surcharges_on, undated
from adapters.kit.people import document, phone
from adapters.kit.reading import Record
from adapters.kit.snapshot import SnapshotTicket
from adapters.kit.together import Together
from adapters.web.profile import PROFILE
from adapters.web.wire import LETTERS, MONEY, PAGE_TIME, STANDING, TIME, TRADE_MODE
from schemas.codes import code_list
from schemas.facts import Leg, Passenger, Seat, TicketContent

SEAT_CLASS, TICKET_TYPE, DOCUMENT_TYPE = code_list("seat_class"), code_list("ticket_type"), code_list("document_type")
CHANNEL = code_list("sales_channel")

_CLOCK = re.compile(r"1970-01-(0[1-9]) ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")


def read_ticket(record: Record, page: Page) -> SnapshotTicket:
    """One ticket record."""
    letter = record.choice("ticket_status_code", LETTERS)
    if letter.loss:
        record.lost("ticket_status_code", "less_precise", letter.loss)
    held = letter.state == "held"
    issued_at = record.optional_time("issue_time", TIME)
    if letter.state in ("issued", "used") and issued_at is None:
        raise record.refuse("issue_time", "time_invalid", "a ticket says when it was issued", example=TIME.example)
    printed_at = printed_on(record, letter, "ticket_status_code", TIME)
    state, state_at = _state(record, letter)
    if letter.state == "issued" and state_at not in (None, issued_at, printed_at):
        record.lost("status_time", "not_mapped", "the ticket says when it was issued and printed")
    held_at = record.time("reserve_time", TIME) if held else None
    expires_at = record.time("pay_limit_time", TIME) if held else None
    if not held:
        record.surplus("reserve_time", "pay_limit_time")
    ticket = SnapshotTicket(
        content=_content(record, page, letter, letter.paper and printed_at is None),
        state=state,
        record=record,
        field="ticket_status_code",
        state_at=state_at,
        held_at=held_at,
        expires_at=expires_at,
        issued_at=issued_at,
        change_kind=letter.change_kind,
        printed_at=printed_at,
        control_no=record.optional("print_no") if printed_at else None,
        extensions=_extensions(record),
    )
    undated(record, ticket)
    record.surplus("print_no")
    record.finish(PROFILE.ignores)
    return ticket


def _state(record: Record, letter: Letter) -> tuple[str, datetime | None]:
    """Letters have no word for a hold that ended: ``cancel_flag`` and ``lose_time`` say it."""
    state_at = record.optional_time("status_time", TIME)
    if letter.state != "held":
        record.surplus("lose_time")
        return letter.state, state_at
    cancelled = record.flag("cancel_flag")
    ended_at = state_at if cancelled else record.optional_time("lose_time", TIME)
    if cancelled and ended_at is None:
        raise record.refuse("status_time", "time_invalid", "a cancelled hold says when", example=TIME.example)
    since = ended_at or record.optional_time("reserve_time", TIME)
    if state_at not in (None, since):
        record.lost("status_time", "not_mapped", "another field says since when")
    if cancelled:
        record.surplus("lose_time")
        return "cancelled", ended_at
    return ("expired", ended_at) if ended_at else ("held", None)


def _extensions(record: Record) -> dict[str, str] | None:
    mode = record.optional("trade_mode")
    return {TRADE_MODE: mode} if mode else None


def _content(record: Record, page: Page, letter: Letter, paper: bool) -> TicketContent:
    number, batch = number_on(page, record)
    ticket_type = record.code_or_unknown("ticket_type_code", TICKET_TYPE)
    origin, replaces = origin_on(page, record, number, letter)
    return built.ticket_content(
        ticket_no=number,
        batch=batch,
        ticket_type=ticket_type,
        passenger=_passenger(record, ticket_type),
        leg=_LEG(record),
        seat=_SEAT(record),
        fare_gross=record.money("ticket_price"),
        surcharges=surcharges_on(record, MONEY.fen),
        medium="paper" if paper else "e_ticket",
        origin=origin,
        replaces=replaces,
        point_of_sale=built.sold_in(record.code_or_unknown("sale_channel_code", CHANNEL)),
    )


def _passenger(record: Record, ticket_type: str) -> Passenger:
    person = record.child("passengerDTO")
    passenger = built.passenger(
        name=person.text("passenger_name"),
        document=document(person, "passenger_id_no", person.code_or_unknown("passenger_id_type_code", DOCUMENT_TYPE)),
        type=ticket_type,
        phone=phone(person, "mobile_no"),
    )
    person.finish(PROFILE.ignores)
    return passenger


def _leg(record: Record) -> Leg:
    """``train_date`` is the day the run leaves its origin; the clock times count days from 1970-01-01."""
    station, day = record.child("stationTrainDTO"), record.time("train_date", TIME)
    train = station.child("trainDTO")
    departs, arrives = day + _clock(station, "start_time"), day + _clock(station, "arrive_time")
    if arrives <= departs:
        raise station.refuse("arrive_time", "time_invalid", "the train arrives before it leaves")
    shown = record.optional_time("start_train_date_page", PAGE_TIME)
    if shown is not None and shown != departs.replace(second=0):
        raise record.refuse("start_train_date_page", "time_invalid", f"train_date and start_time say {departs}")
    leg = built.leg(
        (trains.train_no(train, "train_no"), trains.train_code(station, "station_train_code"), day.date()),
        (trains.telecode(station, "from_station_telecode"), departs),
        (trains.telecode(station, "to_station_telecode"), arrives),
    )
    train.finish()
    station.finish(PROFILE.ignores)
    return leg


def _clock(station: Record, field: str) -> timedelta:
    since_midnight = _since_midnight(station.text(field, example="1970-01-01 07:00:00"))
    if since_midnight is None:
        raise station.refuse(
            field, "time_invalid", "a clock time is a date from 1970-01-01 on", example="1970-01-02 00:26:00"
        )
    return since_midnight


@lru_cache(maxsize=4096)
def _since_midnight(text: str) -> timedelta | None:
    """The time since the midnight before the run left its origin; remembered: there are 1,440 minutes in a day."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second = (int(group) for group in found.groups())
    return timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)


def _seat(record: Record) -> Seat:
    """``seat_no`` says which seat; ``seat_name`` that it is a berth, or none. A contradiction is refused."""
    shown = record.optional("seat_name")
    number = trains.seat_number(record, "seat_no")
    berth = next((berth for name, berth in NAMES.items() if shown and shown.endswith(name)), None)
    if berth and number:
        number, digit = apart(number)
        if digit != berth:
            raise record.refuse("seat_name", "message_malformed", "seat_no says another berth", example="05号下铺")
    seat = built.seat(
        seat_class=record.code_or_unknown("seat_type_code", SEAT_CLASS),
        coach=trains.coach(record, "coach_no"),
        number=number or None,
        berth=berth,
        standing=shown == STANDING,
    )
    if shown and not seat.standing and shown.lstrip("0") != words(seat).lstrip("0"):
        raise record.refuse("seat_name", "message_malformed", "seat_no says another seat", example=words(seat))
    return seat


_LEG = Together(_leg, "train_date", "start_train_date_page", "stationTrainDTO")
_SEAT = Together(_seat, "seat_no", "seat_name", "coach_no", "seat_type_code")
