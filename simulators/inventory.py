"""Which seat of which train run is taken on which legs, while a day is planned. Nothing is ever given twice."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from simulators.timetable import Train


@dataclass(frozen=True, slots=True)
class Place:
    """A seat: coach of two digits, number without leading zeros."""

    coach: str
    number: str


class SoldOut(Exception):
    """No seat of this class is free on these legs."""


class Inventory:
    """All train runs of the plan. Seats are looked for from where the last one was found, so a search is short."""

    def __init__(self) -> None:
        self._sold: dict[tuple[str, date, str], dict[int, int]] = defaultdict(dict)
        self._cursor: dict[tuple[str, date, str], int] = defaultdict(int)

    def take(self, train: Train, service_date: date, seat_class: str, start: int, end: int, count: int) -> list[Place]:
        """``count`` different seats for the legs from stop ``start`` to stop ``end``. Raises SoldOut, taking none."""
        key = (train.train_no, service_date, seat_class)
        sold, places = self._sold[key], train.places(seat_class)
        claim = (1 << end) - (1 << start)
        found: list[int] = []
        first = self._cursor[key]
        for step in range(len(places)):
            index = (first + step) % len(places)
            if sold.get(index, 0) & claim == 0:
                found.append(index)
                if len(found) == count:
                    break
        if len(found) < count:
            raise SoldOut(f"{train.code} of {service_date}: no {count} seats of {seat_class}")
        for index in found:
            sold[index] = sold.get(index, 0) | claim
        self._cursor[key] = (found[-1] + 1) % len(places)
        return [Place(*places[index]) for index in found]
