"""Sessions: one per browser and person, whose id (`sid`) is in every token that grew from it.

They form trees: a window, a call or an agent that the person approves in one session gets a child of it. The end of a
session is the end of everything below it (`sso.logout`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from sso.options import SsoOptions
from sso.people.assurance import acr_of
from sso.ports import Minter, digest


@dataclass(frozen=True, slots=True)
class Session:
    """A person's login in one place. A browser's cookie holds a secret whose digest is the only thing stored;
    sessions of the other kinds have no cookie, only tokens. `user_agent` names the place for the person."""

    session_id: UUID
    identity_id: UUID
    auth_time: datetime
    acr: str
    amr: list[str]
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    parent_id: UUID | None = None  # the session that approved this one
    kind: str = "browser"  # or app, window, call, agent


LIVE = sql.SQL(
    """SELECT session_id, identity_id, auth_time, acr, amr, user_agent, created_at, last_seen_at, expires_at,
           parent_id, kind
       FROM sso.session
       WHERE ended_at IS NULL AND expires_at > %(now)s AND last_seen_at > %(now)s - CASE kind
           WHEN 'window' THEN %(window)s WHEN 'call' THEN %(call)s WHEN 'agent' THEN %(agent)s ELSE %(browser)s END
           AND """
)

_BY_ID = (LIVE + sql.SQL("session_id = %(key)s")).as_string()
_BY_COOKIE = (LIVE + sql.SQL("cookie_digest = %(key)s")).as_string()


def moment(now: datetime, options: SsoOptions) -> dict[str, object]:
    """The parameters of `LIVE`: now, and how long each kind may stand unused."""
    return {"now": now} | {kind: options.session_span(kind).idle for kind in ("browser", "window", "call", "agent")}


class ParentEnded(Exception):
    """The session that was to have a child has ended meanwhile; nothing was opened."""


def by_cookie(connection: Connection, cookie: str | None, now: datetime, options: SsoOptions) -> Session | None:
    """The live session behind a cookie."""
    return _live(connection, _BY_COOKIE, digest(cookie), now, options) if cookie else None


def live(connection: Connection, session_id: UUID, now: datetime, options: SsoOptions) -> Session | None:
    """The session with this id, if it has not ended, expired or been idle too long."""
    return _live(connection, _BY_ID, session_id, now, options)


def of_identity(connection: Connection, identity_id: UUID, now: datetime, options: SsoOptions) -> list[Session]:
    """All live sessions of one person, newest first."""
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        cursor.execute(
            LIVE + sql.SQL("identity_id = %(key)s ORDER BY created_at DESC, session_id DESC"),
            {"key": identity_id, **moment(now, options)},
        )
        return cursor.fetchall()


def _live(connection: Connection, query: str, key: object, now: datetime, options: SsoOptions) -> Session | None:
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        cursor.execute(query, {"key": key, **moment(now, options)})
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
            acr_of(amr),
            list(amr),
            user_agent[:200],
            now,
            now,
            now + options.session_lifetime,
        ),
    )
    return session_id, cookie


def open_child(
    connection: Connection,
    parent_id: UUID | None,
    identity_id: UUID,
    kind: str,
    acr: str,
    amr: Sequence[str],
    auth_time: datetime,
    label: str,
    now: datetime,
    options: SsoOptions,
    mint: Minter,
) -> UUID:
    """Open a session without a cookie for a window, a call, an agent or an app; answers its id.

    parent_id: the session in which the person approved it; None when they proved themselves on the spot (a document
    shown at a window). It lives no longer than its parent. label: the place as the person will read it.
    Raises ParentEnded. The parent's row is locked until the transaction ends, so that a logout cannot miss the child.
    """
    expires_at = now + options.session_span(kind).lifetime
    if parent_id is not None:
        row = connection.execute(
            "SELECT expires_at FROM sso.session WHERE session_id = %s AND ended_at IS NULL FOR SHARE", (parent_id,)
        ).fetchone()
        if row is None:
            raise ParentEnded(parent_id)
        expires_at = min(expires_at, row[0])
    session_id = mint.identifier()
    connection.execute(
        """INSERT INTO sso.session (session_id, parent_id, kind, identity_id, auth_time, acr, amr, user_agent,
               created_at, last_seen_at, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (session_id, parent_id, kind, identity_id, auth_time, acr, list(amr), label[:200], now, now, expires_at),
    )
    return session_id


def prove_again(connection: Connection, session_id: UUID, amr: tuple[str, ...], now: datetime, mint: Minter) -> str:
    """The same person logged in again in the same browser: new `auth_time`, new cookie, the same `sid` tree.

    The cookie changes so that one fixed or stolen before the login is worth nothing after it.
    """
    cookie = mint.secret()
    connection.execute(
        """UPDATE sso.session SET cookie_digest = %s, auth_time = %s, acr = %s, amr = %s, last_seen_at = %s
           WHERE session_id = %s""",
        (digest(cookie), now, acr_of(amr), list(amr), now, session_id),
    )
    return cookie


def renew_cookie(connection: Connection, session_id: UUID, mint: Minter) -> str:
    """A new cookie for the same session, after something was done that the old one must not have seen (a link)."""
    cookie = mint.secret()
    connection.execute("UPDATE sso.session SET cookie_digest = %s WHERE session_id = %s", (digest(cookie), session_id))
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


def child_ids(connection: Connection, session_id: UUID) -> list[UUID]:
    """The sessions directly below this one that have not been ended, in the order they were opened."""
    rows = connection.execute(
        "SELECT session_id FROM sso.session WHERE parent_id = %s AND ended_at IS NULL ORDER BY created_at, session_id",
        (session_id,),
    )
    return [row[0] for row in rows]


def hold(connection: Connection, session_id: UUID, now: datetime) -> None:
    """Note that the session is in use, and keep it from being ended until this transaction ends.

    In this order: two who hold it together and then both write it would wait for each other for ever.
    """
    touch(connection, session_id, now)
    connection.execute("SELECT FROM sso.session WHERE session_id = %s FOR SHARE", (session_id,))


def branch_of(
    connection: Connection, parent_id: UUID, client_id: str, kind: str, now: datetime, options: SsoOptions
) -> Session | None:
    """The live session of this kind directly below `parent_id` in which the client takes part; the newest of them."""
    branches = sql.SQL(
        """parent_id = %(parent)s AND kind = %(of_kind)s AND session_id IN (
               SELECT session_id FROM sso.session_client WHERE client_id = %(client)s)
           ORDER BY created_at DESC, session_id DESC LIMIT 1"""
    )
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        cursor.execute(
            LIVE + branches, {"parent": parent_id, "of_kind": kind, "client": client_id, **moment(now, options)}
        )
        return cursor.fetchone()


def overdue_ids(connection: Connection, now: datetime, options: SsoOptions, limit: int) -> list[UUID]:
    """Sessions that are over by age or by rest and have not been ended yet, oldest first."""
    rows = connection.execute(
        """SELECT session_id FROM sso.session WHERE ended_at IS NULL AND (expires_at <= %(now)s
               OR (kind IN ('browser', 'app') AND last_seen_at <= %(now)s - %(browser)s)
               OR (kind = 'window' AND last_seen_at <= %(now)s - %(window)s)
               OR (kind = 'call' AND last_seen_at <= %(now)s - %(call)s)
               OR (kind = 'agent' AND last_seen_at <= %(now)s - %(agent)s))
           ORDER BY created_at, session_id LIMIT %(limit)s""",
        {**moment(now, options), "limit": limit},
    )
    return [row[0] for row in rows]
