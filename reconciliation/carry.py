"""The carry: what is one-sided but too young to be a break, rolled forward from business date to business date.

opening + new - cleared = closing        counted and summed, per definition and date; the database checks it too
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from reconciliation.definitions import Definition
from reconciliation.matching import Difference
from reconciliation.rows import Row

CarrySide = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class CarryItem:
    """One row that waits for its counterpart. ``origin`` is the date it belongs to."""

    side: CarrySide
    key: str
    origin: date
    row: Row

    @property
    def amount(self) -> int:
        return self.row.amount or 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self.row)

    @classmethod
    def from_json(cls, side: CarrySide, key: str, origin: date, record: dict[str, Any]) -> "CarryItem":
        return cls(side, key, origin, Row(**record))


@dataclass(frozen=True, slots=True)
class Balance:
    """A number of rows and their sum in minor units."""

    count: int = 0
    amount: int = 0

    @classmethod
    def of(cls, items: Iterable[CarryItem]) -> "Balance":
        listed = list(items)
        return cls(len(listed), sum(item.amount for item in listed))


@dataclass(frozen=True, slots=True)
class Carry:
    """One run's roll-forward."""

    opening: tuple[CarryItem, ...]
    closing: tuple[CarryItem, ...]

    @property
    def new(self) -> Balance:
        known = {(item.side, item.key) for item in self.opening}
        return Balance.of(item for item in self.closing if (item.side, item.key) not in known)

    @property
    def cleared(self) -> Balance:
        kept = {(item.side, item.key) for item in self.closing}
        return Balance.of(item for item in self.opening if (item.side, item.key) not in kept)

    def prove(self) -> None:
        """Raises ValueError when the balances do not roll forward."""
        opening, closing = Balance.of(self.opening), Balance.of(self.closing)
        if (
            opening.count + self.new.count - self.cleared.count != closing.count
            or opening.amount + self.new.amount - self.cleared.amount != closing.amount
        ):
            raise ValueError(
                f"the carry does not roll forward: {opening} + {self.new} - {self.cleared} is not {closing}"
            )


def with_opening(rows: Sequence[Row], opening: Iterable[CarryItem], side: CarrySide) -> list[Row]:
    """A side's rows with what was carried into the date; a row that came again keeps its values and its mark."""
    carried = {item.key: item for item in opening if item.side == side}
    result = [replace(row, carried=_mark(carried.pop(row.key))) if row.key in carried else row for row in rows]
    return result + [replace(item.row, carried=_mark(item)) for item in carried.values()]


def _mark(item: CarryItem) -> str:
    return item.origin.isoformat()


def pending(
    definition: Definition, business_date: date, differences: Sequence[Difference], now: datetime
) -> tuple[list[Difference], list[CarryItem]]:
    """Split differences into those that are breaks now and those that may still clear."""
    broken: list[Difference] = []
    waiting: list[CarryItem] = []
    for difference in differences:
        origin = date.fromisoformat(difference.row.carried) if difference.row.carried else business_date
        if (
            difference.kind in {"MISSING_IN_HUB", "MISSING_IN_CHANNEL"}
            and difference.one_sided
            and definition.calendar.at_the_edge(origin, difference.row.at)
            and not definition.calendar.grace_is_over(origin, now)
        ):
            side: CarrySide = "left" if difference.right is None else "right"
            waiting.append(CarryItem(side, difference.key, origin, replace(difference.row, carried="")))
        else:
            broken.append(difference)
    return broken, waiting
