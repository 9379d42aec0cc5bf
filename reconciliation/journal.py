"""The journal of runs: what was compared, from which inputs, with what result; and the carry.

A run's id is the hash of everything that can change its result, so the same inputs find the run that is already there.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from reconciliation.carry import Balance, Carry, CarryItem
from reconciliation.matching import BucketResult
from reconciliation.ports import BucketTask

Pool = ConnectionPool[Connection[TupleRow]]


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One input of a run: where it came from, its digest as bytes and as rows, what was kept aside."""

    side: str
    source: str
    name: str
    sha256: str
    digest: str
    bytes: int
    rows: int
    quarantined: tuple[dict[str, Any], ...] = ()
    refused: str | None = None


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
    """What a finished run counted. ``state``: done, waiting (an input is not there), refused (an input is wrong)."""

    state: str
    reason: str | None = None
    left_rows: int = 0
    right_rows: int = 0
    matched: int = 0
    adjusted: int = 0
    break_count: int = 0
    break_fen: int = 0
    carry: Carry = field(default_factory=lambda: Carry((), ()))


class Journal:
    """Runs, inputs, bucket results and carry in PostgreSQL."""

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

    def begin(self, head: RunHead, inputs: Sequence[InputRecord], now: datetime) -> str | None:
        """Write down that the run has begun. Returns its state before: None for a new one.

        A run that is ``running`` was interrupted: it is taken up again, and the buckets it has finished stay finished.
        """
        with self.pool.connection() as connection:
            row = connection.execute("SELECT state FROM recon.runs WHERE run_id = %s", (head.run_id,)).fetchone()
            if row is not None:
                return str(row[0])
            connection.execute(_INSERT_RUN, (*_head_values(head), now))
            self._write_inputs(connection, head.run_id, inputs)
        return None

    @staticmethod
    def _write_inputs(connection: Connection[TupleRow], run_id: str, inputs: Sequence[InputRecord]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO recon.inputs"
                " (run_id, side, source, name, sha256, digest, bytes, rows, quarantined, refused)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [
                    (
                        run_id,
                        i.side,
                        i.source,
                        i.name,
                        i.sha256,
                        i.digest,
                        i.bytes,
                        i.rows,
                        Jsonb(list(i.quarantined)),
                        i.refused,
                    )
                    for i in inputs
                ],
            )

    def is_latest(self, head: RunHead) -> bool:
        """Whether this run is the last finished one of its definition and date: then it has nothing to change."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT run_id FROM recon.runs WHERE definition = %s AND business_date = %s AND state <> 'running'"
                " ORDER BY finish_order DESC LIMIT 1",
                (head.definition, head.business_date),
            ).fetchone()
        return row is not None and row[0] == head.run_id

    def save_bucket(self, run_id: str, bucket: int, result: BucketResult) -> None:
        """Keep one bucket's result; the same bucket again (a task that ran twice) changes nothing."""
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO recon.bucket_results (run_id, bucket, result) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (run_id, bucket, Jsonb(result.to_json())),
            )

    def missing_buckets(self, tasks: Sequence[BucketTask]) -> list[BucketTask]:
        """Those of the tasks whose result is not there yet."""
        with self.pool.connection() as connection:
            found = connection.execute(
                "SELECT run_id, bucket FROM recon.bucket_results WHERE run_id = ANY(%s)",
                (sorted({task.run_id for task in tasks}),),
            ).fetchall()
        done = {(row[0], row[1]) for row in found}
        return [task for task in tasks if (task.run_id, task.bucket) not in done]

    def bucket_results(self, run_id: str) -> BucketResult:
        """All buckets of a run put together, in the order of the buckets."""
        total = BucketResult()
        with self.pool.connection() as connection:
            for row in connection.execute(
                "SELECT result FROM recon.bucket_results WHERE run_id = %s ORDER BY bucket", (run_id,)
            ):
                total.add(BucketResult.from_json(row[0]))
        return total

    def finish(self, connection: Connection[TupleRow], head: RunHead, result: RunResult, now: datetime) -> None:
        """Write a run's end and its closing carry into ``connection``'s transaction; raises if the carry is wrong."""
        result.carry.prove()
        opening, closing = Balance.of(result.carry.opening), Balance.of(result.carry.closing)
        new, cleared = result.carry.new, result.carry.cleared
        connection.execute(
            _FINISH_RUN,
            {
                "run_id": head.run_id,
                "state": result.state,
                "reason": result.reason,
                "left_rows": result.left_rows,
                "right_rows": result.right_rows,
                "matched": result.matched,
                "adjusted": result.adjusted,
                "pending": closing.count,
                "break_count": result.break_count,
                "break_fen": result.break_fen,
                "carry": [
                    opening.count,
                    opening.amount,
                    new.count,
                    new.amount,
                    cleared.count,
                    cleared.amount,
                    closing.count,
                    closing.amount,
                ],
                "now": now,
            },
        )
        if result.state == "done":
            self._replace_carry(connection, head, result.carry.closing)

    @staticmethod
    def _replace_carry(connection: Connection[TupleRow], head: RunHead, closing: Sequence[CarryItem]) -> None:
        key = (head.definition, head.business_date)
        connection.execute("DELETE FROM recon.carry WHERE definition = %s AND business_date = %s", key)
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO recon.carry (definition, business_date, side, key, origin_date, amount, record)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [(*key, c.side, c.key, c.origin, c.amount, Jsonb(c.to_json())) for c in closing],
            )

    def opening_carry(self, definition: str, business_date: date) -> tuple[CarryItem, ...]:
        """The closing carry of the last date before ``business_date`` on which the definition was run to its end."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT side, key, origin_date, record FROM recon.carry WHERE definition = %(definition)s"
                " AND business_date = (SELECT max(business_date) FROM recon.runs WHERE definition = %(definition)s"
                "                      AND business_date < %(date)s AND state = 'done')"
                " ORDER BY side, key",
                {"definition": definition, "date": business_date},
            ).fetchall()
        return tuple(CarryItem.from_json(side, key, origin, record) for side, key, origin, record in rows)

    def runs(self, business_date: date | None, definition: str | None, limit: int = 200) -> list[dict[str, Any]]:
        """Runs, the latest first."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT * FROM recon.runs WHERE (%(date)s::date IS NULL OR business_date = %(date)s)"
                " AND (%(definition)s::text IS NULL OR definition = %(definition)s)"
                " ORDER BY finish_order DESC NULLS FIRST LIMIT %(limit)s",
                {"date": business_date, "definition": definition, "limit": limit},
            ).fetchall()

    def run(self, run_id: str) -> dict[str, Any] | None:
        """One run with its inputs."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute("SELECT * FROM recon.runs WHERE run_id = %s", (run_id,)).fetchone()
            if found is None:
                return None
            inputs = cursor.execute("SELECT * FROM recon.inputs WHERE run_id = %s ORDER BY side, name", (run_id,))
            return {**found, "inputs": inputs.fetchall()}


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


_INSERT_RUN = """
INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest, left_digest, right_digest,
                        context_digest, state, started_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'running', %s) ON CONFLICT DO NOTHING
"""

_FINISH_RUN = """
UPDATE recon.runs SET
    state = %(state)s, reason = %(reason)s, left_rows = %(left_rows)s, right_rows = %(right_rows)s,
    matched = %(matched)s, adjusted = %(adjusted)s, pending = %(pending)s, break_count = %(break_count)s,
    break_fen = %(break_fen)s,
    opening_count = (%(carry)s::bigint[])[1], opening_fen = (%(carry)s::bigint[])[2],
    new_count = (%(carry)s::bigint[])[3], new_fen = (%(carry)s::bigint[])[4],
    cleared_count = (%(carry)s::bigint[])[5], cleared_fen = (%(carry)s::bigint[])[6],
    closing_count = (%(carry)s::bigint[])[7], closing_fen = (%(carry)s::bigint[])[8],
    finished_at = %(now)s, finish_order = nextval('recon.run_order')
WHERE run_id = %(run_id)s
"""
