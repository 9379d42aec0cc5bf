"""A day's reconciliation: one snapshot, every pair matched against it, then the policy. Content-addressed.

    gather -> prepare -> begin -> match (buckets, spread over workers) -> classify -> finish      per definition
    then resolve, once all are matched

The same inputs again find the same run and change nothing. A process that dies anywhere leaves a run in ``running`` or
a break in ``open``; the next run takes both up.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from hub.ports import Part
from reconciliation.actions import PartSource, Record, Resolver, Step, case_of, step
from reconciliation.breaks import Break, breaks_of, is_accepted, refused_break, seat_break
from reconciliation.carry import Carry, pending
from reconciliation.cases import Cases, record_breaks, record_refusals
from reconciliation.datasets import Dataset
from reconciliation.definitions import Definition, chosen, definitions
from reconciliation.gather import Gatherer, Prepared, Snapshot, prepare
from reconciliation.journal import Journal, Pool, RunHead, RunResult
from reconciliation.matching import BucketResult, Difference, match_bucket
from reconciliation.policies import Policy, decide, policy
from reconciliation.ports import BucketTask, Channels, Corrections, Ledger, Spread, Statements
from reconciliation.sources.channel import read_channel_day
from reconciliation.sources.seats import double_sold
from reconciliation.vault import Vault

Progress = Callable[[str, str], None]
"""(definition, stage) for who shows a progress bar."""


@dataclass(frozen=True, slots=True)
class ReconOptions:
    """Where files go, and how much memory one worker may take for one bucket."""

    data_dir: Path
    memory_limit: str = "1GB"

    @property
    def datasets(self) -> Path:
        return self.data_dir / "recon" / "datasets"

    @property
    def raw(self) -> Path:
        return self.data_dir / "recon" / "raw"


@dataclass(slots=True)
class DefinitionOutcome:
    """What a run of one definition came to; ``unchanged`` when the same inputs had been run before."""

    definition: str
    run_id: str
    state: str
    reason: str | None = None
    unchanged: bool = False
    left_rows: int = 0
    right_rows: int = 0
    matched: int = 0
    adjusted: int = 0
    pending: int = 0
    breaks: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class DayOutcome:
    """A whole day's run."""

    business_date: date
    dry_run: bool
    definitions: list[DefinitionOutcome] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "business_date": self.business_date.isoformat(),
            "dry_run": self.dry_run,
            "definitions": [asdict(outcome) for outcome in self.definitions],
            "steps": [step.to_json() for step in self.steps],
        }


@dataclass(slots=True)
class Matched:
    """A definition's result before it is written down."""

    breaks: list[Break]
    result: RunResult


def run_bucket(journal: Journal, task: BucketTask) -> None:
    """Match one task's buckets and keep the result. The body of the Celery task; twice is as good as once."""
    definition = Definition.model_validate_json(task.definition)
    journal.save_bucket(task.run_id, task.bucket, _match_task(definition, task))


def _match_task(definition: Definition, task: BucketTask) -> BucketResult:
    left, right = [Path(name) for name in task.left], [Path(name) for name in task.right]
    return match_bucket(definition, left, right, date.fromisoformat(task.business_date), task.memory_limit)


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
        spread: Spread | None = None,
    ) -> None:
        self.pool = pool
        self.journal = Journal(pool)
        self.cases = Cases(pool)
        self.gatherer = gatherer
        self.resolver = Resolver(self.cases, corrections, clock, new_id)
        self.clock = clock
        self.options = options
        self.spread: Spread = spread or self._inline

    def run_day(
        self,
        business_date: date,
        names: Sequence[str] | None = None,
        dry_run: bool = False,
        on_progress: Progress | None = None,
    ) -> DayOutcome:
        """Reconcile a date with all definitions, or those named. Raises KeyError for an unknown name."""
        wanted = chosen(names)
        tell = on_progress or _silent
        outcome = DayOutcome(business_date, dry_run)
        with self.journal.locked([(d.name, business_date) for d in wanted]):
            tell("*", "gather")
            openings = {d.name: self.journal.opening_carry(d.name, business_date) for d in wanted}
            carried = [item for items in openings.values() for item in items]
            found = self.gatherer.snapshot(business_date, wanted, definitions().values(), carried)
            for definition in wanted:
                tell(definition.name, "match")
                prepared = prepare(definition, found, openings[definition.name], self.clock())
                if dry_run:
                    self._dry(prepared, found, outcome)
                else:
                    outcome.definitions.append(self._run_one(prepared))
            if not dry_run:
                tell("*", "resolve")
                outcome.steps = self._resolve(wanted, found)
        return outcome

    def _run_one(self, prepared: Prepared) -> DefinitionOutcome:
        head = self._head(prepared)
        before = self.journal.begin(head, prepared.inputs, self.clock())
        if before not in {None, "running"} and self.journal.is_latest(head):
            return self._known(head)
        matched = self._match(prepared, head)
        now = self.clock()
        with self.pool.connection() as connection:
            if matched.result.state == "done":
                record_breaks(connection, head.run_id, matched.breaks, head.definition, head.business_date, now)
            else:
                record_refusals(connection, head.run_id, matched.breaks, now)
            self.journal.finish(connection, head, matched.result, now)
        return _outcome(head, matched)

    def _head(self, prepared: Prepared) -> RunHead:
        definition = prepared.definition
        over = definition.calendar.grace_is_over(prepared.business_date, self.clock())
        ready = prepared.waiting is None and not prepared.refused
        return RunHead(
            definition=definition.name,
            business_date=prepared.business_date,
            policy_version=policy(definition.policy).digest,
            definition_digest=definition.digest,
            # Carried rows stand among the rows, and accepted differences decide which of them are breaks.
            left_digest=next(i.digest for i in prepared.inputs if i.side == "left") if ready else "-",
            right_digest=prepared.right_digest,
            context_digest=prepared.state_digest(over),
        )

    def _known(self, head: RunHead) -> DefinitionOutcome:
        row = self.journal.run(head.run_id) or {}
        return DefinitionOutcome(
            definition=head.definition,
            run_id=head.run_id,
            state=row["state"],
            reason=row["reason"],
            unchanged=True,
            left_rows=row["left_rows"],
            right_rows=row["right_rows"],
            matched=row["matched"],
            adjusted=row["adjusted"],
            pending=row["pending"],
        )

    def _match(self, prepared: Prepared, head: RunHead | None) -> Matched:
        """Match one prepared definition; without ``head`` (a dry run) nothing is written to the journal."""
        definition, day = prepared.definition, prepared.business_date
        if prepared.waiting is not None:
            return Matched([], RunResult("waiting", prepared.waiting))
        if prepared.refused:
            breaks = [
                refused_break(definition, day, i.name, i.sha256, i.refused or "", self.clock())
                for i in prepared.refused
            ]
            reason = breaks[0].right["reason"] if breaks[0].right else None
            return Matched(breaks, RunResult("refused", reason, break_count=len(breaks)))
        left, right = prepared.datasets(self.options.datasets)
        if definition.right.source == "seats":
            breaks = [seat_break(definition, day, pair) for pair in double_sold(left.paths, day)]
            return Matched(breaks, _result(left.rows, 0, left.rows, 0, breaks, Carry((), ())))
        tasks = self._tasks(definition, day, left, right, head.run_id if head else "dry")
        if head is None:
            result = BucketResult()
            for task in tasks:
                result.add(_match_task(definition, task))
        else:
            self.spread(self.journal.missing_buckets(tasks))
            result = self.journal.bucket_results(head.run_id)
        return self._explain(prepared, result)

    def _explain(self, prepared: Prepared, result: BucketResult) -> Matched:
        """Differences into accepted ones, pending ones and breaks."""
        definition, day = prepared.definition, prepared.business_date
        accepted = [d for d in result.differences if is_accepted(definition, d, prepared.context, prepared.accepted)]
        excused = {(d.kind, d.key) for d in accepted}
        standing = [d for d in result.differences if (d.kind, d.key) not in excused]
        broken, waiting = pending(definition, day, standing, self.clock())
        breaks = breaks_of(definition, day, [*broken, *_timing(result.carried)], prepared.context)
        carry = Carry(prepared.opening, tuple(waiting))
        counted = _result(result.left_rows, result.right_rows, result.matched, len(accepted), breaks, carry)
        return Matched(breaks, counted)

    def _tasks(self, definition: Definition, day: date, left: Dataset, right: Dataset, run_id: str) -> list[BucketTask]:
        """One task per file of the two sides: one bucket of a big day, many of a small one."""
        return [
            BucketTask(
                run_id=run_id,
                bucket=place * left.width,
                definition=definition.model_dump_json(),
                business_date=day.isoformat(),
                left=(str(ours),),
                right=(str(theirs),),
                memory_limit=self.options.memory_limit,
            )
            for place, (ours, theirs) in enumerate(zip(left.paths, right.paths, strict=True))
        ]

    def _inline(self, tasks: Sequence[BucketTask]) -> None:
        for task in tasks:
            run_bucket(self.journal, task)

    def _resolve(self, wanted: Sequence[Definition], found: Snapshot) -> list[Step]:
        """Each policy resolves the breaks of the definitions that name it."""
        steps: list[Step] = []
        for name in sorted({d.policy for d in wanted}):
            under_it = [d for d in wanted if d.policy == name]
            steps += self.resolver.by_policy(policy(name), under_it, found.business_date, parts_of(found))
        return steps

    def _dry(self, prepared: Prepared, found: Snapshot, outcome: DayOutcome) -> None:
        matched = self._match(prepared, None)
        outcome.definitions.append(_outcome(self._head(prepared), matched))
        rules: Policy = policy(prepared.definition.policy)
        tried = self.cases.attempts([b.break_id for b in matched.breaks])
        spent = self.cases.spent(f"{rules.name}@{rules.version}", prepared.business_date)
        for found_break in matched.breaks:
            record = as_record(found_break)
            decision = decide(rules, case_of(record, parts_of(found), tried.get(found_break.break_id, 0)), spent)
            if decision.rule is not None and decision.action != "leave":
                spent[decision.rule] = spent.get(decision.rule, 0) + found_break.amount
            outcome.steps.append(
                step(record, decision, "would be done" if decision.action != "leave" else "would be left")
            )

    def kept_parts(self, channel: str, record: Record) -> Sequence[Part]:
        """The order's native messages out of the extract kept in the vault: for approvals, long after the run."""
        digests = {str(e["sha256"]) for e in record["evidence"] if e.get("side") == "right" and e.get("sha256")}
        for sha256 in sorted(digests):
            day = read_channel_day(self.gatherer.channels, channel, self.gatherer.vault.read(sha256), sha256)
            if record["order_no"] in day.parts:
                return day.parts[record["order_no"]]
        return ()


def parts_of(found: Snapshot) -> PartSource:
    """The order's native messages out of the extracts just read."""

    def parts(channel: str, record: Record) -> Sequence[Part]:
        day = found.channels.get(channel)
        return day.parts.get(str(record["order_no"]), ()) if day is not None else ()

    return parts


def as_record(found: Break) -> dict[str, Any]:
    """A break as a row of ``recon.breaks`` would hold it, for a run that writes none."""
    return {
        "break_id": found.break_id,
        "last_run_id": "",
        "definition": found.definition,
        "kind": found.kind,
        "key": found.key,
        "order_no": found.order_no,
        "left_value": found.left,
        "right_value": found.right,
        "amount_at_stake": found.amount,
        "currency": found.currency,
        "further": found.further,
        "evidence": list(found.evidence),
        "covers": list(found.covers),
    }


def _timing(pairs: Sequence[Difference]) -> list[Difference]:
    return [replace(pair, kind="TIMING") for pair in pairs]


def _result(left: int, right: int, matched: int, adjusted: int, breaks: Sequence[Break], carry: Carry) -> RunResult:
    return RunResult(
        state="done",
        left_rows=left,
        right_rows=right,
        matched=matched,
        adjusted=adjusted,
        break_count=len(breaks),
        break_fen=sum(b.amount for b in breaks),
        carry=carry,
    )


def _outcome(head: RunHead, matched: Matched) -> DefinitionOutcome:
    result = matched.result
    kinds: dict[str, int] = {}
    for found in matched.breaks:
        kinds[found.kind] = kinds.get(found.kind, 0) + 1
    return DefinitionOutcome(
        definition=head.definition,
        run_id=head.run_id,
        state=result.state,
        reason=result.reason,
        left_rows=result.left_rows,
        right_rows=result.right_rows,
        matched=result.matched,
        adjusted=result.adjusted,
        pending=len(result.carry.closing),
        breaks=kinds,
    )


def _silent(definition: str, stage: str) -> None:
    """Nobody looks."""


def build(
    pool: Pool,
    ledger: Ledger,
    channels: Channels,
    statements: Statements,
    corrections: Corrections,
    clock: Callable[[], datetime],
    new_id: Callable[[], UUID],
    options: ReconOptions,
    spread: Spread | None = None,
) -> Reconciler:
    """A reconciler over the ports that the composition root answers."""
    gatherer = Gatherer(ledger, channels, statements, Vault(options.raw))
    return Reconciler(pool, gatherer, corrections, clock, new_id, options, spread)
