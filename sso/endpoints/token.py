"""The token endpoint (RFC 6749 section 3.2)."""

from fastapi import Response

from sso.endpoints.asked import Asked
from sso.endpoints.steps import program
from sso.grants import GRANTS, ClientCredentialsGrant
from sso.incoming import Incoming, Row
from sso.provider import Provider
from sso.request import ProviderRequest
from sso.server import ProviderServer


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""
    return [Row("POST", "/token", program(provider, "token", issue, _writes_one_row_at_most))]


def _writes_one_row_at_most(incoming: Incoming) -> bool:
    """A client's own token grows from nothing and leaves nothing behind but the `jti` of an assertion or a proof; a
    request with both takes the way of all others."""
    one_jti = not (incoming.headers.get("dpop") and incoming.form.get("client_assertion"))
    return one_jti and incoming.form.get("grant_type") == ClientCredentialsGrant.GRANT_TYPE


def issue(asked: Asked) -> Response:
    """Authlib chooses the grant, the grant redeems what was presented."""
    request = ProviderRequest(asked.incoming, asked.provider.options.url("/token"))
    request.client = asked.client
    server = ProviderServer(asked.provider, asked.connection, GRANTS, asked.proof)
    return server.create_token_response(request)  # type: ignore[no-any-return]
