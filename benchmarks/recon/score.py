"""The score: what an engine found, against what was seeded; by id, so that two errors cannot make a right sum.

An id is (business date, definition, kind, key). ``found``: seeded and reported under its kind. ``wrong kind``: seeded
and reported, under another kind. ``missed``: seeded, not reported. ``invented``: reported, though nothing was seeded
under that key; for a key of a case that only looks like a difference the case is named. ``pending`` rows are scored
apart, if the engine can say them. ``wrong money``: found, with another amount at stake.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
from rich.table import Table

State = Literal["break", "pending"]
Id = tuple[date, str, str, str]
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of one definition, counted."""

    definition: str
    kind: str
    state: State
    seeded: int
    found: int
    wrong_kind: int
    missed: int
    invented: int


@dataclass(frozen=True, slots=True)
class Score:
    """All lines, and the ids of what is not right: ``(what, definition, kind, key, said)``."""

    lines: tuple[Line, ...]
    faults: tuple[tuple[str, str, str, str, str], ...]
    wrong_money: int = 0

    @property
    def perfect(self) -> bool:
        return not self.faults and self.wrong_money == 0

    def total(self, name: str) -> int:
        """Sum of one column over all lines."""
        return sum(getattr(line, name) for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        names = ("seeded", "found", "wrong_kind", "missed", "invented")
        return {
            "perfect": self.perfect,
            **{name: self.total(name) for name in names},
            "wrong_money": self.wrong_money,
            "lines": [asdict(line) for line in self.lines],
            "faults": [list(fault) for fault in self.faults],
        }


def score(truth: Path, found: pa.Table, native: bool = False, days: Sequence[date] | None = None) -> Score:
    """Score ``found``: columns business_date, definition, kind, key, and, if the engine has them, ``state`` (break or
    pending) and ``amount``. ``native``: the engine read the native files, which cannot say every case. ``days``: which
    dates were reconciled; without: all."""
    with duckdb.connect(":memory:") as engine:
        engine.execute(_TRUTH, {"truth": str(truth), "native": native, "days": list(days or []), "all": days is None})
        engine.register("reported", _complete(found))
        engine.execute("CREATE TABLE said AS SELECT DISTINCT * FROM reported")
        engine.execute(_PAIRED)
        lines = tuple(Line(*row) for row in engine.execute(_LINES).fetchall())
        faults = tuple(tuple(row) for row in engine.execute(_FAULTS).fetchall())
        money = engine.execute(_WRONG_MONEY).fetchone() or (0,)
    return Score(lines, faults, money[0])


def _complete(found: pa.Table) -> pa.Table:
    """With the columns that an engine may leave out."""
    if "state" not in found.column_names:
        found = found.append_column("state", pa.array(["break"] * found.num_rows, pa.string()))
    if "amount" not in found.column_names:
        found = found.append_column("amount", pa.nulls(found.num_rows, pa.int64()))
    return found.select(["business_date", "definition", "kind", "key", "state", "amount"])


_TRUTH = """
CREATE TABLE truth AS SELECT * FROM read_parquet($truth)
WHERE ("native" OR NOT $native) AND ($all OR list_contains($days, business_date))
"""

_PAIRED = """
CREATE TABLE paired AS
WITH exact AS (
    SELECT t.business_date, t.definition, t.state, t.key, t.kind AS seeded, s.kind AS said, t.case_name,
           t.amount AS worth, s.amount AS worth_said
    FROM truth t JOIN said s USING (business_date, definition, state, key, kind)
), left_truth AS (SELECT * FROM truth t ANTI JOIN exact e ON t.business_date = e.business_date
    AND t.definition = e.definition AND t.state = e.state AND t.key = e.key AND t.kind = e.seeded
), left_said AS (SELECT * FROM said s ANTI JOIN exact e ON s.business_date = e.business_date
    AND s.definition = e.definition AND s.state = e.state AND s.key = e.key AND s.kind = e.said
)
SELECT * FROM exact
UNION ALL
SELECT coalesce(t.business_date, s.business_date), coalesce(t.definition, s.definition), coalesce(t.state, s.state),
       coalesce(t.key, s.key), t.kind, s.kind, t.case_name, NULL, NULL
FROM left_truth t FULL JOIN left_said s USING (business_date, definition, state, key)
"""
"""What has no equal may still meet under its key: that is a wrong kind."""

_LINES = """
SELECT definition, coalesce(seeded, said) AS kind, state, count(seeded),
       count(*) FILTER (seeded = said), count(*) FILTER (seeded <> said),
       count(*) FILTER (said IS NULL), count(*) FILTER (seeded IS NULL)
FROM paired GROUP BY ALL ORDER BY ALL
"""

_FAULTS = """
SELECT CASE WHEN said IS NULL THEN 'missed' WHEN seeded IS NULL THEN 'invented' ELSE 'wrong kind' END, definition,
       coalesce(seeded, '-'), key, coalesce(said, '-') || coalesce(' (' || case_name || ')', '')
FROM paired WHERE seeded IS DISTINCT FROM said ORDER BY ALL
"""

_WRONG_MONEY = """
SELECT count(*) FROM paired WHERE seeded = said AND state = 'break' AND worth_said IS NOT NULL AND worth <> worth_said
"""


def score_table(result: Score, title: str) -> Table:
    """The score for people, with its first faults."""
    table = Table("definition", "kind", "state", title=title)
    for name in ("seeded", "found", "wrong kind", "missed", "invented"):
        table.add_column(name, justify="right")
    for line in result.lines:
        counts = (line.seeded, line.found, line.wrong_kind, line.missed, line.invented)
        table.add_row(line.definition, line.kind, line.state, *(f"{count:,}" for count in counts))
    table.add_section()
    names = ("seeded", "found", "wrong_kind", "missed", "invented")
    table.add_row("all", "", "", *(f"{result.total(name):,}" for name in names))
    if result.faults:
        listed = [" ".join(fault) for fault in result.faults[:_SHOWN]]
        table.caption = "\n".join([*listed, "..."] if len(result.faults) > _SHOWN else listed)
    elif result.wrong_money:
        table.caption = f"{result.wrong_money:,} of the found have another amount at stake"
    return table
