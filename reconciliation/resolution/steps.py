"""What a policy did, or would do: one step for each break, and totals for each rule."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from reconciliation.definitions import Definition
from reconciliation.policies import Case, Decision
from reconciliation.resolution.doing import PartSource
from reconciliation.resolution.records import Record


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
class Total:
    """What one rule would do: how many breaks, and what they are worth in minor units."""

    action: str
    count: int = 0
    amount: int = 0


@dataclass(slots=True)
class Trial:
    """A dry run: nothing was written. ``totals``: rule (``-``: no rule) and action -> how much."""

    steps: list[Step] = field(default_factory=list)
    totals: dict[tuple[str, str], Total] = field(default_factory=dict)

    def add(self, made: Step) -> None:
        """One break and what becomes of it."""
        self.steps.append(made)
        self.count(made.rule, made.action, 1, made.amount)

    def count(self, rule: str | None, action: str, breaks: int, amount: int) -> None:
        """So many breaks more, without naming each."""
        total = self.totals.setdefault((rule or "-", action), Total(action))
        total.count += breaks
        total.amount += amount


class EvidenceOf:
    """What there is to go by for one break; the channel's extract is opened only for a rule that asks for it."""

    def __init__(self, record: Record, channel: str | None, parts: PartSource) -> None:
        self._record = record
        self._channel = channel
        self._parts = parts

    def __contains__(self, name: object) -> bool:
        if name == "order":
            return bool(self._record["order_no"])
        if name == "both_sides":
            return self._record["left_value"] is not None and self._record["right_value"] is not None
        return name == "extract_part" and self._channel is not None and bool(self._parts(self._channel, self._record))


def case_of(record: Record, definition: Definition, parts: PartSource, attempts: int) -> Case:
    """What the policy sees of a break."""
    channel = definition.right.of if definition.right.source == "channel" else None
    return Case(
        definition=record["definition"],
        kind=record["kind"],
        further=record["further"],
        amount=record["amount_at_stake"],
        evidence=EvidenceOf(record, channel, parts),
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
