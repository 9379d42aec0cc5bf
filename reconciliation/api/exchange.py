"""Workbooks, reports and accounts over HTTP: breaks out and back in, a day or a month as a file."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import IO, Annotated, Any, BinaryIO, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from reconciliation.api.who import Who
from reconciliation.cases import BreakFilter
from reconciliation.exchange import (
    MEDIA_TYPES,
    Desk,
    Format,
    WorkbookAnswer,
    WorkbookHead,
    allowed_by,
    answer_csv,
    answer_workbook,
    read_returned,
    take_back,
    take_out,
)
from reconciliation.kinds import BreakKind
from reconciliation.reports import Report, Scope, as_csv, as_pdf, as_xlsx, build
from reconciliation.reports.uic import as_json, as_text, draw_account, month_of
from reconciliation.runs import Reconciler
from schemas.problems import ProblemError, problem

_BLOCK = 1 << 16
_Year = Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))
ReportForm = Literal["json", "xlsx", "csv", "pdf"]
AnswerForm = Literal["json", "xlsx", "csv"]


_ANY_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FILE = {"requestBody": {"required": True, "content": {"application/octet-stream": _ANY_BYTES}}}


class WorkbookOrder(BaseModel):
    """Which breaks to take out; without ``state`` those that still want somebody (open, left)."""

    model_config = ConfigDict(extra="forbid")

    business_date: Annotated[date, _Year] | None = None
    definition: Annotated[str, Field(max_length=60)] | None = None
    kind: BreakKind | None = None
    state: Literal["open", "left", "resolved", "cleared"] | None = None
    form: Format = "xlsx"


def exchange_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    """``/workbooks``, ``/reports``, ``/accounts``."""
    _workbook_routes(router, reconciler, who)
    _report_routes(router, reconciler, who)


def _workbook_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    @router.post("/workbooks", status_code=201, response_class=StreamingResponse)
    def take_out_workbook(order: WorkbookOrder, person: Annotated[str, Depends(who.resolver)]) -> StreamingResponse:
        """Breaks as a workbook (.xlsx or CSV) to be filled in; it is remembered, so that it can come back."""
        wanted = BreakFilter(order.business_date, order.definition, order.kind, order.state)
        file, number = workbook_of(reconciler, wanted, order.form, person)
        name = f"breaks-{order.business_date or 'all'}-{str(number)[:8]}.{order.form}"
        headers = {**_attachment(name), "interlock-workbook": str(number)}
        return StreamingResponse(_blocks(file), 201, headers, MEDIA_TYPES[order.form])

    @router.post("/workbooks/returned", openapi_extra=_FILE)
    async def take_back_workbook(
        request: Request,
        person: Annotated[str, Depends(who.resolver)],
        form: Annotated[AnswerForm, Query(description="in which form the answer is wanted")] = "json",
    ) -> Response:
        """A filled-in workbook: each row becomes a proposal that somebody else approves, or is answered why not.

        The body is the file itself. The same file again changes nothing.
        """
        answer = await run_in_threadpool(returned_to, reconciler, await request.body(), person)
        return await run_in_threadpool(_answered, answer, form)


def _report_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    @router.get("/reports/{business_date}")
    def report_file(
        business_date: Annotated[date, _Year],
        person: Annotated[str, Depends(who.reader)],
        form: Annotated[ReportForm, Query(description="json, xlsx, csv or pdf")] = "json",
        definition: Annotated[str | None, Query(max_length=60, description="only this pair")] = None,
        kind: Annotated[BreakKind | None, Query(description="only this kind of break")] = None,
    ) -> Response:
        """A day's report: totals tied to the books, by channel, processor, kind and age; what people decided."""
        report = report_of(reconciler, Scope(business_date, definition, kind), person)
        if form == "json":
            return Response(report_json(report), media_type="application/json")
        raw = report_bytes(report, form)
        return Response(raw, media_type=_TYPES[form], headers=_attachment(f"report-{business_date}.{form}"))

    @router.get("/accounts/{month}", dependencies=[Depends(who.reader)])
    def account(
        month: str,
        day: Annotated[date | None, Query(description="only this day of the month")] = None,
        form: Annotated[Literal["json", "csv"], Query(description="json or csv")] = "json",
    ) -> Response:
        """A month (``2026-01``) by day, seller, carrier and product, in the shape of UIC accounting, with control
        totals from the books. No conformance with IRS 30301 is claimed."""
        try:
            first, last = month_of(month)
        except ValueError as error:
            raise ProblemError(problem("query_invalid", f"{month[:20]!r} is no month: 2026-01.")) from error
        if day is not None and not first <= day <= last:
            raise ProblemError(problem("query_invalid", f"{day} is not in {month}."))
        with reconciler.pool.connection() as connection:
            drawn = draw_account(connection, day or first, day or last, reconciler.clock())
        if form == "csv":
            return Response(as_text(drawn), media_type="text/csv; charset=utf-8", headers=_attachment(f"{month}.csv"))
        return Response(_dumped(as_json(drawn)), media_type="application/json")


def workbook_of(reconciler: Reconciler, wanted: BreakFilter, form: Format, person: str) -> tuple[IO[bytes], UUID]:
    """The breaks of a filter as a file at its beginning, and the number of the workbook."""
    named = {"date": wanted.business_date, "pair": wanted.definition, "kind": wanted.kind, "state": wanted.state}
    head = WorkbookHead(
        reconciler.resolver.new_id(), person, reconciler.clock(), named, allowed_by(reconciler.resolver.known())
    )
    file, _ = take_out(reconciler.pool, reconciler.cases, wanted, head, form)
    return file, head.workbook_id


def returned_to(reconciler: Reconciler, raw: bytes, person: str) -> WorkbookAnswer:
    """A returned file's rows as proposals of ``person``."""
    resolver = reconciler.resolver
    desk = Desk(reconciler.pool, resolver.propose_many, allowed_by(resolver.known()), reconciler.clock)
    return take_back(desk, read_returned(raw), hashlib.sha256(raw).hexdigest(), person)


def report_of(reconciler: Reconciler, scope: Scope, person: str) -> Report:
    """A day's report, made by ``person`` now."""
    known, data_dir = reconciler.resolver.known(), reconciler.options.data_dir
    return build(reconciler.pool, data_dir, known, scope, person, reconciler.clock())


def report_bytes(report: Report, form: Literal["xlsx", "csv", "pdf"]) -> bytes:
    """A report in one of its forms."""
    out = io.BytesIO()
    _WRITERS[form](report, out)
    return out.getvalue()


_TYPES: dict[str, str] = {**{str(form): of for form, of in MEDIA_TYPES.items()}, "pdf": "application/pdf"}
_WRITERS: dict[str, Callable[[Report, BinaryIO], None]] = {"xlsx": as_xlsx, "csv": as_csv, "pdf": as_pdf}


def report_json(report: Report) -> bytes:
    """A report for programs: every section with its column names and rows; amounts in minor units."""
    tables = {
        table.name: {
            "title_zh": table.zh,
            "title_en": table.en,
            "columns": [column.en for column in table.columns],
            "rows": [list(row) for row in table.rows],
            "alarms": sorted(table.alarms),
        }
        for table in report.tables
    }
    alarms = [{"zh": zh, "en": en} for zh, en in report.alarms]
    told = {"business_date": report.business_date, "made_at": report.made_at, "made_by": report.made_by}
    return _dumped({**told, "ties": report.ties, "alarms": alarms, "sections": tables})


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode()


def _answered(answer: WorkbookAnswer, form: AnswerForm) -> Response:
    if form == "json":
        return Response(_dumped(answer.to_json()), media_type="application/json")
    out = io.BytesIO()
    (answer_workbook if form == "xlsx" else answer_csv)(answer, out)
    return Response(out.getvalue(), media_type=MEDIA_TYPES[form], headers=_attachment(f"answer.{form}"))


def _attachment(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The file piece by piece; closed when it is sent, or when nobody wants the rest."""
    with file:
        while block := file.read(_BLOCK):
            yield block
