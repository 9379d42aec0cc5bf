"""The policy: a validated document that says which break may be resolved how, without a person."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from reconciliation.kinds import BreakKind

Action = Literal["take_channel", "push_hub", "write_off", "accept_timing", "leave"]
Evidence = Literal["extract_part", "order", "both_sides"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Document):
    """One row of the policy. Limits in minor units; a break above a limit is left for a person."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title_zh: str
    title_en: str
    definitions: tuple[str, ...]
    kinds: tuple[BreakKind, ...]
    further: Literal["hub", "channel"] | None = None
    action: Action
    evidence: tuple[Evidence, ...] = ()
    limit_per_item: Annotated[int, Field(ge=0)] | None = None
    limit_per_day: Annotated[int, Field(ge=0)] | None = None


class Policy(_Document):
    """Rules in order; ``attempts``: how often a break may be resolved before a person must look."""

    name: str
    version: str
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    rules: tuple[Rule, ...]

    @property
    def digest(self) -> str:
        """Name, version and content: a rule changed without a new version still makes another run."""
        content = hashlib.sha256(self.model_dump_json().encode()).hexdigest()
        return f"{self.name}@{self.version}:{content[:16]}"


@dataclass(frozen=True, slots=True)
class Case:
    """What the policy looks at: one open break, what evidence there is, how often it was tried."""

    definition: str
    kind: BreakKind
    further: str | None
    amount: int
    evidence: Collection[str]
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The action, the rule it comes from (None: no rule), and a sentence for people."""

    action: Action
    rule: str | None
    reason: str


def decide(policy: Policy, case: Case, spent_today: Mapping[str, int]) -> Decision:
    """The decision for one break. ``spent_today``: rule name -> minor units already resolved under it on the date."""
    rule = next((r for r in policy.rules if _fits(r, case)), None)
    if rule is None:
        return Decision("leave", None, "no rule of the policy covers this")
    if case.attempts >= policy.attempts:
        return Decision("leave", rule.name, f"{case.attempts} attempts did not make it go away")
    missing = [name for name in rule.evidence if name not in case.evidence]
    if missing:
        return Decision("leave", rule.name, f"evidence is missing: {', '.join(missing)}")
    if rule.limit_per_item is not None and case.amount > rule.limit_per_item:
        return Decision(
            "leave", rule.name, f"{case.amount} fen is above the limit of {rule.limit_per_item} fen for one item"
        )
    spent = spent_today.get(rule.name, 0)
    if rule.limit_per_day is not None and spent + case.amount > rule.limit_per_day:
        return Decision("leave", rule.name, f"the day's limit of {rule.limit_per_day} fen is used up ({spent} fen)")
    return Decision(rule.action, rule.name, rule.title_en)


def _fits(rule: Rule, case: Case) -> bool:
    return (
        case.kind in rule.kinds
        and any(fnmatchcase(case.definition, pattern) for pattern in rule.definitions)
        and (rule.further is None or rule.further == case.further)
    )


def parse(text: str) -> Policy:
    """A policy from YAML; raises pydantic.ValidationError naming each wrong place, yaml.YAMLError for no YAML."""
    return Policy.model_validate(yaml.safe_load(text))


@cache
def policy(name: str) -> Policy:
    """A policy that comes with Interlock; raises FileNotFoundError for a name that does not exist."""
    return parse(files("reconciliation").joinpath(f"policies/{name}.yaml").read_text(encoding="utf-8"))
