"""Clients: the applications that may ask for tokens, as the operator registered them (RFC 6749 section 2)."""

import hmac
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from psycopg import Connection, sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sso.options import SsoOptions, is_loopback
from sso.ports import digest

SECRET_LENGTH_MIN = 32


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. The methods whose names begin with `get_` and `check_` are what Authlib asks of it."""

    client_id: str
    name_zh: str
    name_en: str
    auth_methods: list[str]
    secret_digest: bytes | None
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    backchannel_logout_uri: str | None
    grant_types: list[str]
    scopes: list[str]
    channel: str | None
    id_token_algorithm: str
    jwks: dict[str, Any] | None = None  # its public keys (RFC 7517); or
    jwks_uri: str | None = None  # where they are
    require_pkce: bool = True
    require_par: bool = False  # RFC 9126: it may not authorize with parameters in the browser's address
    require_dpop: bool = False  # RFC 9449: it gets no bearer tokens
    audiences: list[str] = field(default_factory=list)  # resources beside the hub API that it may ask tokens for
    resource: str | None = None  # the resource that it is the server of, and whose tokens it may look into
    consent: str = "implicit"  # explicit: people are asked before it gets anything of theirs
    ciba_mode: str | None = None  # poll or ping
    notification_uri: str | None = None  # where it is pinged
    may_act: bool = False  # an agents' company: it may exchange a person's token for one in which it acts
    registration_digest: bytes | None = None  # of the token with which it manages a registration it made itself

    def name(self, locale: str) -> str:
        """The name that people read, in their language."""
        return self.name_zh if locale.startswith("zh") else self.name_en

    @property
    def registered_itself(self) -> bool:
        """Whether a stranger wrote the registration (RFC 7591): its addresses are not to be trusted."""
        return self.registration_digest is not None

    def get_client_id(self) -> str:
        """The client identifier."""
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The part of `scope` that this client may have; None (refused) when something was asked and nothing is left.

        RFC 6749 section 3.3 lets the server narrow a scope; the answer then names what was granted.
        """
        asked = (scope or "").split()
        granted = [each for each in dict.fromkeys(asked) if each in self.scopes]
        return " ".join(granted) if granted or not asked else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact string comparison (RFC 9700 section 2.1); a native app's loopback port may vary (RFC 8252 7.3)."""
        return any(_same_redirect(registered, redirect_uri) for registered in self.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the client's secret, in constant time."""
        return self.secret_digest is not None and hmac.compare_digest(self.secret_digest, digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether the client registered this way to authenticate; the same at every endpoint."""
        del endpoint
        return method in self.auth_methods

    def check_response_type(self, response_type: str) -> bool:
        """Only `code`, and only for clients that may use the code grant."""
        return response_type == "code" and "authorization_code" in self.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the client may use this grant."""
        return grant_type in self.grant_types


def _same_redirect(registered: str, requested: str) -> bool:
    if registered == requested:
        return True
    ours = urlsplit(registered)
    # Only an address literal registered without a port asks for this: the app listens where it finds room.
    if ours.scheme != "http" or ours.hostname == "localhost" or not is_loopback(ours.hostname) or ":" in ours.netloc:
        return False
    # What a stranger sends is compared as text and never taken apart: a parser would have its own ideas of it.
    before, _, after = registered.partition(ours.netloc)
    port = requested.removeprefix(f"{before}{ours.netloc}:").removesuffix(after)
    return port.isascii() and port.isdigit() and requested == f"{before}{ours.netloc}:{port}{after}"


def check_client_uri(uri: str, options: SsoOptions, *, custom_scheme: bool = False) -> None:
    """Refuse (ValueError) a URI that a client must not register.

    Allowed: https; http on loopback or on a host that the options name; with `custom_scheme` a private-use scheme
    with a dot in it (RFC 8252 section 7.1). Never a fragment, user information or a script scheme.
    """
    parts = urlsplit(uri)
    if parts.fragment or parts.username is not None or not uri.isascii() or any(c in uri for c in ' "<>\\\r\n\t'):
        raise ValueError(f"{uri!r}: no fragment, user information, space or non-ASCII character is allowed")
    if custom_scheme and "." in parts.scheme:
        return
    plain = is_loopback(parts.hostname) or parts.hostname in options.plain_http_hosts
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and plain)):
        raise ValueError(f"{uri!r}: use https (http only on loopback or a host named in plain_http_hosts)")


_FIELDS = tuple(each.name for each in fields(Client))
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, _FIELDS))
_LOAD = sql.SQL("SELECT {} FROM sso.client WHERE client_id = %s AND disabled_at IS NULL").format(_COLUMNS).as_string()


def load(connection: Connection, client_id: str) -> Client | None:
    """The client, unless it is unknown or disabled."""
    row = connection.execute(_LOAD, (client_id,)).fetchone()
    return None if row is None else Client(*row)  # columns and fields have one order


_WITH_SCOPE = sql.SQL(
    """SELECT {} FROM sso.client WHERE %s = ANY (scopes) AND 'authorization_code' = ANY (grant_types)
       AND disabled_at IS NULL ORDER BY client_id"""
).format(_COLUMNS)


def with_scope(connection: Connection, scope: str) -> list[Client]:
    """The clients at which people log in and that may ask for `scope`."""
    with connection.cursor(row_factory=class_row(Client)) as cursor:
        cursor.execute(_WITH_SCOPE, (scope,))
        return cursor.fetchall()


_SAVE = sql.SQL("""INSERT INTO sso.client ({}, created_at) VALUES ({}, %(now)s)
    ON CONFLICT (client_id) DO UPDATE SET {}, disabled_at = NULL""").format(
    _COLUMNS,
    sql.SQL(", ").join(map(sql.Placeholder, _FIELDS)),
    sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in _FIELDS[1:]),
)


def save(connection: Connection, client: Client, now: datetime) -> None:
    """Register the client, or replace its registration; what it was already granted stays."""
    values = {name: getattr(client, name) for name in _FIELDS}
    values["jwks"] = None if client.jwks is None else Jsonb(client.jwks)
    connection.execute(_SAVE, values | {"now": now})
