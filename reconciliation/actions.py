"""What is done about breaks: by policy, or by two people. Every action goes through the hub's own doors.

An action is written down before it is done, and may be done twice without harm: a process that dies in between leaves
the break open, and the next run does it again under the same message id.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from hub.ports import Part
from reconciliation.breaks import said
from reconciliation.cases import BreakFilter, Cases, ResolutionDraft
from reconciliation.definitions import Definition, definitions
from reconciliation.policies import Case, Decision, Policy, decide
from reconciliation.ports import Corrections, Outcome
from schemas.facts import Adjusted
from schemas.money import Money
from schemas.problems import ProblemError, problem

Record = Mapping[str, Any]
"""A row of ``recon.breaks``."""

PartSource = Callable[[str, Record], Sequence[Part]]
"""(channel, break) -> the native messages of the break's order in that channel's extract; empty when there are none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One break and what was, or would be, done about it."""

    break_id: UUID
    definition: str
    kind: str
    key: str
    order_no: str | None
    amount: int
    action: str
    rule: str | None
    reason: str
    outcome: str

    def to_json(self) -> dict[str, Any]:
        return {
            name: str(value) if isinstance(value := getattr(self, name), UUID) else value for name in self.__slots__
        }


@dataclass(slots=True)
class Actions:
    """The three corrections, each done once per order however many breaks ask for it."""

    corrections: Corrections
    parts: PartSource
    clock: Callable[[], datetime]
    _done: dict[tuple[str, str, str], Outcome] = field(default_factory=dict)

    def do(self, action: str, record: Record, by: str, reason: str) -> Outcome:
        """Do ``action`` for one break. A deterministic no is an outcome, not an exception."""
        rule = _ACTIONS.get(action)
        if rule is None:
            return Outcome(False, "refused", f"{action} is not something that can be done")
        return rule(self, record, by, reason)

    def take_channel(self, record: Record, by: str, reason: str) -> Outcome:
        """Post the channel's own record of the order through hub intake."""
        channel, order_no = _channel(record), str(record["order_no"] or "")
        return self._once("take_channel", channel, order_no, lambda: self._post(channel, order_no, record))

    def push_hub(self, record: Record, by: str, reason: str) -> Outcome:
        """Send the order's present state to the channel once more."""
        channel, order_no = _channel(record), str(record["order_no"] or "")
        return self._once("push_hub", channel, order_no, lambda: self.corrections.redeliver(channel, order_no))

    def write_off(self, record: Record, by: str, reason: str) -> Outcome:
        """Accept exactly these two values, for this break and the differences in money under it."""
        order_no = str(record["order_no"] or "")
        outcome = Outcome(False, "refused", "no order to write it off on")
        for fact in _adjusted_facts(record, by, reason, self.clock()):
            outcome = self.corrections.adjust(order_no, fact) if order_no else outcome
            if not outcome.done:
                break
        return outcome

    def accept_timing(self, record: Record, by: str, reason: str) -> Outcome:
        """Nothing to post: both sides say the same, on neighbouring dates."""
        return Outcome(True, "accepted")

    def _post(self, channel: str, order_no: str, record: Record) -> Outcome:
        parts = self.parts(channel, record)
        if not parts:
            return Outcome(False, "refused", "the extract has no message of this order")
        outcome = Outcome(True, "duplicate")
        for number, part in enumerate(parts, start=1):
            suffix = f"-{number}" if len(parts) > 1 else ""
            outcome = self.corrections.post(channel, f"recon-{record['last_run_id'][:16]}-{order_no}{suffix}", part.raw)
            if not outcome.done:
                break
        return outcome

    def _once(self, action: str, channel: str, order_no: str, work: Callable[[], Outcome]) -> Outcome:
        key = (action, channel, order_no)
        if not channel or not order_no:
            return Outcome(False, "refused", "the break names no channel or no order")
        if key not in self._done:
            self._done[key] = work()
        return self._done[key]


_ACTIONS: Mapping[str, Callable[[Actions, Record, str, str], Outcome]] = {
    "take_channel": Actions.take_channel,
    "push_hub": Actions.push_hub,
    "write_off": Actions.write_off,
    "accept_timing": Actions.accept_timing,
}


def _channel(record: Record) -> str:
    definition = definitions().get(record["definition"])
    return definition.right.of or "" if definition and definition.right.source == "channel" else ""


def _adjusted_facts(record: Record, by: str, reason: str, now: datetime) -> Iterable[Adjusted]:
    items = [(record["kind"], record["key"], record["left_value"], record["right_value"])]
    items += [(c["kind"], c["key"], c["left"], c["right"]) for c in record["covers"]]
    for kind, key, left, right in items:
        ours, theirs = (left or {}).get("amount") or 0, (right or {}).get("amount") or 0
        yield Adjusted(
            occurred_at=now,
            definition=record["definition"],
            subject=key,
            kind=kind,
            hub_value=said(kind, left),
            other_value=said(kind, right),
            amount=Money(amount=ours - theirs, currency=record["currency"]),
            reason=reason,
            by=by,
        )


class Resolver:
    """Lets the policy resolve what it may, and carries out what two people have agreed on."""

    def __init__(
        self, cases: Cases, corrections: Corrections, clock: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self.cases = cases
        self.corrections = corrections
        self.clock = clock
        self.new_id = new_id

    def by_policy(self, policy: Policy, wanted: Sequence[Definition], day: date, parts: PartSource) -> list[Step]:
        """Resolve the open breaks of a date; what the policy may not is left for a person."""
        actions = Actions(self.corrections, parts, self.clock)
        spent = self.cases.spent(f"{policy.name}@{policy.version}", day)
        steps: list[Step] = []
        for definition in wanted:
            records = self.cases.every_break(BreakFilter(business_date=day, definition=definition.name, state="open"))
            tried = self.cases.attempts([record["break_id"] for record in records])
            for record in records:
                decision = decide(policy, case_of(record, parts, tried.get(record["break_id"], 0)), spent)
                steps.append(self._carry_out(policy, record, decision, actions))
                if steps[-1].action != "leave" and decision.rule is not None:
                    spent[decision.rule] = spent.get(decision.rule, 0) + record["amount_at_stake"]
        return steps

    def _carry_out(self, policy: Policy, record: Record, decision: Decision, actions: Actions) -> Step:
        if decision.action == "leave":
            self.cases.leave(record["break_id"], self.clock())
            return step(record, decision, "left for a person")
        by = f"policy:{policy.name}@{policy.version}"
        draft = ResolutionDraft(
            break_id=record["break_id"],
            action=decision.action,
            reason=decision.reason,
            proposed_by=by,
            amount=record["amount_at_stake"],
            policy=f"{policy.name}@{policy.version} {decision.rule}",
        )
        resolution_id = self.new_id()
        self.cases.propose(draft, resolution_id, self.clock())
        outcome = actions.do(decision.action, record, by, decision.reason)
        self._conclude(resolution_id, outcome)
        return step(
            record, decision, outcome.word if outcome.done else f"failed: {outcome.word} {outcome.detail}".strip()
        )

    def propose(self, break_id: UUID, action: str, reason: str, person: str) -> dict[str, Any]:
        """A person's proposal; it waits for a second person."""
        record = self.cases.one(break_id)
        if action not in _ACTIONS:
            known = ", ".join(sorted(_ACTIONS))
            raise ProblemError(problem("query_invalid", f"{action!r} is no action; there are {known}."))
        draft = ResolutionDraft(break_id, action, reason, person, record["amount_at_stake"])
        return self.cases.propose(draft, self.new_id(), self.clock())

    def approve(self, resolution_id: UUID, person: str, parts: PartSource) -> dict[str, Any]:
        """The second person's yes: the action is done now, and the break marked as resolved by hand."""
        record = self.cases.one(self.cases.resolution(resolution_id)["break_id"])
        if record["state"] == "cleared":
            raise ProblemError(problem("query_invalid", "The break is cleared: there is nothing left to resolve."))
        row = self.cases.decide(resolution_id, person, "approved", self.clock())
        by = f"{row['proposed_by']}, approved by {person}"
        actions = Actions(self.corrections, parts, self.clock)
        self._conclude(resolution_id, actions.do(row["action"], record, by, row["reason"]))
        return self.cases.resolution(resolution_id)

    def reject(self, resolution_id: UUID, person: str) -> dict[str, Any]:
        """The second person's no: the break stays as it was."""
        return self.cases.decide(resolution_id, person, "rejected", self.clock())

    def _conclude(self, resolution_id: UUID, outcome: Outcome) -> None:
        said_by_hub = {"word": outcome.word, "detail": outcome.detail}
        self.cases.conclude(resolution_id, outcome.done, said_by_hub, self.clock())


def case_of(record: Record, parts: PartSource, attempts: int) -> Case:
    """What the policy sees of a break."""
    evidence = set()
    if record["order_no"]:
        evidence.add("order")
    if record["left_value"] is not None and record["right_value"] is not None:
        evidence.add("both_sides")
    if (channel := _channel(record)) and parts(channel, record):
        evidence.add("extract_part")
    return Case(
        definition=record["definition"],
        kind=record["kind"],
        further=record["further"],
        amount=record["amount_at_stake"],
        evidence=evidence,
        attempts=attempts,
    )


def step(record: Record, decision: Decision, outcome: str) -> Step:
    """What a report shows of one decision."""
    return Step(
        break_id=record["break_id"],
        definition=record["definition"],
        kind=record["kind"],
        key=record["key"],
        order_no=record["order_no"],
        amount=record["amount_at_stake"],
        action=decision.action,
        rule=decision.rule,
        reason=decision.reason,
        outcome=outcome,
    )
