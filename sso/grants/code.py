"""Authorization codes for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 9700 section 2.1)."""

import base64
import hashlib
import hmac
import re
from dataclasses import replace
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError

from sso import families
from sso.clients import Client
from sso.grants.grant import TokenGrant
from sso.incoming import Parameters

CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


class CodeGrant(TokenGrant):
    """Redeems a code for the first tokens of a family."""

    GRANT_TYPE: ClassVar = "authorization_code"

    def redeem(self, client: Client, form: Parameters) -> dict[str, Any]:
        """See `TokenGrant.redeem`."""
        server = self.server
        secret = form.get("code")
        if secret is None:
            raise InvalidRequestError("Missing 'code' in request.")
        code = families.consume_code(server.connection, secret, server.now)
        if code is None or code.grant.client_id != client.client_id or code.expires_at <= server.now:
            raise InvalidGrantError("The code is unknown, expired, used before, or another client's.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise InvalidGrantError("The 'redirect_uri' differs from the authorization request's.")
        _check_verifier(form.get("code_verifier"), code.code_challenge)
        server.check_resource(form, code.grant.audience)
        jkt = server.proven_key(client, code.grant.jkt)
        return server.open_family(client, replace(code.grant, jkt=jkt), code.nonce)


def _check_verifier(verifier: str | None, challenge: str | None) -> None:
    """S256 and nothing else (RFC 7636 section 4.6, RFC 9700 section 2.1.1).

    A verifier for a code that was asked for without a challenge is refused too: somebody took the challenge out of
    the request on its way (RFC 9700 section 4.8.2).
    """
    if verifier is None and challenge is None:
        return
    if verifier is None:
        raise InvalidRequestError("Missing 'code_verifier'.")
    if challenge is None:
        raise InvalidGrantError("The code was asked for without a 'code_challenge'.")
    if not CODE_VERIFIER.fullmatch(verifier):
        raise InvalidRequestError("The 'code_verifier' is malformed.")
    computed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=")
    if not hmac.compare_digest(computed, challenge.encode("ascii")):
        raise InvalidGrantError("The 'code_verifier' does not match.")
