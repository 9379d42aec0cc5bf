"""From an address to its handler by one look into a table; the framework's router has what is not in it."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import Request, Response
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from sso.incoming import Endpoint, Row


class Addresses:
    """An ASGI application: rows without a placeholder are answered here, everything else by `rest`.

    broken: the answer to anything unforeseen; the error goes on to the server, which logs it.
    """

    def __init__(
        self,
        endpoints: Sequence[tuple[Row, Endpoint]],
        rest: ASGIApp,
        broken: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._rest = rest
        self._exact: dict[tuple[str, str], ASGIApp] = {
            (method, row.path): ServerErrorMiddleware(endpoint, handler=broken)
            for row, endpoint in endpoints
            for method in row.methods.split()
            if "{" not in row.path
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._rest
        if scope["type"] == "http":
            # Where we are mounted is the scope's root path.
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            found = self._exact.get((scope["method"], path), self._rest)
        await found(scope, receive, send)
