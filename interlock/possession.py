"""The hub API takes tokens that are bound to a key (RFC 9449 section 7): `Authorization: DPoP ...` and a proof.

The proof is checked here, by the provider that bound the token, and used up; the thumbprint of the key that was proven
is handed on in a header of our own, which nobody can send: it is taken away from every request that comes in. Whether
the token is bound to that very key is the verifier's question; a bound token that comes as `Bearer` is refused by it.
"""

import psycopg
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.access import PROVEN_KEY
from hub.api.failures import answer
from schemas.problems import problem
from sso import Provider, dpop
from sso.signed import ALGORITHMS

CHALLENGE = f'DPoP error="invalid_dpop_proof", algs="{" ".join(ALGORITHMS)}"'
_OURS = PROVEN_KEY.encode()


class Possession:
    """ASGI middleware for the addresses of the hub API. ``public_url``: how the world reaches us."""

    def __init__(self, app: ASGIApp, provider: Provider, public_url: str) -> None:
        self._app, self._provider, self._public_url = app, provider, public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [pair for pair in scope["headers"] if pair[0] != _OURS]
            # The provider's own endpoints check proofs themselves, and a proof is good once.
            token = _bound_token(headers) if scope["path"].startswith("/v1/") else None
            if token is not None:
                try:
                    key = await run_in_threadpool(self._proven, scope, headers, token)
                except dpop.ProofRefused as refused:
                    refusal = answer(problem("unauthenticated", refused.description), challenge=CHALLENGE)
                    await refusal(scope, receive, send)
                    return
                except (psycopg.OperationalError, PoolTimeout):
                    await answer(problem("not_ready"))(scope, receive, send)
                    return
                headers.append((_OURS, key.encode()))
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)

    def _proven(self, scope: Scope, headers: list[tuple[bytes, bytes]], token: str) -> str:
        """The thumbprint of the key that was proven. The proof is used up also when it is refused afterwards."""
        url = self._public_url + scope.get("raw_path", scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        proofs = [value for name, value in headers if name == b"dpop"]
        if len(proofs) != 1:
            raise dpop.ProofRefused("Send one DPoP proof with the token.")
        sent = {"dpop": proofs[0].decode("latin-1")}
        with self._provider.pool.connection() as connection:
            proof = dpop.prove(connection, sent, scope["method"], url, self._provider.clock(), token)
        assert proof is not None, "there was one"
        return proof.jkt


def _bound_token(headers: list[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "dpop" else None
    return None
