"""The journal of runs: what was compared, from which inputs, through which stages, with what result.

A run's id is the hash of everything that can change its result, so the same inputs find the run that is already there.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from reconciliation.carry.proof import Roll

Pool = ConnectionPool[Connection[TupleRow]]


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One input of a run: where it came from, its digest as bytes and as rows, what was kept aside, and the folder of
    the dataset that holds its rows (None for one that was refused)."""

    side: str
    source: str
    name: str
    sha256: str
    digest: str
    bytes: int
    rows: int
    quarantined: tuple[dict[str, Any], ...] = ()
    refused: str | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class RunHead:
    """What makes a run this run and no other."""

    definition: str
    business_date: date
    policy_version: str
    definition_digest: str
    left_digest: str
    right_digest: str
    context_digest: str

    @property
    def run_id(self) -> str:
        parts = [
            self.definition,
            self.business_date.isoformat(),
            self.policy_version,
            self.definition_digest,
            self.left_digest,
            self.right_digest,
            self.context_digest,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a finished run counted. ``state``: done, waiting (an input is not there), refused (an input is wrong).
    ``passes``: later pass -> rows of the left and of the right side that it matched. ``carry``: all of it together."""

    state: str
    reason: str | None = None
    left_rows: int = 0
    right_rows: int = 0
    matched: int = 0
    adjusted: int = 0
    break_count: int = 0
    break_fen: int = 0
    carry: Roll = field(default_factory=lambda: Roll("left", "-"))
    passes: dict[str, tuple[int, int]] = field(default_factory=dict)


class Journal:
    """Runs, their inputs and their stages in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    @contextmanager
    def locked(self, names: Sequence[tuple[str, date]]) -> Iterator[None]:
        """Hold the advisory lock of each (definition, date), always in the same order; the second run waits here."""
        keys = sorted(f"recon|{definition}|{business_date.isoformat()}" for definition, business_date in names)
        with self.pool.connection() as connection:
            try:
                for key in keys:
                    connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (key,))
                # Session locks outlive the transaction: no transaction stays open for the length of a run.
                connection.commit()
                yield
            finally:
                connection.rollback()
                connection.execute("SELECT pg_advisory_unlock_all()")
                connection.commit()

    def begin(self, head: RunHead, inputs: Sequence[InputRecord], data_dir: Path, now: datetime) -> str | None:
        """Write down that the run has begun. Returns its state before: None for a new one.

        A run that is ``running`` was interrupted: it is taken up again, and the pieces it has finished stay finished.
        """
        with self.pool.connection() as connection:
            row = connection.execute("SELECT state FROM recon.runs WHERE run_id = %s", (head.run_id,)).fetchone()
            if row is not None:
                return str(row[0])
            connection.execute(_INSERT_RUN, (*_head_values(head), now, now))
            _write_inputs(connection, head.run_id, inputs, data_dir)
        return None

    def is_latest(self, head: RunHead) -> bool:
        """Whether this run is the last finished one of its definition and date: then it has nothing to change."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT run_id FROM recon.runs WHERE definition = %s AND business_date = %s AND state <> 'running'"
                " ORDER BY finish_order DESC LIMIT 1",
                (head.definition, head.business_date),
            ).fetchone()
        return row is not None and row[0] == head.run_id

    @contextmanager
    def stage(
        self, run_id: str, stage: str, worker: str, clock: Callable[[], datetime], rows: int = 0
    ) -> Iterator[None]:
        """Write down that a stage begins, and that it has ended; one without an end was interrupted."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "INSERT INTO recon.stages (run_id, stage, attempt, worker, started_at, rows)"
                " SELECT %(run_id)s, %(stage)s, 1 + coalesce(max(attempt), 0), %(worker)s, %(now)s, %(rows)s"
                " FROM recon.stages WHERE run_id = %(run_id)s AND stage = %(stage)s RETURNING attempt",
                {"run_id": run_id, "stage": stage, "worker": worker, "now": clock(), "rows": rows},
            ).fetchone()
            attempt = row[0] if row else 1
            connection.execute(
                "UPDATE recon.runs SET stage = %s, stage_since = %s, attempt = greatest(attempt, %s) WHERE run_id = %s",
                (stage, clock(), attempt, run_id),
            )
        yield
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE recon.stages SET finished_at = %s WHERE run_id = %s AND stage = %s AND attempt = %s",
                (clock(), run_id, stage, attempt),
            )

    def finish(self, connection: Connection[TupleRow], run_id: str, result: RunResult, now: datetime) -> None:
        """Write a run's end into ``connection``'s transaction. The database refuses a carry that does not add up."""
        carry = result.carry
        connection.execute(
            _FINISH_RUN,
            {
                "run_id": run_id,
                "state": result.state,
                "reason": result.reason,
                "left_rows": result.left_rows,
                "right_rows": result.right_rows,
                "matched": result.matched,
                "adjusted": result.adjusted,
                "pending": carry.closing_count,
                "break_count": result.break_count,
                "break_fen": result.break_fen,
                "carry": _carry_values(carry),
                "passes": Jsonb(result.passes),
                "now": now,
            },
        )

    def runs(self, business_date: date | None, definition: str | None, limit: int = 200) -> list[dict[str, Any]]:
        """Runs, the latest first; those at work before them."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT * FROM recon.runs WHERE (%(date)s::date IS NULL OR business_date = %(date)s)"
                " AND (%(definition)s::text IS NULL OR definition = %(definition)s)"
                " ORDER BY finish_order DESC NULLS FIRST LIMIT %(limit)s",
                {"date": business_date, "definition": definition, "limit": limit},
            ).fetchall()

    def run(self, run_id: str) -> dict[str, Any] | None:
        """One run with its inputs and stages; ``pieces_done`` of ``pieces_total`` tell how far matching is."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute("SELECT * FROM recon.runs WHERE run_id = %s", (run_id,)).fetchone()
            if found is None:
                return None
            inputs = cursor.execute("SELECT * FROM recon.inputs WHERE run_id = %s ORDER BY side, name", (run_id,))
            found["inputs"] = inputs.fetchall()
            stages = cursor.execute(
                "SELECT stage, attempt, worker, started_at, finished_at, rows FROM recon.stages WHERE run_id = %s"
                " ORDER BY started_at, stage, attempt",
                (run_id,),
            )
            found["stages"] = stages.fetchall()
            return found


def _write_inputs(connection: Connection[TupleRow], run_id: str, inputs: Sequence[InputRecord], data_dir: Path) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO recon.inputs"
            " (run_id, side, source, name, sha256, digest, bytes, rows, quarantined, refused, folder)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (
                    run_id, i.side, i.source, i.name, i.sha256, i.digest, i.bytes, i.rows, Jsonb(list(i.quarantined)),
                    i.refused, str(i.folder.relative_to(data_dir)) if i.folder else None,
                )
                for i in inputs
            ],
        )  # fmt: skip


def _head_values(head: RunHead) -> tuple[Any, ...]:
    return (
        head.run_id,
        head.definition,
        head.business_date,
        head.policy_version,
        head.definition_digest,
        head.left_digest,
        head.right_digest,
        head.context_digest,
    )


def _carry_values(carry: Roll) -> list[int]:
    """In the order of the columns of :data:`_FINISH_RUN`."""
    return [
        carry.opening_count,
        carry.opening_minor,
        carry.new_count,
        carry.new_minor,
        carry.cleared_count,
        carry.cleared_minor,
        carry.closing_count,
        carry.closing_minor,
    ]


_INSERT_RUN = """
INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest, left_digest, right_digest,
                        context_digest, state, started_at, stage, stage_since)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'running', %s, 'prepare', %s) ON CONFLICT DO NOTHING
"""

_FINISH_RUN = """
UPDATE recon.runs SET
    state = %(state)s, reason = %(reason)s, left_rows = %(left_rows)s, right_rows = %(right_rows)s,
    matched = %(matched)s, adjusted = %(adjusted)s, pending = %(pending)s, break_count = %(break_count)s,
    break_fen = %(break_fen)s, passes = %(passes)s, stage = 'finished', stage_since = %(now)s,
    opening_count = (%(carry)s::bigint[])[1], opening_fen = (%(carry)s::bigint[])[2],
    new_count = (%(carry)s::bigint[])[3], new_fen = (%(carry)s::bigint[])[4],
    cleared_count = (%(carry)s::bigint[])[5], cleared_fen = (%(carry)s::bigint[])[6],
    closing_count = (%(carry)s::bigint[])[7], closing_fen = (%(carry)s::bigint[])[8],
    finished_at = %(now)s, finish_order = nextval('recon.run_order')
WHERE run_id = %(run_id)s
"""
