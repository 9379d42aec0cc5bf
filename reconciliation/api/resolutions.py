"""Resolutions over HTTP: propose, approve, reject, undo. What needs two people needs them here too."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from reconciliation.api.who import PAGE_MAX, Reason, Who
from reconciliation.policies import Action
from reconciliation.runs import Reconciler

State = Literal["proposed", "approved", "applied", "failed", "rejected"]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,60}$")]


class Details(BaseModel):
    """What some actions need beside the break. ``breaks``: the other breaks of a link. ``expense_account`` and
    ``reason_code``: where a write-off, or the rest of a link, goes."""

    model_config = ConfigDict(extra="forbid")

    breaks: Annotated[list[UUID], Field(max_length=1000)] | None = None
    expense_account: Slug | None = None
    reason_code: Slug | None = None


class Proposal(BaseModel):
    """What a person wants done about a break, and why."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    reason: Reason
    details: Details = Details()


class Because(BaseModel):
    """Why something is to be undone."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


def resolution_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    """``/breaks/{break_id}/resolutions`` and ``/resolutions``."""

    @router.post("/breaks/{break_id}/resolutions", status_code=201)
    def propose(break_id: UUID, proposal: Proposal, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Propose a resolution; somebody else has to approve it, above the policy's amounts more than one."""
        details = proposal.details.model_dump(mode="json", exclude_none=True)
        return reconciler.resolver.propose(break_id, proposal.action, proposal.reason, person, details)

    @router.get("/resolutions", dependencies=[Depends(who.reader)])
    def list_resolutions(
        state: State | None = None,
        business_date: date | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    ) -> dict[str, Any]:
        """Resolutions, the latest first; those in state ``proposed`` wait for somebody's approval."""
        return {"resolutions": reconciler.resolver.records.every(state, business_date, limit)}

    @router.get("/resolutions/{resolution_id}", dependencies=[Depends(who.reader)])
    def one_resolution(resolution_id: UUID) -> Mapping[str, Any]:
        """One resolution: who proposed it, who approved it, what came of it, and what undid it."""
        return reconciler.resolver.records.one(resolution_id)

    @router.post("/resolutions/{resolution_id}/approve")
    def approve(resolution_id: UUID, person: Annotated[str, Depends(who.approver)]) -> Mapping[str, Any]:
        """Approve somebody else's proposal; with the last approval that it takes the action is done at once."""
        return reconciler.resolver.approve(resolution_id, person, reconciler.kept_parts)

    @router.post("/resolutions/{resolution_id}/reject")
    def reject(resolution_id: UUID, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Turn down somebody else's proposal."""
        return reconciler.resolver.reject(resolution_id, person)

    @router.post("/resolutions/{resolution_id}/undo", status_code=201)
    def undo(resolution_id: UUID, because: Because, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Propose to take a resolution back. It is approved like one; then both sides are seen again."""
        return reconciler.resolver.propose_undo(resolution_id, because.reason, person)
