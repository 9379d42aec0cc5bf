"""What a request holds that somebody approves on their own phone (RFC 8628 3.1, CIBA Core 7.1), one rule each."""

import re
from datetime import timedelta

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError

from sso import spent
from sso.client_authentication import checked_claims, verified_assertion
from sso.endpoints.asked import Asked
from sso.incoming import Parameters
from sso.signed import SignatureRefused

PLACE = ("office", "window")
PLACE_LENGTH_MAX = 40
BINDING_MESSAGE_LENGTH_MAX = 40
HINTS = ("login_hint", "id_token_hint", "login_hint_token")
NOTIFICATION_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{22,1023}={0,2}")  # RFC 6750 2.1; 22 characters hold 128 bits
_ABOUT_THE_OBJECT = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})


def signed_request(asked: Asked) -> None:
    """CIBA 7.1.1, RFC 9101 4: with `request`, what counts is what the client signed, and nothing beside it.

    Signed with the key that the client registered, made for us, short-lived, used once. A request by reference is
    refused: we would have to fetch it.
    """
    if asked.parameters.get("request_uri") is not None:
        raise OAuth2Error("Send the request itself.", error="request_uri_not_supported")
    token = asked.parameters.get("request")
    if token is None:
        return
    client, provider = asked.client, asked.provider
    if "private_key_jwt" not in client.auth_methods:
        raise InvalidRequestError("The client has registered no key to sign requests with.")
    try:
        jwks = client.jwks or provider.client_keys.known(client.jwks_uri)
        claims = verified_assertion(jwks, token, "oauth-authz-req+jwt")
        expires_at, jti = checked_claims(provider, claims, asked.endpoint, asked.now)
    except SignatureRefused as refused:
        raise InvalidRequestError(f"The signed request is refused: {refused}.") from refused
    if claims.get("iss") != client.client_id:
        raise InvalidRequestError("The signed request is another client's.")
    if not spent.spend(asked.connection, spent.REQUEST_OBJECT, client.client_id, jti, expires_at):
        raise InvalidRequestError("The signed request was used before.")
    asked.parameters = Parameters(
        tuple((name, _text(name, value)) for name, value in claims.items() if name not in _ABOUT_THE_OBJECT)
    )


def _text(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or "\x00" in str(value):
        raise InvalidRequestError(f"In the signed request {name[:40]} must be a text or a number.")
    return str(value)


def place(asked: Asked) -> None:
    """RFC 8628 5.4: where the device stands, for the person to compare; only from a client that proves itself."""
    said = {name: value.strip() for name in PLACE if (value := asked.parameters.get(name))}
    if said and "none" in asked.client.auth_methods:
        raise InvalidRequestError("A client that does not prove itself cannot say where it stands.")
    if not all(0 < len(value) <= PLACE_LENGTH_MAX and value.isprintable() for value in said.values()):
        raise InvalidRequestError(f"office and window: 1 to {PLACE_LENGTH_MAX} printable characters.")
    asked.wish(place=said)


def one_hint(asked: Asked) -> None:
    """CIBA 7.1: exactly one hint says who is meant. `login_hint_token` is not supported."""
    given = [name for name in HINTS if asked.parameters.get(name) is not None]
    if len(given) != 1:
        raise InvalidRequestError("Send exactly one of login_hint and id_token_hint.")
    if given == ["login_hint_token"]:
        raise InvalidRequestError("login_hint_token is not supported; send login_hint or id_token_hint.")


def openid_scope(asked: Asked) -> None:
    """CIBA 7.1: the scope of an authentication request holds `openid`."""
    if "openid" not in asked.wishes.scope:
        raise InvalidScopeError("The scope must hold openid, and the client be registered for it.")


def binding_message(asked: Asked) -> None:
    """CIBA 7.1: short, and made of characters that a page shows and a clerk can read aloud."""
    message = asked.parameters.get("binding_message")
    if message is None:
        return
    if not 0 < len(message.strip()) <= len(message) <= BINDING_MESSAGE_LENGTH_MAX or not message.isprintable():
        raise OAuth2Error(
            f"The binding_message must have 1 to {BINDING_MESSAGE_LENGTH_MAX} printable characters.",
            error="invalid_binding_message",
        )
    asked.wish(binding_message=message)


def requested_expiry(asked: Asked) -> None:
    """CIBA 7.1: a positive number of seconds; longer than we allow is shortened (the answer says so)."""
    text, limits = asked.parameters.get("requested_expiry"), asked.provider.options.approvals
    if text is None:
        asked.wish(expires_in=limits.call_lifetime)
        return
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 9 and int(text) > 0):
        raise InvalidRequestError("requested_expiry must be a positive number of seconds.")
    asked.wish(expires_in=min(timedelta(seconds=int(text)), limits.call_lifetime_max))


def notification_token(asked: Asked) -> None:
    """CIBA 7.1: a client that is pinged sends the bearer token that the ping will carry; others need none."""
    if asked.client.ciba_mode != "ping":
        return
    token = asked.parameters.get("client_notification_token")
    if token is None or not NOTIFICATION_TOKEN.fullmatch(token):
        raise InvalidRequestError("client_notification_token: 22 to 1024 characters of a bearer token are needed.")
    asked.wish(notification_token=token)
