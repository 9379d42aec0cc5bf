"""The end of a session: its grants are revoked, and every client that took part is told (OpenID Connect Back-Channel
Logout 1.0).

What is to be told waits as rows in PostgreSQL, written in the transaction that ends the session.
`deliver_logout_tokens` drains what is due; a process that dies in between loses nothing, because its rows fall due
again when the lease ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import httpx
from psycopg import Connection
from psycopg_pool import ConnectionPool

from sso import audit, clients, families, sessions
from sso.options import SsoOptions
from sso.ports import Clock, Minter
from sso.tokens import TokenIssuer

Send = Callable[[str, str], int]
"""Posts a logout token to a URI and answers the HTTP status. Raises OSError or httpx.HTTPError when nobody answered."""

BATCH = 50
RECEIVE_TIMEOUT_S = 5.0


def end_session(connection: Connection, session_id: UUID, reason: str, now: datetime, mint: Minter) -> bool:
    """End a session, once; False when it had ended before. Queues one logout token per client with an endpoint."""
    ended = connection.execute(
        """UPDATE sso.session SET ended_at = %s, end_reason = %s WHERE session_id = %s AND ended_at IS NULL
           RETURNING identity_id""",
        (now, reason, session_id),
    ).fetchone()
    if ended is None:
        return False
    families.revoke_session(connection, session_id, reason, now)
    for client_id in sessions.client_ids(connection, session_id):
        client = clients.load(connection, client_id)
        if client and client.backchannel_logout_uri:
            connection.execute(
                """INSERT INTO sso.logout_delivery
                       (delivery_id, session_id, identity_id, client_id, uri, next_attempt_at, created_at)
                   VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
                (mint.identifier(), session_id, ended[0], client_id, client.backchannel_logout_uri, now, now),
            )
    audit.record(connection, now, "session_ended", identity_id=ended[0], session_id=session_id, reason=reason)
    return True


def end_all_sessions(
    connection: Connection, identity_id: UUID, reason: str, now: datetime, options: SsoOptions, mint: Minter
) -> int:
    """End every session of a person ("everywhere"); answers how many there were."""
    live = sessions.of_identity(connection, identity_id, now, options)
    return sum(end_session(connection, session.session_id, reason, now, mint) for session in live)


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
    pool: ConnectionPool, clock: Clock, send: Send, *, tokens: TokenIssuer, options: SsoOptions
) -> Drained:
    """Send every logout token that is due now; call it often, from as many processes as you like.

    No transaction is open while a client is talked to. A token is signed afresh for every attempt and lives two
    minutes. At least once: a client may see the same `jti` twice.
    """
    counts = {"delivered": 0, "waiting": 0, "given_up": 0}
    started = clock()  # fixed, so that what fails now is not due again within this call
    tokens.prepare()
    while due := _claim(pool, started, options):
        for row in due:
            counts[_deliver(pool, clock, send, tokens, options, row)] += 1
    return Drained(**counts)


def _claim(pool: ConnectionPool, now: datetime, options: SsoOptions) -> list[_Due]:
    with pool.connection() as connection:
        rows = connection.execute(
            """UPDATE sso.logout_delivery SET attempts = attempts + 1, next_attempt_at = %(lease)s
               WHERE delivery_id IN (
                   SELECT delivery_id FROM sso.logout_delivery WHERE state = 'waiting' AND next_attempt_at <= %(now)s
                   ORDER BY next_attempt_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
               RETURNING delivery_id, session_id, identity_id, client_id, uri, attempts""",
            {"now": now, "lease": now + options.logout_lease, "batch": BATCH},
        ).fetchall()
    return [_Due(*row) for row in rows]


def _deliver(
    pool: ConnectionPool, clock: Clock, send: Send, tokens: TokenIssuer, options: SsoOptions, due: _Due
) -> str:
    status, error = None, None
    with pool.connection() as connection:
        client = clients.load(connection, due.client_id)
    if client is None:
        error = "the client is disabled"
    else:
        try:
            status = send(due.uri, tokens.logout_token(client, due.identity_id, due.session_id, due.delivery_id))
        except (OSError, httpx.HTTPError) as failure:
            error = type(failure).__name__
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
    return state


def http_send(uri: str, logout_token: str) -> int:
    """The `Send` for real clients: one POST, no redirect followed, five seconds, the answer's body not read.

    Back-channel URIs come from the operator's registration only, and are checked there (`clients.check_client_uri`).
    """
    with (
        httpx.Client(timeout=RECEIVE_TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
        client.stream("POST", uri, data={"logout_token": logout_token}) as response,
    ):
        return response.status_code
