"""What people want withdrawn: one proposes, another one decides. The database itself refuses one person for both."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.errors import CheckViolation, UniqueViolation
from psycopg.rows import TupleRow, dict_row

from schemas.problems import ProblemError, problem

State = Literal["proposed", "approved", "rejected", "done"]
"""``approved`` is what a process leaves behind that dies before the message is taken: the approval may be repeated."""

_COLUMNS = """retraction_id::text, order_id::text, fact, reason, proposed_by, proposed_at, state, decided_by,
    decided_at, outcome,
    (SELECT o.order_no FROM hub.orders o WHERE o.order_id = hub.retractions.order_id) AS order_no"""


def propose(
    connection: Connection[TupleRow],
    retraction_id: UUID,
    order_id: UUID,
    fact: str,
    reason: str,
    person: str,
    now: datetime,
) -> dict[str, Any]:
    """A proposal; raises the problem ``query_invalid`` when the same one waits already."""
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                f"""INSERT INTO hub.retractions (retraction_id, order_id, fact, reason, proposed_by, proposed_at)
                    VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}""",
                (retraction_id, order_id, fact, reason, person, now),
            ).fetchone()
    except UniqueViolation:
        raise ProblemError(problem("query_invalid", "Its withdrawal is proposed already, and waits.")) from None
    return row or {}


def decide(
    connection: Connection[TupleRow], retraction_id: UUID, person: str, state: State, now: datetime
) -> dict[str, Any]:
    """Approve or reject. Raises ``second_person_needed`` for one's own proposal, ``not_found`` for one that is decided.

    An approval whose message was not taken yet may be given again by the same person.
    """
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                f"""UPDATE hub.retractions SET state = %(state)s, decided_by = %(person)s,
                        decided_at = coalesce(decided_at, %(now)s)
                    WHERE retraction_id = %(id)s AND (state = 'proposed'
                        OR (state = 'approved' AND %(state)s = 'approved' AND decided_by = %(person)s))
                    RETURNING {_COLUMNS}""",
                {"state": state, "person": person, "now": now, "id": retraction_id},
            ).fetchone()
    except CheckViolation as violated:
        if violated.diag.constraint_name != "retraction_by_two_people":
            raise
        raise ProblemError(problem("second_person_needed", "Who proposed a withdrawal may not decide on it.")) from None
    if row is None:
        raise ProblemError(problem("not_found", f"No proposal {retraction_id} is waiting."))
    return row


def conclude(connection: Connection[TupleRow], retraction_id: UUID, outcome: str) -> dict[str, Any]:
    """Write down what its message came to."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            f"UPDATE hub.retractions SET state = 'done', outcome = %s WHERE retraction_id = %s RETURNING {_COLUMNS}",
            (outcome, retraction_id),
        ).fetchone()
    return row or {}


def every(
    connection: Connection[TupleRow], state: State | None, order_id: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Proposals and what became of them, the newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"""SELECT {_COLUMNS} FROM hub.retractions
                WHERE (%(state)s::text IS NULL OR state = %(state)s)
                  AND (%(order)s::uuid IS NULL OR order_id = %(order)s)
                ORDER BY proposed_at DESC, retraction_id LIMIT %(limit)s""",
            {"state": state, "order": order_id, "limit": limit},
        ).fetchall()
