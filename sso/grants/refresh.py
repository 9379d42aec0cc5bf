"""Refresh tokens for the next tokens of a family (RFC 6749 section 6, RFC 9700 section 4.14.2)."""

from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError

from sso import families
from sso.clients import Client
from sso.grants.grant import TokenGrant
from sso.incoming import Parameters


class RefreshGrant(TokenGrant):
    """Uses a refresh token up and hands out the next one of its family."""

    GRANT_TYPE: ClassVar = "refresh_token"

    def redeem(self, client: Client, form: Parameters) -> dict[str, Any]:
        """See `TokenGrant.redeem`."""
        server = self.server
        secret = form.get("refresh_token")
        if secret is None:
            raise InvalidRequestError("Missing 'refresh_token' in request.")
        child = server.provider.tokens.next_secret(secret)
        presented = families.consume_refresh_token(
            server.connection,
            secret,
            client.client_id,
            server.now,
            server.provider.options,
            child=child,
            holds_key=lambda grant: server.proven_key(client, grant.jkt),
        )
        if presented is None:
            raise InvalidGrantError("The refresh token is unknown, expired, used before, or revoked.")
        grant, asked = presented.grant, form.text("scope").split()
        server.check_resource(form, grant.audience)
        if not set(asked) <= set(grant.scope):
            raise InvalidScopeError("More scope than was granted.")
        return server.continue_family(client, presented, child, asked or grant.scope)
