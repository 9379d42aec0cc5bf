"""Which client makes a request: exactly one way of proving it (RFC 6749 section 2.3)."""

import base64
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError

from sso.request import ProviderRequest


def presented_credentials(request: ProviderRequest) -> tuple[str, str, str]:
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
