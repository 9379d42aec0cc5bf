"""Trips: a timed leg on our trains <-> a leg. Other railways' legs of a journey are not ours: they are a loss each."""

import re
from datetime import datetime, timedelta

from adapters.kit import trains
from adapters.kit.reading import Record, finish_all
from adapters.kit.together import Together
from adapters.osdm.wire import CARRIER, DAY, TIME, Native, not_taken, present, read_station, station_urn, write_time
from schemas.facts import Leg, Stop
from schemas.stations import station_name

_LEGS_MOST = 12
_COVERAGE, _LEG_COVERAGE = {"coveredTripId", "coveredLegIds"}, {"tripId", "legId"}
_TRAIN_CODE = re.compile(r"[A-Z]?[0-9]{1,4}")


class Trips:
    """The trips of a booking, read leg by leg as its parts cover them."""

    def __init__(self, booking: Record) -> None:
        self._legs: dict[str, dict[str, Record]] = {}
        self._read: dict[tuple[object, ...], Leg] = {}
        for trip in booking.children("trips", most=_LEGS_MOST):
            legs = trip.children("legs", least=1, most=_LEGS_MOST)
            self._legs[trip.text("id")] = {leg.text("id"): leg for leg in legs}
            trip.repeated("duration", "startTime", "endTime", "transfers")
            trip.finish()

    def covered(self, part: Record) -> Leg:
        """The one train that a booking part is for. A part over several trains is refused: a ticket is for one."""
        plain = part.fields.get("tripCoverage")
        if type(plain) is dict and plain.keys() == _COVERAGE and type(plain["coveredLegIds"]) is list:
            key = (plain["coveredTripId"], *plain["coveredLegIds"])
            if _is_name(key) and key in self._read:
                part.take("tripCoverage")
                return self._read[key]
        coverage = part.child("tripCoverage")
        legs = self._of_trip(coverage, "coveredTripId")
        wanted = coverage.texts("coveredLegIds") or list(legs)
        coverage.finish()
        if len(wanted) != 1 or wanted[0] not in legs:
            raise coverage.refuse(
                "coveredLegIds", "message_malformed", "a ticket is for one train", expected="one leg of the trip"
            )
        return self._leg(coverage.text("coveredTripId"), wanted[0])

    def leg_of(self, allocation: Record) -> Leg:
        """The train of a place."""
        plain = allocation.fields.get("tripLegCoverage")
        if type(plain) is dict and plain.keys() == _LEG_COVERAGE:
            key = (plain["tripId"], plain["legId"])
            if _is_name(key) and key in self._read:
                allocation.take("tripLegCoverage")
                return self._read[key]
        coverage = allocation.child("tripLegCoverage")
        legs, wanted = self._of_trip(coverage, "tripId"), coverage.text("legId")
        coverage.finish()
        if wanted not in legs:
            raise coverage.refuse("legId", "message_malformed", "the trip has no such leg")
        return self._leg(coverage.text("tripId"), wanted)

    def _of_trip(self, coverage: Record, name: str) -> dict[str, Record]:
        legs = self._legs.get(coverage.text(name))
        if legs is None:
            raise coverage.refuse(name, "message_malformed", "the booking has no such trip")
        return legs

    def _leg(self, trip: str, name: str) -> Leg:
        key = (trip, name)
        if key not in self._read:
            leg = self._legs[trip][name]
            self._read[key] = _LEG(leg)
            leg.finish()
        return self._read[key]

    def finish(self) -> None:
        """Legs that no part covers become losses."""
        for trip, legs in self._legs.items():
            for name, leg in legs.items():
                if (trip, name) not in self._read:
                    not_taken(leg.fields, leg.pointer, leg.losses, "no part of the booking is for this leg")


def _is_name(key: tuple[object, ...]) -> bool:
    """Whether this is the name of a leg: a trip and one leg of it, both texts."""
    return len(key) == 2 and type(key[0]) is type(key[1]) is str


def _leg(leg: Record) -> Leg:
    timed = leg.child("timedLeg")
    departs, origin = _stop(timed.child("start"), "serviceDeparture")
    end = timed.child("end")
    arrives, destination = _stop(end, "serviceArrival")
    if arrives <= departs:
        raise end.refuse("serviceArrival", "time_invalid", "the train arrives before it leaves", example=TIME.example)
    service = timed.child("service")
    day = service.optional_time("operatingDayRef", DAY)
    if day is None:
        service.lost("operatingDayRef", "inferred", "taken to run on the day of departure: wrong after midnight")
    read = Leg(
        train_no=trains.train_no(leg, "externalRef"),
        train_code=_train_code(service),
        service_date=(day or departs).date(),
        origin=origin,
        destination=destination,
    )
    for carrier in service.children("carriers", most=5):
        if carrier.text("ref", example=CARRIER) != CARRIER:
            carrier.lost("ref", "not_mapped", "not the carrier of our trains")
        carrier.finish()
    finish_all((service, timed))
    return read


_LEG = Together(_leg, "externalRef", "timedLeg")


def _train_code(service: Record) -> str:
    numbers = service.texts("vehicleNumbers")
    if not numbers or not _TRAIN_CODE.fullmatch(numbers[0]):
        raise service.refuse(
            "vehicleNumbers",
            "message_malformed",
            "the first one is no train code of ours",
            expected="letter, digits",
            example="G11",
        )
    if len(numbers) > 1:
        service.lost("vehicleNumbers", "less_precise", "the first number counts")
    return numbers[0]


def _stop(stop: Record, call: str) -> tuple[datetime, Stop]:
    place, times = stop.child("stopPlaceRef"), stop.child(call)
    at = times.time("timetabledTime", TIME)
    index = None
    if stop.has("status"):
        status = stop.child("status")
        index = status.integer("order", high=63)
        status.finish()
    read = Stop(station=read_station(place, "stopPlaceRef"), index=index, at=at)
    place.repeated("objectType")
    stop.repeated("stopPlaceName")
    finish_all((place, times, stop))
    return at, read


def write_trip(name: str, leg: Leg) -> Native:
    """A trip of one leg: in China every train has its own ticket."""
    departs, arrives = leg.origin.at, leg.destination.at
    return present(
        {
            "id": name,
            "duration": _duration(arrives - departs) if departs and arrives else None,
            "startTime": write_time(departs),
            "endTime": write_time(arrives),
            "transfers": 0,
            "legs": [
                present(
                    {
                        "id": f"{name}-1",
                        "externalRef": leg.train_no,
                        "timedLeg": {
                            "start": _call(leg.origin, "serviceDeparture"),
                            "end": _call(leg.destination, "serviceArrival"),
                            "service": {
                                "operatingDayRef": leg.service_date.isoformat(),
                                "vehicleNumbers": [leg.train_code],
                                "carriers": [{"ref": CARRIER}],
                            },
                        },
                    }
                )
            ],
        }
    )


def _call(stop: Stop, call: str) -> Native:
    return present(
        {
            "stopPlaceRef": {"objectType": "StopPlaceRef", "stopPlaceRef": station_urn(stop.station)},
            "stopPlaceName": station_name(stop.station) or stop.station,
            call: {"timetabledTime": write_time(stop.at)},
            "status": {"order": stop.index} if stop.index is not None else None,
        }
    )


def _duration(spent: timedelta) -> str:
    """ISO 8601, hours and minutes: ``PT4H36M``."""
    hours, minutes = divmod(int(spent.total_seconds()) // 60, 60)
    return f"PT{hours}H{minutes}M"
