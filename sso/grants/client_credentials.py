"""Tokens for a channel system in its own name (RFC 6749 section 4.4)."""

from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749 import grants as authlib_grants

from sso.clients import Client
from sso.server import ProviderServer


class ClientCredentialsGrant(authlib_grants.ClientCredentialsGrant):  # type: ignore[misc]
    """An access token whose subject is the client; no ID token, no refresh token."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post"]
    server: ProviderServer

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
