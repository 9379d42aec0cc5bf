"""``/v1/retractions``: a fact is withdrawn by two people of finance, never edited."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from hub.api.books import accountant
from hub.api.services import Services
from hub.intake.retracting import REASON_MAX, Retracting
from hub.store import retractions


class Withdrawal(BaseModel):
    """Which fact of the order (its identity, as in the order's timeline), and why."""

    model_config = ConfigDict(extra="forbid")

    fact: Annotated[str, Field(min_length=1, max_length=200, examples=["refund.requested|wechat|5030"])]
    reason: Annotated[str, Field(min_length=3, max_length=REASON_MAX)]


def retractions_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["books"])

    def acts() -> Retracting:
        return Retracting(services.pool, services.intake, services.audit, services.clock)

    def finance(request: Request) -> str:
        return services.access.caller(request.headers, "hub:finance").subject

    def surely_finance(request: Request) -> str:
        return services.access.sure(request.headers, "hub:finance").subject

    @router.get("/retractions", summary="What people want withdrawn")
    def every(
        request: Request,
        state: retractions.State | None = None,
        order_id: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, list[dict[str, Any]]]:
        """Proposals and what became of them, the newest first."""
        accountant(services, request)
        with services.pool.connection() as connection:
            return {"retractions": retractions.every(connection, state, order_id, limit)}

    @router.post("/orders/{order_id}/retractions", summary="Propose to withdraw a fact")
    def propose(request: Request, order_id: UUID, wanted: Withdrawal) -> dict[str, Any]:
        """It waits for a second person; nothing is posted yet."""
        return acts().propose(order_id, wanted.fact, wanted.reason, finance(request))

    @router.post("/retractions/{retraction_id}/{decision}", summary="Decide on a withdrawal")
    def decide(request: Request, retraction_id: UUID, decision: Literal["approve", "reject"]) -> dict[str, Any]:
        """By somebody else than who proposed it. Approved, the hub says ``retracted``: the mirror image is posted."""
        person = surely_finance(request)
        return (acts().approve if decision == "approve" else acts().reject)(retraction_id, person)

    return router
