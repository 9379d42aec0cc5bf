"""What is wrong with a policy that is a valid document: rules that never fit, limits that never bind, wrong actions."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from reconciliation.policies.actions import ACTIONS
from reconciliation.policies.document import Policy, Rule


@dataclass(frozen=True, slots=True)
class Finding:
    """A place in the document and a sentence."""

    place: str
    detail: str


def findings(policy: Policy, definitions: Collection[str]) -> list[Finding]:
    """Everything at once; empty for a policy that says what its author meant, as far as that can be seen."""
    found: list[Finding] = []
    for number, rule in enumerate(policy.rules):
        place = f"rules[{number}] {rule.name}"
        found += [Finding(place, detail) for detail in _of_rule(rule, policy.rules[:number], definitions)]
    names = [rule.name for rule in policy.rules]
    found += [
        Finding("rules", f"{name} stands there twice") for name in sorted({n for n in names if names.count(n) > 1})
    ]
    amounts = [approval.above for approval in policy.approvals]
    if amounts != sorted(set(amounts)):
        found.append(Finding("approvals", "the amounts must rise from row to row"))
    return found


def _of_rule(rule: Rule, before: Sequence[Rule], definitions: Collection[str]) -> Iterator[str]:
    for pattern in rule.definitions:
        if not any(rule.model_copy(update={"definitions": (pattern,)}).covers(name) for name in definitions):
            yield f"no definition is called {pattern}"
    unfit = [kind for kind in rule.kinds if kind not in ACTIONS[rule.action].kinds]
    if unfit:
        yield f"{rule.action} is not for {', '.join(unfit)}"
    if rule.action == "write_off" and (rule.expense_account is None or rule.reason_code is None):
        yield "a write-off needs expense_account and reason_code"
    if rule.limit_per_item is not None and rule.limit_per_day is not None and rule.limit_per_item > rule.limit_per_day:
        yield "the limit of one item is above the day's"
    about = {name for name in definitions if rule.covers(name)}
    earlier = next((r.name for r in before if about and _hides(r, rule, about)), None)
    if earlier is not None:
        yield f"{earlier}, which stands before it, takes everything that it covers"


def _hides(earlier: Rule, rule: Rule, about: Collection[str]) -> bool:
    return (
        set(rule.kinds) <= set(earlier.kinds)
        and all(earlier.covers(name) for name in about)
        and earlier.further in {None, rule.further}
    )
