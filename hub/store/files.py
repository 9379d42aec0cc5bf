"""Which files came, and what became of them."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

_LOCK_SPACE = 0x66696C65  # "file"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row of ``hub.files``."""

    channel: str
    name: str
    digest: bytes
    size_bytes: int
    outcome: str
    messages: int
    problem: dict[str, Any] | None
    received_at: datetime

    def became(self, outcome: str, messages: int = 0, refused: dict[str, Any] | None = None) -> "FileRow":
        return replace(self, outcome=outcome, messages=messages, problem=refused)


def lock(connection: Connection[TupleRow], channel: str) -> bool:
    """Whether this transaction may take the channel's files now."""
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", (_LOCK_SPACE, channel)).fetchone()
    return bool(row and row[0])


@dataclass(frozen=True, slots=True)
class Accepted:
    """The file that was accepted with the same bytes: what a repeat is answered with."""

    name: str
    messages: int
    problem: dict[str, Any] | None
    received_at: datetime

    @property
    def said(self) -> dict[str, Any]:
        return {"file": self.name, "messages": self.messages, "received_at": self.received_at.isoformat()}


def accepted(connection: Connection[TupleRow], channel: str, digest: bytes) -> Accepted | None:
    """The file that brought these very bytes before, under any name."""
    row = connection.execute(
        """SELECT name, messages, problem, received_at FROM hub.files
           WHERE channel = %s AND digest = %s AND outcome = 'accepted'""",
        (channel, digest),
    ).fetchone()
    return Accepted(*row) if row else None


def record(connection: Connection[TupleRow], row: FileRow) -> dict[str, Any]:
    """Write the row; returns the receipt for the sender."""
    connection.execute(
        """INSERT INTO hub.files (channel, name, digest, size_bytes, outcome, messages, problem, received_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s)""",
        (
            row.channel,
            row.name,
            row.digest,
            row.size_bytes,
            row.outcome,
            row.messages,
            json.dumps(row.problem) if row.problem else None,
            row.received_at,
        ),
    )
    receipt: dict[str, Any] = {
        "file": row.name,
        "sha256": row.digest.hex(),
        "received_at": row.received_at.isoformat(),
        "outcome": row.outcome,
        "messages": row.messages,
    }
    return receipt | ({"problem": row.problem} if row.problem else {})
