"""The end of sessions: their grants are revoked, and every client that took part is told (OpenID Connect Back-Channel
Logout 1.0).

A logout is one row, whatever it ended: one session with everything below it, or all of a person's. What is to be told
waits as rows that point to it, written in the transaction that ends the sessions. `deliver_logout_tokens` drains what
is due; a process that dies in between loses nothing, because its rows fall due again when the lease ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import httpx
from psycopg import Connection
from psycopg_pool import ConnectionPool

from sso import audit, clients, families, sessions
from sso.fetching import FetchRefused, authorities, guarded_post
from sso.issuing import TokenIssuer
from sso.options import SsoOptions
from sso.ports import Clock, Minter, digest

Send = Callable[[str, str], int]
"""Posts a logout token to a URI and answers the HTTP status. Raises OSError, httpx.HTTPError or FetchRefused when
nobody answered, or nobody was asked."""

BATCH = 50
RECEIVE_TIMEOUT_S = 5.0


# --- ending --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Logout:
    logout_id: UUID
    identity_id: UUID
    reason: str
    at: datetime


def end_session(
    connection: Connection, session_id: UUID, reason: str, now: datetime, mint: Minter, receipt: str | None = None
) -> bool:
    """End a session and everything below it, once; False when it had ended before.

    Queues one logout token per ended session and client with an endpoint. Parents are locked before their children,
    in the order they were opened, as everywhere here: two logouts at once never wait for each other in a circle.
    receipt: a secret with which somebody who is signed out may follow what becomes of it (`sso.telling.by_receipt`).
    """
    row = connection.execute(
        "SELECT identity_id FROM sso.session WHERE session_id = %s AND ended_at IS NULL FOR UPDATE", (session_id,)
    ).fetchone()
    if row is None:
        return False
    _end(connection, _begin(connection, row[0], reason, now, mint, receipt), session_id, mint)
    return True


def end_all_sessions(
    connection: Connection,
    identity_id: UUID,
    reason: str,
    now: datetime,
    options: SsoOptions,
    mint: Minter,
    receipt: str | None = None,
) -> int:
    """End every session of a person ("everywhere"), as one logout; answers how many there were."""
    live = sessions.of_identity(connection, identity_id, now, options)
    if live:
        logout = _begin(connection, identity_id, reason, now, mint, receipt)
        for session in sorted(live, key=lambda each: (each.created_at, each.session_id)):
            _end(connection, logout, session.session_id, mint)
    return len(live)


def end_overdue(pool: ConnectionPool, clock: Clock, options: SsoOptions, mint: Minter) -> int:
    """End sessions whose time is over, so that their clients hear of it; answers how many. Call it every minute.

    They are good for nothing already (`sessions.live`); one transaction each, so that none waits for another.
    """
    ended = 0
    with pool.connection() as connection:
        overdue = sessions.overdue_ids(connection, clock(), options, BATCH)
    for session_id in overdue:
        with pool.connection() as connection:
            ended += end_session(connection, session_id, "expired", clock(), mint)
    return ended


def _begin(
    connection: Connection, identity_id: UUID, reason: str, now: datetime, mint: Minter, receipt: str | None
) -> _Logout:
    logout = _Logout(mint.identifier(), identity_id, reason, now)
    connection.execute(
        "INSERT INTO sso.logout (logout_id, identity_id, reason, receipt_digest, at) VALUES (%s, %s, %s, %s, %s)",
        (logout.logout_id, identity_id, reason, digest(receipt) if receipt else None, now),
    )
    return logout


def _end(connection: Connection, logout: _Logout, session_id: UUID, mint: Minter) -> None:
    ended = connection.execute(
        "UPDATE sso.session SET ended_at = %s, end_reason = %s WHERE session_id = %s AND ended_at IS NULL",
        (logout.at, logout.reason, session_id),
    )
    if not ended.rowcount:
        return  # below a session that this same logout has ended, or another one was faster
    families.revoke_session(connection, session_id, logout.reason, logout.at)
    for client_id in sessions.client_ids(connection, session_id):
        client = clients.load(connection, client_id)
        uri = client.backchannel_logout_uri if client else None
        connection.execute(
            """INSERT INTO sso.logout_delivery
                   (delivery_id, logout_id, session_id, identity_id, client_id, uri, state, next_attempt_at, created_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            (
                mint.identifier(),
                logout.logout_id,
                session_id,
                logout.identity_id,
                client_id,
                uri,
                "waiting" if uri else "no_address",
                logout.at,
                logout.at,
            ),
        )
    audit.record(
        connection,
        logout.at,
        "session_ended",
        identity_id=logout.identity_id,
        session_id=session_id,
        reason=logout.reason,
    )
    for child_id in sessions.child_ids(connection, session_id):
        _end(connection, logout, child_id, mint)


# --- telling -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drained:
    """What one call of `deliver_logout_tokens` did, in deliveries."""

    delivered: int
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True)
class _Due:
    delivery_id: UUID
    session_id: UUID
    identity_id: UUID
    client_id: str
    uri: str
    attempts: int


def deliver_logout_tokens(
    pool: ConnectionPool,
    clock: Clock,
    send: Send,
    *,
    tokens: TokenIssuer,
    options: SsoOptions,
    send_to_stranger: Send | None = None,
) -> Drained:
    """Send every logout token that is due now; call it often, from as many processes as you like.

    No transaction is open while a client is talked to. A token is signed afresh for every attempt and lives two
    minutes. At least once: a client may see the same `jti` twice. An address where nobody answers is tried once in a
    call: the others must not wait while a thousand logouts run into the same silence.
    send_to_stranger: for clients that registered themselves; None: `guarded_send`.
    """
    counts = {"delivered": 0, "waiting": 0, "given_up": 0}
    started = clock()  # fixed, so that what fails now is not due again within this call
    tokens.prepare()
    stranger = send_to_stranger or guarded_send(options)
    silent: set[str] = set()
    while due := _claim(pool, started, options):
        for row in due:
            if row.uri in silent:
                _put_back(pool, row, started + options.logout_backoff)
                counts["waiting"] += 1
            else:
                state, answered = _deliver(pool, clock, send, stranger, tokens, options, row)
                counts[state] += 1
                if not answered:
                    silent.add(row.uri)
    return Drained(**counts)


def _claim(pool: ConnectionPool, now: datetime, options: SsoOptions) -> list[_Due]:
    with pool.connection() as connection:
        rows = connection.execute(
            """UPDATE sso.logout_delivery SET attempts = attempts + 1, next_attempt_at = %(lease)s,
                   last_attempt_at = %(now)s
               WHERE delivery_id IN (
                   SELECT delivery_id FROM sso.logout_delivery WHERE state = 'waiting' AND next_attempt_at <= %(now)s
                   ORDER BY next_attempt_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
               RETURNING delivery_id, session_id, identity_id, client_id, uri, attempts""",
            {"now": now, "lease": now + options.logout_lease, "batch": BATCH},
        ).fetchall()
    return [_Due(*row) for row in rows]


def _deliver(
    pool: ConnectionPool,
    clock: Clock,
    send: Send,
    send_to_stranger: Send,
    tokens: TokenIssuer,
    options: SsoOptions,
    due: _Due,
) -> tuple[str, bool]:
    """The new state, and whether somebody answered."""
    status, error = None, None
    with pool.connection() as connection:
        client = clients.load(connection, due.client_id)
    if client is None:
        error = "the client is disabled"
    else:
        post = send_to_stranger if client.registered_itself else send
        try:
            status = post(due.uri, tokens.logout_token(client, due.identity_id, due.session_id, due.delivery_id))
        except (OSError, httpx.HTTPError, FetchRefused) as failure:
            error = str(failure) if isinstance(failure, FetchRefused) else type(failure).__name__
    # RFC: 200, and 204 is what many frameworks answer instead (Back-Channel Logout 2.8).
    if status in (200, 204):
        state = "delivered"
    elif client is None or due.attempts >= options.logout_attempts_max:
        state = "given_up"
    else:
        state = "waiting"
    now = clock()
    backoff = min(options.logout_backoff * 2 ** (due.attempts - 1), options.logout_backoff_max)
    with pool.connection() as connection:
        connection.execute(
            """UPDATE sso.logout_delivery SET state = %s, last_status = %s, last_error = %s, next_attempt_at = %s,
                   delivered_at = %s WHERE delivery_id = %s""",
            (state, status, error, now + backoff, now if state == "delivered" else None, due.delivery_id),
        )
    return state, status is not None or client is None


def _put_back(pool: ConnectionPool, due: _Due, next_attempt_at: datetime) -> None:
    """Not tried after all: no attempt is counted."""
    with pool.connection() as connection:
        connection.execute(
            """UPDATE sso.logout_delivery SET attempts = attempts - 1, next_attempt_at = %s
               WHERE delivery_id = %s AND state = 'waiting'""",
            (next_attempt_at, due.delivery_id),
        )


def http_send(uri: str, logout_token: str) -> int:
    """The `Send` for clients that the operator registered: one POST, no redirect followed, five seconds, the answer's
    body not read. Their addresses may lie in the operator's own network (`clients.check_client_uri`)."""
    with (
        httpx.Client(
            verify=authorities(), timeout=RECEIVE_TIMEOUT_S, follow_redirects=False, trust_env=False
        ) as client,
        client.stream("POST", uri, data={"logout_token": logout_token}) as response,
    ):
        return response.status_code


def guarded_send(options: SsoOptions) -> Send:
    """The `Send` for clients that registered themselves: the same, and never into a private network."""
    post = guarded_post(options)
    return lambda uri, logout_token: post(uri, {"logout_token": logout_token})
