"""Messages as they came: kept, never changed, answered the same way again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from hub.store.appending import BYTEA, CODE, INT4, JSONB, TEXT, TIMESTAMPTZ, UUIDS, Table, append, packed


class Known(NamedTuple):
    """A message that was seen before: its digest and the answer it got."""

    digest: bytes
    answer: dict[str, Any]


class MessageRow(NamedTuple):
    """One row of ``hub.messages``, a field for each column; ``raw`` is sealed, ``answer`` is JSON text."""

    channel: str
    message_id: str
    digest: bytes
    source: str
    media_type: str
    raw: bytes
    received_at: datetime
    occurred_at: datetime | None
    outcome: str
    code: str | None
    arrival: str
    order_id: UUID | None
    sequence: int | None
    answer: str


_MESSAGES = Table(
    "messages",
    dict(
        zip(
            MessageRow._fields,
            (CODE, TEXT, BYTEA, CODE, CODE, BYTEA, TIMESTAMPTZ, TIMESTAMPTZ, CODE, CODE, CODE, UUIDS, INT4, JSONB),
            strict=True,
        )
    ),
)


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """One row of ``hub.rejections``; ``raw_head`` is sealed and short, ``problem`` is JSON text."""

    channel: str
    message_id: str | None
    code: str
    digest: bytes
    size_bytes: int
    raw_head: bytes
    problem: str
    received_at: datetime


def known(connection: Connection[TupleRow], keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """Which of these (channel, message id) were seen."""
    return read_known(ask_known(connection, keys))


def ask_known(connection: Connection[TupleRow], keys: Sequence[tuple[str, str]]) -> Cursor[TupleRow]:
    """The question of :func:`known`, so that a pipeline can send it with others."""
    return connection.execute(
        """SELECT m.channel, m.message_id, m.digest, m.answer
           FROM unnest(%s, %s) AS k (channel, message_id)
           JOIN hub.messages m USING (channel, message_id)""",
        (packed(TEXT, [c for c, _ in keys]), packed(TEXT, [m for _, m in keys])),
    )


def read_known(rows: Cursor[TupleRow]) -> dict[tuple[str, str], Known]:
    """The answer to :func:`ask_known`."""
    return {(channel, message_id): Known(bytes(digest), answer) for channel, message_id, digest, answer in rows}


def insert(connection: Connection[TupleRow], rows: Sequence[MessageRow]) -> None:
    """Append. A (channel, message id) that somebody else committed meanwhile raises ``UniqueViolation``."""
    append(connection, _MESSAGES, rows)


def insert_repeats(connection: Connection[TupleRow], rows: Sequence[tuple[str, str, str, datetime]]) -> None:
    """(channel, message id, source, received at) of messages that came again."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO hub.repeats (channel, message_id, source, received_at) VALUES (%s, %s, %s, %s)", rows
            )


def insert_rejection(connection: Connection[TupleRow], row: RejectionRow) -> None:
    """Keep what could not become a message."""
    connection.execute(
        """INSERT INTO hub.rejections (channel, message_id, code, digest, size_bytes, raw_head, problem, received_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s)""",
        (
            row.channel,
            row.message_id,
            row.code,
            row.digest,
            row.size_bytes,
            row.raw_head,
            row.problem,
            row.received_at,
        ),
    )
