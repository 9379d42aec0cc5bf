"""Endpoints of our own that answer to a person's access token: bearer (RFC 6750) or bound to a key (RFC 9449, 7).

Each names its scope and what it serves; that the token is good, its login alive and its person there is looked at here,
in the transaction that serves. It commits also when the token is refused: a DPoP proof that came is used up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg import Connection

from sso import dpop, families
from sso.families import Grant
from sso.incoming import Incoming, Row
from sso.people import identities
from sso.people.identities import Identity
from sso.provider import Provider
from sso.signed import ALGORITHMS
from sso.tokens import TokenRefused, TokenVerifier, VerifiedToken, learn_key

NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who asks: the person, the family the token belongs to, and the token."""

    identity: Identity
    grant: Grant
    token: VerifiedToken


Serve = Callable[[Connection, Bearer], Response]


class _Refused(Exception):
    """401 or 403 with a challenge; a request that brought no token is told no error (RFC 6750 section 3.1)."""

    def __init__(self, status: int, error: str | None = None, description: str = "", scheme: str = "Bearer") -> None:
        super().__init__(description)
        self.status, self.error, self.description, self.scheme = status, error, description, scheme

    def response(self) -> Response:
        told = {} if self.error is None else {"error": self.error, "error_description": self.description}
        details = [f'{name}="{value}"' for name, value in told.items()]
        if self.scheme == "DPoP":
            details.append(f'algs="{" ".join(ALGORITHMS)}"')
        challenge = f"{self.scheme} {', '.join(details)}".strip()
        return JSONResponse(told, self.status, {**NO_STORE, "WWW-Authenticate": challenge})


def protected(provider: Provider, methods: str, path: str, scope: str, serve: Serve) -> Row:
    """The row of an endpoint that `serve`s whoever brings a token with `scope`."""
    # Liveness is looked at in the transaction that serves, not in one of its own.
    verifier = provider.verifier(provider.options.issuer, check_liveness=False)

    def handle(incoming: Incoming) -> Response:
        try:
            scheme, token = _presented(incoming)
        except _Refused as refused:
            return refused.response()
        learn_key(token, provider.keys)
        with provider.pool.connection() as connection:
            try:
                bearer = _bearer(provider, connection, verifier, incoming, path, scope, scheme, token)
            except _Refused as refused:
                return refused.response()
            return serve(connection, bearer)

    return Row(methods, path, handle)


def _presented(incoming: Incoming) -> tuple[str, str]:
    """(scheme, token): in the header, or a bearer token in the form; never in the query (RFC 9700 section 4.3.2)."""
    header, posted = incoming.headers.get("authorization", ""), incoming.form.get("access_token")
    if header and posted:
        raise _Refused(400, "invalid_request", "Send the token in one place.")
    kind, _, in_header = header.partition(" ")
    scheme = {"": "Bearer", "bearer": "Bearer", "dpop": "DPoP"}.get(kind.lower())
    token = in_header.strip() or posted
    if scheme is None or not token:
        raise _Refused(401)
    return scheme, token


def _bearer(
    provider: Provider,
    connection: Connection,
    verifier: TokenVerifier,
    incoming: Incoming,
    path: str,
    scope: str,
    scheme: str,
    token: str,
) -> Bearer:
    now, url = provider.clock(), provider.options.url(path)
    try:
        # A bound token sent as a bearer token comes without a proof and is refused with it (RFC 9449 section 7.1).
        proof = dpop.prove(connection, incoming.headers, incoming.method, url, now, token) if scheme == "DPoP" else None
        verified = verifier.check(token)
    except dpop.ProofRefused as refused:
        raise _Refused(401, refused.error, refused.description, scheme) from refused
    except TokenRefused as refused:
        raise _Refused(401, "invalid_token", str(refused), scheme) from refused
    if verified.jkt != (proof.jkt if proof else None):
        raise _Refused(401, "invalid_token", "the token and the DPoP proof do not belong together", scheme)
    if not verified.allows(scope):
        raise _Refused(403, "insufficient_scope", f"this call needs {scope}", scheme)
    grant = families.living(connection, UUID(verified.grant_id), now, provider.options) if verified.grant_id else None
    identity = identities.load(connection, grant.identity_id) if grant else None
    if identity is None or grant is None:
        raise _Refused(401, "invalid_token", "the login behind this token has ended", scheme)
    return Bearer(identity, grant, verified)
