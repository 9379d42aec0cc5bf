"""The policy: a validated document that says which break may be resolved how, without a person.

actions     what can be done about a break, as one table
document    rules, limits, approvals, when a break is overdue
deciding    one break and one policy: a decision
checking    what is wrong with a policy that is a valid document
book        which policy holds: two people have agreed on it, or it comes with Interlock
schema      the published JSON Schema
"""

from reconciliation.policies.actions import ACTION_NAMES, ACTIONS, Action, ActionRow, Source, actions_for
from reconciliation.policies.book import Draft, PolicyBook, drafts, policy
from reconciliation.policies.checking import Finding, findings
from reconciliation.policies.deciding import Case, Decision, Spent, count, decide
from reconciliation.policies.document import Approval, Evidence, Policy, PolicyAction, Rule, Sla, parse

__all__ = [
    "ACTIONS",
    "ACTION_NAMES",
    "Action",
    "ActionRow",
    "Approval",
    "Case",
    "Decision",
    "Draft",
    "Evidence",
    "Finding",
    "Policy",
    "PolicyAction",
    "PolicyBook",
    "Rule",
    "Sla",
    "Source",
    "Spent",
    "actions_for",
    "count",
    "decide",
    "drafts",
    "findings",
    "parse",
    "policy",
]
