"""What may be used once only and is no row of its own: the `jti` of an assertion or of a DPoP proof.

PostgreSQL remembers it until it could not be accepted any more: no restart and no lost cache makes it good again.
"""

from datetime import datetime

from psycopg import Connection

from sso.ports import digest

ASSERTION = "assertion"
DPOP_PROOF = "dpop_proof"
REQUEST_OBJECT = "request_object"


def spend(connection: Connection, purpose: str, owner: str, name: str, expires_at: datetime) -> bool:
    """Use `name` of `owner` up; False when it was used before.

    Parallel uses queue on the row: exactly one is told True. expires_at: when it stops being acceptable anyway.
    """
    return (
        connection.execute(
            "INSERT INTO sso.spent (purpose, digest, expires_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (purpose, digest(f"{owner}\n{name}"), expires_at),
        ).rowcount
        == 1
    )
