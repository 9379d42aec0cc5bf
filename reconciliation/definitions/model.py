"""The documents: a pair of systems and how it is compared; a view that is put together from pairs.

A definition is data so that finance can read it, and so that its digest is part of every run's identity.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconciliation.calendars import Calendar, Window
from reconciliation.kinds import BreakKind
from reconciliation.rows import RowKind

Side = Literal["left", "right"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]


class _Document(BaseModel):
    # ``pass`` is a word of Python's: in documents the step of a pass is called so, in code ``step``.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)


class SourceName(_Document):
    """``hub``, ``seats`` (the hub's valid tickets), a ``channel`` or a ``processor``; ``of`` names which."""

    source: Literal["hub", "channel", "processor", "seats"]
    of: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")] | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.of is None) != (self.source in {"hub", "seats"}):
            raise ValueError("a channel or processor needs its name in 'of', the hub and seats have none")
        return self

    def __str__(self) -> str:
        return f"{self.source}:{self.of}" if self.of else self.source


COMPARED_AS: Mapping[str, BreakKind] = {
    "state": "STATUS",
    "amount": "AMOUNT",
    "seat": "SEAT",
    "currency": "CURRENCY",
    "fee": "FEE",
    "person": "IDENTITY",
}
"""A compared field and the kind of break that a difference in it is."""


class Comparison(_Document):
    """One compared field and the kind of break that a difference is.

    ``tolerance``, for amounts (minor units) and fees (thousandths of a minor unit): how far the other side's value may
    differ; ``[low, high]`` bounds the other side's value minus the hub's.
    """

    field: Literal["state", "amount", "seat", "currency", "fee", "person"]
    kind: BreakKind
    tolerance: Annotated[int, Field(ge=0)] | tuple[Annotated[int, Field(le=0)], Annotated[int, Field(ge=0)]] = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind != COMPARED_AS[self.field]:
            raise ValueError(f"a difference in {self.field} is of the kind {COMPARED_AS[self.field]}, not {self.kind}")
        if self.tolerance != 0 and self.field not in {"amount", "fee"}:
            raise ValueError(f"{self.field} is equal or not: only an amount or a fee has a tolerance")
        return self

    @property
    def bounds(self) -> tuple[int, int]:
        """(lowest, highest) allowed value of the other side's minus the hub's."""
        return (-self.tolerance, self.tolerance) if isinstance(self.tolerance, int) else self.tolerance


class ExactPass(_Document):
    """Rows with the same key; the n-th of a key on one side meets the n-th on the other."""

    step: Annotated[Literal["exact"], Field(alias="pass")] = "exact"


class SecondaryPass(_Document):
    """Rows that the passes before have left over, by another reference, within ``window_days`` (other minus hub)."""

    step: Annotated[Literal["secondary"], Field(alias="pass")] = "secondary"
    on: Literal["other_key", "order_no"] = "other_key"
    window_days: Window = (0, 0)


class GroupPass(_Document):
    """Several rows of one side against one or several of the other: their sums agree.

    ``by``: what binds a group; ``none`` searches for it, among at most ``at_most`` rows. ``net_of_fees``: the side of
    several rows counts less what the processor kept. ``tolerance`` of the sum in minor units.
    """

    step: Annotated[Literal["group"], Field(alias="pass")] = "group"
    shape: Literal["1:n", "n:1", "n:m"]
    by: Literal["batch", "order_no", "none"]
    tolerance: Annotated[int, Field(ge=0)] = 0
    window_days: Window = (0, 0)
    at_most: Annotated[int, Field(ge=2, le=1000)] = 12
    net_of_fees: bool = False


class SuggestPass(_Document):
    """Left-overs of like amount and time, shown to a person as candidates; never matched by this alone."""

    step: Annotated[Literal["suggest"], Field(alias="pass")] = "suggest"
    window_days: Window = (-1, 1)
    tolerance: Annotated[int, Field(ge=0)] = 0


Pass = Annotated[ExactPass | SecondaryPass | GroupPass | SuggestPass, Field(discriminator="step")]


class Fee(_Document):
    """The fee agreed with a processor: ``rate_ppm`` millionths of the amount, off by ``tolerance`` at most (thousandths
    of a minor unit)."""

    rate_ppm: Annotated[int, Field(ge=0, le=1_000_000)]
    tolerance: Annotated[int, Field(ge=0)] = 0


class Closing(_Document):
    """Which open breaks keep a business date open: those above ``threshold`` (minor units) and those of kinds in
    ``always``; never those of kinds in ``never``."""

    threshold: Annotated[int, Field(ge=0)] = 0
    never: tuple[BreakKind, ...] = ("TIMING",)
    always: tuple[BreakKind, ...] = ("DOUBLE_SOLD_SEAT", "CONTROL_TOTAL")

    def keeps_open(self, kind: BreakKind, amount: int) -> bool:
        """Whether an open break of this kind and amount keeps its date open."""
        return kind in self.always or (kind not in self.never and amount > self.threshold)


class Definition(_Document):
    """A pair of systems and how they are compared.

    The left side is the hub, or a processor whose payouts are looked for at a bank. ``rows``: what is compared;
    ``right_rows`` where the other side has other rows (payouts for payments). ``calendar`` is the other side's;
    ``left_calendar`` and ``right_calendar`` where the two sides end their days differently. ``due``: ``when_used``
    pairs have nothing to do on a date without rows and files, and do not hold it up.
    """

    version: Annotated[int, Field(ge=1)] = 1
    name: Name
    title_zh: Annotated[str, Field(min_length=1)]
    title_en: Annotated[str, Field(min_length=1)]
    left: SourceName
    right: SourceName
    rows: Annotated[tuple[RowKind, ...], Field(min_length=1)]
    right_rows: tuple[RowKind, ...] | None = None
    key: Annotated[tuple[str, ...], Field(min_length=1)]
    compare: tuple[Comparison, ...]
    passes: Annotated[tuple[Pass, ...], Field(min_length=1)] = (ExactPass(),)
    fee: Fee | None = None
    calendar: Calendar = Calendar()
    left_calendar: Calendar | None = None
    right_calendar: Calendar | None = None
    due: Literal["always", "when_used"] = "always"
    policy: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "default"
    close: Closing = Closing()
    contact: Annotated[str, Field(description="whom to ask when the other side's input does not come")] = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.left.source not in {"hub", "processor"}:
            raise ValueError("the left side is the hub or a processor")
        if self.left.source == "processor" and self.right.source != "processor":
            raise ValueError("a processor on the left is compared with a processor (a bank) on the right")
        twice = [field for field, count in Counter(c.field for c in self.compare).items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]} is compared twice")
        if self.fee is not None and self.right.source != "processor":
            raise ValueError("only a processor charges a fee")
        steps = [one.step for one in self.passes]
        if "exact" in steps[1:] or "suggest" in steps[:-1]:
            raise ValueError("the exact pass comes first and once, suggestions come last and once")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the document: another definition makes another run."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def bounds(self, field: str) -> tuple[int, int]:
        """(lowest, highest) allowed value of the other side's ``field`` minus the hub's; (0, 0) if it is not said."""
        return next((c.bounds for c in self.compare if c.field == field), (0, 0))

    def days(self, side: Side) -> Calendar:
        """The calendar of one side."""
        own = self.left_calendar if side == "left" else self.right_calendar
        return own or self.calendar

    def rows_of(self, side: Side) -> tuple[RowKind, ...]:
        """The rows that are compared on one side."""
        return self.right_rows if side == "right" and self.right_rows is not None else self.rows

    def source(self, side: Side) -> SourceName:
        return self.left if side == "left" else self.right


class View(_Document):
    """A chain of pairs seen as one: hub, processor, bank. Never matched itself: it is read off its pairs' results.

    ``pairs`` in the order of the chain. ``per``: what one line of the view is about.
    """

    version: Annotated[int, Field(ge=1)] = 1
    name: Name
    title_zh: Annotated[str, Field(min_length=1)]
    title_en: Annotated[str, Field(min_length=1)]
    per: Literal["order", "batch"] = "order"
    pairs: Annotated[tuple[Name, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.pairs)) != len(self.pairs):
            raise ValueError("a pair stands in the view twice")
        return self
