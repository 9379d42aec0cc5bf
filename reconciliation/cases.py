"""Open breaks, read. What is done about them: :mod:`reconciliation.resolution`.

A break is one row over all runs: opened by the first run that sees it, resolved by an action, cleared by the first run
that no longer sees it. Only a run can clear it: an action is a promise, the next run is the proof.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from reconciliation.journal import Pool
from schemas.problems import ProblemError, problem


@dataclass(frozen=True, slots=True)
class BreakFilter:
    """Which breaks a caller wants; ``after`` is the last ``seq`` he has seen."""

    business_date: date | None = None
    definition: str | None = None
    kind: str | None = None
    state: str | None = None
    order_no: str | None = None
    after: int = 0
    limit: int = 100


class Cases:
    """Reading breaks, and how often each was resolved."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def breaks(self, wanted: BreakFilter) -> list[dict[str, Any]]:
        """Breaks in the order in which they were found, after ``wanted.after`` (keyset, no counting)."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT * FROM recon.breaks WHERE seq > %(after)s"
                " AND (%(date)s::date IS NULL OR business_date = %(date)s)"
                " AND (%(definition)s::text IS NULL OR definition = %(definition)s)"
                " AND (%(kind)s::text IS NULL OR kind = %(kind)s)"
                " AND (%(state)s::text IS NULL OR state = %(state)s)"
                " AND (%(order_no)s::text IS NULL OR order_no = %(order_no)s)"
                " ORDER BY seq LIMIT %(limit)s",
                {
                    "after": wanted.after,
                    "date": wanted.business_date,
                    "definition": wanted.definition,
                    "kind": wanted.kind,
                    "state": wanted.state,
                    "order_no": wanted.order_no,
                    "limit": wanted.limit,
                },
            ).fetchall()

    def every_break(self, wanted: BreakFilter) -> list[dict[str, Any]]:
        """All pages of :meth:`breaks`."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.breaks(
                BreakFilter(
                    business_date=wanted.business_date,
                    definition=wanted.definition,
                    kind=wanted.kind,
                    state=wanted.state,
                    order_no=wanted.order_no,
                    after=found[-1]["seq"] if found else wanted.after,
                    limit=1000,
                )
            )
            if not page:
                return found
            found += page

    def one(self, break_id: UUID) -> dict[str, Any]:
        """A break with its resolutions; raises ProblemError ``break_unknown``."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute("SELECT * FROM recon.breaks WHERE break_id = %s", (break_id,)).fetchone()
            if found is None:
                raise ProblemError(problem("break_unknown", f"There is no break {break_id}."))
            said = cursor.execute("SELECT * FROM recon.resolutions WHERE break_id = %s ORDER BY attempt", (break_id,))
            return {**found, "resolutions": said.fetchall()}

    def attempts(self, break_ids: Sequence[UUID]) -> dict[UUID, int]:
        """How often each break has been resolved or tried."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT break_id, count(*) FROM recon.resolutions WHERE break_id = ANY(%s)"
                " AND state IN ('applied', 'failed') GROUP BY break_id",
                (list(break_ids),),
            ).fetchall()
        return dict(rows)

    def spent(self, policy: str, business_date: date) -> dict[str, int]:
        """What a policy has resolved on a business date, as ``policies.Spent``: ``rule`` and ``rule@definition`` ->
        minor units, ``rule#`` -> breaks. Each break counts once; what was undone does not."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT split_part(policy, ' ', 2), definition, sum(amount), count(*) FROM ("
                "  SELECT DISTINCT ON (r.break_id, r.policy) r.policy, b.definition, r.amount FROM recon.resolutions r"
                "  JOIN recon.breaks b USING (break_id) WHERE b.business_date = %s AND r.state = 'applied'"
                "  AND starts_with(r.policy, %s) AND NOT EXISTS (SELECT FROM recon.resolutions u"
                "    WHERE u.undoes = r.resolution_id AND u.state = 'applied')) spent GROUP BY 1, 2",
                (business_date, f"{policy} "),
            ).fetchall()
        spent: dict[str, int] = {}
        for rule, definition, amount, items in rows:
            for name, more in ((rule, int(amount)), (f"{rule}@{definition}", int(amount)), (f"{rule}#", items)):
                spent[name] = spent.get(name, 0) + more
        return spent

    def orders_with_breaks(self, names: Sequence[str], business_date: date) -> set[str]:
        """The order numbers of a date's breaks of these definitions that nobody has settled yet."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT order_no FROM recon.breaks WHERE definition = ANY(%s) AND business_date = %s"
                " AND state IN ('open', 'left') AND order_no IS NOT NULL",
                (list(names), business_date),
            ).fetchall()
        return {row[0] for row in rows}
