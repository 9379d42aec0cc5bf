"""What people are told about their own account: on its page at once, by message to their phone after the commit.

A notice is a row, written in the transaction of the thing it tells of. `send_due` drains the messages; a process that
dies in between loses nothing, because its rows fall due again when the lease ends. The words are the entries
`notice_KIND` of the pages' words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from sso.ports import Clock, FieldCipher, Minter, NoticeSender

Say = Callable[..., str]
"""`say(key, locale, **values)`: a sentence of the pages' words."""

ATTEMPTS_MAX = 8
BACKOFF = timedelta(seconds=30)
LEASE = timedelta(seconds=60)
BATCH = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a person was told; `detail` fills the sentence."""

    kind: str
    detail: dict[str, str]
    created_at: datetime


def notify(
    connection: Connection, mint: Minter, identity_id: UUID, kind: str, now: datetime, **detail: str | int
) -> None:
    """Tell a person something, in the transaction that makes it true; `detail` holds no secret.

    The message goes to the number they have at this moment: call it before the number changes, so that whoever had it
    hears of the change. Without a number it is on their page only.
    """
    connection.execute(
        """INSERT INTO sso.notice
               (notice_id, identity_id, kind, detail, phone_sealed, state, next_attempt_at, created_at)
           SELECT %(id)s, identity_id, %(kind)s, %(detail)s, phone_sealed,
                  CASE WHEN phone_sealed IS NULL THEN 'page_only' ELSE 'waiting' END, %(now)s, %(now)s
           FROM sso.identity WHERE identity_id = %(person)s""",
        {
            "id": mint.identifier(),
            "kind": kind,
            "detail": Jsonb({name: str(value) for name, value in detail.items()}),
            "person": identity_id,
            "now": now,
        },
    )


def latest(connection: Connection, identity_id: UUID, count: int = 10) -> list[Notice]:
    """What a person was told, newest first."""
    with connection.cursor(row_factory=class_row(Notice)) as cursor:
        cursor.execute(
            """SELECT kind, detail, created_at FROM sso.notice WHERE identity_id = %s
               ORDER BY created_at DESC, notice_id DESC LIMIT %s""",
            (identity_id, count),
        )
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class _Due:
    notice_id: UUID
    kind: str
    detail: dict[str, str]
    phone_sealed: str
    attempts: int
    locale: str


def send_due(pool: ConnectionPool, clock: Clock, cipher: FieldCipher, sender: NoticeSender, say: Say) -> dict[str, int]:
    """Send every message that is due now; answers how many were `sent`, are `waiting` again or were `given_up`.

    No transaction is open while the gateway is talked to. At least once. The number is forgotten with the last state.
    """
    counts, started = {"sent": 0, "waiting": 0, "given_up": 0}, clock()
    while due := _claim(pool, started):
        for row in due:
            counts[_send(pool, clock, cipher, sender, say, row)] += 1
    return counts


def _claim(pool: ConnectionPool, now: datetime) -> list[_Due]:
    with pool.connection() as connection, connection.cursor(row_factory=class_row(_Due)) as cursor:
        cursor.execute(
            """UPDATE sso.notice n SET attempts = attempts + 1, next_attempt_at = %(lease)s
               FROM sso.identity i
               WHERE i.identity_id = n.identity_id AND n.notice_id IN (
                   SELECT notice_id FROM sso.notice WHERE state = 'waiting' AND next_attempt_at <= %(now)s
                   ORDER BY next_attempt_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
               RETURNING n.notice_id, n.kind, n.detail, n.phone_sealed, n.attempts, i.locale""",
            {"lease": now + LEASE, "now": now, "batch": BATCH},
        )
        return cursor.fetchall()


def _send(pool: ConnectionPool, clock: Clock, cipher: FieldCipher, sender: NoticeSender, say: Say, due: _Due) -> str:
    text = say(f"notice_{due.kind}", due.locale, **due.detail)
    try:
        sender.tell(cipher.open(due.phone_sealed), due.kind, text, due.locale)
        state = "sent"
    except OSError:
        state = "given_up" if due.attempts >= ATTEMPTS_MAX else "waiting"
    with pool.connection() as connection:
        connection.execute(
            """UPDATE sso.notice SET state = %(state)s, next_attempt_at = %(next)s,
                   phone_sealed = CASE WHEN %(state)s = 'waiting' THEN phone_sealed END WHERE notice_id = %(id)s""",
            {"state": state, "next": clock() + BACKOFF * 2 ** (due.attempts - 1), "id": due.notice_id},
        )
    return state
