"""Resolutions as rows: proposed, agreed, done, undone. All SQL of ``recon.resolutions`` and the tables around it.

Nothing here decides anything: who may agree with whom, and what a closed date forbids, is held by the tables.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb

from reconciliation.journal import Pool
from reconciliation.ports import Outcome
from reconciliation.resolution.refusals import as_problems, closed
from schemas.problems import Problem, ProblemError, problem

Record = Mapping[str, Any]
"""A row of ``recon.breaks``."""
Row = dict[str, Any]
Accepted = frozenset[tuple[str, str, str, str, str]]
"""(definition, key, kind, the hub's value, the other's value)"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A resolution that somebody wants. ``details``: what the action needs beside the break: accounts, other breaks."""

    break_id: UUID
    action: str
    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)
    policy: str | None = None
    people: int = 2
    undoes: UUID | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Exactly these two values of this difference are no break any more."""

    break_id: UUID
    definition: str
    business_date: date
    key: str
    kind: str
    hub_value: str
    other_value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of ``recon.postings``; debit positive, minor units."""

    break_id: UUID
    account: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Done:
    """What an action came to, to be written in one transaction. ``settles``: the breaks that it settles."""

    outcome: Outcome
    settles: tuple[UUID, ...]
    accepts: tuple[Acceptance, ...] = ()
    lines: tuple[Line, ...] = ()


class Resolutions:
    """Reading and writing resolutions."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def one(self, resolution_id: UUID) -> Row:
        """One resolution with who agreed; raises ProblemError ``resolution_unknown``."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(f"{_SELECT} WHERE r.resolution_id = %s", (resolution_id,)).fetchone()
        if row is None:
            raise ProblemError(problem("resolution_unknown", f"There is no resolution {resolution_id}."))
        return row

    def every(self, state: str | None, business_date: date | None, limit: int = 100) -> list[Row]:
        """Resolutions, the latest first: what waits for a second person is ``proposed``."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                f"{_SELECT} JOIN recon.breaks b USING (break_id)"
                " WHERE (%(state)s::text IS NULL OR r.state = %(state)s)"
                " AND (%(date)s::date IS NULL OR b.business_date = %(date)s)"
                " ORDER BY r.proposed_at DESC, r.resolution_id LIMIT %(limit)s",
                {"state": state, "date": business_date, "limit": limit},
            ).fetchall()

    def unfinished(self, break_ids: Sequence[UUID], policy: str) -> dict[UUID, Row]:
        """What this policy (``name@version``) had begun when its process died: to be done again under the same ids."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(
                f"{_SELECT} WHERE r.break_id = ANY(%s) AND starts_with(r.policy, %s) AND r.state = 'approved'"
                " ORDER BY r.break_id, r.attempt",
                (list(break_ids), f"{policy} "),
            ).fetchall()
        return {row["break_id"]: row for row in rows}

    def agree(self, connection: Connection[TupleRow], resolution_id: UUID, person: str, now: datetime) -> Row:
        """One more yes. The row is ``approved`` once enough different people have agreed; the last of them may say it
        again when the action was not concluded then."""
        with as_problems(), connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "SELECT * FROM recon.resolutions WHERE resolution_id = %s FOR UPDATE", (resolution_id,)
            ).fetchone()
            again = row is not None and row["state"] == "approved" and row["approved_by"] == person
            if row is None or (row["state"] != "proposed" and not again):
                raise ProblemError(problem("resolution_unknown", f"There is no open proposal {resolution_id}."))
            if again:
                return row
            cursor.execute(
                "INSERT INTO recon.approvals (resolution_id, person, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (resolution_id, person, now),
            )
            return cursor.execute(
                "UPDATE recon.resolutions r SET state = 'approved', approved_by = %(person)s, approved_at = %(now)s"
                " WHERE resolution_id = %(id)s AND people <= 1 +"
                "   (SELECT count(*) FROM recon.approvals a WHERE a.resolution_id = %(id)s) RETURNING *",
                {"person": person, "now": now, "id": resolution_id},
            ).fetchone() or {**row, "waits_for_more": True}

    def reject(self, connection: Connection[TupleRow], resolution_id: UUID, person: str, now: datetime) -> Row:
        """Somebody else's no; the break stays as it was."""
        with as_problems(), connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "UPDATE recon.resolutions SET state = 'rejected', approved_by = %s, approved_at = %s"
                " WHERE resolution_id = %s AND state = 'proposed' RETURNING *",
                (person, now, resolution_id),
            ).fetchone()
        if row is None:
            raise ProblemError(problem("resolution_unknown", f"There is no open proposal {resolution_id}."))
        return row

    def leave(self, break_ids: Sequence[UUID], now: datetime) -> None:
        """Leave breaks for a person."""
        if not break_ids:
            return
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE recon.breaks SET state = 'left', updated_at = %s WHERE break_id = ANY(%s) AND state = 'open'",
                (now, list(break_ids)),
            )

    def leave_all_but(
        self, definition: str, day: date, ruled: Sequence[tuple[str, str | None]], shown: int, now: datetime
    ) -> tuple[list[Row], tuple[int, int]]:
        """Leave every open break of a pair and date whose kind (and further side, None: any) is not ``ruled``.

        Returns the first ``shown`` of them, and how many they are and what they are worth.
        """
        named = {
            "definition": definition,
            "day": day,
            "kinds": [kind for kind, _ in ruled],
            "further": [further for _, further in ruled],
            "now": now,
        }
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            first = cursor.execute(
                f"SELECT * FROM recon.breaks WHERE {_UNRULED} ORDER BY seq LIMIT %(shown)s", named | {"shown": shown}
            ).fetchall()
            if not first:
                return [], (0, 0)
            total = connection.execute(
                "WITH gone AS (UPDATE recon.breaks SET state = 'left', updated_at = %(now)s"
                f" WHERE {_UNRULED} RETURNING amount_at_stake) SELECT count(*), sum(amount_at_stake)::bigint FROM gone",
                named,
            ).fetchone()
        return first, (total[0], total[1]) if total is not None else (0, 0)

    def acceptances(self, resolution_id: UUID) -> list[Row]:
        """What a resolution accepts and nobody has taken back."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT * FROM recon.accepted WHERE resolution_id = %s ORDER BY acceptance_id", (resolution_id,)
            ).fetchall()

    def conclude(self, row: Row, done: Done, now: datetime) -> None:
        """Write down what an action came to. A policy's failure is tried again by the next run."""
        outcome = done.outcome
        said = {"word": outcome.word, "detail": outcome.detail, "facts": list(outcome.facts)}
        with as_problems(), self.pool.connection() as connection:
            if outcome.done and done.accepts:
                _must_be_unsettled(connection, done.settles)
            connection.execute(
                "UPDATE recon.resolutions SET state = %s, outcome = %s WHERE resolution_id = %s",
                ("applied" if outcome.done else "failed", Jsonb(said), row["resolution_id"]),
            )
            if outcome.done:
                _accept(connection, row["resolution_id"], done.accepts, now)
                write_lines(connection, row["resolution_id"], done.lines, "written_off", now)
                _settle(connection, done.settles, row["policy"] is None, now)
            else:
                state = "open" if row["policy"] else "left"
                connection.execute(
                    "UPDATE recon.breaks SET state = %s, manual = manual OR %s, updated_at = %s"
                    " WHERE break_id = %s AND state IN ('open', 'left')",
                    (state, row["policy"] is None, now, row["break_id"]),
                )

    def conclude_undo(self, row: Row, outcome: Outcome, breaks: Sequence[UUID], now: datetime) -> None:
        """Write down an undo: what was accepted is a break again, what was written off is mirrored, and every break it
        had settled is somebody's again."""
        said = {"word": outcome.word, "detail": outcome.detail, "facts": list(outcome.facts)}
        with as_problems(), self.pool.connection() as connection:
            connection.execute(
                "UPDATE recon.resolutions SET state = %s, outcome = %s WHERE resolution_id = %s",
                ("applied" if outcome.done else "failed", Jsonb(said), row["resolution_id"]),
            )
            if not outcome.done:
                return
            connection.execute(
                "INSERT INTO recon.acceptance_ends (acceptance_id, resolution_id, at)"
                " SELECT acceptance_id, %s, %s FROM recon.accepted WHERE resolution_id = %s",
                (row["resolution_id"], now, row["undoes"]),
            )
            connection.execute(
                "INSERT INTO recon.postings (break_id, resolution_id, account, amount, currency, cause, at)"
                " SELECT break_id, %s, account, -amount, currency, 'undone', %s FROM recon.postings"
                " WHERE resolution_id = %s AND cause = 'written_off' ORDER BY posting_id",
                (row["resolution_id"], now, row["undoes"]),
            )
            connection.execute(
                "UPDATE recon.breaks SET state = 'left', cleared_run_id = NULL, manual = true, updated_at = %s"
                " WHERE break_id = ANY(%s)",
                (now, list(breaks)),
            )


def insert_many(
    connection: Connection[TupleRow],
    drafts: Sequence[tuple[UUID, Draft]],
    records: Mapping[UUID, Record],
    person: str,
    now: datetime,
) -> dict[UUID, Row]:
    """Insert proposals under their ids, numbered per break behind those it has; the breaks are locked by the caller."""
    attempts: dict[UUID, int] = dict(
        connection.execute(
            "SELECT break_id, max(attempt) FROM recon.resolutions WHERE break_id = ANY(%s) GROUP BY break_id",
            ([draft.break_id for _, draft in drafts],),
        ).fetchall()
    )
    values = []
    for resolution_id, draft in drafts:
        attempts[draft.break_id] = attempts.get(draft.break_id, 0) + 1
        values.append(
            (
                resolution_id, draft.break_id, attempts[draft.break_id], draft.action, draft.reason, draft.policy,
                person, now, records[draft.break_id]["amount_at_stake"], "approved" if draft.policy else "proposed",
                draft.people, draft.undoes, Jsonb(dict(draft.details)),
            )
        )  # fmt: skip
    with as_problems(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO recon.resolutions (resolution_id, break_id, attempt, action, reason, policy, proposed_by,"
            " proposed_at, amount, state, people, undoes, details)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            values,
        )
    with connection.cursor(row_factory=dict_row) as reading:
        rows = reading.execute(f"{_SELECT} WHERE r.resolution_id = ANY(%s)", ([i for i, _ in drafts],)).fetchall()
    return {row["resolution_id"]: row for row in rows}


def locked_breaks(connection: Connection[TupleRow], break_ids: Collection[UUID]) -> dict[UUID, Row]:
    """These breaks, nobody else's until the transaction ends; always locked in the same order."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT * FROM recon.breaks WHERE break_id = ANY(%s) ORDER BY break_id FOR UPDATE", (list(break_ids),)
        ).fetchall()
    return {row["break_id"]: row for row in rows}


def closed_dates(connection: Connection[TupleRow], days: Iterable[date]) -> dict[date, Problem]:
    """Those of the dates that are closed, with the problem to answer."""
    rows = connection.execute(
        "SELECT d FROM unnest(%s::date[]) AS d WHERE recon.is_closed(d)", (sorted(set(days)),)
    ).fetchall()
    return {day: closed(day) for (day,) in rows}


def accepted_on(connection: Connection[TupleRow], business_date: date, names: Sequence[str] | None = None) -> Accepted:
    """Every difference of a date that people accepted, linked or rejected: a run must not count it as a break."""
    rows = connection.execute(
        "SELECT definition, key, kind, hub_value, other_value FROM recon.accepted"
        " WHERE business_date = %(day)s AND (%(names)s::text[] IS NULL OR definition = ANY(%(names)s))",
        {"day": business_date, "names": list(names) if names is not None else None},
    ).fetchall()
    return frozenset((row[0], row[1], row[2], row[3], row[4]) for row in rows)


def write_lines(
    connection: Connection[TupleRow], resolution_id: UUID, lines: Sequence[Line], cause: str, now: datetime
) -> None:
    """Post balanced lines in one statement: the table refuses a statement whose lines do not balance."""
    if lines:
        connection.execute(
            "INSERT INTO recon.postings (break_id, resolution_id, account, amount, currency, cause, at)"
            " SELECT b, %s, a, m, c, %s, %s"
            " FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::text[]) l (b, a, m, c)",
            (
                resolution_id, cause, now, [line.break_id for line in lines], [line.account for line in lines],
                [line.amount for line in lines], [line.currency for line in lines],
            ),
        )  # fmt: skip


def _must_be_unsettled(connection: Connection[TupleRow], breaks: Sequence[UUID]) -> None:
    """Two links that were looked at together must not both claim a row: the locks let one of them see the other."""
    for record in locked_breaks(connection, breaks).values():
        if record["state"] not in {"open", "left"}:
            raise ProblemError(problem("query_invalid", f"{record['kind']} {record['key']} is {record['state']}."))


def _accept(
    connection: Connection[TupleRow], resolution_id: UUID, accepts: Sequence[Acceptance], now: datetime
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO recon.acceptances (resolution_id, break_id, definition, business_date, key, kind, hub_value,"
            " other_value, at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    resolution_id,
                    a.break_id,
                    a.definition,
                    a.business_date,
                    a.key,
                    a.kind,
                    a.hub_value,
                    a.other_value,
                    now,
                )
                for a in accepts
            ],
        )


def _settle(connection: Connection[TupleRow], breaks: Sequence[UUID], manual: bool, now: datetime) -> None:
    connection.execute(
        "UPDATE recon.breaks SET state = 'resolved', manual = manual OR %s, updated_at = %s"
        " WHERE break_id = ANY(%s) AND state IN ('open', 'left')",
        (manual, now, list(breaks)),
    )


_UNRULED = """definition = %(definition)s AND business_date = %(day)s AND state = 'open' AND NOT EXISTS (
    SELECT FROM unnest(%(kinds)s::text[], %(further)s::text[]) AS r (kind, further)
    WHERE r.kind = recon.breaks.kind AND (r.further IS NULL OR r.further = recon.breaks.further))"""

_SELECT = """
SELECT r.*, coalesce((SELECT jsonb_agg(jsonb_build_object('person', a.person, 'at', a.at) ORDER BY a.at, a.subject)
                      FROM recon.approvals a WHERE a.resolution_id = r.resolution_id), '[]') AS approvals,
       (SELECT u.resolution_id FROM recon.resolutions u WHERE u.undoes = r.resolution_id AND u.state = 'applied')
           AS undone_by
FROM recon.resolutions r
"""
