"""Authlib's `AuthorizationServer` as this provider uses it: dispatch over grants, and the families they open.

What we take from Authlib: dispatch and the error classes. What we replace, because 1.9.9 does it wrongly or not at all
(tests/sso/test_authlib_traps.py): client authentication, PKCE, the one-time use of codes and refresh tokens, token
making, and every log line with a token in it. What is checked before a grant is redeemed is the column `token` of
`sso.endpoints.steps`.

One server object lives for one request and one database transaction.
"""

from collections.abc import Sequence
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidGrantError
from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg import Connection

from sso import audit, consents, families, sessions
from sso.clients import Client
from sso.dpop import Proof, ProofRefused
from sso.families import Grant
from sso.incoming import Parameters
from sso.people import identities
from sso.people.identities import STAFF_ROLES, Identity
from sso.provider import Provider
from sso.request import ProviderRequest
from sso.tokens import client_subject

__all__ = ["ProviderServer", "error_response", "granted_scope", "held"]


def granted_scope(client: Client, identity: Identity, asked: str | None) -> list[str]:
    """The scope a person gets through a client: what the client may ask, less the roles the person has not."""
    return held(identity, (client.get_allowed_scope(asked) or "").split())


def held(identity: Identity, scope: Sequence[str]) -> list[str]:
    """The scope less the roles that the person has not."""
    return [each for each in scope if each not in STAFF_ROLES or each in identity.roles]


def error_response(provider: Provider, error: OAuth2Error) -> Response:
    """An OAuth error for a program (RFC 6749 section 5.2): no redirect, never cached."""
    status, body, _ = error(None)
    return _response(provider, status, body)


def _response(provider: Provider, status: int, body: Any) -> Response:
    sent = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if status == 401:
        sent["WWW-Authenticate"] = f'Basic realm="{provider.options.issuer}", error="{body["error"]}"'
    return JSONResponse(body, status, sent)


class ProviderServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server, for one request inside one transaction that the caller commits.

    proof: the DPoP proof that came with the request and was checked.
    """

    def __init__(
        self, provider: Provider, connection: Connection, grants: Sequence[type], proof: Proof | None = None
    ) -> None:
        super().__init__(
            scopes_supported=None
        )  # unknown scopes are left out, not refused (OpenID Connect Core 3.1.2.1)
        self.provider, self.connection, self.now, self.proof = provider, connection, provider.clock(), proof
        for grant in grants:
            self.register_grant(grant)

    # --- what Authlib asks of a framework -----------------------------------------------------------------------

    def create_oauth2_request(self, request: ProviderRequest) -> ProviderRequest:
        return request

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what others must know is in the audit."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        return _response(self.provider, status, body)

    # --- what a grant may ask -----------------------------------------------------------------------------------

    def proven_key(self, client: Client, bound_to: str | None = None) -> str | None:
        """Thumbprint of the key that the tokens of this request are bound to; None: bearer tokens.

        bound_to: the key that the code or the family is bound to already; it must be the proof's. A family stays
        with its key also for a confidential client, which is stricter than RFC 9449 section 5. Raises ProofRefused.
        """
        jkt = self.proof.jkt if self.proof else None
        if jkt is None and (bound_to is not None or client.require_dpop):
            raise ProofRefused("A DPoP proof is required.")
        if bound_to is not None and jkt != bound_to:
            raise ProofRefused("The DPoP proof is made with another key.")
        return jkt

    def audience(self, client: Client, form: Parameters) -> str | None:
        """The resource that a token request names (RFC 8707); None: the hub API."""
        named = form.get("resource")
        if named is None or named == self.provider.options.hub_audience:
            return None
        if named not in client.audiences:
            raise OAuth2Error("No such resource for this client.", error="invalid_target")
        return named

    def check_resource(self, form: Parameters, granted: str | None) -> None:
        """A `resource` at the token endpoint may only repeat what was granted (RFC 8707 section 2.2)."""
        if form.get("resource") not in (None, granted or self.provider.options.hub_audience):
            raise OAuth2Error("The grant is for another resource.", error="invalid_target")

    def token_body(self, access_token: str, scope: Sequence[str], jkt: str | None) -> dict[str, Any]:
        """The part of a token response that every grant has (RFC 6749 section 5.1, RFC 9449 section 5)."""
        return {
            "access_token": access_token,
            "token_type": "DPoP" if jkt else "Bearer",
            "expires_in": int(self.provider.options.access_token_lifetime.total_seconds()),
            "scope": " ".join(scope),
        }

    # --- families -----------------------------------------------------------------------------------------------

    def open_family(
        self, client: Client, grant: Grant, nonce: str | None = None, *, refreshable: bool = True
    ) -> dict[str, Any]:
        """The first tokens of a family. `grant.jkt` is what `proven_key` answered; not `refreshable`: no refresh
        token, whatever the client is registered for."""
        identity = self._living(grant)
        families.open_grant(self.connection, grant, self.now)
        body = self._tokens(client, identity, grant, grant.scope, nonce)
        if refreshable and client.check_grant_type("refresh_token"):
            body["refresh_token"] = self.provider.mint.secret()
            self._keep(body["refresh_token"], grant, 0)
        self._record("tokens_issued", grant, 0)
        return body

    def continue_family(
        self, client: Client, presented: families.RefreshToken, child: str, scope: list[str]
    ) -> dict[str, Any]:
        """The next tokens of a family; a refreshed ID token has no nonce (OpenID Connect Core 12.2)."""
        grant, generation = presented.grant, presented.generation + 1
        identity = self._living(grant)
        body = self._tokens(client, identity, grant, scope, None) | {"refresh_token": child}
        if not presented.repeated:
            self._keep(child, grant, generation)
        self._record("tokens_repeated" if presented.repeated else "tokens_refreshed", grant, generation)
        return body

    def _keep(self, secret: str, grant: Grant, generation: int) -> None:
        expires_at = self.now + self.provider.options.refresh_token_lifetime
        families.add_refresh_token(self.connection, secret, grant.grant_id, generation, self.now, expires_at)

    def _record(self, kind: str, grant: Grant, generation: int) -> None:
        audit.record(
            self.connection,
            self.now,
            kind,
            identity_id=grant.identity_id,
            client_id=grant.client_id,
            session_id=grant.session_id,
            generation=generation,
        )

    def _living(self, grant: Grant) -> Identity:
        """The person behind a grant, while they and their session are."""
        identity = identities.load(self.connection, grant.identity_id)
        session = sessions.live(self.connection, grant.session_id, self.now, self.provider.options)
        if identity is None or session is None:
            raise InvalidGrantError("The login behind this grant has ended.")
        sessions.touch(self.connection, grant.session_id, self.now)
        return identity

    def _tokens(
        self, client: Client, identity: Identity, grant: Grant, scope: list[str], nonce: str | None
    ) -> dict[str, Any]:
        scope = held(identity, scope)  # a role that was taken away since the grant is not renewed
        if not consents.stands(self.connection, client, grant.identity_id, scope, self.now):
            raise InvalidGrantError("The person's consent has ended.")
        tokens = self.provider.tokens
        access_token = tokens.user_access_token(
            grant,
            scope,
            identity.roles,
            may_act=client_subject(client.client_id)
            if consents.lets_act(self.connection, client, grant.identity_id, self.now)
            else None,
        )
        body = self.token_body(access_token, scope, grant.jkt)
        if "openid" in scope:
            person = self.provider.person_claims(identity, [], grant.claims.get("id_token", []))
            body["id_token"] = tokens.id_token(grant, client, access_token, nonce, person)
        return body
