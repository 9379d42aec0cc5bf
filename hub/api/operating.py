"""Running channels: how they fare, pause and resume, dead letters and their replay. Every act is audited."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from hub.api.access import Principal
from hub.api.services import Services
from hub.delivery import terms
from hub.store import channels, deliveries, health
from hub.store.deliveries import Letters, letters_shown
from schemas.problems import ProblemError, problem


def operating_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["channels"])

    @router.get("/channels", summary="Every channel and how it fares")
    def every(request: Request) -> list[dict[str, Any]]:
        services.access.caller(request.headers, "hub:operate")
        with services.pool.connection() as connection:
            return health.channels(connection)

    @router.get("/channels/{channel}", summary="One channel: its terms and how it fares")
    def one(channel: str, request: Request) -> dict[str, Any]:
        services.access.caller(request.headers, "hub:operate")
        with services.pool.connection() as connection:
            found = [row for row in health.channels(connection) if row["channel"] == channel]
            known = channels.find(connection, channel)
            if not found or known is None:
                raise ProblemError(problem("channel_unknown"))
            adapter = services.adapters.get(channel)
            profile = adapter.profile if adapter else None
            return found[0] | terms.shown(connection, known, profile, services.seal, services.wall_clock())

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
    def replay(
        channel: str,
        request: Request,
        event: int | None = Query(None, ge=1, le=2**63 - 1),
        order_id: UUID | None = None,
        type: list[str] = Query([], description="only these types of event; repeatable"),
        since: AwareDatetime | None = Query(None, description="events committed from then (wall clock)"),
        until: AwareDatetime | None = Query(None, description="and before then"),
        error: str | None = Query(None, max_length=200, pattern=r"^[^\x00]*$", description="part of what went wrong"),
        dry_run: bool = Query(False, description="only count"),
    ) -> dict[str, Any]:
        """One letter (``event``), those that fit a filter, or all of the channel; each order's in order.

        They go out under their old ids, signed with the current secret, in the room that live deliveries leave.
        """
        caller: Principal = services.access.caller(request.headers, "hub:operate")
        letters = Letters(event, order_id, type or None, since, until, error)
        with services.pool.connection() as connection:
            if channels.find(connection, channel) is None:
                raise ProblemError(problem("channel_unknown"))
            if dry_run:
                return {"channel": channel, "replayed": 0, "found": deliveries.count_dead(connection, channel, letters)}
            count = deliveries.revive(connection, channel, letters, services.wall_clock())
            detail = letters_shown(letters) | {"count": count}
            services.audit.record(connection, services.clock(), caller.subject, "deadletter.replay", channel, detail)
        return {"channel": channel, "replayed": count, "found": count}

    return router
