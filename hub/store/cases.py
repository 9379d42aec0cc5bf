"""Cases: what a person has to look at. Each is derived whenever it is asked for, so none can be forgotten or go stale.

dispute      facts of one order that cannot all be true
incomplete   an order that began in the middle and whose beginning has not come within the time it is given
overlap      one person with two valid tickets on trains that run at the same time
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from schemas.states import valid_states

CaseKind = Literal["dispute", "incomplete", "overlap"]
KINDS: tuple[CaseKind, ...] = get_args(CaseKind)


@dataclass(frozen=True, slots=True)
class Case:
    """``name`` is the dispute's kind or the case's own; ``subjects`` are the orders to look at, the older first."""

    kind: CaseKind
    name: str
    since: datetime
    subjects: tuple[UUID, ...]
    detail: str


def open_cases(
    connection: Connection[TupleRow], overdue: datetime, kind: CaseKind | None = None, limit: int = 100
) -> list[Case]:
    """The oldest ``limit`` cases; incomplete orders are those first heard of before ``overdue``."""
    finders = {"dispute": _disputes, "incomplete": _incomplete, "overlap": _overlaps}
    found = [
        case for name, find in finders.items() if kind in (None, name) for case in find(connection, overdue, limit)
    ]
    return sorted(found, key=lambda case: (case.since, case.detail))[:limit]


def _disputes(connection: Connection[TupleRow], overdue: datetime, limit: int) -> Iterator[Case]:
    rows = connection.execute(
        """SELECT kind, opened_at, order_id, subject FROM hub.disputes WHERE state = 'open'
           ORDER BY opened_at, order_id, dispute_id LIMIT %s""",
        (limit,),
    )
    for name, since, order_id, subject in rows:
        yield Case("dispute", name, since, (order_id,), subject)


def _incomplete(connection: Connection[TupleRow], overdue: datetime, limit: int) -> Iterator[Case]:
    rows = connection.execute(
        """SELECT created_at, order_id, order_no, witnesses FROM hub.orders
           WHERE NOT complete AND created_at < %s ORDER BY created_at, order_id LIMIT %s""",
        (overdue, limit),
    )
    for since, order_id, order_no, witnesses in rows:
        told = ", ".join(witnesses)
        yield Case("incomplete", "incomplete", since, (order_id,), f"{order_no}: only {told} spoke of it, no sale came")


def _overlaps(connection: Connection[TupleRow], overdue: datetime, limit: int) -> Iterator[Case]:
    rows = connection.execute(
        """SELECT greatest(a.departs_at, b.departs_at), a.order_id, b.order_id, a.ticket_no, b.ticket_no
           FROM hub.tickets a JOIN hub.tickets b ON b.document = a.document AND b.ticket_no > a.ticket_no
               AND a.departs_at < b.arrives_at AND b.departs_at < a.arrives_at
           WHERE a.document IS NOT NULL AND a.state = ANY(%(valid)s) AND b.state = ANY(%(valid)s)
             AND b.service_date BETWEEN a.service_date - 3 AND a.service_date + 3
           ORDER BY 1, a.ticket_no LIMIT %(limit)s""",
        {"valid": sorted(valid_states()), "limit": limit},
    )
    for since, first, second, one, other in rows:
        subjects = (first,) if first == second else (first, second)
        yield Case("overlap", "same_person_on_overlapping_trains", since, subjects, f"{one} and {other}")
