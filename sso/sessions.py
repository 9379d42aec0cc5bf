"""Sessions: one per browser and person, whose id (`sid`) is in every token that grew from it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from sso.options import SsoOptions
from sso.ports import Minter, digest

ACR_SINGLE_FACTOR = "urn:interlock:acr:single-factor"
AMR_PASSWORD = ("pwd",)
AMR_PHONE_CODE = ("otp", "sms")  # RFC 8176


@dataclass(frozen=True, slots=True)
class Session:
    """A person's login in one browser. The cookie holds a secret whose digest is the only thing stored."""

    session_id: UUID
    identity_id: UUID
    auth_time: datetime
    acr: str
    amr: list[str]
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


_LIVE = sql.SQL(
    """SELECT session_id, identity_id, auth_time, acr, amr, user_agent, created_at, last_seen_at, expires_at
       FROM sso.session
       WHERE ended_at IS NULL AND expires_at > %(now)s AND last_seen_at > %(idle_since)s AND """
)


def by_cookie(connection: Connection, cookie: str | None, now: datetime, options: SsoOptions) -> Session | None:
    """The live session behind a cookie."""
    return _live(connection, sql.SQL("cookie_digest = %(key)s"), digest(cookie), now, options) if cookie else None


def live(connection: Connection, session_id: UUID, now: datetime, options: SsoOptions) -> Session | None:
    """The session with this id, if it has not ended, expired or been idle too long."""
    return _live(connection, sql.SQL("session_id = %(key)s"), session_id, now, options)


def of_identity(connection: Connection, identity_id: UUID, now: datetime, options: SsoOptions) -> list[Session]:
    """All live sessions of one person, newest first."""
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        cursor.execute(
            _LIVE + sql.SQL("identity_id = %(key)s ORDER BY created_at DESC"),
            {"key": identity_id, "now": now, "idle_since": now - options.session_idle},
        )
        return cursor.fetchall()


def _live(connection: Connection, where: sql.SQL, key: object, now: datetime, options: SsoOptions) -> Session | None:
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        cursor.execute(
            _LIVE + where,
            {"key": key, "now": now, "idle_since": now - options.session_idle},
        )
        return cursor.fetchone()


def start(
    connection: Connection,
    identity_id: UUID,
    amr: tuple[str, ...],
    user_agent: str,
    now: datetime,
    options: SsoOptions,
    mint: Minter,
) -> tuple[UUID, str]:
    """Open a session for someone who has just proven who they are; answers its id and the cookie's secret."""
    session_id, cookie = mint.identifier(), mint.secret()
    connection.execute(
        """INSERT INTO sso.session (session_id, cookie_digest, identity_id, auth_time, acr, amr, user_agent,
               created_at, last_seen_at, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            session_id,
            digest(cookie),
            identity_id,
            now,
            ACR_SINGLE_FACTOR,
            list(amr),
            user_agent[:200],
            now,
            now,
            now + options.session_lifetime,
        ),
    )
    return session_id, cookie


def prove_again(connection: Connection, session_id: UUID, amr: tuple[str, ...], now: datetime, mint: Minter) -> str:
    """The same person logged in again in the same browser: new `auth_time`, new cookie, the same `sid` tree.

    The cookie changes so that one fixed or stolen before the login is worth nothing after it.
    """
    cookie = mint.secret()
    connection.execute(
        """UPDATE sso.session SET cookie_digest = %s, auth_time = %s, amr = %s, last_seen_at = %s
           WHERE session_id = %s""",
        (digest(cookie), now, list(amr), now, session_id),
    )
    return cookie


def touch(connection: Connection, session_id: UUID, now: datetime) -> None:
    """Note that the session is in use, at most once a minute (a hot row otherwise)."""
    connection.execute(
        """UPDATE sso.session SET last_seen_at = %(now)s
           WHERE session_id = %(id)s AND last_seen_at < %(now)s - interval '1 minute'""",
        {"now": now, "id": session_id},
    )


def join(connection: Connection, session_id: UUID, client_id: str, now: datetime) -> None:
    """Note that a client takes part in the session: it will be told when the session ends."""
    connection.execute(
        """INSERT INTO sso.session_client (session_id, client_id, first_at) VALUES (%s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (session_id, client_id, now),
    )


def client_ids(connection: Connection, session_id: UUID) -> list[str]:
    """The clients that take part in the session, in the order they joined."""
    rows = connection.execute(
        "SELECT client_id FROM sso.session_client WHERE session_id = %s ORDER BY first_at, client_id", (session_id,)
    )
    return [row[0] for row in rows]
