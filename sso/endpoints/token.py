"""The token endpoint (RFC 6749 section 3.2)."""

from fastapi import Response

from sso.grants import GRANTS
from sso.incoming import Incoming, Row
from sso.provider import Provider
from sso.server import ProviderRequest, ProviderServer


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""
    return [Row("POST", "/token", lambda incoming: token_response(provider, incoming))]


def token_response(provider: Provider, incoming: Incoming) -> Response:
    """POST /token: one transaction. It commits for every protocol error too, so that a code or a refresh token that
    was presented is spent, and a family that was revoked stays revoked, whatever the answer."""
    provider.tokens.prepare()
    with provider.pool.connection() as connection:
        server = ProviderServer(provider, connection, GRANTS)
        return server.create_token_response(ProviderRequest(incoming, provider.options.url("/token")))
