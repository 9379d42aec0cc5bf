"""Who asks, and whether the request can be read at all."""

from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError, UnsupportedGrantTypeError

from sso import clients
from sso.client_authentication import authenticate
from sso.endpoints.asked import Asked
from sso.grants import GRANTS
from sso.request import refuse_repeated

PARAMETER_LENGTH_MAX = 2_048

GRANT_OF_ENDPOINT = {
    "authorize": "authorization_code",
    "par": "authorization_code",
    "device_authorization": "urn:ietf:params:oauth:grant-type:device_code",
    "backchannel_authentication": "urn:openid:params:grant-type:ciba",
    "backchannel_authentication/read-back": "urn:openid:params:grant-type:ciba",
}
"""Which grant type a client must be registered for to start it here."""


def answerable(asked: Asked) -> None:
    """RFC 6749 4.1.2.1, RFC 9700 2.1: before client and redirect URI are known good, nobody is redirected.

    A client that may use no code grant has no redirect URI; one that is named twice is not known.
    """
    parameters = asked.parameters
    if early := {"client_id", "redirect_uri"} & set(parameters.repeated()):
        raise InvalidRequestError(f"Given more than once: {', '.join(sorted(early))}.")
    client = clients.load(asked.connection, parameters.text("client_id"))
    if client is None or not client.check_redirect_uri(parameters.text("redirect_uri")):
        raise InvalidRequestError("The client or its redirect_uri is not registered.")
    asked.client = client
    asked.wish(redirect_uri=parameters.text("redirect_uri"))


def no_repeats(asked: Asked) -> None:
    """RFC 6749 3.1 and 3.2: no parameter more than once."""
    refuse_repeated(asked.parameters)


def no_long_parameters(asked: Asked) -> None:
    """A very long parameter is nobody's honest request (and would not survive a redirect)."""
    if any(len(value) > PARAMETER_LENGTH_MAX for _, value in asked.parameters.pairs):
        raise InvalidRequestError("A parameter is too long.")


def known_grant_type(asked: Asked) -> None:
    """RFC 6749 5.2: a grant type that nobody here knows is told apart before anybody is authenticated."""
    grant_type = asked.parameters.get("grant_type")
    if grant_type is None:
        raise InvalidRequestError("Missing 'grant_type' in request.")
    if not any(grant_type == grant.GRANT_TYPE for grant in GRANTS):
        raise UnsupportedGrantTypeError(grant_type)


def authenticated_client(asked: Asked) -> None:
    """RFC 6749 2.3, RFC 7523 2.2: exactly one way of proving who asks, and the way that the client registered."""
    asked.client = authenticate(asked.provider, asked.connection, asked.incoming, asked.endpoint, asked.now)


def confidential_client(asked: Asked) -> None:
    """A client that cannot prove itself does not get this far (CIBA 7.1, RFC 7662 2.1)."""
    if "none" in asked.client.auth_methods:
        raise UnauthorizedClientError("A public client may not do this.")


def allowed_grant(asked: Asked) -> None:
    """RFC 6749 5.2: the client must be registered for what it uses or starts."""
    grant_type = GRANT_OF_ENDPOINT.get(asked.endpoint) or asked.parameters.text("grant_type")
    if not asked.client.check_grant_type(grant_type):
        raise UnauthorizedClientError(f"The client may not use {grant_type}.")


def registered_redirect_uri(asked: Asked) -> None:
    """RFC 9126 2.1: a pushed request is checked as the authorization endpoint would."""
    redirect_uri = asked.parameters.get("redirect_uri")
    if redirect_uri is None or not asked.client.check_redirect_uri(redirect_uri):
        raise InvalidRequestError("The redirect_uri is missing or not registered.")
    asked.wish(redirect_uri=redirect_uri)
