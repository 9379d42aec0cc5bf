"""What a person has to look at: disputes, orders whose beginning never came, one person on two trains."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Query, Request

from hub.api.services import Services
from hub.store import cases
from hub.store.cases import CaseKind


def cases_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["cases"])

    @router.get("/cases", summary="What a person has to look at")
    def every(
        request: Request, kind: CaseKind | None = None, limit: int = Query(100, ge=1, le=1000)
    ) -> dict[str, list[dict[str, Any]]]:
        """Open cases, oldest first. They are derived when asked for: one that is gone has been settled."""
        services.access.caller(request.headers, "hub:operate")
        overdue = services.clock() - timedelta(minutes=services.incomplete_after_minutes)
        with services.pool.connection() as connection:
            found = cases.open_cases(connection, overdue, kind, limit)
        return {"cases": [told(case) for case in found]}

    return router


def told(case: cases.Case) -> dict[str, Any]:
    """A case as JSON."""
    return {
        "kind": case.kind,
        "name": case.name,
        "since": case.since.isoformat(),
        "orders": [str(order_id) for order_id in case.subjects],
        "detail": case.detail,
    }
