"""Lets the policy resolve what it may, and carries out what enough different people have agreed on.

propose -> agree (as many people as it takes) -> do -> conclude       an undo is a resolution too, by the same steps
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store.audit import Audit
from reconciliation.cases import Cases
from reconciliation.definitions import Definition, definitions
from reconciliation.policies import Policy, PolicyBook
from reconciliation.ports import Corrections, Outcome
from reconciliation.resolution import ageing
from reconciliation.resolution.automatic import Automatic
from reconciliation.resolution.doing import Actions, Ask, Job, PartSource
from reconciliation.resolution.proposing import Proposing, undo_refused
from reconciliation.resolution.records import Done, Draft, Record, Resolutions, Row, locked_breaks
from reconciliation.resolution.steps import Step, Trial
from schemas.problems import Problem, ProblemError, problem


@dataclass(frozen=True, slots=True)
class Resolver:
    """The acts. ``person`` is whoever was verified to hold the scope: the caller has checked that."""

    cases: Cases
    corrections: Corrections
    policies: PolicyBook
    audit: Audit
    ask: Ask
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    known: Callable[[], Mapping[str, Definition]] = definitions

    @property
    def records(self) -> Resolutions:
        return Resolutions(self.cases.pool)

    @property
    def proposing(self) -> Proposing:
        return Proposing(self.policies, self.new_id, self.known)

    # --- by policy

    def by_policy(self, policy: Policy, wanted: Sequence[Definition], day: date, parts: PartSource) -> list[Step]:
        """Resolve the open breaks of a date; what the policy may not is left for a person."""
        actions = Actions(self.corrections, parts, self.ask)
        return self._automatic().resolve(policy, wanted, day, actions).steps

    def trial(self, policy: Policy, wanted: Sequence[Definition], day: date, parts: PartSource) -> Trial:
        """What the policy would do with the open breaks of a date, and those it has left: nothing is written."""
        return self._automatic().attempt(policy, wanted, day, parts)

    def _automatic(self) -> Automatic:
        return Automatic(self.cases, self.proposing, self.audit, self.clock, self._carry)

    def _carry(self, actions: Actions, job: Job) -> str:
        outcome = self._do(actions, job)
        return outcome.word if outcome.done else f"failed: {outcome.word} {outcome.detail}".strip()

    # --- by people

    def propose(
        self, break_id: UUID, action: str, reason: str, person: str, details: Mapping[str, Any] | None = None
    ) -> Row:
        """A person's proposal; it waits for a second person, or for more above the policy's amounts.

        Raises ``break_unknown``, ``query_invalid`` (an action that is not for this break), ``date_closed``.
        """
        with self.cases.pool.connection() as connection:
            (made,) = self.propose_many(
                connection, [Draft(break_id, action, reason, details or {})], person, self.clock()
            )
        if isinstance(made, Problem):
            raise ProblemError(made)
        return made

    def propose_many(
        self, connection: Connection[TupleRow], drafts: Sequence[Draft], person: str, now: datetime
    ) -> list[Row | Problem]:
        """Many proposals of one person in the caller's transaction; each is a row or the problem that it has."""
        made = self.proposing.write(connection, drafts, person, now)
        rows = [row for row in made if not isinstance(row, Problem)]
        if rows:
            subject, detail = (
                str(rows[0]["resolution_id"]),
                {"break": str(rows[0]["break_id"]), "action": rows[0]["action"]},
            )
            if len(rows) > 1:
                detail = {"proposals": str(len(rows)), "amount": str(sum(row["amount"] for row in rows))}
            self.audit.record(connection, now, person, "recon.propose", subject, detail)
        return made

    def propose_undo(self, resolution_id: UUID, reason: str, person: str) -> Row:
        """Propose to take a resolution back; it takes as many people as the resolution would.

        Raises ``resolution_unknown``, and ``query_invalid`` for what was never done, is undone, or cannot be.
        """
        target = self.records.one(resolution_id)
        wanted = Draft(
            target["break_id"], "undo", reason, people=max(target["people"], 2), undoes=target["resolution_id"]
        )
        with self.cases.pool.connection() as connection:
            record = locked_breaks(connection, [target["break_id"]])[target["break_id"]]
            wrong = undo_refused(target, record)
            if wrong is not None:
                raise ProblemError(problem("query_invalid", wrong))
            (made,) = self.proposing.write(connection, [wanted], person, self.clock())
            if isinstance(made, Problem):
                raise ProblemError(made)
            self._chain(connection, person, "recon.undo.propose", made)
        return made

    def approve(self, resolution_id: UUID, person: str, parts: PartSource) -> Row:
        """Another person's yes: with the last one it takes, the action is done, and the break marked as resolved by
        hand. Raises ``second_person_needed``, ``resolution_unknown``, ``query_invalid``, ``date_closed``."""
        row = self.records.one(resolution_id)
        if row["state"] not in {"proposed", "approved"}:
            raise ProblemError(problem("resolution_unknown", f"There is no open proposal {resolution_id}."))
        record = self.cases.one(row["break_id"])
        if row["action"] != "undo" and record["state"] not in {"open", "left"}:
            raise ProblemError(
                problem("query_invalid", f"The break is {record['state']}: there is nothing left to resolve.")
            )
        now = self.clock()
        with self.cases.pool.connection() as connection:
            row = self.records.agree(connection, resolution_id, person, now)
            self._chain(connection, person, "recon.approve", row)
        if not row.pop("waits_for_more", False):
            by = f"{row['proposed_by']}, approved by {person}"
            if row["action"] == "undo":
                self._undo(row)
            else:
                others = tuple(self.cases.one(UUID(str(name))) for name in row["details"].get("breaks", ()))
                job = Job(record, row, by, self.known().get(record["definition"]), others)
                self._do(Actions(self.corrections, parts, self.ask), job)
        return self.records.one(resolution_id)

    def reject(self, resolution_id: UUID, person: str) -> Row:
        """Another person's no: the break stays as it was."""
        with self.cases.pool.connection() as connection:
            row = self.records.reject(connection, resolution_id, person, self.clock())
            self._chain(connection, person, "recon.reject", row)
        return self.records.one(row["resolution_id"])

    def assign(self, break_id: UUID, to: str | None, person: str) -> Record:
        """Make a break somebody's to look at; None makes it nobody's. Raises ``break_unknown``."""
        now = self.clock()
        with self.cases.pool.connection() as connection:
            ageing.assign(connection, break_id, to, person, now)
            self.audit.record(connection, now, person, "recon.assign", str(break_id), {"to": to or "-"})
        return self.cases.one(break_id)

    def _do(self, actions: Actions, job: Job) -> Outcome:
        done = actions.do(job)
        try:
            self.records.conclude(job.row, done, self.clock())
        except ProblemError as refusal:
            # Somebody else has claimed a row, or closed the date, since it was looked at: nothing of it was written.
            done = Done(Outcome(False, "refused", refusal.problem.detail, done.outcome.facts), done.settles)
            self.records.conclude(job.row, done, self.clock())
        return done.outcome

    def _undo(self, row: Row) -> Outcome:
        """Withdraw what the resolution brought, and make every break it had settled somebody's again."""
        target = self.records.one(row["undoes"])
        settled = {a["break_id"] for a in self.records.acceptances(target["resolution_id"])} | {target["break_id"]}
        facts = tuple(target["outcome"].get("facts", ()))
        outcome = Outcome(True, "undone")
        if facts:
            order_no = str(self.cases.one(target["break_id"])["order_no"] or "")
            outcome = self.corrections.withdraw(order_no, facts, str(row["resolution_id"]), row["reason"])
        self.records.conclude_undo(row, outcome, sorted(settled), self.clock())
        return outcome

    def _chain(self, connection: Connection[TupleRow], person: str, act: str, row: Row) -> None:
        detail = {"break": str(row["break_id"]), "action": row["action"]}
        self.audit.record(connection, self.clock(), person, act, str(row["resolution_id"]), detail)
