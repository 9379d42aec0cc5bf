"""A ticket record (SL, HD, CH2): passenger, train, seat and fare -> the content of a ticket."""

import re
from operator import attrgetter
from typing import Literal

from adapters.kit import built, people
from adapters.kit.columns import Line
from adapters.kit.together import Together
from adapters.windows.story import Story
from schemas.codes import UNKNOWN, code_list
from schemas.facts import Berth, Leg, Seat, Surcharge, TicketContent
from schemas.stations import station_name

CHANNELS = code_list("sales_channel")
DOCUMENT_TYPES = code_list("document_type")
TICKET_TYPES = code_list("ticket_type")
SEAT_CLASSES = code_list("seat_class")
ORIGINS: dict[str, Literal["sale", "change", "destination_change", "waitlist"]] = {
    "S": "sale",
    "C": "change",
    "D": "destination_change",
    "W": "waitlist",
}
BERTHS: dict[str, Berth] = {"L": "lower", "M": "middle", "U": "upper"}
NO_COACH = "00"

_SEAT = re.compile(r"([0-9A-Z?])([0-9A-Z]{2})([0-9A-Z]{4})?")
_TRAIN_CODE = re.compile(r"[A-Z]?[0-9]{1,4}")
_TRAIN_NO = re.compile(r"[0-9A-Z]{1,12}")


def content(line: Line, story: Story) -> TicketContent:
    """The ticket of a record; refuses what cannot be, with its columns."""
    number = story.number(line, "ticket_no")
    sold_in = line.code_or_unknown("sold_in", CHANNELS)
    origin = line.choice("origin", ORIGINS)
    document_type = line.code_or_unknown("document_type", DOCUMENT_TYPES)
    ticket_type = line.code_or_unknown("ticket_type", TICKET_TYPES)
    surcharge = line.amount("surcharge")
    return built.ticket_content(
        ticket_no=number,
        batch=int(number[10]),
        ticket_type=ticket_type,
        passenger=built.passenger(
            name=line.text("name"),
            document=people.document(line, "document_no", document_type),
            type=ticket_type,
            phone=people.phone(line, "mobile"),
        ),
        leg=_LEG(line),
        seat=seat(line),
        fare_gross=line.amount("fare"),
        surcharges=(Surcharge(kind="agent_service", amount_gross=surcharge),) if surcharge.amount else (),
        origin=origin,
        replaces=story.optional_number(line, "replaces"),
        # Desk details are those of a sale: a new ticket of a change names only the channel that sold the order.
        point_of_sale=story.desk if sold_in == "windows" and origin == "sale" else built.sold_in(sold_in),
    )


def leg(line: Line) -> Leg:
    depart, arrive = line.moment("depart"), line.moment("arrive")
    if arrive <= depart:
        raise line.refuse("arrive", "time_invalid", "the train arrives before it departs", example="01111236")
    code = line.matching("train_code", _TRAIN_CODE, "a letter or none and one to four digits", example="G6012")
    train_no = None
    if line.has("train_no"):
        train_no = line.matching("train_no", _TRAIN_NO, "a train number", example="240000G1010C")
    run_date = line.day("run_date")
    if run_date > depart.date():
        raise line.refuse("run_date", "time_invalid", "the train leaves its origin after it departs here")
    origin, destination = _station(line, "from_station"), _station(line, "to_station")
    return built.leg((train_no, code, run_date), (origin, depart), (destination, arrive))


def _station(line: Line, name: str) -> str:
    telecode = line.text(name, example="VNP")
    if station_name(telecode) is None:
        raise line.refuse(name, "unknown_code", "no such station", expected="a telecode", example="VNP")
    return telecode


def seat(line: Line) -> Seat:
    found = _SEAT.fullmatch(line.text("seat", example="O05012A"))
    if found is None:
        raise line.refuse("seat", "message_malformed", "no seat", expected="class, coach, seat", example="O05012A")
    native, coach, number = found.groups()
    seat_class = SEAT_CLASSES.read("windows", native)
    if seat_class is None:
        line.lost("seat", "unknown_code", "the class is not in the list seat_class")
    berth = line.choice("berth", BERTHS) if line.has("berth") else None
    place = (number.lstrip("0") or "0") if number else None
    return built.seat(seat_class or UNKNOWN, coach if coach != NO_COACH else None, place, berth, number is None)


_LEG = Together(
    leg,
    "train_no",
    "train_code",
    "run_date",
    "from_station",
    "depart",
    "to_station",
    "arrive",
    given=attrgetter("near"),  # the year of its times
)
