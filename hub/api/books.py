"""``/v1/books``: trial balance, an account's lines, what an order's passenger owes; as of any time on either axis.

Finance and auditors may look. Amounts are whole minor units beside their currency; debit positive.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request

from hub.api.access import Principal
from hub.api.orders import read_order
from hub.api.services import Services
from hub.store.books import AccountBalance, BookLine, Place, Span, account_lines, order_lines, trial_balance
from hub.store.owing import Owing, OwingStep, owing
from schemas.problems import ProblemError, problem

_Currency = Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="Only this currency (ISO 4217).")]
_Day = Annotated[date | None, Query(alias="date", description="One railway day (midnight to midnight in Beijing).")]
_First = Annotated[date | None, Query(alias="from", description="The first railway day of a range.")]
_Last = Annotated[date | None, Query(alias="to", description="The last railway day of a range; it is in it.")]
_AsOf = Annotated[datetime | None, Query(description="Only what had happened by then.")]
_RecordedAsOf = Annotated[datetime | None, Query(description="Only what was recorded by then.")]


def _asked(
    day: _Day = None,
    first: _First = None,
    last: _Last = None,
    as_of: _AsOf = None,
    recorded_as_of: _RecordedAsOf = None,
) -> Span:
    return span_of(day, first, last, as_of, recorded_as_of)


_Asked = Annotated[Span, Depends(_asked)]


def books_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["books"])
    _book_routes(router, services)

    @router.get("/orders/{order_id}/balance", summary="What an order's passenger owes or is owed, and why")
    def of_order(
        request: Request, order_id: UUID, as_of: _AsOf = None, recorded_as_of: _RecordedAsOf = None
    ) -> dict[str, Any]:
        """Every posting of the order by the fact that made it, with the balance after each."""
        caller = accountant(services, request)
        span = span_of(None, None, None, as_of, recorded_as_of)
        order = read_order(services, caller, order_id, as_of, recorded_as_of)
        with services.pool.connection() as connection:
            lines = order_lines(connection, order.order_id, span)
        return owing_told(owing(order, lines))

    return router


def _book_routes(router: APIRouter, services: Services) -> None:
    @router.get("/books/balance", summary="The trial balance, as of any time")
    def balance(request: Request, span: _Asked, currency: _Currency = None) -> dict[str, Any]:
        """Every account with what stood there before, debit, credit and balance; each currency sums to zero."""
        accountant(services, request)
        with services.pool.connection() as connection:
            return balance_told(span, trial_balance(connection, span, currency))

    @router.get("/books/accounts/{account}", summary="An account's lines, the newest first")
    def lines(
        request: Request,
        account: Annotated[str, Path(examples=["channel_clearing:web"], max_length=200)],
        span: _Asked,
        currency: _Currency = None,
        cursor: Annotated[str | None, Query(description="``next`` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """Each line with its order, its fact, who witnessed it and in which event; ``next`` asks for the older ones."""
        accountant(services, request)
        with services.pool.connection() as connection:
            rows = trial_balance(connection, span, currency, account)
            found = account_lines(connection, account, span, currency, place_of(cursor), limit)
        return account_told(account, span, rows, found, limit)


def accountant(services: Services, request: Request) -> Principal:
    """Who calls, if finance or an auditor; raises ``forbidden`` that names the scope."""
    caller = services.access.reader(request.headers)
    if "hub:audit" not in caller.scopes:
        caller.need("hub:finance")
    return caller


def span_of(
    day: date | None, first: date | None, last: date | None, as_of: datetime | None, recorded_as_of: datetime | None
) -> Span:
    """One day or a range, and the two times; raises the problem ``query_invalid`` that says what is wrong."""
    if day is not None and (first is not None or last is not None):
        raise ProblemError(problem("query_invalid", "Give a date, or from and to."))
    try:
        return Span.of(day or first, day or last, as_of, recorded_as_of)
    except ValueError as error:
        raise ProblemError(problem("query_invalid", str(error))) from error


def place_of(cursor: str | None) -> Place | None:
    """Where the page before ended; raises ``query_invalid`` for what is no cursor of ours."""
    try:
        return Place.read(cursor) if cursor else None
    except ValueError as error:
        raise ProblemError(problem("query_invalid", str(error))) from error


# --- as JSON ---------------------------------------------------------------------------------------------------------


def balance_told(span: Span, rows: Sequence[AccountBalance]) -> dict[str, Any]:
    """A trial balance as JSON; ``totals`` says for each currency whether it sums to zero."""
    totals: dict[str, dict[str, Any]] = {}
    for row in rows:
        found = totals.setdefault(row.currency, {"currency": row.currency, "debit": 0, "credit": 0, "balance": 0})
        found["debit"] += row.debit
        found["credit"] += row.credit
        found["balance"] += row.balance
    for found in totals.values():
        found["balanced"] = found["balance"] == 0 and found["debit"] == found["credit"]
    return {
        **_span_told(span),
        "balanced": all(found["balanced"] for found in totals.values()),
        "totals": [totals[currency] for currency in sorted(totals)],
        "accounts": [_row_told(row) for row in rows],
    }


def account_told(
    account: str, span: Span, rows: Sequence[AccountBalance], lines: Sequence[BookLine], limit: int
) -> dict[str, Any]:
    """One account with a page of its lines as JSON; ``next`` is None on the last page."""
    return {
        "account": account,
        **_span_told(span),
        "balances": [_row_told(row) for row in rows],
        "lines": [_line_told(line) for line in lines],
        "next": str(lines[-1].place) if len(lines) == limit else None,
    }


def owing_told(found: Owing) -> dict[str, Any]:
    """What a passenger owes as JSON."""
    return {
        "order_id": str(found.order_id),
        "balance": found.balance.model_dump(),
        "promised": found.promised.model_dump(),
        "sentence": {"zh": found.sentence_zh, "en": found.sentence_en},
        "accounts": [_row_told(row) for row in found.accounts],
        "steps": [_step_told(step) for step in found.steps],
    }


def _span_told(span: Span) -> dict[str, Any]:
    moments = {name: getattr(span, name) for name in ("since", "until", "as_of", "recorded_as_of")}
    return {name: moment.isoformat() if moment else None for name, moment in moments.items()}


def _row_told(row: AccountBalance) -> dict[str, Any]:
    return asdict(row) | {"balance": row.balance}


def _line_told(line: BookLine) -> dict[str, Any]:
    told = {name: getattr(line, name) for name in ("account", "amount", "currency", "order_no", "fact", "witness")}
    return told | {
        "order_id": str(line.order_id),
        "message_id": line.message_id,
        "sequence": line.sequence,
        "event": line.event,
        "happened_at": line.happened_at.isoformat(),
        "recorded_at": line.recorded_at.isoformat(),
    }


def _step_told(step: OwingStep) -> dict[str, Any]:
    return {
        "fact": step.fact,
        "why": {"zh": step.why_zh, "en": step.why_en},
        "witness": step.witness,
        "sequence": step.sequence,
        "happened_at": step.happened_at.isoformat(),
        "recorded_at": step.recorded_at.isoformat(),
        "currency": step.currency,
        "owed": step.owed,
        "balance": step.balance,
        "withdrawn": step.withdrawn,
        "lines": [{"account": line.account, "amount": line.amount} for line in step.lines],
    }
