"""Open breaks and what is done about them. All SQL of ``recon.breaks`` and ``recon.resolutions``.

A break is one row over all runs: opened by the first run that sees it, resolved by an action, cleared by the first run
that no longer sees it. Only a run can clear it: an action is a promise, the next run is the proof.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import CheckViolation
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb

from reconciliation.breaks import Break
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


@dataclass(frozen=True, slots=True)
class ResolutionDraft:
    """A resolution about to be made. ``policy`` is ``name@version rule``; None for one by people."""

    break_id: UUID
    action: str
    reason: str
    proposed_by: str
    amount: int
    policy: str | None = None


def record_breaks(
    connection: Connection[TupleRow], run_id: str, breaks: Sequence[Break], definition: str, day: date, now: datetime
) -> None:
    """Make the table say what this run has found: new breaks opened, known ones seen again, the others cleared."""
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT, [_parameters(run_id, b, now) for b in breaks])
    connection.execute(
        "UPDATE recon.breaks SET state = 'cleared', cleared_run_id = %s, updated_at = %s"
        " WHERE definition = %s AND business_date = %s AND state <> 'cleared' AND NOT break_id = ANY(%s)",
        (run_id, now, definition, day, [b.break_id for b in breaks]),
    )


def record_refusals(connection: Connection[TupleRow], run_id: str, breaks: Sequence[Break], now: datetime) -> None:
    """Add breaks without clearing any: a run that could not read its input proves nothing about the others."""
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT, [_parameters(run_id, b, now) for b in breaks])


def _parameters(run_id: str, found: Break, now: datetime) -> dict[str, Any]:
    return {
        "break_id": found.break_id,
        "run_id": run_id,
        "definition": found.definition,
        "business_date": found.business_date,
        "kind": found.kind,
        "key": found.key,
        "order_no": found.order_no,
        "left": Jsonb(found.left) if found.left is not None else None,
        "right": Jsonb(found.right) if found.right is not None else None,
        "amount": found.amount,
        "currency": found.currency,
        "further": found.further,
        "since": found.since,
        "evidence": Jsonb(list(found.evidence)),
        "covers": Jsonb(list(found.covers)),
        "now": now,
    }


# Seen again after a resolution, the break was not resolved after all: it opens again. A pair matched over the date's
# edge (TIMING) stays a matched pair in every run.
_UPSERT = """
INSERT INTO recon.breaks AS known (
    break_id, run_id, last_run_id, definition, business_date, kind, key, order_no, left_value, right_value,
    amount_at_stake, currency, further, since, evidence, covers, state, opened_at, updated_at)
VALUES (%(break_id)s, %(run_id)s, %(run_id)s, %(definition)s, %(business_date)s, %(kind)s, %(key)s, %(order_no)s,
        %(left)s, %(right)s, %(amount)s, %(currency)s, %(further)s, %(since)s, %(evidence)s, %(covers)s,
        'open', %(now)s, %(now)s)
ON CONFLICT (definition, business_date, kind, key) DO UPDATE SET
    last_run_id = excluded.last_run_id, left_value = excluded.left_value, right_value = excluded.right_value,
    amount_at_stake = excluded.amount_at_stake, further = excluded.further, evidence = excluded.evidence,
    covers = excluded.covers, updated_at = excluded.updated_at, cleared_run_id = NULL,
    state = CASE WHEN known.state = 'cleared' OR (known.state = 'resolved' AND known.kind <> 'TIMING') THEN 'open'
                 ELSE known.state END
"""


class Cases:
    """Reading breaks and writing resolutions."""

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
        """rule -> minor units that the policy has resolved under it on a business date; each break counts once."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT split_part(policy, ' ', 2), sum(amount) FROM ("
                "  SELECT DISTINCT ON (r.break_id, r.policy) r.policy, r.amount FROM recon.resolutions r"
                "  JOIN recon.breaks b USING (break_id) WHERE b.business_date = %s AND r.state = 'applied'"
                "  AND starts_with(r.policy, %s)) spent GROUP BY 1",
                (business_date, f"{policy} "),
            ).fetchall()
        return {rule: int(amount) for rule, amount in rows}

    def propose(self, draft: ResolutionDraft, resolution_id: UUID, now: datetime) -> dict[str, Any]:
        """A resolution in state ``proposed`` (by a person) or ``approved`` (by policy); returns the row."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            # The break's row lock makes attempts 1, 2, 3 even when two people propose at once.
            found = cursor.execute(
                "SELECT state FROM recon.breaks WHERE break_id = %s FOR UPDATE", (draft.break_id,)
            ).fetchone()
            if found is None:
                raise ProblemError(problem("break_unknown", f"There is no break {draft.break_id}."))
            if found["state"] == "cleared":
                raise ProblemError(problem("query_invalid", "The break is cleared: there is nothing left to resolve."))
            row = cursor.execute(
                "INSERT INTO recon.resolutions (resolution_id, break_id, attempt, action, reason, policy, proposed_by,"
                " proposed_at, amount, state) SELECT %s, %s,"
                " 1 + coalesce((SELECT max(attempt) FROM recon.resolutions WHERE break_id = %s), 0),"
                " %s, %s, %s, %s, %s, %s, %s RETURNING *",
                (
                    resolution_id,
                    draft.break_id,
                    draft.break_id,
                    draft.action,
                    draft.reason,
                    draft.policy,
                    draft.proposed_by,
                    now,
                    draft.amount,
                    "approved" if draft.policy else "proposed",
                ),
            ).fetchone()
        return row or {}

    def decide(self, resolution_id: UUID, person: str, state: str, now: datetime) -> dict[str, Any]:
        """Approve or reject a proposal. The database itself refuses the approval of one's own proposal."""
        try:
            with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                row = cursor.execute(
                    "UPDATE recon.resolutions SET state = %s, approved_by = %s, approved_at = %s"
                    " WHERE resolution_id = %s AND state = 'proposed' RETURNING *",
                    (state, person, now, resolution_id),
                ).fetchone()
        except CheckViolation as violated:
            if violated.diag.constraint_name != "two_people":
                raise
            raise ProblemError(
                problem("second_person_needed", "Who proposed a resolution may not decide on it.")
            ) from None
        if row is None:
            raise ProblemError(problem("break_unknown", f"There is no open proposal {resolution_id}."))
        return row

    def resolution(self, resolution_id: UUID) -> dict[str, Any]:
        """One resolution; raises ProblemError ``break_unknown``."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "SELECT * FROM recon.resolutions WHERE resolution_id = %s", (resolution_id,)
            ).fetchone()
        if row is None:
            raise ProblemError(problem("break_unknown", f"There is no resolution {resolution_id}."))
        return row

    def conclude(self, resolution_id: UUID, done: bool, outcome: dict[str, Any], now: datetime) -> None:
        """Write down what an action came to. A policy's failure is tried again by the next run."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "UPDATE recon.resolutions SET state = %s, outcome = %s WHERE resolution_id = %s"
                " RETURNING break_id, policy",
                ("applied" if done else "failed", Jsonb(outcome), resolution_id),
            ).fetchone()
            if row is None:
                raise ProblemError(problem("break_unknown", f"There is no resolution {resolution_id}."))
            connection.execute(
                "UPDATE recon.breaks SET state = %s, manual = manual OR %s, updated_at = %s"
                " WHERE break_id = %s AND state <> 'cleared'",
                ("resolved" if done else "open" if row[1] else "left", row[1] is None, now, row[0]),
            )

    def leave(self, break_id: UUID, now: datetime) -> None:
        """Leave a break for a person."""
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE recon.breaks SET state = 'left', updated_at = %s WHERE break_id = %s AND state = 'open'",
                (now, break_id),
            )


UuidSource = Callable[[], UUID]
