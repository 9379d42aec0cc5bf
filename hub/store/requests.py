"""Requests with a key of their own (``Idempotency-Key``): done once, answered the same way as long as they are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool


class Kept(NamedTuple):
    """One row of ``hub.requests``; without ``status`` nobody wrote down how it ended. ``answer`` is sealed."""

    fingerprint: bytes
    audit_position: int
    began_at: datetime
    status: int | None
    media_type: str | None
    answer: bytes | None


@contextmanager
def alone(pool: ConnectionPool[Any], request: str) -> Iterator[Connection[TupleRow] | None]:
    """A connection that holds this request for itself, in every process; None when somebody else has it.

    Not one of the pool: a request that held one and waited for the next could starve others. The lock ends with the
    connection, so a process that is killed holds nothing.
    """
    options = {**pool.kwargs, "autocommit": True} if isinstance(pool.kwargs, dict) else {"autocommit": True}
    with psycopg.connect(pool.conninfo, **options) as connection:  # type: ignore[arg-type]  # the pool's own options
        key = int.from_bytes(bytes.fromhex(request)[:8], signed=True)
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        yield connection if row and row[0] else None


def find(connection: Connection[TupleRow], request: str) -> Kept | None:
    row = connection.execute(
        "SELECT fingerprint, audit_position, began_at, status, media_type, answer FROM hub.requests WHERE request = %s",
        (request,),
    ).fetchone()
    return Kept(*row) if row else None


def begin(connection: Connection[TupleRow], request: str, fingerprint: bytes, now: datetime, too_old: datetime) -> None:
    """Note that it is being worked on, and forget those that began before ``too_old``."""
    connection.execute("DELETE FROM hub.requests WHERE began_at < %s", (too_old,))
    connection.execute(
        """INSERT INTO hub.requests (request, fingerprint, audit_position, began_at)
           VALUES (%s, %s, (SELECT coalesce(max(position), 0) FROM hub.audit), %s)
           ON CONFLICT (request) DO NOTHING""",
        (request, fingerprint, now),
    )


def end(connection: Connection[TupleRow], request: str, status: int, media_type: str, answer: bytes) -> None:
    """Keep the answer; ``answer`` is sealed."""
    connection.execute(
        "UPDATE hub.requests SET status = %s, media_type = %s, answer = %s WHERE request = %s",
        (status, media_type, answer, request),
    )


def forget(connection: Connection[TupleRow], request: str) -> None:
    """It did nothing: its key may be used for the request as it should have been."""
    connection.execute("DELETE FROM hub.requests WHERE request = %s", (request,))
