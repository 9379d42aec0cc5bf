"""The pieces of a run in PostgreSQL: which are to be done, by whom they are being done, and with what result.

A piece belongs to whoever holds its advisory lock. The lock ends with the session, so a worker that was killed gives
its piece back at once, and two workers never match the same piece at the same time.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from reconciliation.journal import Pool
from reconciliation.matching import PieceResult
from reconciliation.runs.progress import Moment

ATTEMPTS_MAX = 3
"""A piece that has killed so many workers is not given to another one."""

Clock = Callable[[], datetime]


def process_name() -> str:
    """Who does a piece, for whoever looks: machine and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


class PieceFailed(Exception):
    """A piece cannot be matched, now or by trying again: more memory or other inputs are needed."""


@dataclass(frozen=True, slots=True)
class PieceTask:
    """Some buckets of both sides, small enough for one worker. Plain JSON values; paths below the data folder.

    ``out`` names the result by everything that goes into it: the same content is never matched twice.
    """

    piece: int
    definition: str
    business_date: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    rows: int
    out: str
    memory_limit: str
    carried_left: tuple[str, ...] = ()
    carried_right: tuple[str, ...] = ()
    buckets: tuple[int, int] = (0, 64)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "PieceTask":
        lists = ("left", "right", "carried_left", "carried_right", "buckets")
        return cls(**{**value, **{name: tuple(value[name]) for name in lists}})


class Worklist:
    """Reads and writes ``recon.pieces``."""

    def __init__(self, pool: Pool, worker: str) -> None:
        self.pool = pool
        self.worker = worker

    def plan(self, run_id: str, tasks: Sequence[PieceTask]) -> None:
        """Write down what is to be done. What is done already stays done; what failed before is tried again."""
        with self.pool.connection() as connection:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO recon.pieces AS known (run_id, piece, task, rows) VALUES (%s, %s, %s, %s)"
                    " ON CONFLICT (run_id, piece) DO UPDATE SET task = excluded.task, rows = excluded.rows,"
                    " state = 'waiting', attempt = 0, worker = NULL, failure = NULL WHERE known.state <> 'done'",
                    [(run_id, task.piece, Jsonb(task.to_json()), task.rows) for task in tasks],
                )
            _count(connection, run_id)

    @contextmanager
    def claimed(self, run_id: str, clock: Clock) -> Iterator[PieceTask | None]:
        """A piece that nobody else works on, held until the block ends; None when there is none to take."""
        with self.pool.connection() as connection:
            piece = _lock_one(connection, run_id)
            connection.commit()
            try:
                yield self._begin(connection, run_id, piece, clock()) if piece is not None else None
            finally:
                if piece is not None:
                    connection.rollback()
                    connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (_lock(run_id, piece),))
                    connection.commit()

    def _begin(self, connection: Connection[TupleRow], run_id: str, piece: int, now: datetime) -> PieceTask | None:
        """Mark a locked piece as begun; None when it has killed its worker too often."""
        row = connection.execute(
            "UPDATE recon.pieces SET attempt = attempt + 1, worker = %(worker)s, started_at = %(now)s,"
            " state = CASE WHEN attempt < %(max)s THEN 'running' ELSE 'failed' END,"
            " failure = CASE WHEN attempt < %(max)s THEN NULL ELSE 'its worker died ' || attempt || ' times' END"
            " WHERE run_id = %(run_id)s AND piece = %(piece)s RETURNING state, task",
            {"worker": self.worker, "now": now, "max": ATTEMPTS_MAX, "run_id": run_id, "piece": piece},
        ).fetchone()
        connection.commit()
        return PieceTask.from_json(row[1]) if row is not None and row[0] == "running" else None

    def done(self, run_id: str, piece: int, result: PieceResult, now: datetime) -> None:
        """Keep a piece's result; a second time changes nothing."""
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE recon.pieces SET state = 'done', result = %s, failure = NULL, finished_at = %s"
                " WHERE run_id = %s AND piece = %s AND state <> 'done'",
                (Jsonb(result.to_json()), now, run_id, piece),
            )
            _count(connection, run_id)

    def failed(self, run_id: str, piece: int, why: str) -> None:
        """Keep why a piece cannot be done."""
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE recon.pieces SET state = 'failed', failure = %s WHERE run_id = %s AND piece = %s"
                " AND state <> 'done'",
                (why, run_id, piece),
            )

    def look(self, run_id: str, definition: str) -> Moment:
        """How far the pieces are; raises PieceFailed as soon as one cannot be done."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE state = 'done'), count(*),"
                " coalesce(sum(rows) FILTER (WHERE state = 'done'), 0), coalesce(sum(rows), 0),"
                " min('piece ' || piece || ': ' || failure) FILTER (WHERE state = 'failed')"
                " FROM recon.pieces WHERE run_id = %s",
                (run_id,),
            ).fetchone()
        done, total, rows_done, rows_total, failure = row or (0, 0, 0, 0, None)
        if failure is not None:
            raise PieceFailed(f"{definition}: {failure}")
        return Moment(definition, "match", done, total, int(rows_done), int(rows_total))

    def open_pieces(self, run_id: str) -> int:
        """How many pieces are still to be done."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT count(*) FROM recon.pieces WHERE run_id = %s AND state IN ('waiting', 'running')", (run_id,)
            ).fetchone()
        return int(row[0]) if row else 0

    def results(self, run_id: str) -> list[tuple[PieceTask, PieceResult]]:
        """What all pieces came to, in their order."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT task, result FROM recon.pieces WHERE run_id = %s ORDER BY piece", (run_id,)
            ).fetchall()
        return [(PieceTask.from_json(row[0]), PieceResult.from_json(row[1])) for row in rows]


def _lock(run_id: str, piece: int) -> str:
    return f"recon|piece|{run_id}|{piece}"


def _lock_one(connection: Connection[TupleRow], run_id: str) -> int | None:
    """Lock a piece that is not done: one never begun, else one whose worker is gone."""
    rows = connection.execute(
        "SELECT piece FROM recon.pieces WHERE run_id = %s AND state IN ('waiting', 'running')"
        " ORDER BY state = 'running', piece",
        (run_id,),
    ).fetchall()
    for (piece,) in rows:
        taken = connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (_lock(run_id, piece),)
        ).fetchone()
        if taken is None or not taken[0]:
            continue
        # Somebody may have done it between the two looks.
        left = connection.execute(
            "SELECT 1 FROM recon.pieces WHERE run_id = %s AND piece = %s AND state IN ('waiting', 'running')",
            (run_id, piece),
        ).fetchone()
        if left is not None:
            return int(piece)
        connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (_lock(run_id, piece),))
    return None


def _count(connection: Connection[TupleRow], run_id: str) -> None:
    """Bring the run's progress up to its pieces. The row is locked first, so that the count is looked at after whoever
    counted before has committed: else two that end at once would each count only their own."""
    connection.execute("SELECT 1 FROM recon.runs WHERE run_id = %s FOR UPDATE", (run_id,))
    connection.execute(_COUNT, {"run_id": run_id})


_COUNT = """
UPDATE recon.runs SET pieces_total = p.total, pieces_done = p.done, rows_total = p.rows_total, rows_done = p.rows_done
FROM (SELECT count(*) AS total, count(*) FILTER (WHERE state = 'done') AS done, coalesce(sum(rows), 0) AS rows_total,
             coalesce(sum(rows) FILTER (WHERE state = 'done'), 0) AS rows_done
      FROM recon.pieces WHERE run_id = %(run_id)s) p
WHERE run_id = %(run_id)s
"""
