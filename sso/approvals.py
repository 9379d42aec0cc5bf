"""Requests that wait for somebody's approval on their own phone: a window's code (RFC 8628), a clerk's request (CIBA).

Both are polled, decided and redeemed alike, so they are one kind of row. The secret that the client polls with is kept
as a digest and redeemed once; redeeming it again revokes the family that the first redemption started (whoever merely
lost the first answer has no tokens to lose by it).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sso import audit, families
from sso.ports import digest

Kind = Literal["device", "ciba"]

SLOW_DOWN = timedelta(seconds=5)  # RFC 8628 section 3.5
SESSION_KINDS: dict[str, str] = {"device": "window", "ciba": "call"}
"""What an approved request opens: a session of this kind, below the one in which it was approved."""

POLL_SLACK = timedelta(milliseconds=500)  # a client that waits the interval exactly is not early because the net is


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks for. `place` (`office`, `window`) is the client's word for where the request was made."""

    client_id: str
    scope: list[str]
    audience: str | None = None
    acr_values: list[str] = field(default_factory=list)
    place: dict[str, str] = field(default_factory=dict)
    binding_message: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A request as it stands. `session_id` and what follows say who approved, how and where; None until then."""

    approval_id: UUID
    kind: Kind
    client_id: str
    grant_id: UUID
    scope: list[str]
    audience: str | None
    acr_values: list[str]
    place: dict[str, str]
    binding_message: str | None
    identity_id: UUID | None
    state: Literal["waiting", "approved", "refused"]
    session_id: UUID | None
    auth_time: datetime | None
    acr: str | None
    amr: list[str] | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """How the approval was given: in which session (None: by a code that was read back), and how strongly."""

    identity_id: UUID
    session_id: UUID | None
    auth_time: datetime
    acr: str
    amr: list[str]


class PollRefused(Exception):
    """Nothing to hand out (yet). `error` is the name that RFC 8628 section 3.5 and CIBA section 11 give it."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


_COLUMNS = sql.SQL(
    """approval_id, kind, client_id, grant_id, scope, audience, acr_values, place, binding_message, identity_id, state,
       session_id, auth_time, acr, amr, created_at, expires_at"""
)
_OPEN = sql.SQL("state = 'waiting' AND expires_at > %(now)s")


# --- asking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keys:
    """What finds a request again: the client's secret, and the blinded codes that people type (None: there is none)."""

    secret: str
    user_code_blind: str | None = None
    read_back_blind: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """Where the client wants to be told of a decision, and what it wants to hear there, sealed."""

    uri: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The moment of asking, the last moment of redeeming, and the least time between two polls."""

    now: datetime
    expires_at: datetime
    interval: timedelta


def add(
    connection: Connection,
    kind: Kind,
    wanted: Wanted,
    keys: Keys,
    ids: tuple[UUID, UUID],
    deadlines: Deadlines,
    *,
    identity_id: UUID | None = None,
    ping: Ping | None = None,
) -> bool:
    """Keep a request under `ids` (its own and that of the grant to be); False when the user code is taken."""
    added = connection.execute(
        """INSERT INTO sso.approval
               (approval_id, grant_id, kind, secret_digest, user_code_blind, read_back_blind, client_id, scope,
                audience, acr_values, place, binding_message, identity_id, interval_seconds, created_at, expires_at,
                ping_uri, ping_sealed)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (user_code_blind) DO NOTHING""",
        (
            *ids,
            kind,
            digest(keys.secret),
            keys.user_code_blind,
            keys.read_back_blind,
            wanted.client_id,
            wanted.scope,
            wanted.audience,
            wanted.acr_values,
            Jsonb(wanted.place),
            wanted.binding_message,
            identity_id,
            int(deadlines.interval.total_seconds()),
            deadlines.now,
            deadlines.expires_at,
            ping.uri if ping else None,
            ping.sealed if ping else None,
        ),
    )
    return added.rowcount == 1


def asked_since(connection: Connection, identity_id: UUID, since: datetime) -> tuple[int, int]:
    """How many CIBA requests were made for somebody, and how many of them sent a code to their phone."""
    row = connection.execute(
        """SELECT count(*), count(read_back_blind) FROM sso.approval
           WHERE identity_id = %s AND kind = 'ciba' AND created_at > %s""",
        (identity_id, since),
    ).fetchone()
    return row if row else (0, 0)


# --- deciding ------------------------------------------------------------------------------------------------------


def by_user_code(connection: Connection, blind: str, now: datetime) -> Approval | None:
    """The open device request with this user code."""
    return _one(connection, sql.SQL("user_code_blind = %(key)s"), blind, now)


def by_id(connection: Connection, approval_id: UUID, now: datetime) -> Approval | None:
    """The open request with this id."""
    return _one(connection, sql.SQL("approval_id = %(key)s"), approval_id, now)


def waiting_for(connection: Connection, identity_id: UUID, now: datetime) -> list[Approval]:
    """The open CIBA requests that somebody is asked to decide, newest first."""
    with connection.cursor(row_factory=class_row(Approval)) as cursor:
        where = sql.SQL("kind = 'ciba' AND identity_id = %(key)s ORDER BY created_at DESC, approval_id DESC")
        cursor.execute(_select(where), {"key": identity_id, "now": now})
        return cursor.fetchall()


def _one(connection: Connection, where: sql.SQL, key: object, now: datetime) -> Approval | None:
    with connection.cursor(row_factory=class_row(Approval)) as cursor:
        cursor.execute(_select(where), {"key": key, "now": now})
        return cursor.fetchone()


def _select(where: sql.SQL) -> sql.Composed:
    return sql.SQL("SELECT {} FROM sso.approval WHERE {} AND {}").format(_COLUMNS, _OPEN, where)


def approve(connection: Connection, approval_id: UUID, proof: Proof, now: datetime) -> bool:
    """The person says yes; False when the request is over, decided already, or asks somebody else."""
    values = {"session": proof.session_id, "time": proof.auth_time, "acr": proof.acr, "amr": proof.amr}
    return _decide(connection, approval_id, "approved", proof.identity_id, proof.session_id, values, now)


def refuse(
    connection: Connection, approval_id: UUID, identity_id: UUID, session_id: UUID | None, now: datetime
) -> bool:
    """The person says no; False as for `approve`."""
    values = {"session": session_id, "time": None, "acr": None, "amr": None}
    return _decide(connection, approval_id, "refused", identity_id, session_id, values, now)


def _decide(
    connection: Connection,
    approval_id: UUID,
    state: str,
    identity_id: UUID,
    session_id: UUID | None,
    values: Mapping[str, object],
    now: datetime,
) -> bool:
    decided = connection.execute(
        sql.SQL(
            """UPDATE sso.approval SET state = %(state)s, identity_id = %(identity)s, session_id = %(session)s,
                   auth_time = %(time)s, acr = %(acr)s, amr = %(amr)s, decided_at = %(now)s
               WHERE approval_id = %(id)s AND {} AND coalesce(identity_id, %(identity)s) = %(identity)s
               RETURNING client_id, kind, ping_uri"""
        ).format(_OPEN),
        {"state": state, "identity": identity_id, "id": approval_id, "now": now, **values},
    ).fetchone()
    if decided is None:
        return False
    client_id, kind, ping_uri = decided
    if ping_uri is not None:
        connection.execute(
            "INSERT INTO sso.approval_ping (approval_id, next_attempt_at, created_at) VALUES (%s, %s, %s)",
            (approval_id, now, now),
        )
    audit.record(
        connection,
        now,
        f"request_{state}",
        identity_id=identity_id,
        client_id=client_id,
        session_id=session_id,
        request=kind,
    )
    return True


@dataclass(frozen=True, slots=True)
class ReadBack:
    """An open request whose code can be read back, and the blinded form of that code."""

    approval: Approval
    blind: str


def read_back(connection: Connection, secret: str, client_id: str, now: datetime) -> ReadBack | None:
    """The client's open request that sent a code to a phone. Locks it: codes are tried one at a time."""
    row = connection.execute(
        sql.SQL(
            """SELECT approval_id, read_back_blind FROM sso.approval
               WHERE secret_digest = %(digest)s AND client_id = %(client)s AND read_back_blind IS NOT NULL AND {}
               FOR UPDATE"""
        ).format(_OPEN),
        {"digest": digest(secret), "client": client_id, "now": now},
    ).fetchone()
    found = by_id(connection, row[0], now) if row else None
    return ReadBack(found, row[1]) if row and found else None


# --- redeeming -----------------------------------------------------------------------------------------------------


def redeem(connection: Connection, kind: Kind, secret: str, client_id: str, now: datetime) -> Approval:
    """One poll: the approved request, used up by this; parallel polls queue on the row.

    Raises PollRefused: `authorization_pending`, `slow_down` (the interval grows by five seconds), `expired_token`,
    `access_denied`, or `invalid_grant` for a secret that is unknown, another client's, or was redeemed before.
    """
    row = connection.execute(
        """SELECT approval_id, client_id, grant_id, state, interval_seconds, polled_at, expires_at, consumed_at
           FROM sso.approval WHERE kind = %s AND secret_digest = %s FOR UPDATE""",
        (kind, digest(secret)),
    ).fetchone()
    if row is None or row[1] != client_id:
        raise PollRefused("invalid_grant", "Unknown, or another client's.")
    approval_id, _, grant_id, state, interval_seconds, polled_at, expires_at, consumed_at = row
    if consumed_at is not None:
        families.revoke(connection, grant_id, f"{kind}_request_replayed", now)
        raise PollRefused("invalid_grant", "It was redeemed before.")
    if expires_at <= now:
        raise PollRefused("expired_token", "The time to approve is over; ask again.")
    if state == "refused":
        raise PollRefused("access_denied", "The person refused.")
    if state == "waiting":
        raise _pending(connection, approval_id, polled_at, timedelta(seconds=interval_seconds), now)
    with connection.cursor(row_factory=class_row(Approval)) as cursor:
        cursor.execute(
            sql.SQL(
                """UPDATE sso.approval SET consumed_at = %s WHERE approval_id = %s AND consumed_at IS NULL
                   RETURNING {}"""
            ).format(_COLUMNS),
            (now, approval_id),
        )
        approved = cursor.fetchone()
    if approved is None:
        raise PollRefused("invalid_grant", "It was redeemed before.")
    return approved


def _pending(
    connection: Connection, approval_id: UUID, polled_at: datetime | None, interval: timedelta, now: datetime
) -> PollRefused:
    early = polled_at is not None and now - polled_at < interval - POLL_SLACK
    longer = interval + SLOW_DOWN if early else interval
    connection.execute(
        "UPDATE sso.approval SET polled_at = %s, interval_seconds = %s WHERE approval_id = %s",
        (now, int(longer.total_seconds()), approval_id),
    )
    if early:
        seconds = int(longer.total_seconds())
        return PollRefused("slow_down", f"Polled too soon; wait {seconds} seconds between two polls from now on.")
    return PollRefused("authorization_pending", "The person has not decided yet.")
