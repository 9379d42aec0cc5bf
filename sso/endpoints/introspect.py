"""Introspection of tokens (RFC 7662), for resource servers that want to know at once when a login has ended.

A client looks into tokens made for the resource that it serves (`client.resource`) and into no others: of every other
token, of refresh tokens and of rubbish it learns the one thing that they are not active for it (2.2, 4).
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError

from sso.endpoints.asked import Asked
from sso.endpoints.steps import program
from sso.incoming import Row
from sso.provider import Provider
from sso.tokens import TokenRefused, stands

INACTIVE = {"active": False}


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""
    return [Row("POST", "/introspect", program(provider, "introspect", introspect, lambda incoming: True))]


def introspect(asked: Asked) -> dict[str, Any]:
    """What the token says, while everything that it grew from stands."""
    provider, token, resource = asked.provider, asked.parameters.get("token"), asked.client.resource
    if token is None:
        raise InvalidRequestError("Missing 'token' in request.")
    if resource is None:
        raise UnauthorizedClientError("The client is registered for no resource of its own.")
    try:
        verified, claims = provider.verifier(resource, check_liveness=False).read(token)
    except TokenRefused:
        return INACTIVE
    if not stands(asked.connection, verified, asked.now, provider.options):
        return INACTIVE
    # `gid` is ours alone; the rest is RFC 7662 2.2, RFC 9449 6.2 (`cnf`) and RFC 8693 4.1 (`act`).
    told = {name: value for name, value in claims.items() if name != "gid"}
    return {"active": True, "token_type": "DPoP" if verified.jkt else "Bearer", **told}
