"""Running channels: how they fare, pause and resume, dead letters and their replay. Every act is audited."""

from typing import Any, Literal

from fastapi import APIRouter, Query, Request

from hub.api.access import Principal
from hub.api.services import Services
from hub.store import channels, deliveries, health
from schemas.problems import ProblemError, problem


def operating_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["channels"])

    @router.get("/channels", summary="Every channel and how it fares")
    def every(request: Request) -> list[dict[str, Any]]:
        services.access.caller(request.headers, "hub:operate")
        with services.pool.connection() as connection:
            return health.channels(connection)

    @router.get("/channels/{channel}", summary="One channel and how it fares")
    def one(channel: str, request: Request) -> dict[str, Any]:
        services.access.caller(request.headers, "hub:operate")
        with services.pool.connection() as connection:
            found = [row for row in health.channels(connection) if row["channel"] == channel]
        if not found:
            raise ProblemError(problem("channel_unknown"))
        return found[0]

    @router.post("/channels/{channel}/{act}", summary="Pause or resume a channel")
    def switch(channel: str, act: Literal["pause", "resume"], request: Request) -> dict[str, str]:
        """While a channel is paused its messages get 503 and its deliveries wait."""
        caller = services.access.caller(request.headers, "hub:operate")
        state: Literal["paused", "active"] = "paused" if act == "pause" else "active"
        with services.pool.connection() as connection:
            if not channels.set_state(connection, channel, state):
                raise ProblemError(problem("channel_unknown"))
            services.audit.record(connection, services.clock(), caller.subject, f"channel.{act}", channel)
        return {"channel": channel, "state": state}

    @router.get("/deadletters", summary="Deliveries that were given up")
    def dead(request: Request, channel: str | None = None, limit: int = Query(100, ge=1, le=1000)) -> dict[str, Any]:
        services.access.caller(request.headers, "hub:operate")
        with services.pool.connection() as connection:
            found = deliveries.dead(connection, channel, limit)
        return {
            "deadletters": [
                {
                    "channel": letter.channel,
                    "event": letter.event,
                    "order_id": str(letter.order_id),
                    "attempts": letter.attempts,
                    "last_error": letter.last_error,
                }
                for letter in found
            ]
        }

    @router.post("/deadletters/{channel}/replay", summary="Try dead letters again")
    def replay(channel: str, request: Request, event: int | None = None) -> dict[str, Any]:
        """One letter (``event``) or all of the channel; they go out at the next drain, in order."""
        caller: Principal = services.access.caller(request.headers, "hub:operate")
        with services.pool.connection() as connection:
            count = deliveries.revive(connection, channel, event, services.wall_clock())
            detail = {"event": event, "count": count}
            services.audit.record(connection, services.clock(), caller.subject, "deadletter.replay", channel, detail)
        return {"channel": channel, "replayed": count}

    return router
