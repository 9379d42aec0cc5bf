"""Trains as reference data: which stations a run calls at, and when. Seats are sold by legs between these stops.

>>> timetable_document.validate_json(b'{"trains": []}')
TimetableDocument(trains=())
"""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, model_validator

from schemas.facts import Telecode
from schemas.model import Canonical, Text

STOPS_MAX = 64
"""A run has at most 63 legs: they are the bits of one signed 64-bit number."""

ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["07:30"])]


class Station(Canonical):
    """One row of ``code_lists/stations.csv``."""

    telecode: Telecode
    name_zh: Text
    pinyin: Text
    initials: Text


class TrainStop(Canonical):
    """A call: local times of arrival and departure; ``day`` counts midnights since the run left its origin."""

    station: Telecode
    arrive: ClockTime
    depart: ClockTime
    day: Annotated[int, Field(ge=0, le=6)] = 0


class Train(Canonical):
    """A train as it runs on every day from ``valid_from`` to ``valid_to``. ``train_no`` is the railway's own number."""

    train_no: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,12}$")]
    train_code: Annotated[str, Field(pattern=r"^[A-Z]?\d{1,4}$")]
    valid_from: date
    valid_to: date
    stops: Annotated[tuple[TrainStop, ...], Field(min_length=2, max_length=STOPS_MAX)]

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        if len({stop.station for stop in self.stops}) != len(self.stops):
            raise ValueError("a train calls at a station once: legs are found by their stations")
        times = [(stop.day, clock) for stop in self.stops for clock in (stop.arrive, stop.depart)]
        if times != sorted(times):
            raise ValueError("the stops are not in order of time")
        return self


class TimetableDocument(Canonical):
    """What the railway hands over: all trains of a span of dates."""

    trains: tuple[Train, ...]


timetable_document = TypeAdapter(TimetableDocument)
