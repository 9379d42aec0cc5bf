"""Clerks: who works for which agents' company. A clerk logs in as themselves; the operator says where they work.

Without a row here nobody's token is an actor token for a company: a customer who happens to be logged in at its
application is no clerk.
"""

from datetime import datetime
from uuid import UUID

from psycopg import Connection

from sso import audit, clients
from sso.people import identities
from sso.people.identities import Identity
from sso.provider import Provider


def employ(provider: Provider, client_id: str, login: str) -> bool:
    """From now on whoever has `login` may act as a clerk of the company; False when nobody has that login.

    Raises ValueError when the client is unknown or may not act for people.
    """
    now = provider.clock()
    with provider.pool.connection() as connection:
        client = clients.load(connection, client_id)
        if client is None or not client.may_act:
            raise ValueError("the client is not an agents' company: register it with may_act")
        clerk = identities.by_login(connection, provider.cipher, login)
        if clerk is None:
            return False
        connection.execute(
            """INSERT INTO sso.clerk (client_id, identity_id, employed_at) VALUES (%s, %s, %s)
               ON CONFLICT (client_id, identity_id) DO UPDATE
               SET employed_at = excluded.employed_at, ended_at = NULL WHERE clerk.ended_at IS NOT NULL""",
            (client_id, clerk.identity_id, now),
        )
        audit.record(connection, now, "clerk_employed", identity_id=clerk.identity_id, client_id=client_id)
    return True


def dismiss(provider: Provider, client_id: str, login: str) -> bool:
    """The clerk has left: every token in which they act ends at once. False when they did not work there."""
    now = provider.clock()
    with provider.pool.connection() as connection:
        clerk = identities.by_login(connection, provider.cipher, login)
        return clerk is not None and end(connection, client_id, clerk.identity_id, now)


def end(connection: Connection, client_id: str, identity_id: UUID, now: datetime) -> bool:
    """See `dismiss`. The row first, then the tokens: an exchange that meets it either sees it or is ended by it."""
    changed = connection.execute(
        "UPDATE sso.clerk SET ended_at = %s WHERE client_id = %s AND identity_id = %s AND ended_at IS NULL",
        (now, client_id, identity_id),
    )
    if not changed.rowcount:
        return False
    connection.execute(
        """UPDATE sso.token_grant SET revoked_at = %s, revoke_reason = 'clerk_dismissed'
           WHERE client_id = %s AND actor->>'sub' = %s AND revoked_at IS NULL""",
        (now, client_id, str(identity_id)),
    )
    audit.record(connection, now, "clerk_dismissed", identity_id=identity_id, client_id=client_id)
    return True


def held(connection: Connection, client_id: str, identity_id: UUID) -> Identity | None:
    """The clerk, if the person works for the company; they cannot be dismissed before this transaction ends."""
    employed = connection.execute(
        "SELECT 1 FROM sso.clerk WHERE client_id = %s AND identity_id = %s AND ended_at IS NULL FOR SHARE",
        (client_id, identity_id),
    ).fetchone()
    return identities.load(connection, identity_id) if employed else None
