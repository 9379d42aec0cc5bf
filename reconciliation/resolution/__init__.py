"""What is done about breaks, how it is taken back, and when a day is over.

resolver    by policy, or by as many different people as it takes; undone by adding
automatic   what the policy does without a person, page by page
proposing   what may be proposed
steps       what a policy did, or would do
doing       the actions, each through the hub's own doors, each harmless when done twice
records     resolutions, approvals and acceptances as rows
suspense    what is held for open breaks, and whether it ties
ageing      how old they are, whose, and which are overdue
closing     business dates closed, sealed, and opened again
asking      the other side asked again
refusals    what the database refuses, as problems
"""

from reconciliation.policies import ACTIONS, Action, ActionRow, actions_for
from reconciliation.resolution.asking import ask_again
from reconciliation.resolution.closing import Closing, Hindrance, is_closed, refuse_if_closed
from reconciliation.resolution.doing import Ask, PartSource
from reconciliation.resolution.records import Accepted, Draft, Record, Resolutions, accepted_on
from reconciliation.resolution.resolver import Resolver
from reconciliation.resolution.steps import Step, Total, Trial, case_of, step

__all__ = [
    "ACTIONS",
    "Accepted",
    "Action",
    "ActionRow",
    "Ask",
    "Closing",
    "Draft",
    "Hindrance",
    "PartSource",
    "Record",
    "Resolutions",
    "Resolver",
    "Step",
    "Total",
    "Trial",
    "accepted_on",
    "actions_for",
    "ask_again",
    "case_of",
    "is_closed",
    "refuse_if_closed",
    "step",
]
