"""Refresh tokens for the next tokens of a family (RFC 6749 section 6, RFC 9700 section 4.14.2)."""

from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749 import grants as authlib_grants

from sso import families
from sso.server import ProviderServer


class RefreshGrant(authlib_grants.RefreshTokenGrant):  # type: ignore[misc]
    """Uses a refresh token up and hands out the next one of its family."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post", "none"]
    server: ProviderServer

    def validate_token_request(self) -> None:
        client = self.server.authenticate_client(self.request, self.TOKEN_ENDPOINT_AUTH_METHODS)
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use refresh_token.")
        secret = self.request.form.get("refresh_token")
        if secret is None:
            raise InvalidRequestError("Missing 'refresh_token' in request.")
        found = families.consume_refresh_token(self.server.connection, secret, client.client_id, self.server.now)
        if found is None:
            raise InvalidGrantError("The refresh token is unknown, expired, used before, or revoked.")
        self.request.client, self.request.refresh_token = client, found

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        presented: families.RefreshToken = self.request.refresh_token
        asked = (self.request.payload.scope or "").split()
        if not set(asked) <= set(presented.grant.scope):
            raise InvalidScopeError("More scope than was granted.")
        body = self.server.continue_family(self.request.client, presented, asked or presented.grant.scope)
        return 200, body, self.TOKEN_RESPONSE_HEADER
