"""How old open breaks are, whose they are, and which of them are overdue.

Age is counted in whole days from the business date, because that is what closing waits for. When a break is due is the
policy's matter (``sla``); it is set once, after the run that first saw the break, and an undo does not move it.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from reconciliation.policies import Policy
from schemas.problems import ProblemError, problem

BUCKETS = ((0, 1), (2, 3), (4, 7), (8, 30), (31, None))
"""(first, last) day of each bucket; the last one has no end."""
BUCKET_NAMES = tuple(f"{first}-{last}" if last is not None else f">{first - 1}" for first, last in BUCKETS)


@dataclass(frozen=True, slots=True)
class AgeLine:
    """Open breaks of one pair, kind, currency and age. Amounts in minor units."""

    definition: str
    kind: str
    currency: str
    bucket: str
    count: int
    amount: int
    overdue: int


def bucket_of(days: int) -> str:
    """The bucket of an age in days; a business date that lies ahead counts as today."""
    return next(name for name, (_, last) in zip(BUCKET_NAMES, BUCKETS, strict=True) if last is None or days <= last)


def buckets(
    connection: Connection[TupleRow], today: date, now: datetime, business_date: date | None = None
) -> list[AgeLine]:
    """Open and left breaks by pair, kind, currency and age on ``today`` (the railway's date of ``now``)."""
    cases = " ".join(
        f"WHEN %(today)s - business_date <= {last} THEN '{name}'"
        for name, (_, last) in zip(BUCKET_NAMES, BUCKETS, strict=True)
        if last is not None
    )
    rows = connection.execute(
        "SELECT definition, kind, currency, bucket, count(*), sum(amount_at_stake)::bigint,"
        " count(*) FILTER (WHERE late)"
        f" FROM (SELECT *, CASE {cases} ELSE '{BUCKET_NAMES[-1]}' END AS bucket, coalesce(due_at < %(now)s, false) late"
        "       FROM recon.breaks WHERE state IN ('open', 'left')"
        "        AND (%(day)s::date IS NULL OR business_date = %(day)s)) aged"
        " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, min(business_date) DESC",
        {"today": today, "now": now, "day": business_date},
    ).fetchall()
    return [AgeLine(*row) for row in rows]


def overdue(connection: Connection[TupleRow], now: datetime, limit: int = 100) -> list[dict[str, Any]]:
    """Open and left breaks whose time is over, the longest overdue first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM recon.breaks WHERE state IN ('open', 'left') AND due_at < %s ORDER BY due_at, seq LIMIT %s",
            (now, limit),
        ).fetchall()


def escalate(connection: Connection[TupleRow], now: datetime) -> list[dict[str, Any]]:
    """Mark what has become overdue; returns only what is new, so that it is told once."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "UPDATE recon.breaks SET escalated_at = %(now)s WHERE state IN ('open', 'left') AND due_at < %(now)s"
            " AND escalated_at IS NULL RETURNING break_id, definition, business_date, kind, key, amount_at_stake,"
            " currency, assignee, due_at",
            {"now": now},
        ).fetchall()


def set_due(connection: Connection[TupleRow], policy: Policy, definitions: list[str], day: date) -> int:
    """Give every open break of these pairs and this date that has no time yet the policy's; returns how many."""
    count = 0
    for row in policy.sla:
        names = [name for name in definitions if row.covers(name)]
        if names:
            # The first row that fits has set the time already: a later one finds none left without.
            count += connection.execute(
                "UPDATE recon.breaks SET due_at = opened_at + %s WHERE state IN ('open', 'left') AND due_at IS NULL"
                " AND business_date = %s AND definition = ANY(%s) AND amount_at_stake >= %s"
                " AND (cardinality(%s::text[]) = 0 OR kind = ANY(%s))",
                (timedelta(hours=row.due_hours), day, names, row.from_amount, list(row.kinds), list(row.kinds)),
            ).rowcount
    return count


def assign(connection: Connection[TupleRow], break_id: UUID, to: str | None, person: str, now: datetime) -> None:
    """Make a break somebody's, or nobody's; raises ProblemError ``break_unknown``."""
    changed = connection.execute(
        "UPDATE recon.breaks SET assignee = %s, assigned_by = %s, assigned_at = %s WHERE break_id = %s",
        (to, person, now, break_id),
    ).rowcount
    if not changed:
        raise ProblemError(problem("break_unknown", f"There is no break {break_id}."))
