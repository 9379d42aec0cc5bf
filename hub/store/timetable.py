"""Trains as reference data: which stops a run has, so that a leg becomes a range of bits."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from schemas.facts import Leg
from schemas.timetable import Train

_FRESH_SECONDS = 60.0


class Place(NamedTuple):
    """A seat of one train run and the legs a ticket takes of it: bit n is the leg from stop n to stop n+1."""

    service_date: date
    train: str
    coach: str
    seat: str
    legs: int


@dataclass(frozen=True, slots=True)
class Run:
    """The stops of a train, in order, as telecodes."""

    train_no: str
    stops: tuple[str, ...]

    def legs(self, origin: str, destination: str) -> int:
        """The bit mask between two stops; 0 when the train does not go that way."""
        if origin not in self.stops or destination not in self.stops:
            return 0
        start, end = self.stops.index(origin), self.stops.index(destination)
        return (1 << end) - (1 << start) if start < end else 0


def load(connection: Connection[TupleRow], trains: Iterable[Train]) -> int:
    """Take trains; one that is known for the same first day is replaced. Returns how many."""
    rows = [
        (t.train_code, t.valid_from, t.valid_to, t.train_no, Jsonb([stop.model_dump() for stop in t.stops]))
        for t in trains
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO hub.trains (train_code, valid_from, valid_to, train_no, stops) VALUES (%s, %s, %s, %s, %s)
               ON CONFLICT (train_code, valid_from) DO UPDATE
               SET valid_to = excluded.valid_to, train_no = excluded.train_no, stops = excluded.stops""",
            rows,
        )
    return len(rows)


class Timetable:
    """Runs by code and date, read from the database and kept for a minute."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, date], Run | None] = {}
        self._read_at = 0.0

    def learn(self, connection: Connection[TupleRow], legs: Iterable[Leg]) -> None:
        """Make sure that the runs of these legs are known, with one query for those that are not."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            self._runs.clear()
            self._read_at = time.monotonic()
        asked = {(leg.train_code, leg.service_date) for leg in legs}
        missing = sorted(key for key in asked if self._runs.get(key) is None)
        if not missing:
            return
        codes, dates = [code for code, _ in missing], [day for _, day in missing]
        found = connection.execute(
            """SELECT wanted.code, wanted.day, t.train_no, t.stops::text
               FROM unnest(%s::text[], %s::date[]) AS wanted (code, day)
               JOIN hub.trains t ON t.train_code = wanted.code AND wanted.day BETWEEN t.valid_from AND t.valid_to""",
            (codes, dates),
        )
        for code, day, train_no, stops in found:
            self._runs[code, day] = Run(train_no, tuple(stop["station"] for stop in json.loads(stops)))

    def run(self, leg: Leg) -> Run | None:
        return self._runs.get((leg.train_code, leg.service_date))

    def knows(self, leg: Leg) -> bool:
        """Whether this leg is a forward range of stops of a known run."""
        run = self.run(leg)
        return run is not None and run.legs(leg.origin.station, leg.destination.station) != 0
