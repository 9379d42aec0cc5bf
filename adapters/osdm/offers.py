"""Booked offers: an admission with its reservation and its fees <-> one ticket. ``bookingPartCode`` is its number.

A ticket of ours is a travel right and a place in one; OSDM sells them as two parts. The admission leads: its state is
the ticket's, its price and the reservation's together are the fare. An admission without reservation stands.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from adapters.kit import built, trains
from adapters.kit.berths import SLEEPERS
from adapters.kit.reading import Record, finish_all
from adapters.kit.refusing import Losses
from adapters.kit.telling import Whole
from adapters.osdm.trips import Trips
from adapters.osdm.wire import (
    STATES,
    STATUS_OF_STATE,
    TIME,
    Native,
    not_taken,
    present,
    read_ids,
    read_price,
    write_code,
    write_price,
)
from adapters.osdm.wire import write_time as written
from schemas.codes import UNKNOWN, code_list
from schemas.facts import Berth, Leg, Seat, Surcharge
from schemas.identifiers import ticket_no
from schemas.money import Money
from schemas.order import Ticket

_OFFERS_MOST, _PARTS_MOST = 20, 10
_SEAT_CLASS = code_list("seat_class")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,40}")
_STANDING = "CRT_STANDING"
_PROPERTY_OF: dict[Berth, str] = {"lower": "LOWER_BED", "middle": "MIDDLE_BED", "upper": "UPPER_BED"}
_BERTHS = {word: berth for berth, word in _PROPERTY_OF.items()}
_STATUS = {word: word for word in STATES}
HOLDS = frozenset({"held", "expired", "cancelled"})
_COUCHETTES = frozenset({"hard_sleeper", "compartment_hard_sleeper"})
_BOTH = ("createdOn", "validFrom", "refundable", "exchangeable")
"""Required by OSDM of every part: validity and tariff conditions are the railway's own rules, not the order's."""


class Part(NamedTuple):
    """One ticket on the wire. ``ids``: of its admission and reservation; times are None when no field says them."""

    admission: Record
    ids: tuple[str, ...]
    ticket_no: str
    passenger: str
    status: str
    leg: Leg
    seat: Seat
    fare: Money
    surcharges: tuple[Surcharge, ...]
    created_at: datetime
    confirmed_at: datetime | None
    confirmable_until: datetime | None

    @property
    def state(self) -> str:
        """The ticket state that the status of the admission means."""
        state = STATES[self.status]
        return "voided" if state == "cancelled" and self.confirmed_at is not None else state


def read_parts(booking: Record, order_number: str, trips: Trips) -> list[Part]:
    """Every ticket of the booking."""
    parts: list[Part] = []
    for offer in booking.children("bookedOffers", least=1, most=_OFFERS_MOST):
        offer.text("offerId")
        parts += _of_offer(offer, order_number, trips)
        offer.finish()
    if len({part.ticket_no for part in parts}) != len(parts):
        raise booking.refuse("bookedOffers", "identifier_invalid", "two admissions with one bookingPartCode")
    return parts


def _of_offer(offer: Record, order_number: str, trips: Trips) -> Iterator[Part]:
    reservations = {record.text("id"): record for record in offer.children("reservations", most=_PARTS_MOST)}
    fees = {record.text("id"): record for record in offer.children("fees", most=_OFFERS_MOST)}
    for admission in offer.children("admissions", least=1, most=_PARTS_MOST):
        if STATES.get(str(admission.fields.get("status"))) == UNKNOWN:
            not_taken(admission.fields, admission.pointer, admission.losses, "booking it failed: nothing happened")
            continue
        yield _part(admission, reservations, fees, order_number, trips)
    for record in (*reservations.values(), *fees.values()):
        not_taken(record.fields, record.pointer, record.losses, "no admission refers to it")


def _part(
    admission: Record, reservations: dict[str, Record], fees: dict[str, Record], order_number: str, trips: Trips
) -> Part:
    number = admission.identifier("bookingPartCode", ticket_no.validate, example=f"{order_number}105012A")
    if not number.startswith(order_number):
        raise admission.refuse(
            "bookingPartCode", "identifier_invalid", f"a ticket of another order than {order_number}"
        )
    status = admission.choice("status", _STATUS)
    passengers = admission.texts("passengerIds")
    if len(passengers) != 1:
        raise admission.refuse("passengerIds", "message_malformed", "an admission is for one passenger", expected="1")
    leg, price = trips.covered(admission), read_price(admission, "price")
    names, seat = [admission.text("id")], built.seat(UNKNOWN, None, None, None, True)
    placed = _referred(admission, "reservationRefs", reservations)
    if len(placed) > 1:
        raise admission.refuse("reservationRefs", "message_malformed", "a ticket has one place", expected="1")
    for reservation in placed:
        extra = read_price(reservation, "price")
        if extra.amount:
            price += extra
            reservation.lost("price", "less_precise", "part of the fare, which is one amount")
        names.append(reservation.text("id"))
        seat = _reservation(reservation, (number, status, passengers), trips, leg)
    if not placed:
        admission.lost("reservationRefs", "inferred", "no reservation: standing, in a class that nobody says")
    created = admission.time("createdOn", TIME)
    part = Part(
        admission=admission,
        ids=tuple(names),
        ticket_no=number,
        passenger=passengers[0],
        status=status,
        leg=leg,
        seat=seat,
        fare=price,
        surcharges=tuple(_fee(fee) for fee in _referred(admission, "feeRefs", fees)),
        created_at=created,
        confirmed_at=admission.optional_time("confirmedOn", TIME),
        confirmable_until=admission.optional_time("confirmableUntil", TIME) if STATES[status] in HOLDS else None,
    )
    admission.repeated("objectType", *_BOTH)
    admission.finish()
    return part


def _referred(admission: Record, name: str, records: dict[str, Record]) -> list[Record]:
    """The records that an admission refers to; each belongs to one admission only."""
    found = []
    for about in read_ids(admission, name, _PARTS_MOST):
        record = records.pop(about, None)
        if record is None:
            raise admission.refuse(name, "identifier_invalid", "no such part in this offer, or another one has it")
        found.append(record)
    return found


def _reservation(record: Record, repeats: tuple[str, str, list[str]], trips: Trips, leg: Leg) -> Seat:
    """The place; what the reservation ``repeats`` of its admission (number, status, passengers) must be the same."""
    number, status, passengers = repeats
    if record.text("bookingPartCode") != number:
        raise record.refuse("bookingPartCode", "identifier_invalid", "its admission has another", expected=number)
    if record.choice("status", _STATUS) != status:
        record.lost("status", "less_precise", "its admission is in another state, which counts")
    _same(record, "passengerIds", passengers)
    covered = trips.covered(record)
    if covered is not leg and covered != leg:
        raise record.refuse("tripCoverage", "message_malformed", "its admission is for another train")
    allocation = record.child("placeAllocation")
    placed = trips.leg_of(allocation)
    if placed is not leg and placed != leg:
        raise allocation.refuse("tripLegCoverage", "message_malformed", "a place on another train")
    seat = _seat(allocation, passengers, leg)
    record.repeated("objectType", "confirmedOn", *_BOTH)
    finish_all((allocation, record))
    return seat


def _same(record: Record, name: str, expected: list[str]) -> None:
    """A list that repeats what the admission says: a contradiction refuses the message."""
    if record.fields.get(name) == expected:
        record.take(name)
    elif record.texts(name) != expected:
        raise record.refuse(name, "message_malformed", "the admission says otherwise", expected=", ".join(expected))


def _seat(allocation: Record, passengers: list[str], leg: Leg) -> Seat:
    seat_class = allocation.code_or_unknown("accommodationSubType", _SEAT_CLASS)
    if allocation.text("accommodationType") != accommodation(seat_class) and seat_class != UNKNOWN:
        allocation.lost("accommodationType", "less_precise", "accommodationSubType says otherwise, and counts")
    (place,) = allocation.children("reservedPlaces", least=1, most=1)
    if place.text("vehicleNumber") != leg.train_code:
        raise place.refuse("vehicleNumber", "message_malformed", "a place on another train", expected=leg.train_code)
    _same(place, "passengerIds", passengers)
    properties = place.texts("placeProperties")
    berths = [_BERTHS[word] for word in properties if word in _BERTHS]
    if len(berths) > 1 or any(word not in _BERTHS and word != _STANDING for word in properties):
        place.lost("placeProperties", "unknown_code", "of these, only one berth and CRT_STANDING are carried over")
    number = _place_number(place)
    standing = _STANDING in properties
    if number is None and not standing:
        place.lost("placeNumbers", "less_precise", "neither a place nor CRT_STANDING")
    coach, berth = trains.coach(place, "coachNumber"), berths[0] if berths else None
    seat = built.seat(seat_class, coach, number, berth, standing)
    place.repeated("id")
    place.finish()
    return seat


def _place_number(place: Record) -> str | None:
    numbers = place.texts("placeNumbers", most=1)
    if not numbers:
        return None
    if not re.fullmatch(r"[0-9A-Z]{1,4}", numbers[0]):
        raise place.refuse("placeNumbers", "message_malformed", "no place number", expected="1 to 4", example="12A")
    return numbers[0].lstrip("0") or None


def _fee(record: Record) -> Surcharge:
    kind = record.optional("productRef")
    if kind is None or not _KIND.fullmatch(kind):
        record.lost("productRef", "unknown_code", "no kind of surcharge")
        kind = UNKNOWN
    surcharge = Surcharge(kind=kind, amount_gross=read_price(record, "price"))
    record.finish()
    return surcharge


def accommodation(seat_class: str) -> str:
    """AccommodationType of a seat class."""
    if seat_class in _COUCHETTES:
        return "COUCHETTE"
    return "BERTH" if seat_class in SLEEPERS else "SEAT"


def write_offer(trip: str, wholes: list[Whole], losses: Losses) -> Native:
    """One booked offer: the tickets of one train."""
    fees = {whole.ticket.ticket_no: list(_fees(whole)) for whole in wholes}
    admissions, reservations = [], []
    for whole in wholes:
        common = _common(whole, trip, losses)
        numbered = fees[whole.ticket.ticket_no]
        admissions.append(_admission(common, whole, numbered))
        reservations.append(_placed(common, whole, trip, losses))
    return present(
        {
            "offerId": f"O-{trip}",
            "admissions": admissions,
            "reservations": reservations,
            "fees": [fee for numbered in fees.values() for fee in numbered],
        }
    )


def begun_at(ticket: Ticket) -> datetime | None:
    """Since when there is a ticket or, of one that never came to be, its hold."""
    return ticket.held_at if ticket.state in HOLDS else ticket.issued_at


def _common(whole: Whole, trip: str, losses: Losses) -> Native:
    """What both parts of a ticket say."""
    ticket = whole.ticket
    held = ticket.state in HOLDS
    begun = begun_at(ticket)
    if begun is None:
        losses.add(f"{whole.place}/state_since", "not_expressible", "", "nobody says when it was held or issued")
    return {
        "bookingPartCode": ticket.ticket_no,
        "createdOn": written(begun or ticket.state_since),
        "confirmableUntil": written(ticket.hold_expires_at) if held else None,
        "validFrom": written(begun or ticket.state_since),
        "confirmedOn": None if held else written(begun),
        "status": STATUS_OF_STATE[ticket.state],
        "passengerIds": [whole.passenger.passenger_id],
        "tripCoverage": {"coveredTripId": trip, "coveredLegIds": [f"{trip}-1"]},
        "refundable": "WITH_CONDITION",
        "exchangeable": "WITH_CONDITION",
    }


def _admission(common: Native, whole: Whole, fees: list[Native]) -> Native:
    number = whole.ticket.ticket_no
    return present(
        {
            "objectType": "Admission",
            "id": admission_id(number),
            **common,
            "price": write_price(whole.fare_gross),
            "reservationRefs": [{"id": f"R-{number}"}],
            "feeRefs": [{"id": fee["id"]} for fee in fees],
        }
    )


def _placed(common: Native, whole: Whole, trip: str, losses: Losses) -> Native:
    seat, place = whole.seat, f"{whole.place}/seat"
    number = whole.ticket.ticket_no
    properties = [_PROPERTY_OF[seat.berth]] if seat.berth else []
    reserved = {
        "id": f"P-{number}",
        "passengerIds": common["passengerIds"],
        "vehicleNumber": whole.leg.train_code,
        "coachNumber": seat.coach or "00",
        "placeNumbers": [seat.number] if seat.number else [],
        "placeProperties": [*properties, _STANDING] if seat.standing else properties,
    }
    if seat.coach is None:
        losses.add(f"{place}/coach", "not_expressible", "", "told as coach 00")
    return present(
        {
            "objectType": "Reservation",
            "id": f"R-{number}",
            **{name: value for name, value in common.items() if name != "confirmableUntil"},
            "price": write_price(Money(amount=0)),
            "placeAllocation": {
                "accommodationType": accommodation(seat.seat_class),
                "accommodationSubType": write_code("seat_class", seat.seat_class, f"{place}/seat_class", losses),
                "reservedPlaces": [present(reserved)],
                "tripLegCoverage": {"tripId": trip, "legId": f"{trip}-1"},
            },
        }
    )


def _fees(whole: Whole) -> Iterator[Native]:
    for index, surcharge in enumerate(whole.ticket.surcharges, 1):
        yield {
            "id": f"FEE-{whole.ticket.ticket_no}-{index}",
            "productRef": surcharge.kind,
            "price": write_price(surcharge.amount_gross),
        }


def admission_id(number: str) -> str:
    """How we call the admission of a ticket in what we write."""
    return f"A-{number}"
