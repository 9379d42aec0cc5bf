"""What is compared with what: validated documents, ``definitions/*.json``, one per pair of systems.

A definition is data so that finance can read it, and so that its digest is part of every run's identity.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconciliation.kinds import BreakKind
from reconciliation.rows import RowKind, microseconds


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceName(_Document):
    """``hub``, ``seats`` (the hub's valid tickets), a ``channel`` or a ``processor``; ``of`` names which."""

    source: Literal["hub", "channel", "processor", "seats"]
    of: str | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.of is None) != (self.source in {"hub", "seats"}):
            raise ValueError("a channel or processor needs its name in 'of', the hub and seats have none")
        return self


class Comparison(_Document):
    """One compared field and the kind of break that a difference is; ``tolerance`` in minor units, for amounts."""

    field: Literal["state", "amount", "seat", "currency"]
    kind: BreakKind
    tolerance: Annotated[int, Field(ge=0)] = 0


class Calendar(_Document):
    """When a business date ends and how long the other side may take.

    A one-sided row from the last ``edge_minutes`` of the date may stand in the other side's next day: until
    ``grace_minutes`` after the cut-off it is pending, not a break.
    """

    zone: str = "Asia/Shanghai"
    cut_off: time = time(0, 0)
    edge_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    grace_minutes: Annotated[int, Field(ge=0)] = 1440

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def span(self, business_date: date) -> tuple[int, int]:
        """Begin (included) and end (excluded) of the date, in microseconds since 1970 UTC."""
        first = business_date if self.cut_off == time(0, 0) else business_date - timedelta(days=1)
        begin = datetime.combine(first, self.cut_off, self.zone_info).astimezone(UTC)
        end = datetime.combine(first + timedelta(days=1), self.cut_off, self.zone_info).astimezone(UTC)
        return microseconds(begin), microseconds(end)

    def grace_is_over(self, business_date: date, now: datetime) -> bool:
        """Whether nothing of the date can be pending any more."""
        return microseconds(now) >= self.span(business_date)[1] + self.grace_minutes * 60_000_000

    def at_the_edge(self, business_date: date, at: int) -> bool:
        """Whether a row of this instant may stand in the other side's next day."""
        return at >= self.span(business_date)[1] - self.edge_minutes * 60_000_000


class Definition(_Document):
    """A pair of systems and how they are compared. The left side is always the hub's."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    title_zh: str
    title_en: str
    left: SourceName
    right: SourceName
    rows: tuple[RowKind, ...]
    key: tuple[str, ...]
    compare: tuple[Comparison, ...]
    calendar: Calendar = Calendar()
    policy: str = "default"

    @property
    def digest(self) -> str:
        """SHA-256 of the document: another definition makes another run."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def tolerance(self, field: str) -> int:
        return next((c.tolerance for c in self.compare if c.field == field), 0)


def load(path: Path) -> Definition:
    """A definition from a file; raises pydantic.ValidationError naming each wrong place."""
    return Definition.model_validate_json(path.read_bytes())


@cache
def definitions() -> dict[str, Definition]:
    """The definitions that come with Interlock, by name."""
    found = [
        Definition.model_validate_json(entry.read_bytes())
        for entry in files("reconciliation").joinpath("definitions").iterdir()
        if entry.name.endswith(".json")
    ]
    return {d.name: d for d in sorted(found, key=lambda d: d.name)}


def chosen(names: Sequence[str] | None) -> tuple[Definition, ...]:
    """The definitions of these names, or all; raises KeyError for a name that does not exist."""
    known = definitions()
    return tuple(known[name] for name in names) if names else tuple(known.values())
