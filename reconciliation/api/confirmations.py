"""A counterparty's confirmations over HTTP: a channel fetches the figures of its own orders and answers to each."""

import base64
import binascii
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from reconciliation.api.who import PAGE_MAX, Who
from reconciliation.confirming import Answer, Answered, answer, draw_up, missing, page, record_differences
from reconciliation.resolution.refusals import as_problems
from reconciliation.runs import Reconciler
from schemas.problems import Pointer, ProblemError, problem

ANSWERS_MAX = 10_000
NDJSON = "application/x-ndjson"
_Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]


class Answers(BaseModel):
    """Answers as one JSON document; as NDJSON, one :class:`Answer` stands on each line."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[Answer], Field(max_length=ANSWERS_MAX)]


_ANSWERS = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object", "description": "answers: a list of answers"}},
            NDJSON: {"schema": {"type": "string", "description": "one answer on each line"}},
        },
    }
}


def confirmation_routes(router: APIRouter, reconciler: Reconciler, who: Who) -> None:
    """``/confirmations``."""

    @router.get("/confirmations", dependencies=[Depends(who.reader)])
    def unanswered() -> dict[str, Any]:
        """Channels and dates whose time to answer is over while orders are unanswered; for finance."""
        with reconciler.pool.connection() as connection:
            return {"missing": missing(connection, reconciler.clock())}

    @router.get("/confirmations/{business_date}")
    def figures(
        business_date: _Day,
        channel: Annotated[str, Depends(who.confirmer)],
        after: Annotated[str, Query(max_length=120, description="``next`` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    ) -> dict[str, Any]:
        """The hub's figures of every order that the calling channel sold, minor units: fare, refund, fee, commission.

        Each carries the ``version`` to answer to, and the answer that was given. ``next`` is null at the end.
        """
        place = _place(after)
        if not place:
            with reconciler.pool.connection() as connection:
                draw_up(connection, channel, business_date, reconciler.clock())
        with reconciler.pool.connection() as connection:
            found = page(connection, channel, business_date, place, limit)
        head = {"business_date": business_date, "channel": channel, **found.head}
        return {**head, "figures": found.orders, "next": _cursor(found.next)}

    @router.post("/confirmations/{business_date}", openapi_extra=_ANSWERS)
    async def confirm(
        request: Request,
        business_date: _Day,
        channel: Annotated[str, Depends(who.confirmer)],
    ) -> dict[str, Any]:
        """Answers to the figures of a date, JSON or NDJSON, at most 10,000; each gets an outcome, in the same order.

        The same answer again changes nothing; the latest one counts; late ones are taken and marked.
        """
        answers = _read(await request.body(), request.headers.get("content-type", ""))
        done = await run_in_threadpool(_take, reconciler, channel, business_date, answers)
        return {"business_date": business_date, "channel": channel, "outcomes": [each.to_json() for each in done]}


def _take(reconciler: Reconciler, channel: str, day: date, answers: Sequence[Answer]) -> list[Answered]:
    now = reconciler.clock()
    with as_problems(), reconciler.pool.connection() as connection:
        done = answer(connection, channel, day, answers, channel, now)
        if any(each.outcome in {"recorded", "replaced"} for each in done):
            record_differences(connection, channel, day, now)
    return done


def _read(raw: bytes, media_type: str) -> list[Answer]:
    """Raises ``query_invalid`` that names the line or the place of each fault."""
    try:
        if media_type.partition(";")[0].strip().lower() != NDJSON:
            return Answers.model_validate_json(raw).answers
        lines = [line for line in raw.splitlines() if line.strip()]
        if len(lines) > ANSWERS_MAX:
            raise ProblemError(problem("query_invalid", f"At most {ANSWERS_MAX:,} answers are taken at once."))
        return [Answer.model_validate_json(line) for line in lines]
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)[:20]
        pointers = tuple(Pointer(pointer="/" + "/".join(map(str, f["loc"])), expected=f["msg"][:200]) for f in faults)
        raise ProblemError(problem("query_invalid", "The answers cannot be read.", pointers)) from error


def _cursor(place: str | None) -> str | None:
    return None if place is None else base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (ValueError, binascii.Error) as error:
        raise ProblemError(problem("query_invalid", "That cursor is none of this address.")) from error
