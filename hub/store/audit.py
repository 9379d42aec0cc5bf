"""The audit chain: each row's hash covers the row before it, so that a removed or changed row is seen.

hash(n) = HMAC-SHA-256(audit key, hash(n-1) + canonical JSON of row n).

A chain cannot know how long it should be: one that was cut off at its end is a whole, shorter chain. Therefore its head
(position and hash) is noted elsewhere now and then, as an **anchor**: a later chain has to pass through it. Whoever has
the audit key and the database can write another chain; not one that passes through an anchor noted out of his reach.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb

_LOCK = 0x617564697400  # "audit": one writer at a time, or two rows would follow the same one


_request: ContextVar[str | None] = ContextVar("request", default=None)


@contextmanager
def on_request(request: str) -> Iterator[None]:
    """What is recorded within this block, in this context and its threads, was asked for by this request."""
    before = _request.set(request)
    try:
        yield
    finally:
        _request.reset(before)


class Anchor(NamedTuple):
    """A row of the chain as it stood once: ``12:5f0c...`` (position, hash in hexadecimal digits)."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"

    @classmethod
    def read(cls, text: str) -> "Anchor":
        """Raises ValueError for anything that ``str()`` of an anchor does not give."""
        position, _, digest = text.strip().partition(":")
        found = cls(int(position), bytes.fromhex(digest))
        if found.position < 1 or len(found.hash) != hashlib.sha256().digest_size:
            raise ValueError("an anchor is a position, a colon and 64 hexadecimal digits")
        return found


class Audit:
    """Writes and verifies the chain under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def hold(self, connection: Connection[TupleRow]) -> None:
        """Be the only one who writes to the chain until this transaction ends.

        For who is going to hold something else that others wait for: they may be in the middle of an act that has
        written here.
        """
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))

    def record(
        self,
        connection: Connection[TupleRow],
        at: datetime,
        actor: str,
        action: str,
        subject: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one act. ``detail`` must be free of secrets and personal data."""
        written = dict(detail or {})
        if (request := _request.get()) is not None:
            written["request"] = request
        self.hold(connection)
        last = connection.execute("SELECT position, hash FROM hub.audit ORDER BY position DESC LIMIT 1").fetchone()
        position, before = (last[0] + 1, bytes(last[1])) if last else (1, b"")
        connection.execute(
            "INSERT INTO hub.audit (position, at, actor, action, subject, detail, hash) VALUES (%s,%s,%s,%s,%s,%s,%s)",
            (
                position,
                at,
                actor,
                action,
                subject,
                Jsonb(written),
                self._hash(before, position, at, actor, action, subject, written),
            ),
        )

    def head(self, connection: Connection[TupleRow]) -> Anchor | None:
        """The last row, to be noted elsewhere; None while nothing was done."""
        row = connection.execute("SELECT position, hash FROM hub.audit ORDER BY position DESC LIMIT 1").fetchone()
        return Anchor(row[0], bytes(row[1])) if row else None

    def verify(self, connection: Connection[TupleRow], anchor: Anchor | None = None) -> tuple[int, int | None]:
        """(rows checked, position of the first row that does not fit or None).

        A gap is named by the first missing position, so is a chain that ends before ``anchor``.
        """
        before = b""
        count = 0
        rows = connection.execute(
            "SELECT position, at, actor, action, subject, detail, hash FROM hub.audit ORDER BY position"
        )
        for position, at, actor, action, subject, detail, stored in rows:
            expected = self._hash(before, position, at, actor, action, subject, detail)
            if position != count + 1:
                return count, min(position, count + 1)
            if not hmac.compare_digest(expected, bytes(stored)):
                return count, position
            if anchor is not None and position == anchor.position and not hmac.compare_digest(expected, anchor.hash):
                return count, position
            before = expected
            count += 1
        return count, count + 1 if anchor is not None and count < anchor.position else None

    def _hash(
        self, before: bytes, position: int, at: datetime, actor: str, action: str, subject: str, detail: dict[str, Any]
    ) -> bytes:
        row = [position, at.timestamp(), actor, action, subject, detail]
        return hmac.digest(self._key, before + json.dumps(row, sort_keys=True).encode(), hashlib.sha256)


def of_subject(connection: Connection[TupleRow], subject: str, before: int | None, limit: int) -> list[dict[str, Any]]:
    """``{position, at, actor, action, detail}`` of the acts on ``subject``, the newest first.

    ``before``: the position of the last one that was seen.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT position, at, actor, action, detail FROM hub.audit
               WHERE subject = %s AND (%s::bigint IS NULL OR position < %s) ORDER BY position DESC LIMIT %s""",
            (subject, before, before, limit),
        ).fetchall()


def of_request(connection: Connection[TupleRow], request: str, after: int) -> int | None:
    """The position of the first act behind ``after`` that this request asked for; None when it did nothing."""
    row = connection.execute(
        "SELECT min(position) FROM hub.audit WHERE position > %s AND detail->>'request' = %s", (after, request)
    ).fetchone()
    return row[0] if row else None
