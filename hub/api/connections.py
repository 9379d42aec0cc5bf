"""The terms of a connection over HTTP: connecting, settings, secrets, replays, test messages. Every act is audited."""

from typing import Any

from fastapi import APIRouter, Request

from hub.api.bodies import Changes, Range, Registration, Rotation
from hub.api.desk import Desk
from hub.api.services import Services


def connections_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["channels"])
    desk = Desk(services)

    @router.post("/channels", summary="Connect a system", status_code=201)
    def register(wanted: Registration, request: Request) -> dict[str, Any]:
        """Its shared secret is made here and shown this once."""
        caller = services.access.caller(request.headers, "hub:operate")
        return desk.register(caller.subject, wanted)

    @router.patch("/channels/{channel}", summary="Change the terms of a connection")
    def configure(channel: str, changes: Changes, request: Request) -> dict[str, Any]:
        """Form, subscriptions, rate, quota, hours. Deliveries follow with the next drain, the door within seconds."""
        caller = services.access.caller(request.headers, "hub:operate")
        return desk.configure(caller.subject, channel, changes)

    @router.post("/channels/{channel}/rotate", summary="Give a channel a new secret")
    def rotate(channel: str, rotation: Rotation, request: Request) -> dict[str, Any]:
        """The one before stays good until the overlap is over. A new shared secret is shown this once."""
        caller = services.access.caller(request.headers, "hub:operate")
        return desk.rotate(caller.subject, channel, rotation)

    @router.post("/channels/{channel}/replay", summary="Send a channel's events again")
    def replay(channel: str, wanted: Range, request: Request) -> dict[str, Any]:
        """Under their old ids, signed with the current secret, in the room that live deliveries leave.

        Asked twice, it is sent twice. Works for a disabled channel too; counts in no health figure.
        """
        caller = services.access.caller(request.headers, "hub:operate")
        return desk.replay(caller.subject, channel, wanted)

    @router.post("/channels/{channel}/test", summary="Send a channel a test message")
    def test(channel: str, request: Request) -> dict[str, Any]:
        """A signed ``interlock.test``; answers the request with its signature and what came back. Counts nowhere."""
        caller = services.access.caller(request.headers, "hub:operate")
        return desk.test(caller.subject, channel)

    return router
