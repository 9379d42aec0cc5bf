"""Running channels: how they fare, pause, resume and disable, dead letters and their replay. Every act is audited."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from hub.api.access import Principal
from hub.api.bodies import Reason, Switch
from hub.api.desk import Desk
from hub.api.services import Services
from hub.store import deliveries, health
from hub.store.deliveries import Letters
from schemas.problems import ProblemError, problem


def operating_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["channels"])
    desk = Desk(services)

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
        if not found:
            raise ProblemError(problem("channel_unknown"))
        return found[0] | desk.shown(channel)

    @router.get("/channels/{channel}/acts", summary="Who did what to a channel")
    def acts(
        channel: str,
        request: Request,
        before: int | None = Query(None, ge=1, le=2**63 - 1, description="the position of the last one seen"),
        limit: int = Query(50, ge=1, le=1000),
    ) -> dict[str, list[dict[str, Any]]]:
        """Its rows of the audit chain, the newest first."""
        services.access.caller(request.headers, "hub:operate")
        return {"acts": desk.history(channel, before, limit)}

    @router.post("/channels/{channel}/{act}", summary="Pause, resume or disable a channel")
    def switch(channel: str, act: Switch, request: Request, why: Reason | None = None) -> dict[str, Any]:
        """Paused: its messages get 503, its deliveries wait. Disabled: only its deliveries wait; it is still heard."""
        caller = services.access.caller(request.headers, "hub:operate")
        return desk.switch(caller.subject, channel, act, why.reason if why else None)

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
        return desk.revive(caller.subject, channel, letters, dry_run)

    return router
