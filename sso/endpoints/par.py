"""Pushed authorization requests (RFC 9126)."""

from fastapi import Response
from fastapi.responses import JSONResponse

from sso import pushed_requests
from sso.client_authentication import CREDENTIALS
from sso.endpoints.asked import Asked
from sso.endpoints.steps import program
from sso.incoming import Parameters, Row
from sso.provider import Provider


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""
    return [Row("POST", "/par", program(provider, "par", push))]


def push(asked: Asked) -> Response:
    """The request was checked as `/authorize` would; it is kept for the one browser that brings its name."""
    provider, lifetime = asked.provider, asked.provider.options.pushed_request_lifetime
    request_uri = pushed_requests.save(
        asked.connection,
        provider.mint.secret(),
        asked.client.client_id,
        _kept(asked),
        asked.now,
        asked.now + lifetime,
        provider.cipher,
    )
    body = {"request_uri": request_uri, "expires_in": int(lifetime.total_seconds())}
    return JSONResponse(body, 201, {"Cache-Control": "no-store"})


def _kept(asked: Asked) -> Parameters:
    """The request without what proved the client, and with the key that may redeem its code (RFC 9449 section 10)."""
    left_out = {*CREDENTIALS, "client_id", "dpop_jkt"}
    pairs = [pair for pair in asked.parameters.pairs if pair[0] not in left_out]
    if asked.wishes.jkt:
        pairs.append(("dpop_jkt", asked.wishes.jkt))
    return Parameters((("client_id", asked.client.client_id), *pairs))
