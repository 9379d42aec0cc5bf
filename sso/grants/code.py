"""Authorization codes for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 9700 section 2.1)."""

import base64
import hashlib
import hmac
import re
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749 import grants as authlib_grants

from sso import families
from sso.clients import Client
from sso.server import ProviderRequest, ProviderServer

CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


class CodeGrant(authlib_grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """Redeems a code for the first tokens of a family; also validates the request that asks for the code."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post", "none"]
    server: ProviderServer

    @staticmethod
    def validate_authorization_redirect_uri(request: ProviderRequest, client: Client) -> str:
        # Authlib writes the URI into its error text, and raises ValueError for a quote or a non-ASCII letter in it.
        redirect_uri: str | None = request.payload.redirect_uri
        if not redirect_uri:
            raise InvalidRequestError("Missing 'redirect_uri' in request.")
        if not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The 'redirect_uri' is not registered for this client.")
        return redirect_uri

    def query_authorization_code(self, code: str, client: Client) -> families.Code | None:
        found = families.consume_code(self.server.connection, code, self.server.now)
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
        code: families.Code = self.request.authorization_code
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
