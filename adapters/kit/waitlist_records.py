"""Waitlist records (候补): one reading and one writing for the channels that sell them.

Their field names are those that public clients of the railway's site read (``reserve_no``, ``prepay_amount``,
``realize_limit_time``, ``needs``, ``passengers``); channels differ in units, forms of time and words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from adapters.kit import trains
from adapters.kit.people import document, national, phone
from adapters.kit.reading import Record
from adapters.kit.times import TimeForm
from adapters.kit.writing import Native, Pen, word
from schemas.codes import code_list
from schemas.facts import (
    Leg,
    Passenger,
    PointOfSale,
    Stop,
    TicketNo,
    WaitlistAlternative,
    WaitlistRequested,
    WaitlistStep,
)
from schemas.identifiers import ticket_no
from schemas.order import Waitlist

WaitlistWord = Literal["waitlist.requested", "waitlist.realised", "waitlist.cancelled", "waitlist.lapsed"]

_SEAT_CLASS, _TICKET_TYPE = code_list("seat_class"), code_list("ticket_type")
_DOCUMENT_TYPE, _CHANNEL = code_list("document_type"), code_list("sales_channel")
_LABELS = ("status_name",)
_NEED_LABELS = ("from_station_name", "to_station_name", "seat_name")
_PASSENGER_LABELS = ("passenger_id_name",)


@dataclass(frozen=True, slots=True)
class WaitlistWire:
    """A channel's waitlists: units of ``fen``, forms of time and date, the words of ``status_code``, two names."""

    fen: int
    time: TimeForm
    day: TimeForm
    words: Mapping[str, WaitlistWord]
    tickets: str
    sold_in: str


def read_waitlist(record: Record, wire: WaitlistWire) -> list[WaitlistRequested | WaitlistStep]:
    """The request, when the record has it, and what became of it."""
    status = record.choice("status_code", wire.words)
    ref = trains.processor_ref(record, "reserve_no")
    facts: list[WaitlistRequested | WaitlistStep] = []
    if record.has("needs") or status == "waitlist.requested":
        facts.append(_request(record, wire, ref))
    if status == "waitlist.requested":
        record.surplus("status_time", *([wire.tickets] if record.fields.get(wire.tickets) else []))
        record.repeated(wire.tickets)
    else:
        numbers, at = _ticket_nos(record, wire.tickets), record.time("status_time", wire.time)
        facts.append(WaitlistStep(fact=status, waitlist_ref=ref, ticket_nos=numbers, occurred_at=at))
    record.repeated(*_LABELS)
    record.finish()
    return facts


def _request(record: Record, wire: WaitlistWire, ref: str) -> WaitlistRequested:
    return WaitlistRequested(
        waitlist_ref=ref,
        alternatives=tuple(_need(need, wire) for need in record.children("needs", least=1)),
        passengers=tuple(_passenger(person) for person in record.children("passengers", least=1, most=9)),
        prepaid=record.money("prepay_amount", fen=wire.fen),
        realise_by=record.time("realize_limit_time", wire.time),
        point_of_sale=PointOfSale(channel=record.code_or_unknown(wire.sold_in, _CHANNEL)),
        occurred_at=record.time("reserve_time", wire.time),
    )


def _need(need: Record, wire: WaitlistWire) -> WaitlistAlternative:
    """One train and class; ``train_date`` is the day on which the run leaves its origin."""
    leg = Leg(
        train_no=trains.train_no(need, "train_no"),
        train_code=trains.train_code(need, "board_train_code"),
        service_date=need.time("train_date", wire.day).date(),
        origin=Stop(station=trains.telecode(need, "from_tele_code"), at=need.optional_time("start_time", wire.time)),
        destination=Stop(
            station=trains.telecode(need, "to_tele_code"), at=need.optional_time("arrive_time", wire.time)
        ),
    )
    found = WaitlistAlternative(leg=leg, seat_class=need.code_or_unknown("seat_type_code", _SEAT_CLASS))
    need.repeated(*_NEED_LABELS)
    need.finish()
    return found


def _passenger(person: Record) -> Passenger:
    kind = person.code_or_unknown("passenger_id_type_code", _DOCUMENT_TYPE)
    found = Passenger(
        name=person.text("passenger_name"),
        document=document(person, "passenger_id_no", kind),
        type=person.code_or_unknown("ticket_type", _TICKET_TYPE),
        phone=phone(person, "mobile_no"),
    )
    person.repeated(*_PASSENGER_LABELS)
    person.finish()
    return found


def _ticket_nos(record: Record, field: str) -> tuple[TicketNo, ...]:
    numbers = record.texts(field, most=10)
    for index, number in enumerate(numbers, 1):
        if not ticket_no.is_valid(number):
            raise record.refuse(field, "identifier_invalid", f"number {index} is no ticket number")
    return tuple(ticket_no.compact(number) for number in numbers)


def write_waitlist(pen: Pen, wire: WaitlistWire, waitlist: Waitlist) -> Native:
    """One record; a waitlist of which only the end is known is told without its request."""
    place = f"/waitlists/{waitlist.waitlist_ref}"
    record = {
        "reserve_no": waitlist.waitlist_ref,
        "status_code": word(wire.words, f"waitlist.{waitlist.state}"),
        "status_time": pen.time(waitlist.state_since if waitlist.state != "requested" else None),
        wire.tickets: list(waitlist.ticket_nos),
    }
    if waitlist.prepaid is None or waitlist.realise_by is None:
        return record
    seller = waitlist.point_of_sale
    details = {name for name, value in seller or () if value is not None} - {"channel"}
    if details:
        pen.losses.add(f"{place}/point_of_sale", "not_expressible", ", ".join(sorted(details)))
    return record | {
        "reserve_time": pen.time(waitlist.requested_at),
        "realize_limit_time": pen.time(waitlist.realise_by),
        "prepay_amount": pen.money(waitlist.prepaid, f"{place}/prepaid"),
        wire.sold_in: pen.code(
            "sales_channel", seller.channel if seller else "unknown", f"{place}/point_of_sale/channel"
        ),
        "needs": [_native_need(pen, wire, need, f"{place}/alternatives") for need in waitlist.alternatives],
        "passengers": [_native_passenger(pen, person, f"{place}/passengers") for person in waitlist.passengers],
    }


def _native_need(pen: Pen, wire: WaitlistWire, need: WaitlistAlternative, place: str) -> Native:
    leg = need.leg
    return {
        "board_train_code": leg.train_code,
        "train_no": leg.train_no or "",
        "train_date": leg.service_date.strftime(wire.day.layout),
        "from_tele_code": leg.origin.station,
        "start_time": pen.time(leg.origin.at),
        "to_tele_code": leg.destination.station,
        "arrive_time": pen.time(leg.destination.at),
        "seat_type_code": pen.code("seat_class", need.seat_class, f"{place}/seat_class"),
    }


def _native_passenger(pen: Pen, person: Passenger, place: str) -> Native:
    return {
        "passenger_name": person.name,
        "passenger_id_type_code": pen.code("document_type", person.document.type, f"{place}/document/type"),
        "passenger_id_no": person.document.number,
        "ticket_type": pen.code("ticket_type", person.type, f"{place}/type"),
        "mobile_no": national(person.phone),
    }
