"""Cases as people see them: what is to be looked at, with both sides of a dispute and a way to the orders."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.ledger import fold
from hub.store import cases, orders
from hub.store.cases import KINDS, Case
from interlock.console import ordering
from schemas.order import Order
from schemas.problems import ProblemError, problem

__all__ = ["KINDS", "open_cases"]


def open_cases(
    connection: Connection[TupleRow], overdue: datetime, kind: str | None, limit: int
) -> list[dict[str, Any]]:
    """Open cases, oldest first, each with its orders; a dispute also with what each side says."""
    wanted = next((known for known in KINDS if known == kind), None)
    if kind is not None and wanted is None:
        raise ProblemError(problem("query_invalid", f"kind is one of {', '.join(KINDS)}."))
    found = cases.open_cases(connection, overdue, wanted, limit)
    about = {order_id for case in found for order_id in case.subjects}
    rows = {UUID(row["order_id"]): row for row in ordering.rows_of(connection, list(about))}
    disputed = {order_id for case in found if case.kind == "dispute" for order_id in case.subjects}
    folded = {key: fold(stored.document) for key, stored in orders.read(connection, list(disputed)).items()}
    return [_shown(case, rows, folded) for case in found]


def _shown(case: Case, rows: Mapping[UUID, dict[str, Any]], folded: Mapping[UUID, Order]) -> dict[str, Any]:
    known = [rows[order_id] for order_id in case.subjects if order_id in rows]
    return {
        "kind": case.kind,
        "name": case.name,
        "since": case.since,
        "detail": case.detail,
        "orders": [{name: row[name] for name in ("order_id", "order_no", "channel", "witnesses")} for row in known],
        "sides": list(_sides(case, [folded[o] for o in case.subjects if o in folded])),
    }


def _sides(case: Case, found: Iterable[Order]) -> Iterable[dict[str, Any]]:
    for order in found:
        for dispute in order.disputes:
            if (dispute.kind, dispute.subject, dispute.state) == (case.name, case.detail, "open"):
                yield from ({"witnesses": list(side.witnesses), "says": side.says} for side in dispute.sides)
