"""What of a definition and a date decides a match, as one small hashable value: the key under which SQL is compiled."""

from dataclasses import dataclass
from datetime import date

from reconciliation.definitions import Definition

DAY = 86_400_000_000
"""A day in microseconds."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows of the left side the other side must know.

    A channel: what it sold on ``sold_on``, and that on which it acted (``actors``). A processor: what was paid in
    [``begin``, ``end``), microseconds. Neither: every row.
    """

    seller: str | None = None
    sold_on: str = ""
    begin: int | None = None
    end: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """A field that is compared: the other side's value minus the hub's lies within [low, high], or it differs."""

    field: str
    kind: str
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A definition on a date. ``fee``: (rate in millionths, tolerance in thousandths of a minor unit)."""

    scope: Scope
    left_kinds: tuple[str, ...]
    right_kinds: tuple[str, ...]
    prefix: str
    compared: tuple[Compared, ...]
    exact: bool
    fee: tuple[int, int] | None
    left_begin: int
    right_begin: int

    def compares(self, name: str) -> bool:
        return any(c.field == name for c in self.compared)


def plan_of(definition: Definition, business_date: date) -> Plan:
    """The plan of one definition on one date."""
    of = definition.right.of or ""
    right_begin, right_end = definition.days("right").span(business_date)
    if definition.right.source == "channel":
        scope = Scope(seller=of, sold_on=business_date.isoformat())
    elif definition.left.source == "hub":
        # What the other side's file of this date must hold: its own days decide.
        scope = Scope(begin=right_begin, end=right_end)
    else:
        scope = Scope()
    return Plan(
        scope=scope,
        left_kinds=definition.rows_of("left"),
        right_kinds=definition.rows_of("right"),
        prefix=f"{of}|" if definition.right.source == "processor" and definition.left.source == "hub" else "",
        compared=tuple(Compared(c.field, c.kind, *c.bounds) for c in definition.compare),
        exact=any(step.step == "exact" for step in definition.passes),
        fee=(definition.fee.rate_ppm, definition.fee.tolerance) if definition.fee else None,
        left_begin=definition.days("left").span(business_date)[0],
        right_begin=right_begin,
    )
