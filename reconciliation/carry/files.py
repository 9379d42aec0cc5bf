"""The carry as files: what a run opens with and what it closes with, one Parquet file per side, named by its digest.

Ten rows of a day's last minutes or a whole day that a bank settles after Golden Week: the same way, and PostgreSQL
keeps only sums. Rows have ``datasets.SCHEMA``; ``carried`` is the date they come from.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
from psycopg import Connection
from psycopg.types.json import Jsonb

from reconciliation.carry.proof import Roll
from reconciliation.carry.waiting import Origin
from reconciliation.datasets import SCHEMA, content_sql, rows_to_table
from reconciliation.definitions.model import Side
from reconciliation.rows import Row

_COLUMNS = ", ".join(f'"{name}"' for name in SCHEMA.names)
SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True, slots=True)
class Opening:
    """What a run opens with: the closing of the last date before that was run to its end (``run_id``)."""

    left: Path | None
    right: Path | None
    digest: str
    origins: tuple[Origin, ...] = ()
    run_id: str | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.left, self.right) if path is not None)

    def order_nos(self) -> set[str]:
        """The orders that the carried rows belong to: the hub is asked for them too."""
        if not self.paths:
            return set()
        with duckdb.connect(":memory:") as engine:
            found = engine.execute(
                "SELECT DISTINCT order_no FROM read_parquet($paths) WHERE order_no <> ''", {"paths": _texts(self.paths)}
            ).fetchall()
        return {row[0] for row in found}


@dataclass(frozen=True, slots=True)
class Closing:
    """What a run closes with. ``origins``: (side, date) -> rows still waiting from it; ``rolls`` are proven."""

    left: Path | None
    right: Path | None
    digest: str
    origins: tuple[tuple[Side, date, int], ...]
    rolls: tuple[Roll, ...]

    @property
    def total(self) -> Roll:
        """Everything together, whatever the side and the currency: for the run's own line."""
        names = [name for name in Roll.__slots__ if name not in {"side", "currency"}]
        return Roll("left", "-", **{name: sum(getattr(roll, name) for roll in self.rolls) for name in names})


def _texts(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]


def _digest(parts: Sequence[tuple[str, int, int]]) -> str:
    said = "; ".join(f"{side}: {rows} rows, sum {total}" for side, rows, total in parts if rows)
    return hashlib.sha256(said.encode()).hexdigest()


EMPTY = _digest([])
"""The digest of a carry without rows, be it that nothing waits or that nothing was run before."""


# --- closing


def close(opening: Opening, waiting: Path | None, business_date: date, root: Path) -> Closing:
    """Write the rows that wait after a run (``waiting``: Parquet of ``matching.PAIRS``, one-sided) as its closing.

    Raises ValueError when the roll-forward does not come out.
    """
    if waiting is None and not opening.paths:
        return Closing(None, None, EMPTY, (), ())
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET preserve_insertion_order = false")
        engine.execute("SET threads = 2")
        for side in SIDES:
            _load_closing(engine, side, waiting, business_date)
            _load_opening(engine, side, opening)
        rolls = tuple(roll for side in SIDES for roll in _rolls(engine, side))
        found = [(side, *_sum(engine, side)) for side in SIDES]
        digest = _digest(found)
        files = {side: _write(engine, side, root, digest) if rows else None for side, rows, _ in found}
        origins = tuple(origin for side in SIDES for origin in _origins(engine, side))
    for roll in rolls:
        roll.prove()
    return Closing(files["left"], files["right"], digest, origins, rolls)


def _load_closing(engine: duckdb.DuckDBPyConnection, side: Side, waiting: Path | None, business_date: date) -> None:
    if waiting is None:
        engine.register("none_waiting", SCHEMA.empty_table())
        engine.execute(f"CREATE TEMP TABLE closing_{side} AS SELECT * FROM none_waiting")
        return
    prefix = side[0]
    chosen = ", ".join(f'{prefix}_{name} AS "{name}"' for name in SCHEMA.names if name != "carried")
    # In the order of SCHEMA, so that the file can be read as any other of its kind.
    engine.execute(
        f"CREATE TEMP TABLE closing_{side} AS SELECT {_COLUMNS} FROM (SELECT {chosen},"
        f" coalesce(nullif({prefix}_carried, ''), $day) AS carried FROM read_parquet($waiting) WHERE status = $side)",
        {"day": business_date.isoformat(), "waiting": str(waiting), "side": side},
    )


def _load_opening(engine: duckdb.DuckDBPyConnection, side: Side, opening: Opening) -> None:
    path = opening.left if side == "left" else opening.right
    source = "none_opened" if path is None else "read_parquet($path)"
    if path is None:
        engine.register("none_opened", SCHEMA.empty_table())
    engine.execute(
        f"CREATE TEMP TABLE opening_{side} AS SELECT key, amount, currency, carried FROM {source}",
        {} if path is None else {"path": str(path)},
    )


# A row that came again with another amount has left the carry and entered it anew.
_ROLLS = """
WITH o AS (
    SELECT currency, key, coalesce(amount, 0) AS amount, count(*) AS n FROM opening_{side} GROUP BY ALL
), c AS (
    SELECT currency, key, coalesce(amount, 0) AS amount, count(*) AS n FROM closing_{side} GROUP BY ALL
), together AS (
    SELECT coalesce(o.currency, c.currency) AS currency, coalesce(o.amount, c.amount) AS amount,
           coalesce(o.n, 0) AS o, coalesce(c.n, 0) AS c
    FROM o FULL JOIN c ON (o.currency, o.key, o.amount) = (c.currency, c.key, c.amount)
)
SELECT currency, sum(o), sum(o * amount), sum(greatest(c - o, 0)), sum(greatest(c - o, 0) * amount),
       sum(greatest(o - c, 0)), sum(greatest(o - c, 0) * amount), sum(c), sum(c * amount)
FROM together GROUP BY currency ORDER BY currency
"""


def _rolls(engine: duckdb.DuckDBPyConnection, side: Side) -> list[Roll]:
    found = engine.execute(_ROLLS.format(side=side)).fetchall()
    return [Roll(side, str(row[0]), *(int(each) for each in row[1:])) for row in found]


def _sum(engine: duckdb.DuckDBPyConnection, side: Side) -> tuple[int, int]:
    row = engine.execute(f"SELECT count(*), coalesce(sum({content_sql()}), 0) FROM closing_{side}").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _origins(engine: duckdb.DuckDBPyConnection, side: Side) -> list[tuple[Side, date, int]]:
    rows = engine.execute(f"SELECT carried, count(*) FROM closing_{side} GROUP BY carried ORDER BY carried").fetchall()
    return [(side, date.fromisoformat(origin), int(count)) for origin, count in rows]


def _write(engine: duckdb.DuckDBPyConnection, side: Side, root: Path, digest: str) -> Path:
    """Write one side, or find it there: the file appears whole or not at all."""
    path = root / digest[:2] / f"{digest}-{side}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".writing")
        os.close(handle)
        engine.execute(
            f'COPY (SELECT * FROM closing_{side} ORDER BY key, amount, "at", place) TO $draft (FORMAT parquet,'
            " COMPRESSION zstd)",
            {"draft": draft},
        )
        Path(draft).rename(path)
    return path


# --- opening, and writing down


def opening(connection: Connection[Any], definition: str, business_date: date, root: Path) -> Opening:
    """The closing of the last date before ``business_date`` on which ``definition`` was run to its end.

    Raises FileNotFoundError when a file of the carry is gone: a run without it would prove nothing.
    """
    row = connection.execute(_LAST_CLOSING, {"definition": definition, "date": business_date}).fetchone()
    if row is None:
        return Opening(None, None, EMPTY)
    run_id, last_date, digest, left, right, origins = row
    if digest is None:
        return _opening_of_before(connection, definition, last_date, run_id, root)
    paths = {side: root / name if name else None for side, name in (("left", left), ("right", right))}
    for path in paths.values():
        if path is not None and not path.exists():
            raise FileNotFoundError(f"the carry of {definition} before {business_date} is gone: {path}")
    found: tuple[Origin, ...] = tuple((side, date.fromisoformat(origin)) for side, origin, _ in origins)
    return Opening(paths["left"], paths["right"], digest, found, run_id)


def record(
    connection: Connection[Any],
    run_id: str,
    definition: str,
    business_date: date,
    opening: Opening,
    closing: Closing,
    followed: bool,
    root: Path,
    now: datetime,
) -> None:
    """Write a run's carry into its finishing transaction; a run that is put in force again writes the same again."""
    connection.execute("DELETE FROM recon.carries WHERE run_id = %s", (run_id,))
    names = [str(path.relative_to(root)) if path else None for path in (closing.left, closing.right)]
    origins = [[side, origin.isoformat(), count] for side, origin, count in closing.origins]
    connection.execute(
        "INSERT INTO recon.carries (run_id, definition, business_date, opening_run, opening_digest, closing_digest,"
        " left_file, right_file, origins, followed, recorded_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (run_id, definition, business_date, opening.run_id, opening.digest, closing.digest, *names,
         Jsonb(origins), followed, now),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_ROLL, [{"run_id": run_id, **roll.to_json()} for roll in closing.rolls])


def _opening_of_before(
    connection: Connection[Any], definition: str, last_date: date, run_id: str, root: Path
) -> Opening:
    """The carry of a run from before there were files: rows of ``recon.carry``, written as a file now."""
    found = connection.execute(
        "SELECT side, origin_date, record FROM recon.carry WHERE definition = %s AND business_date = %s",
        (definition, last_date),
    ).fetchall()
    sides: dict[str, list[Row]] = {side: [] for side in SIDES}
    for side, origin, record in found:
        sides[side].append(Row(**{**record, "carried": origin.isoformat()}))
    with duckdb.connect(":memory:") as engine:
        for side in SIDES:
            engine.register("kept", rows_to_table(sides[side]))
            engine.execute(f"CREATE TEMP TABLE closing_{side} AS SELECT * FROM kept")
        digest = _digest([(side, *_sum(engine, side)) for side in SIDES])
        paths = {side: _write(engine, side, root, digest) if sides[side] else None for side in SIDES}
    origins: tuple[Origin, ...] = tuple(sorted({(side, origin) for side, origin, _ in found}))
    return Opening(paths["left"], paths["right"], digest, origins, run_id)


_LAST_CLOSING = """
SELECT r.run_id, r.business_date, c.closing_digest, c.left_file, c.right_file, c.origins
FROM recon.runs r LEFT JOIN recon.carries c USING (run_id)
WHERE r.definition = %(definition)s AND r.state = 'done' AND r.business_date < %(date)s
ORDER BY r.business_date DESC, r.finish_order DESC LIMIT 1
"""

_INSERT_ROLL = """
INSERT INTO recon.rolls (run_id, side, currency, opening_count, opening_minor, new_count, new_minor,
                         cleared_count, cleared_minor, closing_count, closing_minor)
VALUES (%(run_id)s, %(side)s, %(currency)s, %(opening_count)s, %(opening_minor)s, %(new_count)s, %(new_minor)s,
        %(cleared_count)s, %(cleared_minor)s, %(closing_count)s, %(closing_minor)s)
"""
