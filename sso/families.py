"""Codes, grants and refresh tokens.

A *grant* is the family of everything that grew from one authorization code. Codes and refresh tokens are one-time:
using one twice, however far apart or close together, revokes the whole grant (RFC 9700 sections 2.1.1 and 4.14.2).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sso import audit
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


@dataclass(frozen=True, slots=True)
class Code:
    """A redeemed authorization code: the grant to be, and what the redemption must match."""

    grant: Grant
    redirect_uri: str
    nonce: str | None
    code_challenge: str
    expires_at: datetime


_GRANT = sql.SQL("grant_id, client_id, session_id, identity_id, scope, claims, auth_time, acr, amr")
_SAVE_CODE = sql.SQL("""INSERT INTO sso.code
        (code_digest, {}, redirect_uri, nonce, code_challenge, created_at, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""").format(_GRANT)
_CONSUME_CODE = sql.SQL("""UPDATE sso.code SET consumed_at = %s WHERE code_digest = %s AND consumed_at IS NULL
    RETURNING {}, redirect_uri, nonce, code_challenge, expires_at""").format(_GRANT)
_OPEN_GRANT = sql.SQL("""INSERT INTO sso.token_grant ({}, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""").format(_GRANT)
_LIVE_GRANT = sql.SQL("SELECT {} FROM sso.token_grant WHERE grant_id = %s AND revoked_at IS NULL").format(_GRANT)


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
    return (
        grant.grant_id,
        grant.client_id,
        grant.session_id,
        grant.identity_id,
        grant.scope,
        Jsonb(grant.claims),
        grant.auth_time,
        grant.acr,
        grant.amr,
    )


def consume_code(connection: Connection, secret: str, now: datetime) -> Code | None:
    """Redeem a code, once: the row is marked before anything is checked, and stays marked if the request fails.

    Parallel posts queue on the row; all but the first find it consumed and take this for a replay, which revokes
    the family that the first one started.
    """
    row = connection.execute(_CONSUME_CODE, (now, digest(secret))).fetchone()
    if row:
        return Code(Grant(*row[:9]), *row[9:])
    replayed = connection.execute("SELECT grant_id FROM sso.code WHERE code_digest = %s", (digest(secret),)).fetchone()
    if replayed:
        revoke(connection, replayed[0], "code_replayed", now)
    return None


def open_grant(connection: Connection, grant: Grant, now: datetime) -> None:
    """Start the family of a code that was redeemed rightly."""
    connection.execute(_OPEN_GRANT, (*_grant_values(grant), now))


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
    """A refresh token as presented: its family and how far the family has come."""

    grant: Grant
    generation: int


def consume_refresh_token(connection: Connection, secret: str, client_id: str, now: datetime) -> RefreshToken | None:
    """Use a refresh token, once.

    None when it is unknown, expired or its family is revoked. A token that was used before, or that another client
    presents, has leaked: the family is revoked.
    """
    row = connection.execute(
        """SELECT grant_id, generation, used_at, expires_at FROM sso.refresh_token
           WHERE token_digest = %s FOR UPDATE""",
        (digest(secret),),
    ).fetchone()
    if row is None:
        return None
    grant_id, generation, used_at, expires_at = row
    grant = live_grant(connection, grant_id)
    if used_at is not None:
        revoke(connection, grant_id, "refresh_token_reused", now)
        return None
    connection.execute("UPDATE sso.refresh_token SET used_at = %s WHERE token_digest = %s", (now, digest(secret)))
    if grant is not None and grant.client_id != client_id:
        revoke(connection, grant_id, "refresh_token_of_another_client", now)
        return None
    return RefreshToken(grant, generation) if grant is not None and expires_at > now else None


def live_grant(connection: Connection, grant_id: UUID) -> Grant | None:
    """The grant, unless it was revoked."""
    with connection.cursor(row_factory=class_row(Grant)) as cursor:
        cursor.execute(_LIVE_GRANT, (grant_id,))
        return cursor.fetchone()


def revoke(connection: Connection, grant_id: UUID, reason: str, now: datetime) -> None:
    """End a family: no refresh token of it works any more, nor does userinfo."""
    rows = connection.execute(
        """UPDATE sso.token_grant SET revoked_at = %s, revoke_reason = %s
           WHERE grant_id = %s AND revoked_at IS NULL RETURNING identity_id, client_id, session_id""",
        (now, reason, grant_id),
    ).fetchall()
    for identity_id, client_id, session_id in rows:
        audit.record(connection, now, reason, identity_id=identity_id, client_id=client_id, session_id=session_id)


def revoke_session(connection: Connection, session_id: UUID, reason: str, now: datetime) -> None:
    """End every family that grew from a session, and every code not yet redeemed."""
    connection.execute(
        "UPDATE sso.token_grant SET revoked_at = %s, revoke_reason = %s WHERE session_id = %s AND revoked_at IS NULL",
        (now, reason, session_id),
    )
    connection.execute(
        "UPDATE sso.code SET consumed_at = %s WHERE session_id = %s AND consumed_at IS NULL", (now, session_id)
    )
