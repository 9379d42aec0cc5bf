"""The policy document: rules with scope, action, limits and evidence; approvals; when an open break is overdue."""

import hashlib
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from reconciliation.kinds import BreakKind

PolicyAction = Literal["take_channel", "push_hub", "ask_again", "refund", "write_off", "accept_timing", "leave"]
"""What a policy may do; links and rejections are for people."""
Evidence = Literal["extract_part", "order", "both_sides"]
"""``extract_part``: the order's own message in the channel's extract; ``order``: an order number; ``both_sides``."""

Fen = Annotated[int, Field(ge=0)]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,60}$")]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Document):
    """One row of the policy. Limits in minor units; a break above a limit is left for a person.

    ``definitions``: names or patterns (``hub-*``). ``limit_per_day`` holds over all of them, ``limit_per_day_each`` for
    each, that is for each channel or processor. ``items_per_day`` counts breaks. ``expense_account`` and
    ``reason_code`` say where a write-off goes.
    """

    name: Slug
    title_zh: str
    title_en: str
    definitions: Annotated[tuple[str, ...], Field(min_length=1)]
    kinds: Annotated[tuple[BreakKind, ...], Field(min_length=1)]
    further: Literal["hub", "channel"] | None = None
    action: PolicyAction
    evidence: tuple[Evidence, ...] = ()
    limit_per_item: Fen | None = None
    limit_per_day: Fen | None = None
    limit_per_day_each: Fen | None = None
    items_per_day: Annotated[int, Field(ge=1)] | None = None
    expense_account: Slug | None = None
    reason_code: Slug | None = None

    def covers(self, definition: str) -> bool:
        """Whether the rule is about this pair."""
        return any(fnmatchcase(definition, pattern) for pattern in self.definitions)


class Approval(_Document):
    """From this much at stake on, so many different people: the one who proposes and those who approve."""

    above: Fen
    people: Annotated[int, Field(ge=2, le=5)]


class Sla(_Document):
    """An open break of these kinds and at least this amount is overdue after so many hours. The first row counts."""

    name: Slug
    title_zh: str
    title_en: str
    definitions: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    kinds: tuple[BreakKind, ...] = ()
    from_amount: Fen = 0
    due_hours: Annotated[int, Field(ge=1, le=24 * 366)]

    def covers(self, definition: str) -> bool:
        """Whether the row is about this pair."""
        return any(fnmatchcase(definition, pattern) for pattern in self.definitions)


class Policy(_Document):
    """Rules in order; ``attempts``: how often a break may be resolved before a person must look."""

    name: Slug
    version: Annotated[str, Field(min_length=1, max_length=40)]
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    rules: tuple[Rule, ...]
    approvals: tuple[Approval, ...] = ()
    sla: tuple[Sla, ...] = ()

    @property
    def digest(self) -> str:
        """Name, version and content: a rule changed without a new version still makes another run."""
        content = hashlib.sha256(self.model_dump_json().encode()).hexdigest()
        return f"{self.name}@{self.version}:{content[:16]}"

    @property
    def title(self) -> str:
        """As it stands beside what it resolved: ``default@1``."""
        return f"{self.name}@{self.version}"

    def people_for(self, amount: int) -> int:
        """How many different people a resolution by hand takes, with the one who proposes it."""
        return max((a.people for a in self.approvals if amount > a.above), default=2)


def parse(text: str) -> Policy:
    """A policy from YAML; raises pydantic.ValidationError naming each wrong place, yaml.YAMLError for no YAML."""
    return Policy.model_validate(yaml.safe_load(text))
