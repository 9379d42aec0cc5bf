"""What happened to whom, kept in the same transaction as the thing itself. Never holds a secret or personal data."""

from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb


def record(
    connection: Connection,
    at: datetime,
    kind: str,
    *,
    identity_id: UUID | None = None,
    client_id: str | None = None,
    session_id: UUID | None = None,
    **detail: str | int | bool,
) -> None:
    """Append one row; `kind` is a sentence in snake case (`refresh_token_reused`)."""
    connection.execute(
        "INSERT INTO sso.audit (at, kind, identity_id, client_id, session_id, detail) VALUES (%s, %s, %s, %s, %s, %s)",
        (at, kind, identity_id, client_id, session_id, Jsonb(detail)),
    )
