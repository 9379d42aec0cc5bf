"""``/v1/recon``: runs, breaks, proposals and approvals over HTTP. Who may call is decided by the house, passed in.

recon:read      look
recon:run       start a run
recon:resolve   propose, reject
recon:approve   approve somebody else's proposal: an act of weight
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from reconciliation.cases import BreakFilter
from reconciliation.definitions import definitions
from reconciliation.kinds import BreakKind
from reconciliation.policies import Action
from reconciliation.report import day_report
from reconciliation.runs import Reconciler
from schemas.problems import ProblemError, problem

Scope = Literal["recon:read", "recon:run", "recon:resolve", "recon:approve"]
Authorise = Callable[[Scope], Callable[..., str]]
"""scope -> a FastAPI dependency that answers who calls, or raises ProblemError (unauthenticated, forbidden)."""

PAGE_MAX = 1000


class RunOrder(BaseModel):
    """Which date to reconcile; without ``definitions`` all of them."""

    model_config = ConfigDict(extra="forbid")

    business_date: Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
    definitions: Annotated[list[str], Field(max_length=50)] | None = None
    dry_run: bool = False


class Proposal(BaseModel):
    """What a person wants done about a break, and why."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    reason: Annotated[str, Field(min_length=3, max_length=200)]


@dataclass(frozen=True, slots=True)
class _Who:
    """The dependencies that tell who calls."""

    reader: Callable[..., str]
    runner: Callable[..., str]
    resolver: Callable[..., str]
    approver: Callable[..., str]


def create_router(reconciler: Reconciler, authorise: Authorise) -> APIRouter:
    """The routes below ``/v1/recon``. Synchronous on purpose: the server runs each in a thread of its pool."""
    router = APIRouter(prefix="/v1/recon", tags=["reconciliation"])
    who = _Who(authorise("recon:read"), authorise("recon:run"), authorise("recon:resolve"), authorise("recon:approve"))
    _run_routes(router, reconciler, who)
    _break_routes(router, reconciler, who)
    _resolution_routes(router, reconciler, who)
    return router


def _run_routes(router: APIRouter, reconciler: Reconciler, who: _Who) -> None:
    @router.get("/runs", dependencies=[Depends(who.reader)])
    def list_runs(
        business_date: date | None = None,
        definition: str | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    ) -> dict[str, Any]:
        """Runs, the latest first."""
        return {"runs": reconciler.journal.runs(business_date, definition, limit)}

    @router.get("/runs/{run_id}", dependencies=[Depends(who.reader)])
    def one_run(run_id: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> dict[str, Any]:
        """One run with its inputs."""
        found = reconciler.journal.run(run_id)
        if found is None:
            raise ProblemError(problem("query_invalid", f"There is no run {run_id}."))
        return found

    @router.post("/runs", dependencies=[Depends(who.runner)])
    def run_now(order: RunOrder) -> dict[str, Any]:
        """Reconcile a date now and answer what came of it. The same inputs again change nothing."""
        unknown = sorted(set(order.definitions or ()) - definitions().keys())
        if unknown:
            known = ", ".join(definitions())
            raise ProblemError(problem("query_invalid", f"No definition is called {unknown[0]!r}; there are {known}."))
        return reconciler.run_day(order.business_date, order.definitions, order.dry_run).to_json()

    @router.get("/report/{business_date}", dependencies=[Depends(who.reader)])
    def report(business_date: date) -> dict[str, Any]:
        """The day's summary."""
        return day_report(reconciler.journal, reconciler.cases, business_date)


def _break_routes(router: APIRouter, reconciler: Reconciler, who: _Who) -> None:
    @router.get("/breaks", dependencies=[Depends(who.reader)])
    def list_breaks(
        business_date: date | None = None,
        definition: str | None = None,
        kind: BreakKind | None = None,
        state: Literal["open", "resolved", "cleared", "left"] | None = None,
        order_no: str | None = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    ) -> dict[str, Any]:
        """A page of breaks; ``next`` is what to send as ``after`` for the following one, null at the end."""
        wanted = BreakFilter(business_date, definition, kind, state, order_no, after, limit)
        found = reconciler.cases.breaks(wanted)
        return {"breaks": found, "next": found[-1]["seq"] if len(found) == limit else None}

    @router.get("/breaks/{break_id}", dependencies=[Depends(who.reader)])
    def one_break(break_id: UUID) -> dict[str, Any]:
        """A break with everything that was done about it."""
        return reconciler.cases.one(break_id)


def _resolution_routes(router: APIRouter, reconciler: Reconciler, who: _Who) -> None:
    @router.post("/breaks/{break_id}/resolutions", status_code=201)
    def propose(break_id: UUID, proposal: Proposal, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Propose a resolution; somebody else has to approve it."""
        return reconciler.resolver.propose(break_id, proposal.action, proposal.reason, person)

    @router.post("/resolutions/{resolution_id}/approve")
    def approve(resolution_id: UUID, person: Annotated[str, Depends(who.approver)]) -> Mapping[str, Any]:
        """Approve somebody else's proposal; the action is done at once."""
        return reconciler.resolver.approve(resolution_id, person, reconciler.kept_parts)

    @router.post("/resolutions/{resolution_id}/reject")
    def reject(resolution_id: UUID, person: Annotated[str, Depends(who.resolver)]) -> Mapping[str, Any]:
        """Turn down somebody else's proposal."""
        return reconciler.resolver.reject(resolution_id, person)
