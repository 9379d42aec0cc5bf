"""Runs over HTTP: what was run, start one, a day's report."""

import os
import tempfile
from datetime import date
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from reconciliation.api.who import PAGE_MAX, Who
from reconciliation.reports.day import day_report
from reconciliation.runs import Reconciler
from reconciliation.runs.matched import write_list
from schemas.problems import ProblemError, problem


class RunOrder(BaseModel):
    """Which date to reconcile; without ``definitions`` all of them."""

    model_config = ConfigDict(extra="forbid")

    business_date: Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
    definitions: Annotated[list[str], Field(max_length=50)] | None = None
    dry_run: bool = False


RunId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def run_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    """``/runs`` and ``/report``."""

    @router.get("/runs", dependencies=[Depends(who.reader)])
    def list_runs(
        business_date: date | None = None,
        definition: str | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    ) -> dict[str, Any]:
        """Runs, the latest first."""
        return {"runs": reconciler.journal.runs(business_date, definition, limit)}

    @router.get("/runs/{run_id}", dependencies=[Depends(who.reader)])
    def one_run(run_id: RunId) -> dict[str, Any]:
        """One run with its inputs and stages, and how far it is: ``stage``, ``pieces_done`` of ``pieces_total``,
        ``rows_done`` of ``rows_total``."""
        return _known_run(reconciler, run_id)

    @router.get("/runs/{run_id}/rows", dependencies=[Depends(who.reader)], response_class=FileResponse)
    def rows_of_run(run_id: RunId, form: Literal["csv", "parquet"] = "csv") -> FileResponse:
        """Every row of both sides with what became of it: matched, pending, broken, accepted. Made when it is asked
        for, which takes as long as matching the run again."""
        _known_run(reconciler, run_id)
        reconciler.options.spill.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=reconciler.options.spill, suffix=f".{form}")
        os.close(handle)
        try:
            write_list(reconciler.worklist, reconciler.options, run_id, FilePath(name), form)
        except FileNotFoundError as gone:
            FilePath(name).unlink()
            raise ProblemError(problem("query_invalid", f"{gone}.")) from gone
        remove = BackgroundTask(FilePath(name).unlink)
        return FileResponse(name, media_type=_TYPES[form], filename=f"run-{run_id[:16]}.{form}", background=remove)

    @router.post("/runs", dependencies=[Depends(who.runner)])
    def run_now(order: RunOrder) -> dict[str, Any]:
        """Reconcile a date now and answer what came of it. The same inputs again change nothing; a closed date is
        refused."""
        unknown = sorted(set(order.definitions or ()) - reconciler.definitions().keys())
        if unknown:
            known = ", ".join(reconciler.definitions())
            raise ProblemError(problem("query_invalid", f"No definition is called {unknown[0]!r}; there are {known}."))
        return reconciler.run_day(order.business_date, order.definitions, order.dry_run).to_json()

    @router.get("/report/{business_date}", dependencies=[Depends(who.reader)])
    def report(business_date: date) -> dict[str, Any]:
        """The day's summary."""
        return day_report(reconciler.journal, reconciler.cases, business_date)


def _known_run(reconciler: Reconciler, run_id: str) -> dict[str, Any]:
    found = reconciler.journal.run(run_id)
    if found is None:
        raise ProblemError(problem("query_invalid", f"There is no run {run_id}."))
    return found
