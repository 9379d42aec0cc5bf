"""Pings: the client is told that a CIBA request was decided (CIBA Core 10.2); what was decided it asks at /token.

A ping waits as a row, written in the transaction that decides. `deliver_pings` drains what is due; a process that dies
in between loses nothing, because its rows fall due again when the lease ends. A client that hears of a request twice
asks twice, and is given tokens once.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import httpx
from psycopg_pool import ConnectionPool

from sso.fetching import authorities
from sso.options import ApprovalOptions
from sso.ports import Clock, FieldCipher

SendPing = Callable[[str, str, str], int]
"""Tells a URI, with a bearer token, an auth_req_id; answers the HTTP status. Raises OSError or httpx.HTTPError when
nobody answered."""

BATCH = 50
RECEIVE_TIMEOUT_S = 5.0


def seal_ping(cipher: FieldCipher, auth_req_id: str, notification_token: str) -> str:
    """What a ping says, for keeping until it is said."""
    return cipher.seal(json.dumps([auth_req_id, notification_token]))


@dataclass(frozen=True, slots=True)
class Pinged:
    """What one call of `deliver_pings` did, in pings."""

    delivered: int
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True)
class _Due:
    approval_id: UUID
    attempts: int
    uri: str
    sealed: str
    expires_at: datetime


def deliver_pings(
    pool: ConnectionPool, clock: Clock, send: SendPing, *, cipher: FieldCipher, options: ApprovalOptions
) -> Pinged:
    """Send every ping that is due now; call it often, from as many processes as you like.

    No transaction is open while a client is talked to. It is tried again while nobody answers or the client is
    overloaded, until the request expires; a refusal or a redirect is final (the client can still poll).
    """
    counts = {"delivered": 0, "waiting": 0, "given_up": 0}
    started = clock()  # fixed, so that what fails now is not due again within this call
    while due := _claim(pool, started, options):
        for row in due:
            counts[_deliver(pool, clock, send, cipher, options, row)] += 1
    return Pinged(**counts)


def _claim(pool: ConnectionPool, now: datetime, options: ApprovalOptions) -> list[_Due]:
    with pool.connection() as connection:
        rows = connection.execute(
            """WITH due AS (
                   UPDATE sso.approval_ping SET attempts = attempts + 1, next_attempt_at = %(lease)s
                   WHERE approval_id IN (
                       SELECT approval_id FROM sso.approval_ping WHERE state = 'waiting' AND next_attempt_at <= %(now)s
                       ORDER BY next_attempt_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
                   RETURNING approval_id, attempts)
               SELECT approval_id, attempts, ping_uri, ping_sealed, expires_at FROM due JOIN sso.approval
               USING (approval_id)""",
            {"now": now, "lease": now + options.ping_lease, "batch": BATCH},
        ).fetchall()
    return [_Due(*row) for row in rows]


def _deliver(
    pool: ConnectionPool, clock: Clock, send: SendPing, cipher: FieldCipher, options: ApprovalOptions, due: _Due
) -> str:
    auth_req_id, notification_token = json.loads(cipher.open(due.sealed))
    status, error = None, None
    try:
        status = send(due.uri, notification_token, auth_req_id)
    except (OSError, httpx.HTTPError) as failure:
        error = type(failure).__name__
    now = clock()
    backoff = min(options.ping_backoff * 2 ** (due.attempts - 1), options.ping_backoff_max)
    state = _state(status)
    if state == "waiting" and now + backoff >= due.expires_at:
        state = "given_up"
    with pool.connection() as connection:
        connection.execute(
            """UPDATE sso.approval_ping SET state = %s, last_status = %s, last_error = %s, next_attempt_at = %s,
                   delivered_at = %s WHERE approval_id = %s""",
            (state, status, error, now + backoff, now if state == "delivered" else None, due.approval_id),
        )
        if state != "waiting":
            connection.execute("UPDATE sso.approval SET ping_sealed = NULL WHERE approval_id = %s", (due.approval_id,))
    return state


def _state(status: int | None) -> str:
    """CIBA Core 10.2: 204 is right and 200 accepted, a body is not looked at, a redirect is never followed."""
    if status in (200, 204):
        return "delivered"
    try_again = status is None or status in (408, 425, 429) or status >= 500
    return "waiting" if try_again else "given_up"


def http_send_ping(uri: str, notification_token: str, auth_req_id: str) -> int:
    """The `SendPing` for real clients: one POST, no redirect followed, five seconds, the answer's body not read.

    The URIs come from the clients' registrations only, and are checked there.
    """
    with (
        httpx.Client(
            verify=authorities(), timeout=RECEIVE_TIMEOUT_S, follow_redirects=False, trust_env=False
        ) as client,
        client.stream(
            "POST",
            uri,
            json={"auth_req_id": auth_req_id},
            headers={"Authorization": f"Bearer {notification_token}"},
        ) as response,
    ):
        return response.status_code
