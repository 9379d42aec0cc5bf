"""Revocation of tokens (RFC 7009).

A refresh token and an access token both stand for their grant: the family ends with either, and what was issued from
it is refused wherever liveness is asked. An unknown token, or another client's, is answered like a good one (2.2): the
caller learns nothing, and nothing is ended. A session goes on: other applications are not logged out by this.
"""

from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError
from fastapi import Response

from sso import families
from sso.endpoints.asked import Asked
from sso.endpoints.steps import program
from sso.incoming import Row
from sso.provider import Provider
from sso.tokens import TokenRefused, decode_own


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""
    return [Row("POST", "/revoke", program(provider, "revoke", revoke))]


def revoke(asked: Asked) -> Response:
    """End the grant that the token belongs to; `token_type_hint` is not needed to tell the two kinds apart."""
    token = asked.parameters.get("token")
    if token is None:
        raise InvalidRequestError("Missing 'token' in request.")
    grant_id = _of_access_token(asked, token) or families.of_refresh_token(asked.connection, token)
    grant = families.live_grant(asked.connection, grant_id) if grant_id else None
    if grant is not None and grant.client_id == asked.client.client_id:
        families.revoke(asked.connection, grant.grant_id, "revoked_by_client", asked.now)
    return Response(status_code=200, headers={"Cache-Control": "no-store"})


def _of_access_token(asked: Asked, token: str) -> UUID | None:
    """The grant of an access token of ours, also of one that has expired."""
    try:
        _, claims = decode_own(token, asked.provider.keys, frozenset({"at+jwt"}), frozenset({"ES256"}))
        return UUID(claims.get("gid", ""))
    except (TokenRefused, ValueError):
        return None  # RFC 7009 2.2: what is no token of ours counts as revoked
