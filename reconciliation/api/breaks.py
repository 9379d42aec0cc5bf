"""Breaks over HTTP: lists, one with all that was done about it, whose it is, how old they are, what is held."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from reconciliation.api.who import PAGE_MAX, Who
from reconciliation.cases import BreakFilter
from reconciliation.kinds import BreakKind
from reconciliation.policies import actions_for
from reconciliation.resolution import ageing, suspense
from reconciliation.runs import Reconciler
from reconciliation.sources.hub import RAILWAY_ZONE


class Assignment(BaseModel):
    """Whose the break is from now on; null: nobody's."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(min_length=1, max_length=100)] | None


def break_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    """``/breaks``, ``/ageing``, ``/overdue``, ``/suspense``."""

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
        """A break with everything that was done about it, and the actions that there are for its kind."""
        found = reconciler.cases.one(break_id)
        return {**found, "actions": actions_for(found["kind"])}

    @router.post("/breaks/{break_id}/assignment")
    def assign(break_id: UUID, assignment: Assignment, person: Annotated[str, Depends(who.resolver)]) -> dict[str, Any]:
        """Make a break somebody's to look at."""
        return dict(reconciler.resolver.assign(break_id, assignment.to, person))

    @router.get("/ageing", dependencies=[Depends(who.reader)])
    def age(business_date: date | None = None) -> dict[str, Any]:
        """Open breaks by pair, kind, currency and age in days (0-1, 2-3, 4-7, 8-30, >30), and how many are overdue."""
        now = reconciler.clock()
        with reconciler.pool.connection() as connection:
            found = ageing.buckets(connection, now.astimezone(RAILWAY_ZONE).date(), now, business_date)
        return {"as_of": now, "buckets": list(ageing.BUCKET_NAMES), "lines": [asdict(line) for line in found]}

    @router.get("/overdue", dependencies=[Depends(who.reader)])
    def overdue(limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100) -> dict[str, Any]:
        """Open breaks whose time is over, the longest overdue first."""
        now = reconciler.clock()
        with reconciler.pool.connection() as connection:
            return {"as_of": now, "breaks": ageing.overdue(connection, now, limit)}

    @router.get("/suspense", dependencies=[Depends(who.reader)])
    def held() -> dict[str, Any]:
        """What is held for open breaks and was written off, by account, and what does not tie (always nothing)."""
        with reconciler.pool.connection() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            accounts = [asdict(balance) for balance in suspense.balances(connection)]
            return {"accounts": accounts, "complaints": [asdict(c) for c in suspense.check(connection)]}
