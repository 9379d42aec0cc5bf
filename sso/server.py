"""The token endpoint and the validation of authorization requests, on Authlib's `AuthorizationServer`.

This is the only module that imports Authlib. What we take: dispatch over grants, the order of validation, the error
classes. What we replace, because 1.9.9 does it wrongly or not at all (tests/sso/test_authlib_traps.py): client
authentication, PKCE, the one-time use of codes and refresh tokens, token making, and every log line with a token in it.

One server object lives for one request and one database transaction.
"""

import base64
import hashlib
import hmac
import re
from collections import defaultdict
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Payload,
    OAuth2Request,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749 import grants as authlib_grants
from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg import Connection

from sso import audit, clients, grants, identities, sessions
from sso.clients import Client
from sso.grants import Grant
from sso.identities import STAFF_ROLES, Identity
from sso.incoming import Incoming, Parameters
from sso.provider import Provider

__all__ = [
    "InvalidRequestError",
    "OAuth2Error",
    "ProviderRequest",
    "ProviderServer",
    "granted_scope",
    "refuse_repeated",
]

CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256
CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


class _Payload(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, parameters: Parameters) -> None:
        self._data = {name: value for name, value in reversed(parameters.pairs)}
        self._datalist: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in parameters.pairs:
            self._datalist[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._datalist


class ProviderRequest(OAuth2Request):  # type: ignore[misc]
    """A request in Authlib's form. Its URI is made from the configured issuer, never from the Host header."""

    def __init__(self, incoming: Incoming, uri: str) -> None:
        super().__init__(incoming.method, uri, headers=incoming.headers)
        self.payload = _Payload(incoming.parameters)
        self.parameters = incoming.parameters

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


def refuse_repeated(parameters: Parameters) -> None:
    """No parameter may come twice (RFC 6749 sections 3.1 and 3.2)."""
    if repeated := parameters.repeated():
        known = [name for name in repeated if re.fullmatch(r"[a-z_]{1,40}", name)]
        raise InvalidRequestError(f"Given more than once: {', '.join(known) or 'an unknown parameter'}.")


def granted_scope(client: Client, identity: Identity, asked: str | None) -> list[str]:
    """The scope a person gets through a client: what the client may ask, less the roles the person has not."""
    allowed = (client.get_allowed_scope(asked) or "").split()
    return [scope for scope in allowed if scope not in STAFF_ROLES or scope in identity.roles]


class _CodeGrant(authlib_grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post", "none"]
    server: "ProviderServer"

    @staticmethod
    def validate_authorization_redirect_uri(request: ProviderRequest, client: Client) -> str:
        # Authlib writes the URI into its error text, and raises ValueError for a quote or a non-ASCII letter in it.
        redirect_uri: str | None = request.payload.redirect_uri
        if not redirect_uri:
            raise InvalidRequestError("Missing 'redirect_uri' in request.")
        if not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The 'redirect_uri' is not registered for this client.")
        return redirect_uri

    def query_authorization_code(self, code: str, client: Client) -> grants.Code | None:
        found = grants.consume_code(self.server.connection, code, self.server.now)
        return (
            found
            if found and found.grant.client_id == client.client_id and found.expires_at > self.server.now
            else None
        )

    def validate_token_request(self) -> None:
        client = self.server.authenticate_client(self.request, self.TOKEN_ENDPOINT_AUTH_METHODS)
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use authorization_code.")
        secret = self.request.form.get("code")
        if secret is None:
            raise InvalidRequestError("Missing 'code' in request.")
        code = self.query_authorization_code(secret, client)
        if code is None:
            raise InvalidGrantError("The code is unknown, expired, used before, or another client's.")
        if self.request.payload.redirect_uri != code.redirect_uri:
            raise InvalidGrantError("The 'redirect_uri' differs from the authorization request's.")
        _check_verifier(self.request.form.get("code_verifier"), code.code_challenge)
        self.request.client, self.request.authorization_code = client, code

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        code: grants.Code = self.request.authorization_code
        body = self.server.open_family(self.request.client, code)
        return 200, body, self.TOKEN_RESPONSE_HEADER


def _check_verifier(verifier: str | None, challenge: str) -> None:
    """S256 and nothing else (RFC 7636 section 4.6, RFC 9700 section 2.1.1)."""
    if verifier is None:
        raise InvalidRequestError("Missing 'code_verifier'.")
    if not CODE_VERIFIER.fullmatch(verifier):
        raise InvalidRequestError("The 'code_verifier' is malformed.")
    computed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=")
    if not hmac.compare_digest(computed, challenge.encode("ascii")):
        raise InvalidGrantError("The 'code_verifier' does not match.")


class _RefreshGrant(authlib_grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post", "none"]
    server: "ProviderServer"

    def validate_token_request(self) -> None:
        client = self.server.authenticate_client(self.request, self.TOKEN_ENDPOINT_AUTH_METHODS)
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use refresh_token.")
        secret = self.request.form.get("refresh_token")
        if secret is None:
            raise InvalidRequestError("Missing 'refresh_token' in request.")
        found = grants.consume_refresh_token(self.server.connection, secret, client.client_id, self.server.now)
        if found is None:
            raise InvalidGrantError("The refresh token is unknown, expired, used before, or revoked.")
        self.request.client, self.request.refresh_token = client, found

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        presented: grants.RefreshToken = self.request.refresh_token
        asked = (self.request.payload.scope or "").split()
        if not set(asked) <= set(presented.grant.scope):
            raise InvalidScopeError("More scope than was granted.")
        body = self.server.continue_family(self.request.client, presented, asked or presented.grant.scope)
        return 200, body, self.TOKEN_RESPONSE_HEADER


class _ClientCredentialsGrant(authlib_grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post"]
    server: "ProviderServer"

    def validate_token_request(self) -> None:
        client = self.server.authenticate_client(self.request, self.TOKEN_ENDPOINT_AUTH_METHODS)
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use client_credentials.")
        asked = (self.request.payload.scope or "").split()
        if not set(asked) <= set(client.scopes):
            raise InvalidScopeError("More scope than the client is registered for.")
        self.request.client, self.request.scope = client, asked or client.scopes

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        client: Client = self.request.client
        scope = list(self.request.scope)
        body = {
            "access_token": self.server.provider.tokens.client_access_token(client, scope),
            "token_type": "Bearer",
            "expires_in": int(self.server.provider.options.access_token_lifetime.total_seconds()),
            "scope": " ".join(scope),
        }
        return 200, body, self.TOKEN_RESPONSE_HEADER


class ProviderServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server, for one request inside one transaction that the caller commits."""

    def __init__(self, provider: Provider, connection: Connection) -> None:
        super().__init__(
            scopes_supported=None
        )  # unknown scopes are left out, not refused (OpenID Connect Core 3.1.2.1)
        self.provider, self.connection, self.now = provider, connection, provider.clock()
        for grant in (_CodeGrant, _RefreshGrant, _ClientCredentialsGrant):
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
        method, client_id, secret = _presented_credentials(request)
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

    def open_family(self, client: Client, code: grants.Code) -> dict[str, Any]:
        """The first tokens of a family."""
        identity = self._living(code.grant)
        grants.open_grant(self.connection, code.grant, self.now)
        return self._tokens(client, identity, code.grant, code.grant.scope, 0, code.nonce)

    def continue_family(self, client: Client, presented: grants.RefreshToken, scope: list[str]) -> dict[str, Any]:
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
            grants.add_refresh_token(self.connection, secret, grant.grant_id, generation, self.now, expires_at)
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


def _presented_credentials(request: ProviderRequest) -> tuple[str, str, str]:
    """(method, client_id, secret) as presented. Two methods at once are refused (RFC 6749 section 2.3)."""
    header = request.headers.get("Authorization")
    posted_id, posted_secret = request.form.get("client_id"), request.form.get("client_secret")
    if header is None:
        return ("client_secret_post" if posted_secret else "none"), posted_id or "", posted_secret or ""
    if posted_secret:
        raise InvalidRequestError("Authenticate the client in one way, not two.")
    kind, _, encoded = header.partition(" ")
    try:
        if kind.lower() != "basic":
            raise ValueError("not Basic")
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError as error:  # also binascii.Error and UnicodeDecodeError
        raise InvalidClientError("The Authorization header is malformed.", status_code=401) from error
    name, secret = unquote_plus(name), unquote_plus(secret)  # RFC 6749 section 2.3.1: both were form-encoded
    if not colon or (posted_id and posted_id != name) or "\x00" in name + secret:
        raise InvalidClientError("The Authorization header is malformed.", status_code=401)
    return "client_secret_basic", name, secret
