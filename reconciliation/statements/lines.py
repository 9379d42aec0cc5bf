"""The canonical statement line, and the two ways in which a file can fail."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

LineKind = Literal["capture", "refund"]


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement at a processor.

    ``ref`` is what both sides know it by: a capture's transaction number, a refund's merchant refund number (the
    processor's own when the merchant gave none: then nobody of ours ordered it). ``amount`` in minor units, positive;
    ``fee`` in thousandths of a minor unit (the bill has five decimals). ``line`` counts from 1.
    """

    processor: str
    kind: LineKind
    ref: str
    merchant_order: str
    merchant_refund: str
    amount: int
    currency: str
    fee: int
    at: datetime
    raw: str
    line: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that could not be read, kept aside with its place; its neighbours stand."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A file whose totals hold. ``business_date`` is the day it is about, None for an empty file without a date."""

    processor: str
    lines: tuple[StatementLine, ...]
    quarantined: tuple[Quarantined, ...]
    business_date: date | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not taken: why, where, and the day it seems to be about."""

    processor: str
    reason: str
    place: str
    business_date: date | None = None


def day_of(instants: "list[datetime]", zone: ZoneInfo) -> date | None:
    """The local date of most instants, the earliest of equals; None without any."""
    counted = Counter(at.astimezone(zone).date() for at in instants)
    return min(counted, key=lambda day: (-counted[day], day)) if counted else None
