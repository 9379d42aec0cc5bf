"""The token endpoint (RFC 6749 section 3.2)."""

from fastapi import Response

from sso.endpoints.asked import Asked
from sso.endpoints.steps import program
from sso.grants import GRANTS
from sso.incoming import Row
from sso.provider import Provider
from sso.request import ProviderRequest
from sso.server import ProviderServer


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""
    return [Row("POST", "/token", program(provider, "token", issue))]


def issue(asked: Asked) -> Response:
    """Authlib chooses the grant, the grant redeems what was presented."""
    request = ProviderRequest(asked.incoming, asked.provider.options.url("/token"))
    request.client = asked.client
    server = ProviderServer(asked.provider, asked.connection, GRANTS, asked.proof)
    return server.create_token_response(request)  # type: ignore[no-any-return]
