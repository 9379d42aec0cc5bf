"""Authorization requests that a client pushed before the browser came (RFC 9126): kept sealed, used once."""

import json
from datetime import datetime

from psycopg import Connection

from sso.incoming import Parameters
from sso.ports import FieldCipher, digest

URN = "urn:ietf:params:oauth:request_uri:"


def save(
    connection: Connection,
    secret: str,
    client_id: str,
    parameters: Parameters,
    now: datetime,
    expires_at: datetime,
    cipher: FieldCipher,
) -> str:
    """Keep the request until `expires_at`; answers its `request_uri`."""
    connection.execute(
        """INSERT INTO sso.pushed_request (request_digest, client_id, parameters, created_at, expires_at)
           VALUES (%s, %s, %s, %s, %s)""",
        (digest(secret), client_id, cipher.seal(json.dumps(parameters.pairs)), now, expires_at),
    )
    return URN + secret


def consume(
    connection: Connection, request_uri: str, client_id: str, now: datetime, cipher: FieldCipher
) -> Parameters | None:
    """The pushed request, once; None when it is unknown, too old, used before, or another client's.

    Another client does not use it up: it proves nothing, and must not be able to end somebody's login.
    """
    row = connection.execute(
        """UPDATE sso.pushed_request SET consumed_at = %s
           WHERE request_digest = %s AND client_id = %s AND consumed_at IS NULL RETURNING parameters, expires_at""",
        (now, digest(request_uri.removeprefix(URN)), client_id),
    ).fetchone()
    if row is None or row[1] <= now:
        return None
    return Parameters(tuple((name, value) for name, value in json.loads(cipher.open(row[0]))))
