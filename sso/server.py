"""Authlib's `AuthorizationServer` as this provider uses it: dispatch over grants, client authentication, families.

What we take from Authlib: dispatch, the order of validation, the error classes. What we replace, because 1.9.9 does it
wrongly or not at all (tests/sso/test_authlib_traps.py): client authentication, PKCE, the one-time use of codes and
refresh tokens, token making, and every log line with a token in it.

One server object lives for one request and one database transaction.
"""

import re
from collections.abc import Sequence
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
)
from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg import Connection

from sso import audit, clients, families, sessions
from sso.client_authentication import presented_credentials
from sso.clients import Client
from sso.families import Grant
from sso.people import identities
from sso.people.identities import STAFF_ROLES, Identity
from sso.provider import Provider
from sso.request import ProviderRequest, refuse_repeated

__all__ = [
    "InvalidRequestError",
    "OAuth2Error",
    "ProviderRequest",
    "ProviderServer",
    "granted_scope",
    "refuse_repeated",
]

CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256


def granted_scope(client: Client, identity: Identity, asked: str | None) -> list[str]:
    """The scope a person gets through a client: what the client may ask, less the roles the person has not."""
    allowed = (client.get_allowed_scope(asked) or "").split()
    return [scope for scope in allowed if scope not in STAFF_ROLES or scope in identity.roles]


class ProviderServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server, for one request inside one transaction that the caller commits."""

    def __init__(self, provider: Provider, connection: Connection, grants: Sequence[type]) -> None:
        super().__init__(
            scopes_supported=None
        )  # unknown scopes are left out, not refused (OpenID Connect Core 3.1.2.1)
        self.provider, self.connection, self.now = provider, connection, provider.clock()
        for grant in grants:
            self.register_grant(grant)

    # --- what Authlib asks of a framework -----------------------------------------------------------------------

    def query_client(self, client_id: str) -> Client | None:
        return clients.load(self.connection, client_id)

    def create_oauth2_request(self, request: ProviderRequest) -> ProviderRequest:
        return request

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what others must know is in the audit."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        sent = {**dict(headers), "Cache-Control": "no-store", "Pragma": "no-cache"}
        if status == 401:
            sent["WWW-Authenticate"] = f'Basic realm="{self.provider.options.issuer}", error="{body["error"]}"'
        return JSONResponse(body, status, sent)

    def authenticate_client(self, request: ProviderRequest, methods: list[str], endpoint: str = "token") -> Client:
        """The client that makes this request, by exactly one of `methods` (RFC 6749 section 2.3).

        The same answer for an unknown client and for a wrong secret.
        """
        method, client_id, secret = presented_credentials(request)
        client = self.query_client(client_id) if client_id else None
        good = client is not None and method in methods and client.check_endpoint_auth_method(method, endpoint)
        if client is None or not good or (method != "none" and not client.check_client_secret(secret)):
            raise InvalidClientError("The client did not authenticate.", status_code=401)
        request.auth_method = method
        return client

    def create_token_response(self, request: ProviderRequest) -> Response:
        try:
            refuse_repeated(request.parameters)
            if not request.payload.grant_type:
                raise InvalidRequestError("Missing 'grant_type' in request.")
        except OAuth2Error as error:
            return self.handle_error_response(request, error)  # type: ignore[no-any-return]
        return super().create_token_response(request)  # type: ignore[no-any-return]

    # --- families -----------------------------------------------------------------------------------------------

    def open_family(self, client: Client, code: families.Code) -> dict[str, Any]:
        """The first tokens of a family."""
        identity = self._living(code.grant)
        families.open_grant(self.connection, code.grant, self.now)
        return self._tokens(client, identity, code.grant, code.grant.scope, 0, code.nonce)

    def continue_family(self, client: Client, presented: families.RefreshToken, scope: list[str]) -> dict[str, Any]:
        """The next tokens of a family; a refreshed ID token has no nonce (OpenID Connect Core 12.2)."""
        identity = self._living(presented.grant)
        return self._tokens(client, identity, presented.grant, scope, presented.generation + 1, None)

    def _living(self, grant: Grant) -> Identity:
        """The person behind a grant, while they and their session are."""
        identity = identities.load(self.connection, grant.identity_id)
        session = sessions.live(self.connection, grant.session_id, self.now, self.provider.options)
        if identity is None or session is None:
            raise InvalidGrantError("The login behind this grant has ended.")
        sessions.touch(self.connection, grant.session_id, self.now)
        return identity

    def _tokens(
        self, client: Client, identity: Identity, grant: Grant, scope: list[str], generation: int, nonce: str | None
    ) -> dict[str, Any]:
        # A role that was taken away since the grant is not renewed.
        scope = [each for each in scope if each not in STAFF_ROLES or each in identity.roles]
        options, tokens = self.provider.options, self.provider.tokens
        access_token = tokens.user_access_token(grant, scope, identity.roles)
        body: dict[str, Any] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(options.access_token_lifetime.total_seconds()),
            "scope": " ".join(scope),
        }
        if "openid" in scope:
            person = self.provider.person_claims(identity, [], grant.claims.get("id_token", []))
            body["id_token"] = tokens.id_token(grant, client, access_token, nonce, person)
        if client.check_grant_type("refresh_token"):
            secret = self.provider.mint.secret()
            expires_at = self.now + options.refresh_token_lifetime
            families.add_refresh_token(self.connection, secret, grant.grant_id, generation, self.now, expires_at)
            body["refresh_token"] = secret
        audit.record(
            self.connection,
            self.now,
            "tokens_refreshed" if generation else "tokens_issued",
            identity_id=identity.identity_id,
            client_id=client.client_id,
            session_id=grant.session_id,
            generation=generation,
        )
        return body
