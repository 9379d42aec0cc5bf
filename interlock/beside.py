"""What stands beside the hub's API in one process, and is none of its business: ASGI middleware.

A framework asks its routes one after the other and wraps each answer in layers of its own; the hub's middlewares look
at addresses below ``/v1``. A login needs none of it: half of what it cost was spent there.
"""

from starlette.types import ASGIApp, Receive, Scope, Send


class Beside:
    """Everything below ``path`` is answered by ``other``, as if it were mounted there; the rest passes through."""

    def __init__(self, app: ASGIApp, path: str, other: ASGIApp) -> None:
        self._app, self._path, self._other = app, path, other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(f"{self._path}/"):
            await self._app(scope, receive, send)
            return
        # `path` stays whole: what is in front of the application's own addresses is its root path (ASGI).
        await self._other({**scope, "root_path": self._path}, receive, send)
