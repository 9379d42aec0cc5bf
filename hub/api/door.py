"""The short way in for single messages: ASGI middleware that stands before the web framework.

Routing, dependencies and the exit stacks of a framework cost more than all of the hub's own work at the door
(docs/explanation/where-time-goes.md). So ``POST /v1/channels/{channel}/messages`` is recognised here and goes to the
function to which the route of that name leads as well; every other request passes through.
"""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.failures import failure
from hub.api.messages import receive_one
from hub.api.services import Services

_BEFORE, _AFTER = "/v1/channels/", "/messages"


class Door:
    """Stands inside ``Limits``: what is too large, too slow or too much has been refused before."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        channel = one_message_of(scope)
        if channel is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await receive_one(self._services, channel, Request(scope, receive))
        except Exception as error:
            answer = failure(error, f"POST {scope['path'][:200]}")
        await answer(scope, receive, send)


def one_message_of(scope: Scope) -> str | None:
    """The channel whose single message this request brings; None for any other request."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    path: str = scope["path"]
    if not path.startswith(_BEFORE) or not path.endswith(_AFTER):
        return None
    channel = path[len(_BEFORE) : -len(_AFTER)]
    return channel if channel and "/" not in channel else None
