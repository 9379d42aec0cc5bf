"""Connected systems: where they listen, what they share with us, how far they have been told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from hub.store.seal import Seal

State = Literal["active", "paused", "disabled"]


@dataclass(frozen=True, slots=True)
class Channel:
    """One row of ``hub.channels``. ``secrets`` are sealed ``whsec_`` texts, newest first."""

    channel: str
    endpoint: str | None
    secrets: list[str]
    state: State
    cursor_txid: str
    cursor_position: int
    poll_watermark: str | None
    breaker_failures: int
    breaker_until: datetime | None
    last_seen_at: datetime | None


_COLUMNS = """channel, endpoint, secrets, state, cursor_txid::text AS cursor_txid, cursor_position, poll_watermark,
    breaker_failures, breaker_until, last_seen_at"""


def register(
    connection: Connection[TupleRow], channel: str, endpoint: str | None, secret: str, seal: Seal, now: datetime
) -> None:
    """Connect a channel, or change its endpoint and put a new secret before the old one."""
    known = find(connection, channel)
    old = [s for s in known.secrets if seal.open(s) != secret] if known else []
    connection.execute(
        """INSERT INTO hub.channels (channel, endpoint, secrets, created_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT (channel) DO UPDATE SET endpoint = excluded.endpoint, secrets = excluded.secrets""",
        (channel, endpoint, Jsonb([seal.seal(secret), *old][:2]), now),
    )


def find(connection: Connection[TupleRow], channel: str) -> Channel | None:
    with connection.cursor(row_factory=class_row(Channel)) as cursor:
        return cursor.execute(f"SELECT {_COLUMNS} FROM hub.channels WHERE channel = %s", (channel,)).fetchone()


def every(connection: Connection[TupleRow]) -> list[Channel]:
    with connection.cursor(row_factory=class_row(Channel)) as cursor:
        return cursor.execute(f"SELECT {_COLUMNS} FROM hub.channels ORDER BY channel").fetchall()


def set_state(connection: Connection[TupleRow], channel: str, state: State) -> bool:
    """Whether there is such a channel."""
    return connection.execute("UPDATE hub.channels SET state = %s WHERE channel = %s", (state, channel)).rowcount == 1


def move_cursor(connection: Connection[TupleRow], channel: str, txid: str, position: int) -> None:
    connection.execute(
        "UPDATE hub.channels SET cursor_txid = %s::xid8, cursor_position = %s WHERE channel = %s",
        (txid, position, channel),
    )


def move_watermark(connection: Connection[TupleRow], channel: str, watermark: str) -> None:
    connection.execute("UPDATE hub.channels SET poll_watermark = %s WHERE channel = %s", (watermark, channel))


def set_breaker(connection: Connection[TupleRow], channel: str, failures: int, until: datetime | None) -> None:
    """How many deliveries in a row found nobody there, and until when we leave the channel alone."""
    connection.execute(
        "UPDATE hub.channels SET breaker_failures = %s, breaker_until = %s WHERE channel = %s",
        (failures, until, channel),
    )
