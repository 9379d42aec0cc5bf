"""What the policy does without a person: page by page, so that a day with many breaks needs the memory of a page.

Most breaks of a bad day fit no rule: those are left for a person in one statement, and never read. The others are
decided in the order in which they were found, which is the order in which limits are used up.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from hub.store.audit import Audit
from reconciliation.cases import BreakFilter, Cases
from reconciliation.definitions import Definition
from reconciliation.policies import Decision, Policy, Rule, Spent, count, decide
from reconciliation.resolution import ageing
from reconciliation.resolution.doing import Actions, Job, PartSource
from reconciliation.resolution.proposing import Proposing
from reconciliation.resolution.records import Draft, Record, Resolutions, Row
from reconciliation.resolution.steps import Trial, case_of, step
from schemas.problems import Problem

PAGE = 1000
SHOWN_MAX = 1000
"""How many breaks that fit no rule are named, each, in what a run answers; the totals count all of them."""

Carry = Callable[[Actions, Job], str]
"""Does a job and writes down what came of it; the answer is what a report shows."""


@dataclass(frozen=True, slots=True)
class Automatic:
    """One policy over the breaks of a date."""

    cases: Cases
    proposing: Proposing
    audit: Audit
    clock: Callable[[], datetime]
    carry: Carry

    def resolve(self, policy: Policy, wanted: Sequence[Definition], day: date, actions: Actions) -> Trial:
        """Do what the policy may; leave the rest for a person."""
        done = Trial()
        spent = self.cases.spent(policy.title, day)
        for definition in wanted:
            self._leave_unruled(policy, definition, day, done)
            for records in self._pages(definition, day, "open"):
                decided = self._decided(policy, definition, records, spent, actions.parts)
                self._page(policy, definition, decided, actions, done)
        with self.cases.pool.connection() as connection:
            ageing.set_due(connection, policy, [d.name for d in wanted], day)
            totals = {f"{rule} {action}": [t.count, t.amount] for (rule, action), t in sorted(done.totals.items())}
            if any(action != "leave" for _, action in done.totals):
                by = f"policy:{policy.title}"
                self.audit.record(connection, self.clock(), by, "recon.resolve", day.isoformat(), totals)
        return done

    def attempt(self, policy: Policy, wanted: Sequence[Definition], day: date, parts: PartSource) -> Trial:
        """What :meth:`resolve` would do with the open breaks, and with those that are left: nothing is written."""
        made = Trial()
        spent = self.cases.spent(policy.title, day)
        for definition in wanted:
            for state in ("open", "left"):
                for records in self._pages(definition, day, state):
                    for record, decision in self._decided(policy, definition, records, spent, parts):
                        would = "would be left" if decision.action == "leave" else "would be done"
                        made.add(step(record, decision, would))
        return made

    def _pages(self, definition: Definition, day: date, state: str) -> Iterator[list[Row]]:
        after = 0
        while True:
            wanted = BreakFilter(business_date=day, definition=definition.name, state=state, after=after, limit=PAGE)
            page = self.cases.breaks(wanted)
            if page:
                yield page
            if len(page) < PAGE:
                return
            after = page[-1]["seq"]

    def _decided(
        self,
        policy: Policy,
        definition: Definition,
        records: Sequence[Record],
        spent: dict[str, int],
        parts: PartSource,
    ) -> list[tuple[Record, Decision]]:
        tried = self.cases.attempts([record["break_id"] for record in records])
        decided = []
        for record in records:
            decision = _decision(policy, definition, record, spent, parts, tried.get(record["break_id"], 0))
            if decision.rule is not None and decision.action != "leave":
                count(spent, decision.rule, definition.name, record["amount_at_stake"])
            decided.append((record, decision))
        return decided

    def _page(
        self,
        policy: Policy,
        definition: Definition,
        decided: Sequence[tuple[Record, Decision]],
        actions: Actions,
        done: Trial,
    ) -> None:
        """Write down every proposal of the page, then do them one by one."""
        records = Resolutions(self.cases.pool)
        left = [record["break_id"] for record, decision in decided if decision.action == "leave"]
        records.leave(left, self.clock())
        rows = self._rows(policy, [pair for pair in decided if pair[1].action != "leave"], records)
        by = f"policy:{policy.title}"
        for record, decision in decided:
            row = rows.get(record["break_id"])
            if row is None:
                done.add(step(record, decision, "left for a person"))
            elif isinstance(row, Problem):
                done.add(step(record, decision, f"failed: {row.detail}"))
            else:
                done.add(step(record, decision, self.carry(actions, Job(record, row, by, definition))))

    def _rows(
        self, policy: Policy, decided: Sequence[tuple[Record, Decision]], records: Resolutions
    ) -> Mapping[UUID, Row | Problem]:
        """The resolution of each break: one that a process that died has left approved, or a new one."""
        unfinished = records.unfinished([record["break_id"] for record, _ in decided], policy.title)
        rows: dict[UUID, Row | Problem] = {}
        drafts = []
        for record, decision in decided:
            begun = unfinished.get(record["break_id"])
            if begun is not None and begun["policy"] == f"{policy.title} {decision.rule}":
                rows[record["break_id"]] = begun
            else:
                drafts.append(_draft(policy, record, decision))
        if drafts:
            with self.cases.pool.connection() as connection:
                made = self.proposing.write(connection, drafts, f"policy:{policy.title}", self.clock())
            rows |= {draft.break_id: row for draft, row in zip(drafts, made, strict=True)}
        return rows

    def _leave_unruled(self, policy: Policy, definition: Definition, day: date, done: Trial) -> None:
        """Leave what no rule of the policy covers, without reading more of it than is shown."""
        ruled = [(kind, rule.further) for rule in policy.rules if rule.covers(definition.name) for kind in rule.kinds]
        records = Resolutions(self.cases.pool)
        named, totals = records.leave_all_but(definition.name, day, ruled, SHOWN_MAX, self.clock())
        decision = Decision("leave", None, "no rule of the policy covers this")
        for record in named:
            done.steps.append(step(record, decision, "left for a person"))
        if totals[0]:
            done.count(None, "leave", *totals)


def _decision(
    policy: Policy, definition: Definition, record: Record, spent: Spent, parts: PartSource, attempts: int
) -> Decision:
    return decide(policy, case_of(record, definition, parts, attempts), spent)


def _draft(policy: Policy, record: Record, decision: Decision) -> Draft:
    rule: Rule = next(r for r in policy.rules if r.name == decision.rule)
    details = {"expense_account": rule.expense_account, "reason_code": rule.reason_code}
    return Draft(
        record["break_id"],
        decision.action,
        decision.reason,
        {name: value for name, value in details.items() if value is not None},
        f"{policy.title} {rule.name}",
    )
