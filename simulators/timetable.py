"""The simulated railway's trains: plausible runs over real stations, and the timetable document that the hub is given.

Corridors are in ``corridors.csv``: stations in order with kilometres from the first one, first and last departure.
"""

import csv
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any, cast

from schemas.stations import telecode_of
from simulators.fares import Speed

BEIJING = timezone(timedelta(hours=8))
SPEED_KMH: dict[Speed, int] = {"high": 270, "fast": 190, "direct": 105, "slow": 75}
DWELL_MINUTES: dict[Speed, int] = {"high": 2, "fast": 3, "direct": 6, "slow": 8}
RUNS_EACH_WAY = 5

# class -> (first coach, coaches, rows, letters); letters empty: numbered berths or seats.
LAYOUT: dict[Speed, dict[str, tuple[int, int, int, str]]] = {
    "high": {"business": (1, 1, 8, "ACF"), "first": (2, 2, 14, "ACDF"), "second": (4, 13, 17, "ABCDF")},
    "fast": {"first": (1, 1, 14, "ACDF"), "second": (2, 15, 17, "ABCDF")},
    "direct": {"hard_seat": (1, 5, 110, ""), "hard_sleeper": (6, 9, 60, ""), "soft_sleeper": (15, 2, 36, "")},
    "slow": {"hard_seat": (1, 8, 110, ""), "hard_sleeper": (9, 6, 60, ""), "soft_sleeper": (15, 1, 36, "")},
}


@dataclass(frozen=True, slots=True)
class Call:
    """A stop of a run. Minutes count from midnight of the service date and may exceed 1440."""

    station: str
    name: str
    kilometre: int
    arrive: int
    depart: int


@dataclass(frozen=True, slots=True)
class Train:
    """One train; it runs every day. ``train_no`` has 12 characters, ``code`` is what passengers see."""

    train_no: str
    code: str
    speed: Speed
    corridor: str
    calls: tuple[Call, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(LAYOUT[self.speed])

    def places(self, seat_class: str) -> tuple[tuple[str, str], ...]:
        """Every (coach, number) of a class."""
        return _places(self.speed, seat_class)

    def departs(self, service_date: date, stop: int) -> datetime:
        return _moment(service_date, self.calls[stop].depart)

    def arrives(self, service_date: date, stop: int) -> datetime:
        return _moment(service_date, self.calls[stop].arrive)

    def kilometres(self, start: int, end: int) -> int:
        return self.calls[end].kilometre - self.calls[start].kilometre


@cache
def trains() -> tuple[Train, ...]:
    """All trains: every corridor, both ways, several a day."""
    made: list[Train] = []
    text = files("simulators").joinpath("corridors.csv").read_text(encoding="utf-8")
    for position, row in enumerate(csv.DictReader(text.splitlines())):
        stops = [(name, int(km)) for name, _, km in (stop.partition(":") for stop in row["stops"].split())]
        length = stops[-1][1]
        ways = (stops, [(name, length - km) for name, km in reversed(stops)])
        for way, line in enumerate(ways):
            for run in range(RUNS_EACH_WAY):
                made.append(_train(row, position, way, run, line))
    return tuple(made)


@cache
def by_corridor() -> dict[str, tuple[Train, ...]]:
    """corridor and way -> its trains, in order of departure."""
    groups: dict[str, list[Train]] = {}
    for train in trains():
        groups.setdefault(train.corridor, []).append(train)
    return {name: tuple(sorted(group, key=lambda t: t.calls[0].depart)) for name, group in groups.items()}


def document(valid_from: date, days: int = 40) -> dict[str, Any]:
    """The timetable as the hub reads it."""
    valid_to = valid_from + timedelta(days=days)
    return {
        "trains": [
            {
                "train_no": train.train_no,
                "train_code": train.code,
                "valid_from": valid_from.isoformat(),
                "valid_to": valid_to.isoformat(),
                "stops": [_stop(call) for call in train.calls],
            }
            for train in trains()
        ]
    }


def _stop(call: Call) -> dict[str, Any]:
    return {
        "station": call.station,
        "arrive": _clock(call.arrive),
        "depart": _clock(call.depart),
        "day": call.arrive // 1440,
    }


def _clock(minutes: int) -> str:
    return f"{minutes % 1440 // 60:02d}:{minutes % 60:02d}"


def _train(row: dict[str, str], position: int, way: int, run: int, line: list[tuple[str, int]]) -> Train:
    speed = cast(Speed, row["speed"])
    number = 1000 + position * 20 + run * 2 + (2 if way else 1)
    first, last = _minutes(row["first"]), _minutes(row["last"])
    # The two ways leave at different minutes, so that no two trains of a corridor share a departure.
    start = first + (last - first) * run // (RUNS_EACH_WAY - 1) + 7 * way
    calls: list[Call] = []
    clock = start
    for index, (name, kilometre) in enumerate(line):
        code = telecode_of(name)
        if code is None:
            raise ValueError(f"corridors.csv, {row['code']}: there is no station {name}")
        if index:
            clock += max(4, (kilometre - line[index - 1][1]) * 60 // SPEED_KMH[speed])
        arrive, depart = clock, clock + (DWELL_MINUTES[speed] if 0 < index < len(line) - 1 else 0)
        if arrive // 1440 != depart // 1440:
            # A train does not stand over midnight here: one day offset describes a whole stop.
            depart = arrive
        calls.append(Call(code, name, kilometre, arrive, depart))
        clock = depart
    code = f"{row['prefix']}{number}"
    train_no = f"{position:02d}0000{code:0>5}{way}"
    return Train(train_no, code, speed, f"{row['code']}/{way}", tuple(calls))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _moment(service_date: date, minutes: int) -> datetime:
    return datetime.combine(service_date, time(), BEIJING) + timedelta(minutes=minutes)


@cache
def _places(speed: Speed, seat_class: str) -> tuple[tuple[str, str], ...]:
    first, coaches, rows, letters = LAYOUT[speed][seat_class]
    seats = [f"{row}{letter}" for row in range(1, rows + 1) for letter in letters or ("",)]
    return tuple((f"{coach:02d}", seat) for coach in range(first, first + coaches) for seat in seats)
