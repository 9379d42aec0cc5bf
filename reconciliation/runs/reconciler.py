"""A day's reconciliation: one snapshot, every pair matched against it, then the policy. Content-addressed.

    gather -> prepare -> match (pieces) -> later passes -> explain -> persist      per definition, in a fixed order
    then resolve, once all are matched

The same inputs again find the same run and change nothing. A process that dies anywhere leaves a run in ``running`` or
a break in ``open``; the next run takes both up: pieces that are done stay done, the rest is done again from files.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.ports import Part
from hub.store.audit import Audit
from reconciliation.calendars import YearNotKnown
from reconciliation.carry import Opening, followed, opening
from reconciliation.cases import Cases
from reconciliation.definitions import Definition, chosen, definitions
from reconciliation.journal import Journal, Pool, RunHead
from reconciliation.policies import PolicyBook
from reconciliation.ports import Channels, Corrections, Ledger, Spread, Statements
from reconciliation.resolution import Closing, Record, Resolver, Step, accepted_on, ask_again, refuse_if_closed
from reconciliation.runs.dry import dry_steps
from reconciliation.runs.explaining import Matched, Matcher
from reconciliation.runs.gather import Gatherer, Snapshot
from reconciliation.runs.options import ReconOptions
from reconciliation.runs.outcome import DayOutcome, DefinitionOutcome, known_outcome, outcome_of
from reconciliation.runs.parts import Parts
from reconciliation.runs.persist import record_breaks, record_refusals
from reconciliation.runs.pieces import take_pieces
from reconciliation.runs.prepare import Prepared, prepare
from reconciliation.runs.progress import WHOLE_DAY, Moment, Progress, silent
from reconciliation.runs.steps import Steps, unhindered
from reconciliation.runs.worklist import PieceFailed, Worklist, process_name
from reconciliation.vault import Vault


class Reconciler:
    """Runs days. Everything outside comes in through the ports."""

    def __init__(
        self,
        pool: Pool,
        gatherer: Gatherer,
        corrections: Corrections,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        options: ReconOptions,
        audit: Audit,
        spread: Spread | None = None,
        steps: Steps = unhindered,
    ) -> None:
        self.pool = pool
        self.journal = Journal(pool)
        self.cases = Cases(pool)
        self.gatherer = gatherer
        self.audit = audit
        self.policies = PolicyBook(pool, audit, clock, options.policies)
        self.closing = Closing(pool, audit, clock, new_id, self.definitions)
        ask = ask_again(gatherer.channels, gatherer.statements, gatherer.vault)
        self.resolver = Resolver(self.cases, corrections, self.policies, audit, ask, clock, new_id, self.definitions)
        self.clock = clock
        self.options = options
        self.steps = steps
        self.worker = process_name()
        self.worklist = Worklist(pool, self.worker)
        self.spread: Spread = spread or self._here
        self.matcher = Matcher(self.journal, self.worklist, options, clock, steps, self.worker)

    def run_day(
        self,
        business_date: date,
        names: Sequence[str] | None = None,
        dry_run: bool = False,
        on_progress: Progress | None = None,
    ) -> DayOutcome:
        """Reconcile a date with all definitions, or those named. Raises KeyError for an unknown name, ProblemError for
        a date that is closed. A pair that cannot be matched within its memory ends ``failed``; the others go on."""
        wanted = chosen(names, self.options.definitions)
        tell = on_progress or silent
        outcome = DayOutcome(business_date, dry_run)
        with self.journal.locked([(d.name, business_date) for d in wanted]):
            if not dry_run:
                with self.pool.connection() as connection:
                    refuse_if_closed(connection, business_date)
            tell(Moment(WHOLE_DAY, "gather"))
            self.steps("gather")
            found, before = self._gather(business_date, wanted)
            for definition in wanted:
                tell(Moment(definition.name, "prepare"))
                self.steps(f"{definition.name}/prepare")
                prepared = prepare(definition, found, *before[definition.name], self.clock())
                if dry_run:
                    self._dry(prepared, found, outcome)
                else:
                    outcome.definitions.append(self._run_one(prepared, tell))
            if not dry_run:
                tell(Moment(WHOLE_DAY, "resolve"))
                self.steps("resolve")
                outcome.steps = self._resolve(wanted, found)
        return outcome

    def definitions(self) -> Mapping[str, Definition]:
        """What can be run: the definitions that come with Interlock, and the operator's own."""
        return definitions(self.options.definitions)

    def _gather(
        self, business_date: date, wanted: Sequence[Definition]
    ) -> tuple[Snapshot, dict[str, tuple[Opening, bool]]]:
        """The snapshot, and for each pair what is carried into the date and whether a later date was run already."""
        with self.pool.connection() as connection:
            before = {
                d.name: (
                    opening(connection, d.name, business_date, self.options.carries),
                    _followed(connection, d, business_date),
                )
                for d in wanted
            }
            agreed = accepted_on(connection, business_date)
        carried = {number for opened, _ in before.values() for number in opened.order_nos()}
        found = self.gatherer.snapshot(business_date, wanted, self.definitions().values(), carried)
        found.accepted |= agreed
        return found, before

    def _run_one(self, prepared: Prepared, tell: Progress) -> DefinitionOutcome:
        head = self._head(prepared)
        name = head.definition
        before = self.journal.begin(head, prepared.inputs, self.options.data_dir, self.clock())
        self.steps(f"{name}/begun")
        if before not in {None, "running"} and self.journal.is_latest(head):
            return known_outcome(name, self.journal.run(head.run_id) or {})
        try:
            matched = self.matcher.match(prepared, head.run_id, self.spread, tell)
        except PieceFailed as failure:
            # The run stays as it is: what was done is done, and the next one tries the rest again.
            return DefinitionOutcome(name, head.run_id, "failed", str(failure))
        self._persist(prepared, head, matched, tell)
        return outcome_of(name, head.run_id, matched.result, matched.kinds)

    def _persist(self, prepared: Prepared, head: RunHead, matched: Matched, tell: Progress) -> None:
        """Everything a run has found, in one transaction: who looks sees the run before, or this one."""
        tell(Moment(head.definition, "persist", rows_total=matched.result.break_count))
        self.steps(f"{head.definition}/persist")
        rows = matched.result.break_count
        with self.journal.stage(head.run_id, "persist", self.worker, self.clock, rows), self.pool.connection() as done:
            now = self.clock()
            if matched.result.state == "done":
                record_breaks(done, head.run_id, matched.breaks, head.definition, head.business_date, now)
                matched.record_carry(done, head, prepared, self.options.carries, now)
            else:
                record_refusals(done, head.run_id, matched.breaks, now)
            self.journal.finish(done, head.run_id, matched.result, now)
            self.steps(f"{head.definition}/commit")
        self.steps(f"{head.definition}/committed")

    def _head(self, prepared: Prepared) -> RunHead:
        definition = prepared.definition
        return RunHead(
            definition=definition.name,
            business_date=prepared.business_date,
            policy_version=self.policies.in_force(definition.policy).digest,
            definition_digest=definition.digest,
            left_digest=prepared.left_digest,
            right_digest=prepared.right_digest,
            context_digest=prepared.context_digest,
        )

    def _here(self, run_id: str, watch: Callable[[], None]) -> None:
        """No worker runs: the pieces are matched here."""
        take_pieces(self.worklist, self.options, run_id, self.clock, watch, self.steps)

    def _resolve(self, wanted: Sequence[Definition], found: Snapshot) -> list[Step]:
        """Each policy resolves the breaks of the definitions that name it."""
        steps: list[Step] = []
        parts = self._parts(found)
        for name in sorted({d.policy for d in wanted}):
            under_it = [d for d in wanted if d.policy == name]
            steps += self.resolver.by_policy(self.policies.in_force(name), under_it, found.business_date, parts)
        return steps

    def _dry(self, prepared: Prepared, found: Snapshot, outcome: DayOutcome) -> None:
        matched = self.matcher.match_dry(prepared)
        name = prepared.definition.name
        outcome.definitions.append(outcome_of(name, self._head(prepared).run_id, matched.result, matched.kinds))
        outcome.steps += dry_steps(
            self.cases, self.policies.in_force(prepared.definition.policy), prepared, matched, self._parts(found)
        )

    def _parts(self, found: Snapshot) -> Parts:
        return Parts(self.gatherer, self.cases, self.definitions(), found.business_date, found.channels)

    def kept_parts(self, channel: str, record: Record) -> Sequence[Part]:
        """The order's native messages out of the extract kept in the vault: for approvals, long after the run."""
        parts = Parts(self.gatherer, self.cases, self.definitions(), record["business_date"], {})
        return parts(channel, record)


def _followed(connection: Connection[TupleRow], definition: Definition, business_date: date) -> bool:
    """Whether a later date was run already; of a year that is not known yet, nothing was."""
    try:
        return followed(connection, definition, business_date)
    except YearNotKnown:
        return False


def build(
    pool: Pool,
    ledger: Ledger,
    channels: Channels,
    statements: Statements,
    corrections: Corrections,
    clock: Callable[[], datetime],
    new_id: Callable[[], UUID],
    options: ReconOptions,
    audit: Audit,
    spread: Spread | None = None,
    steps: Steps = unhindered,
) -> Reconciler:
    """A reconciler over the ports that the composition root answers."""
    gatherer = Gatherer(ledger, channels, statements, Vault(options.raw), options.datasets)
    return Reconciler(pool, gatherer, corrections, clock, new_id, options, audit, spread, steps)
