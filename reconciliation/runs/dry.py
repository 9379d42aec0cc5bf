"""A dry run's last part: what the policy would do about breaks that were found and not kept."""

from typing import Any

from reconciliation.breaks import Break, read_breaks
from reconciliation.cases import Cases
from reconciliation.policies import Policy, count, decide
from reconciliation.resolution import PartSource, Step, case_of, step
from reconciliation.runs.explaining import Matched
from reconciliation.runs.prepare import Prepared


def dry_steps(cases: Cases, rules: Policy, prepared: Prepared, matched: Matched, parts: PartSource) -> list[Step]:
    """One step for each break: what would be done under the limits of the day, or that it would be left."""
    definition = prepared.definition
    breaks = list(read_breaks(matched.breaks))
    tried = cases.attempts([found.break_id for found in breaks])
    spent = cases.spent(rules.title, prepared.business_date)
    steps = []
    for found in breaks:
        record = as_record(found)
        decision = decide(rules, case_of(record, definition, parts, tried.get(found.break_id, 0)), spent)
        if decision.rule is not None and decision.action != "leave":
            count(spent, decision.rule, definition.name, found.amount)
        steps.append(step(record, decision, "would be left" if decision.action == "leave" else "would be done"))
    return steps


def as_record(found: Break) -> dict[str, Any]:
    """A break as a row of ``recon.breaks`` would hold it, for a run that writes none."""
    return {
        "break_id": found.break_id,
        "last_run_id": "",
        "definition": found.definition,
        "business_date": found.business_date,
        "kind": found.kind,
        "key": found.key,
        "order_no": found.order_no,
        "left_value": found.left,
        "right_value": found.right,
        "amount_at_stake": found.amount,
        "currency": found.currency,
        "further": found.further,
        "since": found.since,
        "evidence": list(found.evidence),
        "covers": list(found.covers),
    }
