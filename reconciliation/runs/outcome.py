"""What a day's run came to, for the command line, the API and whoever waits for it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from reconciliation.journal import RunResult
from reconciliation.resolution import Step


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


def outcome_of(definition: str, run_id: str, result: RunResult, breaks: Mapping[str, int]) -> DefinitionOutcome:
    """The outcome of a run that has just ended."""
    return DefinitionOutcome(
        definition=definition,
        run_id=run_id,
        state=result.state,
        reason=result.reason,
        left_rows=result.left_rows,
        right_rows=result.right_rows,
        matched=result.matched,
        adjusted=result.adjusted,
        pending=result.carry.closing_count,
        breaks=dict(breaks),
    )


def known_outcome(definition: str, row: Mapping[str, Any]) -> DefinitionOutcome:
    """The outcome of a run that was there already: a row of ``recon.runs``."""
    counted = ("state", "reason", "left_rows", "right_rows", "matched", "adjusted", "pending")
    return DefinitionOutcome(definition, row["run_id"], unchanged=True, **{name: row[name] for name in counted})
