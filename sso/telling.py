"""What became of a logout: which clients were told, which are still tried, which were given up.

Read by the person (with a receipt right after signing out, or signed in later) and by the operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from sso import audit
from sso.options import SsoOptions
from sso.ports import digest


@dataclass(frozen=True, slots=True)
class Telling:
    """One client that was or is to be told of one session's end.

    state: `waiting` (first or next attempt at `next_attempt_at`), `delivered`, `given_up`, or `no_address` (the client
    registered none; it notices when its tokens are refused, at most an access token's lifetime later).
    """

    delivery_id: UUID
    client_id: str
    name_zh: str
    name_en: str
    kind: str
    place: str
    state: str
    attempts: int
    last_attempt_at: datetime | None
    next_attempt_at: datetime
    last_status: int | None
    last_error: str | None

    def name(self, locale: str) -> str:
        """The client's name as people read it."""
        return self.name_zh if locale.startswith("zh") else self.name_en


@dataclass(frozen=True, slots=True)
class Logout:
    """One logout and everybody who is told of it."""

    logout_id: UUID
    reason: str
    at: datetime
    tellings: list[Telling]

    @property
    def open(self) -> bool:
        """Whether somebody is still to be told."""
        return any(telling.state == "waiting" for telling in self.tellings)


_TELLINGS = sql.SQL(
    """SELECT delivery_id, delivery.client_id, name_zh, name_en, session.kind, session.user_agent AS place, state,
           attempts, last_attempt_at, next_attempt_at, last_status, last_error
       FROM sso.logout_delivery AS delivery
           JOIN sso.client AS client USING (client_id) JOIN sso.session AS session USING (session_id)
       WHERE """
)


def by_receipt(connection: Connection, receipt: str, now: datetime, options: SsoOptions) -> Logout | None:
    """The logout that this receipt was given for, for `logout_receipt_lifetime` after it."""
    row = connection.execute(
        "SELECT logout_id, reason, at FROM sso.logout WHERE receipt_digest = %s AND at > %s",
        (digest(receipt), now - options.logout_receipt_lifetime),
    ).fetchone()
    return _with_tellings(connection, row) if row else None


def recent(connection: Connection, identity_id: UUID, since: datetime, limit: int) -> list[Logout]:
    """A person's logouts, newest first."""
    rows = connection.execute(
        """SELECT logout_id, reason, at FROM sso.logout WHERE identity_id = %s AND at > %s
           ORDER BY at DESC, logout_id DESC LIMIT %s""",
        (identity_id, since, limit),
    ).fetchall()
    return [_with_tellings(connection, row) for row in rows]


def _with_tellings(connection: Connection, row: tuple[UUID, str, datetime]) -> Logout:
    tellings = _select(
        connection, sql.SQL("logout_id = %(key)s ORDER BY delivery.created_at, delivery_id"), {"key": row[0]}
    )
    return Logout(*row, tellings)


def undelivered(connection: Connection, limit: int) -> list[Telling]:
    """What the operator should look at, oldest first: given up, or failed at least once and tried again."""
    return _select(
        connection,
        sql.SQL(
            """(state = 'given_up' OR (state = 'waiting' AND attempts > 0
                AND (last_status IS NOT NULL OR last_error IS NOT NULL)))
               ORDER BY delivery.created_at, delivery_id LIMIT %(limit)s"""
        ),
        {"limit": limit},
    )


def retry(connection: Connection, client_ids: Sequence[str], now: datetime) -> int:
    """Try again at once whatever was given up for these clients, from the first attempt; answers how many."""
    changed = connection.execute(
        """UPDATE sso.logout_delivery SET state = 'waiting', attempts = 0, next_attempt_at = %s
           WHERE state = 'given_up' AND client_id = ANY (%s)""",
        (now, list(client_ids)),
    ).rowcount
    if changed:
        audit.record(connection, now, "logout_tokens_tried_again", count=changed, clients=" ".join(client_ids))
    return changed


def _select(connection: Connection, where: sql.SQL, values: dict[str, object]) -> list[Telling]:
    with connection.cursor(row_factory=class_row(Telling)) as cursor:
        cursor.execute(_TELLINGS + where, values)
        return cursor.fetchall()
