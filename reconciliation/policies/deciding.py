"""One break and one policy: a decision. Pure, so that a dry run and the night's run cannot differ."""

from collections.abc import Container, Mapping, MutableMapping
from dataclasses import dataclass

from reconciliation.kinds import BreakKind
from reconciliation.policies.document import Policy, PolicyAction, Rule


@dataclass(frozen=True, slots=True)
class Case:
    """What the policy looks at: one open break, what evidence there is, how often it was tried."""

    definition: str
    kind: BreakKind
    further: str | None
    amount: int
    evidence: Container[str]
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The action, the rule it comes from (None: no rule), and a sentence for people."""

    action: PolicyAction
    rule: str | None
    reason: str


Spent = Mapping[str, int]
"""What was resolved already on the date: ``rule`` and ``rule@definition`` -> minor units, ``rule#`` -> breaks."""


def decide(policy: Policy, case: Case, spent_today: Spent) -> Decision:
    """The decision for one break, given what the policy has resolved on the date already."""
    rule = next((r for r in policy.rules if _fits(r, case)), None)
    if rule is None:
        return Decision("leave", None, "no rule of the policy covers this")
    if case.attempts >= policy.attempts:
        return Decision("leave", rule.name, f"{case.attempts} attempts did not make it go away")
    missing = [name for name in rule.evidence if name not in case.evidence]
    if missing:
        return Decision("leave", rule.name, f"evidence is missing: {', '.join(missing)}")
    above = _above(rule, case, spent_today)
    if above is not None:
        return Decision("leave", rule.name, above)
    return Decision(rule.action, rule.name, rule.title_en)


def count(spent: MutableMapping[str, int], rule: str, definition: str, amount: int) -> None:
    """Add one resolved break to what a date has used up."""
    for name, more in ((rule, amount), (f"{rule}@{definition}", amount), (f"{rule}#", 1)):
        spent[name] = spent.get(name, 0) + more


def _fits(rule: Rule, case: Case) -> bool:
    return (
        case.kind in rule.kinds
        and rule.covers(case.definition)
        and (rule.further is None or rule.further == case.further)
    )


def _above(rule: Rule, case: Case, spent: Spent) -> str | None:
    """The limit that this break would pass, as a sentence; None when it is within all of them."""
    if rule.limit_per_item is not None and case.amount > rule.limit_per_item:
        return f"{case.amount} fen is above the limit of {rule.limit_per_item} fen for one item"
    days = ((rule.limit_per_day, rule.name, ""), (rule.limit_per_day_each, f"{rule.name}@{case.definition}", " there"))
    for limit, name, where in days:
        used = spent.get(name, 0)
        if limit is not None and used + case.amount > limit:
            return f"the day's limit of {limit} fen is used up{where} ({used} fen)"
    if rule.items_per_day is not None and spent.get(f"{rule.name}#", 0) >= rule.items_per_day:
        return f"the day's limit of {rule.items_per_day} breaks is used up"
    return None
