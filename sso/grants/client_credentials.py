"""Tokens for a channel system in its own name (RFC 6749 section 4.4)."""

from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidScopeError

from sso.clients import Client
from sso.grants.grant import TokenGrant
from sso.incoming import Parameters


class ClientCredentialsGrant(TokenGrant):
    """An access token whose subject is the client; no ID token, no refresh token.

    A client can only be registered for it with a secret or a key of its own (`admin.register_client`).
    """

    GRANT_TYPE: ClassVar = "client_credentials"

    def redeem(self, client: Client, form: Parameters) -> dict[str, Any]:
        """See `TokenGrant.redeem`."""
        # A client that also logs people in has scopes of theirs; in its own name it gets none of those.
        asked, own = form.text("scope").split(), [each for each in client.scopes if each.startswith("hub:")]
        if not set(asked) <= set(own):
            raise InvalidScopeError("More scope than the client is registered for in its own name.")
        scope, jkt = asked or own, self.server.proven_key(client)
        tokens = self.server.provider.tokens
        access_token = tokens.client_access_token(client, scope, self.server.audience(client, form), jkt)
        return self.server.token_body(access_token, scope, jkt)
