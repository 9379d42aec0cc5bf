"""Codes, grants and refresh tokens.

A *grant* is the family of everything that grew from one approval: an authorization code, a device or a call approved
on a phone, an exchange. Codes and refresh tokens are one-time:
using one twice, however far apart or close together, revokes the whole grant (RFC 9700 sections 2.1.1 and 4.14.2).
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from sso import audit, sessions
from sso.options import SsoOptions
from sso.ports import digest


@dataclass(frozen=True, slots=True)
class Grant:
    """What was authorized, by whom and how they had logged in; copied unchanged into every token of the family."""

    grant_id: UUID
    client_id: str
    session_id: UUID
    identity_id: UUID
    scope: list[str]
    claims: dict[str, list[str]]
    auth_time: datetime
    acr: str
    amr: list[str]
    audience: str | None = None  # the resource (RFC 8707) its access tokens are for; None: the hub API
    jkt: str | None = None  # thumbprint of the one key that may use them (RFC 9449); None: bearer tokens
    actor: dict[str, Any] | None = None  # the `act` claim (RFC 8693 4.1): who acts for the person
    origin: str = "code"  # how it came about: code, device, ciba or exchange


@dataclass(frozen=True, slots=True)
class Code:
    """A redeemed authorization code: the grant to be, and what the redemption must match."""

    grant: Grant
    redirect_uri: str
    nonce: str | None
    code_challenge: str | None
    expires_at: datetime


_GRANT_FIELDS = tuple(field.name for field in fields(Grant))
_GRANT = sql.SQL(", ").join(map(sql.Identifier, _GRANT_FIELDS))
_VALUES = sql.SQL(", ").join(sql.Placeholder() * len(_GRANT_FIELDS))
_SAVE_CODE = (
    sql.SQL("""INSERT INTO sso.code
        (code_digest, {}, redirect_uri, nonce, code_challenge, created_at, expires_at)
    VALUES (%s, {}, %s, %s, %s, %s, %s)""")
    .format(_GRANT, _VALUES)
    .as_string()
)
_CONSUME_CODE = (
    sql.SQL("""UPDATE sso.code SET consumed_at = %s WHERE code_digest = %s AND consumed_at IS NULL
    RETURNING {}, redirect_uri, nonce, code_challenge, expires_at""")
    .format(_GRANT)
    .as_string()
)
_OPEN_GRANT = (
    sql.SQL("INSERT INTO sso.token_grant ({}, created_at, parent_id, actor_session_id) VALUES ({}, %s, %s, %s)")
    .format(_GRANT, _VALUES)
    .as_string()
)
_LIVE_GRANT = (
    sql.SQL("SELECT {} FROM sso.token_grant WHERE grant_id = %s AND revoked_at IS NULL").format(_GRANT).as_string()
)


def save_code(connection: Connection, secret: str, code: Code, now: datetime) -> None:
    """Keep a code that is about to be handed to the browser, by its digest."""
    grant = code.grant
    connection.execute(
        _SAVE_CODE,
        (
            digest(secret),
            *_grant_values(grant),
            code.redirect_uri,
            code.nonce,
            code.code_challenge,
            now,
            code.expires_at,
        ),
    )


def _grant_values(grant: Grant) -> tuple[Any, ...]:
    values = [getattr(grant, name) for name in _GRANT_FIELDS]
    return tuple(Jsonb(value) if isinstance(value, dict) else value for value in values)


def consume_code(connection: Connection, secret: str, now: datetime) -> Code | None:
    """Redeem a code, once: the row is marked before anything is checked, and stays marked if the request fails.

    Parallel posts queue on the row; all but the first find it consumed and take this for a replay, which revokes
    the family that the first one started.
    """
    row = connection.execute(_CONSUME_CODE, (now, digest(secret))).fetchone()
    if row:
        count = len(_GRANT_FIELDS)
        return Code(Grant(*row[:count]), *row[count:])
    replayed = connection.execute("SELECT grant_id FROM sso.code WHERE code_digest = %s", (digest(secret),)).fetchone()
    if replayed:
        revoke(connection, replayed[0], "code_replayed", now)
    return None


def open_grant(
    connection: Connection,
    grant: Grant,
    now: datetime,
    parent_id: UUID | None = None,
    actor_session_id: UUID | None = None,
) -> None:
    """Start a family: a code was redeemed rightly, a device or a call approved, a token exchanged.

    parent_id: the grant it was exchanged from (see `held_grant`); actor_session_id: the session of the clerk who acts.
    It ends with either.
    """
    connection.execute(_OPEN_GRANT, (*_grant_values(grant), now, parent_id, actor_session_id))


def add_refresh_token(
    connection: Connection, secret: str, grant_id: UUID, generation: int, now: datetime, expires_at: datetime
) -> None:
    """Keep the one live refresh token of a family, by its digest."""
    connection.execute(
        """INSERT INTO sso.refresh_token (token_digest, grant_id, generation, issued_at, expires_at)
           VALUES (%s, %s, %s, %s, %s)""",
        (digest(secret), grant_id, generation, now, expires_at),
    )


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token that may be used: its family, and how far the family has come.

    repeated: it was used moments ago by another tab or a retry; its child stands already and is handed out again.
    """

    grant: Grant
    generation: int
    repeated: bool = False


_PRESENTED = (
    sql.SQL("""SELECT r.generation, r.used_at, r.expires_at, r.graces, g.revoked_at, {}
        FROM sso.refresh_token r JOIN sso.token_grant g USING (grant_id)
        WHERE r.token_digest = %s FOR UPDATE OF r""")
    .format(sql.SQL(", ").join(sql.Identifier("g", name) for name in _GRANT_FIELDS))
    .as_string()
)


def consume_refresh_token(
    connection: Connection,
    secret: str,
    client_id: str,
    now: datetime,
    options: SsoOptions,
    *,
    child: str,
    holds_key: Callable[[Grant], object],
) -> RefreshToken | None:
    """Use a refresh token, once.

    None when it is unknown, expired or its family is revoked. A token that was used before, or that another client
    presents, has leaked: the family is revoked. Two tabs and a lost answer are no leak: within `refresh_grace` of the
    first use, at most `refresh_grace_uses` times and while its child is unused, it answers with that same `child`,
    so that a family never has two live branches.

    child: the secret that follows from this one (see `TokenIssuer.next_secret`). holds_key: raises when the caller
    has not the key that the family is bound to; the token is then not used up, because a thief without the key must
    not be able to end the family.
    """
    row = connection.execute(_PRESENTED, (digest(secret),)).fetchone()
    if row is None:
        return None
    generation, used_at, expires_at, graces, revoked_at = row[:5]
    grant = Grant(*row[5:])
    if revoked_at is not None:
        return None
    holds_key(grant)
    if grant.client_id != client_id:
        revoke(connection, grant.grant_id, "refresh_token_of_another_client", now)
        return None
    repeated = used_at is not None
    if repeated and not _may_repeat(connection, grant.grant_id, generation, used_at, graces, child, now, options):
        revoke(connection, grant.grant_id, "refresh_token_reused", now)
        return None
    connection.execute(
        "UPDATE sso.refresh_token SET used_at = coalesce(used_at, %s), graces = %s WHERE token_digest = %s",
        (now, graces + 1 if repeated else 0, digest(secret)),
    )
    return RefreshToken(grant, generation, repeated) if expires_at > now else None


def _may_repeat(
    connection: Connection,
    grant_id: UUID,
    generation: int,
    used_at: datetime,
    graces: int,
    child: str,
    now: datetime,
    options: SsoOptions,
) -> bool:
    """Whether a second use is still the grace of the first: soon, seldom, and nobody has gone on from the child."""
    if not timedelta(0) <= now - used_at < options.refresh_grace or graces >= options.refresh_grace_uses:
        return False
    unused = connection.execute(
        """SELECT 1 FROM sso.refresh_token
           WHERE grant_id = %s AND generation = %s AND token_digest = %s AND used_at IS NULL FOR UPDATE""",
        (grant_id, generation + 1, digest(child)),
    ).fetchone()
    return unused is not None


def of_refresh_token(connection: Connection, secret: str) -> UUID | None:
    """The grant of a refresh token, used or not."""
    row = connection.execute(
        "SELECT grant_id FROM sso.refresh_token WHERE token_digest = %s", (digest(secret),)
    ).fetchone()
    return row[0] if row else None


def live_grant(connection: Connection, grant_id: UUID) -> Grant | None:
    """The grant, unless it was revoked."""
    row = connection.execute(_LIVE_GRANT, (grant_id,)).fetchone()
    return Grant(*row) if row else None


def held_grant(connection: Connection, grant_id: UUID) -> Grant | None:
    """The grant, unless it was revoked, kept from being revoked until this transaction ends: whoever revokes it then
    waits, and finds what was made from it."""
    row = connection.execute(_LIVE_GRANT + " FOR SHARE", (grant_id,)).fetchone()
    return Grant(*row) if row else None


_STANDING = sql.SQL("""FROM sso.token_grant g WHERE g.grant_id = %(grant)s AND g.revoked_at IS NULL
    AND EXISTS (SELECT FROM sso.client c WHERE c.client_id = g.client_id AND c.disabled_at IS NULL)
    AND EXISTS (SELECT FROM sso.identity i WHERE i.identity_id = g.identity_id AND i.disabled_at IS NULL)
    AND (g.actor IS NULL OR NOT EXISTS (
        SELECT FROM jsonb_path_query(g.actor, '$.**.sub ? (!(@ starts with "client:"))') acting
        JOIN sso.identity i ON i.identity_id = (acting #>> '{{}}')::uuid WHERE i.disabled_at IS NOT NULL))
    AND EXISTS ({} session_id = g.session_id)""").format(sessions.LIVE)
_LIVING = sql.SQL("SELECT {} {}").format(_GRANT, _STANDING).as_string()
_STANDS = sql.SQL("SELECT {}").format(_STANDING).as_string()


def living(connection: Connection, grant_id: UUID, now: datetime, options: SsoOptions) -> Grant | None:
    """The grant, while it, its client, its person, every clerk who acts in it (RFC 8693 4.1) and its session all stand:
    one look for every access token."""
    row = connection.execute(_LIVING, {"grant": grant_id, **sessions.moment(now, options)}).fetchone()
    return Grant(*row) if row else None


def stands(connection: Connection, grant_id: UUID, now: datetime, options: SsoOptions) -> bool:
    """Whether `living` would find it: what introspection asks thousands of times."""
    cursor = connection.execute(_STANDS, {"grant": grant_id, **sessions.moment(now, options)})
    return cursor.rowcount == 1


def revoke(connection: Connection, grant_id: UUID, reason: str, now: datetime) -> None:
    """End a family and those exchanged from it: no refresh token of them works any more, nor does userinfo."""
    rows = connection.execute(
        """UPDATE sso.token_grant SET revoked_at = %s, revoke_reason = %s
           WHERE grant_id = %s AND revoked_at IS NULL RETURNING identity_id, client_id, session_id""",
        (now, reason, grant_id),
    ).fetchall()
    for identity_id, client_id, session_id in rows:
        audit.record(connection, now, reason, identity_id=identity_id, client_id=client_id, session_id=session_id)
        _revoke_children(connection, grant_id, reason, now)


def _revoke_children(connection: Connection, grant_id: UUID, reason: str, now: datetime) -> None:
    """Looked for after the parent's row is ours: an exchange that held it has put its child in by now."""
    children = connection.execute("SELECT grant_id FROM sso.token_grant WHERE parent_id = %s", (grant_id,))
    for (child_id,) in children.fetchall():
        revoke(connection, child_id, reason, now)


def revoke_client(connection: Connection, client_id: str, reason: str, now: datetime) -> None:
    """End every family of a client that goes, and every code not yet redeemed."""
    connection.execute(
        "UPDATE sso.token_grant SET revoked_at = %s, revoke_reason = %s WHERE client_id = %s AND revoked_at IS NULL",
        (now, reason, client_id),
    )
    connection.execute(
        "UPDATE sso.code SET consumed_at = %s WHERE client_id = %s AND consumed_at IS NULL", (now, client_id)
    )


def revoke_session(connection: Connection, session_id: UUID, reason: str, now: datetime) -> None:
    """End every family that grew from a session or in which its person acts, and every code not yet redeemed."""
    connection.execute(
        "UPDATE sso.token_grant SET revoked_at = %s, revoke_reason = %s WHERE session_id = %s AND revoked_at IS NULL",
        (now, reason, session_id),
    )
    connection.execute(
        "UPDATE sso.code SET consumed_at = %s WHERE session_id = %s AND consumed_at IS NULL", (now, session_id)
    )
    acting = connection.execute(
        """UPDATE sso.token_grant SET revoked_at = %s, revoke_reason = %s
           WHERE actor_session_id = %s AND revoked_at IS NULL RETURNING grant_id""",
        (now, reason, session_id),
    ).fetchall()
    for (grant_id,) in acting:
        _revoke_children(connection, grant_id, reason, now)
