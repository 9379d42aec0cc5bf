"""What may be proposed in a workbook: what may be done about a break, without what needs more than a reason."""

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from reconciliation.definitions import Definition
from reconciliation.kinds import KINDS
from reconciliation.policies.actions import ACTION_NAMES, Source, actions_for

Allowed = Callable[[str, str], Sequence[str]]
"""(pair, kind of break) -> the actions that a row may name, in the order shown."""

NEEDS_MORE = frozenset({"link", "leave"})
"""A link names other breaks, and who leaves a break alone leaves its row empty."""
EVERY_ACTION: frozenset[str] = frozenset(ACTION_NAMES)


def allowed_by(definitions: Mapping[str, Definition]) -> Allowed:
    """By the table of actions; a pair that is not defined any more offers nothing."""

    def allowed(definition: str, kind: str) -> Sequence[str]:
        known = definitions.get(definition)
        source = next((s for s in get_args(Source) if known is not None and s == known.right.source), None)
        kinds = [k for k in KINDS if k == kind]
        if source is None or not kinds:
            return ()
        return tuple(action for action in actions_for(kinds[0], source) if action not in NEEDS_MORE)

    return allowed
