"""Userinfo (OpenID Connect Core 5.3) with bearer tokens (RFC 6750)."""

from uuid import UUID

from fastapi import Response
from fastapi.responses import JSONResponse

from sso import families
from sso.incoming import Incoming, Row
from sso.people import identities
from sso.provider import Provider
from sso.tokens import TokenRefused, TokenVerifier, VerifiedToken

NO_STORE = {"Cache-Control": "no-store"}


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""
    verifier = provider.verifier(provider.options.issuer, check_liveness=True)
    return [Row("GET POST", "/userinfo", lambda incoming: answer(provider, verifier, incoming))]


def answer(provider: Provider, verifier: TokenVerifier, incoming: Incoming) -> Response:
    """The claims that the token's scopes open. The token comes in the header or in the form, not in the query."""
    header, posted = incoming.headers.get("authorization", ""), incoming.form.get("access_token")
    if header and posted:
        return _refuse(400, "invalid_request", "Send the token in one place.")
    kind, _, in_header = header.partition(" ")
    if header and kind.lower() != "bearer":
        return _refuse(401, None, None)
    token = in_header.strip() or posted
    if not token:
        return _refuse(401, None, None)
    try:
        verified = verifier.verify(token, scopes=frozenset({"openid"}))
    except TokenRefused as refused:
        insufficient = refused.code == "scope_insufficient"
        return _refuse(
            403 if insufficient else 401, "insufficient_scope" if insufficient else "invalid_token", str(refused)
        )
    return _claims(provider, verified)


def _claims(provider: Provider, verified: VerifiedToken) -> Response:
    with provider.pool.connection() as connection:
        identity = identities.load(connection, UUID(verified.subject))
        grant = families.live_grant(connection, UUID(verified.grant_id or ""))
    if identity is None or grant is None:
        return _refuse(401, "invalid_token", "the login behind this token has ended")
    claims = provider.person_claims(identity, sorted(verified.scopes), grant.claims.get("userinfo", []))
    return JSONResponse({"sub": identity.subject, **claims}, headers=NO_STORE)


def _refuse(status: int, error: str | None, description: str | None) -> Response:
    # RFC 6750 section 3.1: a request that brought no token is told no error.
    challenge = "Bearer" if error is None else f'Bearer error="{error}", error_description="{description}"'
    body = {} if error is None else {"error": error, "error_description": description}
    return JSONResponse(body, status, {**NO_STORE, "WWW-Authenticate": challenge})
