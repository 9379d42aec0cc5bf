"""Interactions: what waits in PostgreSQL while the person logs in, found by a secret handle.

An authorization request of a client, or a page of ours that only a signed-in person sees.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.types.json import Jsonb

from sso.incoming import Parameters
from sso.options import SsoOptions
from sso.ports import FieldCipher, Minter, digest


@dataclass(frozen=True, slots=True)
class Interaction:
    """A waiting request. `login_again` holds until a login was made for this very interaction."""

    parameters: Parameters
    login_again: bool

    @property
    def page(self) -> str | None:
        """Path of the page of ours that waits; None when a client's request does (it always names its client)."""
        path = self.parameters.get("page")
        return path if path and path.startswith("/") and self.parameters.get("client_id") is None else None


def for_page(path: str) -> Parameters:
    """What to `save` so that the person comes to a page of ours (`/account/security`) after logging in."""
    return Parameters((("page", path),))


def save(
    connection: Connection,
    parameters: Parameters,
    login_again: bool,
    now: datetime,
    options: SsoOptions,
    mint: Minter,
    cipher: FieldCipher,
) -> str:
    """Keep the request; answers the handle that the login page carries.

    Sealed, because `login_hint` may be somebody's phone number.
    """
    handle = mint.secret()
    connection.execute(
        """INSERT INTO sso.interaction (handle_digest, parameters, login_again, created_at, expires_at)
           VALUES (%s, %s, %s, %s, %s)""",
        (
            digest(handle),
            Jsonb(cipher.seal(json.dumps(parameters.pairs))),
            login_again,
            now,
            now + options.interaction_lifetime,
        ),
    )
    return handle


def load(connection: Connection, handle: str | None, now: datetime, cipher: FieldCipher) -> Interaction | None:
    """The waiting request, unless it is unknown, answered already or too old."""
    row = connection.execute(
        "SELECT parameters, login_again FROM sso.interaction WHERE handle_digest = %s AND expires_at > %s",
        (digest(handle or ""), now),
    ).fetchone()
    if row is None:
        return None
    pairs = json.loads(cipher.open(row[0]))
    return Interaction(Parameters(tuple((name, value) for name, value in pairs)), row[1])


def note_login(connection: Connection, handle: str | None) -> None:
    """Someone has just logged in for this interaction: `prompt=login` and `max_age` are satisfied."""
    connection.execute(
        "UPDATE sso.interaction SET login_again = false WHERE handle_digest = %s", (digest(handle or ""),)
    )


def rewrite(connection: Connection, handle: str, parameters: Parameters, cipher: FieldCipher) -> None:
    """Change the waiting request: a part of it has been answered (`prompt=consent`)."""
    connection.execute(
        "UPDATE sso.interaction SET parameters = %s WHERE handle_digest = %s",
        (Jsonb(cipher.seal(json.dumps(parameters.pairs))), digest(handle)),
    )


def finish(connection: Connection, handle: str) -> bool:
    """Remove an interaction that is about to be answered; False when another request was faster."""
    return connection.execute("DELETE FROM sso.interaction WHERE handle_digest = %s", (digest(handle),)).rowcount == 1
