"""Matching: two sides, bucket by bucket, in DuckDB. Pure: files in, differences out, the same on every machine.

The pass is an exact-key full outer join in which the n-th row of a key on one side meets the n-th on the other: every
row is claimed once, and what is left over of a key is a duplicate, not a coin toss. Only differences leave DuckDB.

Measured shape: one bucket at a time needs the memory of one bucket and distributes; the loop over buckets belongs to
the caller (``runs`` inline, Celery tasks in production).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from reconciliation.definitions import Definition
from reconciliation.kinds import BreakKind
from reconciliation.rows import STATE_RANK, Row

_COLUMNS = tuple(f.name for f in fields(Row))


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the two sides differ, with the rows of both, before it is a break."""

    kind: BreakKind
    key: str
    left: Row | None
    right: Row | None

    @property
    def one_sided(self) -> bool:
        return self.left is None or self.right is None

    @property
    def row(self) -> Row:
        """The row there is; the left one of two."""
        found = self.left or self.right
        if found is None:
            raise ValueError(f"{self.kind} {self.key} has no row on either side")
        return found


@dataclass(slots=True)
class BucketResult:
    """What one bucket says: rows on each side, how many match, the differences, and matched pairs that were carried."""

    left_rows: int = 0
    right_rows: int = 0
    matched: int = 0
    differences: list[Difference] = field(default_factory=list)
    carried: list[Difference] = field(default_factory=list)

    def add(self, other: "BucketResult") -> None:
        self.left_rows += other.left_rows
        self.right_rows += other.right_rows
        self.matched += other.matched
        self.differences += other.differences
        self.carried += other.carried

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "BucketResult":
        return cls(
            left_rows=value["left_rows"],
            right_rows=value["right_rows"],
            matched=value["matched"],
            differences=[_difference(d) for d in value["differences"]],
            carried=[_difference(d) for d in value["carried"]],
        )


def _difference(value: dict[str, Any]) -> Difference:
    left, right = value["left"], value["right"]
    return Difference(value["kind"], value["key"], Row(**left) if left else None, Row(**right) if right else None)


def match_bucket(
    definition: Definition,
    left: Path | Sequence[Path],
    right: Path | Sequence[Path],
    business_date: date,
    memory_limit: str = "1GB",
) -> BucketResult:
    """Match one bucket (or several small ones, as lists of files) of the two sides of ``definition``."""
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET threads = 1")
        engine.execute("SET preserve_insertion_order = false")
        engine.execute(f"SET memory_limit = '{memory_limit}'")
        engine.execute(_JOIN.format(scope=_scope(definition)), _parameters(definition, left, right, business_date))
        counts = engine.execute(_COUNTS).fetchone() or (0, 0, 0)
        result = BucketResult(left_rows=counts[0], right_rows=counts[1], matched=counts[2])
        for record in engine.execute(_INTERESTING).fetchall():
            pair = _pair(record)
            found = list(_differences(definition, *pair))
            result.differences += found
            if not found and pair[0] and pair[2] and (pair[0].carried or pair[2].carried):
                result.carried.append(Difference("TIMING", pair[0].key, pair[0], pair[2]))
    result.matched -= len({d.key for d in result.differences if not d.one_sided})
    return result


_JOIN = """
CREATE TEMP TABLE pairs AS
WITH l AS (
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY amount NULLS LAST, state NULLS LAST, "at", place) AS nth,
           {scope} AS in_scope
    FROM read_parquet($left) WHERE list_contains($kinds, kind) AND starts_with(key, $prefix)
), r AS (
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY amount NULLS LAST, state NULLS LAST, "at", place) AS nth
    FROM read_parquet($right) WHERE list_contains($kinds, kind) AND starts_with(key, $prefix)
)
SELECT l, r, l.key IS NOT NULL AS has_left, r.key IS NOT NULL AS has_right,
       coalesce(l.in_scope, false) AS in_scope,
       coalesce(
           abs(l.amount - r.amount) > $tolerance
           OR (l.amount IS NULL) <> (r.amount IS NULL)
           OR (l.state <> r.state) OR (l.seat <> r.seat) OR l.currency <> r.currency, false
       ) OR l.amount IS NULL <> r.amount IS NULL AS differs,
       coalesce(l.carried, '') <> '' OR coalesce(r.carried, '') <> '' AS is_carried
FROM l FULL OUTER JOIN r ON l.key = r.key AND l.nth = r.nth
"""

_COUNTS = """
SELECT count(*) FILTER (has_left AND (in_scope OR has_right)), count(*) FILTER (has_right),
       count(*) FILTER (has_left AND has_right)
FROM pairs
"""

_INTERESTING = f"""
SELECT has_left, has_right, in_scope, l.nth, r.nth,
       {", ".join(f'l."{name}"' for name in _COLUMNS)}, {", ".join(f'r."{name}"' for name in _COLUMNS)}
FROM pairs
WHERE (has_left AND NOT has_right AND in_scope) OR (has_right AND NOT has_left)
   OR (has_left AND has_right AND (differs OR is_carried))
ORDER BY coalesce(l.key, r.key), coalesce(l.nth, r.nth)
"""


def _scope(definition: Definition) -> str:
    """Which left rows the other side must know: what the channel sold or did on the date; what was paid on the date."""
    if definition.right.source == "channel":
        return "(carried <> '' OR (seller = $of AND sold_on = $date) OR contains(actors, '|' || $of || '|'))"
    return '(carried <> \'\' OR ("at" >= $begin AND "at" < $end))'


def _parameters(
    definition: Definition, left: Path | Sequence[Path], right: Path | Sequence[Path], business_date: date
) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "left": _names(left),
        "right": _names(right),
        "kinds": list(definition.rows),
        "prefix": f"{definition.right.of}|" if definition.right.source == "processor" else "",
        "tolerance": definition.tolerance("amount"),
    }
    if definition.right.source == "channel":
        return {**shared, "of": definition.right.of, "date": business_date.isoformat()}
    begin, end = definition.calendar.span(business_date)
    return {**shared, "begin": begin, "end": end}


def _names(paths: Path | Sequence[Path]) -> list[str]:
    return [str(paths)] if isinstance(paths, Path) else [str(path) for path in paths]


Pair = tuple[Row | None, int, Row | None, int]


def _pair(record: tuple[Any, ...]) -> Pair:
    has_left, has_right, _, nth_left, nth_right = record[:5]
    width = len(_COLUMNS)
    left = Row(*record[5 : 5 + width]) if has_left else None
    right = Row(*record[5 + width :]) if has_right else None
    return left, nth_left or 0, right, nth_right or 0


def _differences(
    definition: Definition, left: Row | None, nth_left: int, right: Row | None, nth_right: int
) -> Iterator[Difference]:
    """The differences of one pair; two fields that differ are two differences."""
    if left is None or right is None:
        row = left or right
        if row is None:
            return
        missing: BreakKind = "MISSING_IN_HUB" if left is None else "MISSING_IN_CHANNEL"
        kind: BreakKind = "DUPLICATE" if max(nth_left, nth_right) > 1 else missing
        yield Difference(kind, row.key, left, right)
        return
    seller = definition.right.source != "channel" or left.seller == definition.right.of
    if left.amount is None and right.amount is not None:
        # The hub knows the thing only from an act on it: its sale has never been told.
        yield Difference("MISSING_IN_HUB", left.key, left, right)
        return
    if right.amount is None and left.amount is not None and seller:
        yield Difference("MISSING_IN_CHANNEL", left.key, left, right)
        return
    for comparison in definition.compare:
        if _differs(comparison.field, comparison.tolerance, left, right, seller):
            yield Difference(comparison.kind, left.key, left, right)


def _differs(name: str, tolerance: int, left: Row, right: Row, seller: bool) -> bool:
    ours, theirs = getattr(left, name), getattr(right, name)
    if ours is None or theirs is None or ours == theirs:
        return False
    if name == "amount":
        return bool(abs(ours - theirs) > tolerance)
    if name == "state" and not seller:
        # Who did not sell the order is not its keeper: it only must not be further on than the hub.
        return STATE_RANK[theirs] > STATE_RANK[ours]
    return True
