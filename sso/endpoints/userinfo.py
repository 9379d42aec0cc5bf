"""Userinfo (OpenID Connect Core 5.3): the claims that a token's scopes open."""

from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg import Connection

from sso.endpoints.protected import NO_STORE, Bearer, protected
from sso.incoming import Row
from sso.provider import Provider


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""

    def serve(connection: Connection, bearer: Bearer) -> Response:
        named = bearer.grant.claims.get("userinfo", [])
        claims = provider.person_claims(bearer.identity, sorted(bearer.token.scopes), named)
        return JSONResponse({"sub": bearer.identity.subject, **claims}, headers=NO_STORE)

    return [protected(provider, "GET POST", "/userinfo", "openid", serve)]
