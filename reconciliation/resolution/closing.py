"""Closing a business date, and opening it again: two people each time, and a seal over what was closed.

A date is closed when every pair that is due has been run to its end and no break above its threshold is open; else the
answer is the list of exactly what hinders it. What was closed is sealed: the summary's digest covers the seal before
it, and stands in the hub's audit chain too. From then on runs and resolutions of the date are refused, by the tables.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb

from hub.store.audit import Audit
from reconciliation.definitions import Definition, definitions
from reconciliation.journal import Pool
from reconciliation.resolution.refusals import as_problems, closed
from schemas.money import Money, format_decimal
from schemas.problems import Pointer, ProblemError, problem

Act = Literal["close", "reopen"]
Row = dict[str, Any]
_COLUMNS = (
    "closing_id, business_date, act, reason, proposed_by, proposed_at, decided_by, decided_at, state, summary, seal"
)
_CLOSING_LOCK = "recon|closing"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """One thing that keeps a date open. ``what``: not_run, waiting, refused, running, open_breaks, proposals.

    ``kind``: of the open breaks.
    """

    what: str
    definition: str
    detail: str
    breaks: tuple[str, ...] = ()
    kind: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def is_closed(connection: Connection[TupleRow], business_date: date) -> bool:
    """Whether the date is closed now."""
    row = connection.execute("SELECT recon.is_closed(%s)", (business_date,)).fetchone()
    return bool(row and row[0])


def refuse_if_closed(connection: Connection[TupleRow], business_date: date) -> None:
    """Raises ProblemError ``date_closed``, which says how to reopen."""
    if is_closed(connection, business_date):
        raise ProblemError(closed(business_date.isoformat()))


@dataclass(frozen=True, slots=True)
class Closing:
    """The acts. ``person`` was verified by the caller; ``known`` gives the definitions there are."""

    pool: Pool
    audit: Audit
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    known: Callable[[], Mapping[str, Definition]] = definitions

    def hindrances(self, business_date: date) -> list[Hindrance]:
        """Everything that keeps the date open, by definition; empty when it can be closed."""
        with self.pool.connection() as connection:
            return list(self._hindrances(connection, business_date))

    def state(self, business_date: date) -> dict[str, Any]:
        """Whether the date is closed, by whom and under which seal; what waits; what hinders it while it is open."""
        history = self.history(business_date)
        last = next((row for row in history if row["state"] == "done"), None)
        is_shut = last is not None and last["act"] == "close"
        return {
            "business_date": business_date.isoformat(),
            "closed": is_shut,
            "last": last,
            "waiting": next((row for row in history if row["state"] == "proposed"), None),
            "hindrances": [] if is_shut else [h.to_json() for h in self.hindrances(business_date)],
        }

    def history(self, business_date: date) -> list[Row]:
        """Every proposal for a date and what became of it, the latest first."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                f"SELECT {_COLUMNS} FROM recon.closings WHERE business_date = %s"
                " ORDER BY done_order DESC NULLS LAST, proposed_at DESC",
                (business_date,),
            ).fetchall()

    def propose(self, business_date: date, act: Act, reason: str, person: str) -> Row:
        """Propose to close or reopen a date. Raises ``close_hindered`` with the list, ``query_invalid`` when the date
        is in that state already or a proposal waits."""
        now = self.clock()
        with as_problems(), self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            if act == "close":
                self._must_be_ready(connection, business_date)
            row = cursor.execute(
                "INSERT INTO recon.closings (closing_id, business_date, act, reason, proposed_by, proposed_at)"
                f" VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
                (self.new_id(), business_date, act, reason, person, now),
            ).fetchone()
            self.audit.record(connection, now, person, f"recon.{act}.propose", business_date.isoformat(), {})
        return row or {}

    def decide(self, closing_id: UUID, person: str, agree: bool) -> Row:
        """Another person's word. Closing looks once more for what hinders it, and seals in the same transaction.

        Raises ``second_person_needed``, ``resolution_unknown``, ``close_hindered``.
        """
        now = self.clock()
        with as_problems(), self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            # One closing at a time: every seal covers the one before it.
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (_CLOSING_LOCK,))
            row = cursor.execute(
                f"SELECT {_COLUMNS} FROM recon.closings WHERE closing_id = %s AND state = 'proposed' FOR UPDATE",
                (closing_id,),
            ).fetchone()
            if row is None:
                raise ProblemError(problem("resolution_unknown", f"No proposal {closing_id} is waiting."))
            summary = seal = None
            if agree and row["act"] == "close":
                self._hold_runs(connection, row["business_date"])
                self._must_be_ready(connection, row["business_date"])
                summary = summary_of(connection, row["business_date"])
                seal = seal_of(last_seal(connection), summary)
            done = cursor.execute(
                "UPDATE recon.closings SET state = %(state)s, decided_by = %(person)s, decided_at = %(now)s,"
                " done_order = CASE WHEN %(agree)s THEN nextval('recon.closing_order') END,"
                f" summary = %(summary)s, seal = %(seal)s WHERE closing_id = %(id)s RETURNING {_COLUMNS}",
                {
                    "state": "done" if agree else "rejected", "person": person, "now": now, "agree": agree,
                    "summary": Jsonb(summary) if summary is not None else None, "seal": seal, "id": closing_id,
                },
            ).fetchone()  # fmt: skip
            act = f"recon.{row['act']}" if agree else f"recon.{row['act']}.reject"
            detail = {"reason": row["reason"], "proposed_by": row["proposed_by"]} | ({"seal": seal} if seal else {})
            self.audit.record(connection, now, person, act, row["business_date"].isoformat(), detail)
        return done or {}

    def verify_seals(self) -> date | None:
        """The first business date whose seal does not fit what was closed, or None."""
        before = ""
        with self.pool.connection() as connection:
            for day, summary, seal in connection.execute(
                "SELECT business_date, summary, seal FROM recon.closings WHERE act = 'close' AND state = 'done'"
                " ORDER BY done_order"
            ):
                if seal_of(before, summary) != seal:
                    found: date = day
                    return found
                before = seal
        return None

    def _must_be_ready(self, connection: Connection[TupleRow], business_date: date) -> None:
        found = list(self._hindrances(connection, business_date))
        if found:
            places = tuple(
                Pointer(pointer=f"/{h.definition or business_date.isoformat()}/{h.what}", found=h.detail[:200])
                for h in found[:50]
            )
            raise ProblemError(problem("close_hindered", f"{len(found)} things keep {business_date} open.", places))

    def _hold_runs(self, connection: Connection[TupleRow], business_date: date) -> None:
        """No run of the date begins or goes on while it is closed: each holds the lock of its pair and date."""
        for name in sorted(self.known()):
            row = connection.execute(
                "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
                (f"recon|{name}|{business_date.isoformat()}",),
            ).fetchone()
            if row is None or not row[0]:
                place = Pointer(pointer=f"/{name}/running", found="a run of it is going on")
                raise ProblemError(problem("close_hindered", f"A run of {name} is going on.", (place,)))

    def _hindrances(self, connection: Connection[TupleRow], business_date: date) -> Iterator[Hindrance]:
        known = self.known()
        for name, definition in sorted(known.items()):
            latest = _latest_run(connection, name, business_date)
            if latest is None:
                # A pair that is only sometimes used has nothing to do on most dates; a run says so when it has.
                if definition.due == "always":
                    yield Hindrance("not_run", name, "it has not been run for this date")
            elif latest[0] != "done":
                what = "running" if latest[0] == "running" else str(latest[0])
                yield Hindrance(what, name, str(latest[1] or f"its latest run is {latest[0]}"))
        yield from _open_breaks(connection, known, business_date)
        yield from _proposals(connection, business_date)


def _latest_run(connection: Connection[TupleRow], name: str, business_date: date) -> tuple[str, str | None] | None:
    row = connection.execute(
        "SELECT state, reason FROM recon.runs WHERE definition = %s AND business_date = %s"
        " ORDER BY finish_order DESC NULLS FIRST LIMIT 1",
        (name, business_date),
    ).fetchone()
    return (row[0], row[1]) if row is not None else None


def _open_breaks(
    connection: Connection[TupleRow], known: Mapping[str, Definition], business_date: date
) -> Iterator[Hindrance]:
    """Breaks that are nobody's promise yet and weigh more than their pair's ``close`` terms let pass."""
    rows = connection.execute(
        "SELECT definition, kind, amount_at_stake, currency, break_id::text FROM recon.breaks"
        " WHERE business_date = %s AND state IN ('open', 'left') ORDER BY definition, kind, seq",
        (business_date,),
    ).fetchall()
    heavy: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
    for name, kind, amount, currency, break_id in rows:
        if name not in known or known[name].close.keeps_open(kind, amount):
            heavy.setdefault((name, kind, currency), []).append((amount, break_id))
    for (name, kind, currency), found in heavy.items():
        total = sum(amount for amount, _ in found)
        at_stake = format_decimal(Money(amount=total, currency=currency))
        detail = f"{len(found)} {kind} open, {at_stake} {currency} at stake"
        yield Hindrance("open_breaks", name, detail, tuple(break_id for _, break_id in found[:1000]), kind)


def _proposals(connection: Connection[TupleRow], business_date: date) -> Iterator[Hindrance]:
    for name, count in connection.execute(
        "SELECT b.definition, count(*) FROM recon.resolutions r JOIN recon.breaks b USING (break_id)"
        " WHERE b.business_date = %s AND (r.state = 'proposed' OR (r.state = 'approved' AND r.policy IS NULL))"
        " GROUP BY 1 ORDER BY 1",
        (business_date,),
    ).fetchall():
        yield Hindrance("proposals", name, f"{count} resolutions wait for a second person")


def summary_of(connection: Connection[TupleRow], business_date: date) -> dict[str, Any]:
    """What is sealed: the runs that count with the digests of their inputs, breaks by state, and what they come to."""
    with connection.cursor(row_factory=dict_row) as cursor:
        runs = cursor.execute(
            "SELECT DISTINCT ON (definition) definition, run_id, state, policy_version, definition_digest, left_digest,"
            " right_digest, context_digest, left_rows, right_rows, matched, adjusted, pending, break_count, break_fen,"
            " opening_fen, new_fen, cleared_fen, closing_fen FROM recon.runs WHERE business_date = %s"
            " ORDER BY definition, finish_order DESC",
            (business_date,),
        ).fetchall()
        breaks = cursor.execute(
            "SELECT definition, kind, state, currency, count(*) AS count, sum(amount_at_stake)::bigint AS amount,"
            " count(*) FILTER (WHERE manual) AS manual FROM recon.breaks WHERE business_date = %s"
            " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            (business_date,),
        ).fetchall()
        accounts = cursor.execute(
            "SELECT p.account, p.currency, sum(p.amount)::bigint AS amount FROM recon.postings p"
            " JOIN recon.breaks b USING (break_id) WHERE b.business_date = %s GROUP BY 1, 2"
            " HAVING sum(p.amount) <> 0 ORDER BY 1, 2",
            (business_date,),
        ).fetchall()
    return {"business_date": business_date.isoformat(), "runs": runs, "breaks": breaks, "accounts": accounts}


def seal_of(before: str, summary: Mapping[str, Any]) -> str:
    """SHA-256 over the seal before and the summary as canonical JSON."""
    text = json.dumps(summary, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def last_seal(connection: Connection[TupleRow]) -> str:
    """The seal that the next one covers; empty for the first."""
    row = connection.execute(
        "SELECT seal FROM recon.closings WHERE act = 'close' AND state = 'done' ORDER BY done_order DESC LIMIT 1"
    ).fetchone()
    return str(row[0]) if row is not None else ""
