"""Closing a business date, and opening it again, over HTTP: two people each time."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from reconciliation.api.who import Reason, Who
from reconciliation.resolution.closing import Act
from reconciliation.runs import Reconciler


class ClosingOrder(BaseModel):
    """Which date is to be closed, or reopened, and why."""

    model_config = ConfigDict(extra="forbid")

    business_date: Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
    act: Act
    reason: Reason


def closing_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    """``/closings``."""

    @router.get("/closings/{business_date}", dependencies=[Depends(who.reader)])
    def closing_state(business_date: date) -> dict[str, Any]:
        """Whether a date is closed, by whom and under which seal; else everything that keeps it open."""
        return {**reconciler.closing.state(business_date), "history": reconciler.closing.history(business_date)}

    @router.post("/closings", status_code=201)
    def propose_closing(order: ClosingOrder, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Propose to close or reopen a date; somebody else has to approve it."""
        return reconciler.closing.propose(order.business_date, order.act, order.reason, person)

    @router.post("/closings/{closing_id}/approve")
    def approve_closing(closing_id: UUID, person: Annotated[str, Depends(who.approver)]) -> Mapping[str, Any]:
        """Close or reopen the date now. Closing looks once more for what hinders it, and seals what it closes."""
        return reconciler.closing.decide(closing_id, person, agree=True)

    @router.post("/closings/{closing_id}/reject")
    def reject_closing(closing_id: UUID, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Turn down somebody else's proposal."""
        return reconciler.closing.decide(closing_id, person, agree=False)
