"""What truly happened: sixty days of sales, and what each system made of them. Nothing here knows of reconciliation.

Amounts in fen. A sale is made by ``channel``, paid through ``processor``, and at most one thing goes wrong with it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Processor = Literal["wechat", "acquirer"]
ONE = timedelta(days=1)
BEIJING = timedelta(hours=8)

FAULTS = (
    "hub_deaf",  # the hub never heard of it; its channel and its processor know it
    "channel_forgot",  # the channel's extract does not have it
    "channel_amount",  # the channel says 1.50 yuan more
    "channel_cents",  # the channel says 0.50 yuan more
    "unbooked",  # the processor never lists the payment
    "booked_later",  # the processor's first file lacks it; a second file of the date, two days later, has it
    "double",  # the processor took the money twice
    "stranger",  # the processor lists a payment that nobody asked for
    "processor_amount",  # the processor says 2.00 yuan more
    "processor_cents",  # the processor says 0.30 yuan more
    "orphan_refund",  # the processor gave money back; nobody had asked it to
    "over_midnight",  # paid in the last minutes; the processor lists it under the next date
    "over_midnight_early",  # paid in the first seconds; the processor lists it under the date before
    "edge_unbooked",  # paid in the last minutes and never listed
)
Fault = str

DELIVERIES = ("in time", "late", "twice", "thrice", "wrong total first")
"""How a processor's file of a date comes."""

# The State Council's notice for 2025 (国办发明电〔2024〕12号): National Day and Mid-Autumn, and the Sunday and Saturday
# that are worked for them. Weekends are rest days of their own.
REST = frozenset(date(2025, 10, day) for day in range(1, 9))
WORKED = frozenset({date(2025, 9, 28), date(2025, 10, 11)})
FIRST = date(2025, 9, 8)


def banks_work(day: date) -> bool:
    return day in WORKED or (day not in REST and day.weekday() < 5)


def next_bank_day(day: date) -> date:
    day += ONE
    while not banks_work(day):
        day += ONE
    return day


@dataclass(frozen=True, slots=True)
class Sale:
    """One order of one ticket. ``at``: when it was paid, in UTC. ``listed``: the processor's date for it, if any."""

    number: int
    day: date
    channel: Literal["web", "agents"]
    processor: Processor
    fen: int
    at: datetime
    fault: Fault | None
    listed: date | None

    @property
    def order_no(self) -> str:
        return f"E{'W' if self.channel == 'web' else 'D'}1{self.number:07d}"

    @property
    def reference(self) -> str:
        return f"{'42' if self.processor == 'wechat' else 'CC'}{self.order_no[1:]}"


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a processor's file."""

    kind: Literal["capture", "refund"]
    reference: str
    order_no: str
    fen: int
    at: datetime


@dataclass(frozen=True, slots=True)
class File:
    """A processor's file: which date it is of, from when on it lies there, and what it says."""

    processor: Processor
    name: str
    day: date
    comes: datetime
    movements: tuple[Movement, ...]
    is_damaged: bool = False


def cut_off(processor: Processor, day: date) -> datetime:
    """The first instant after the processor's date: midnight at WeChat Pay, 23:00 at the acquirer."""
    local = (
        datetime.combine(day, time(23), UTC) if processor == "acquirer" else datetime.combine(day + ONE, time(0), UTC)
    )
    return local - BEIJING


def sales_of(day: date, seed: int, per_day: int) -> list[Sale]:
    """The sales of one date; the same for the same seed."""
    chance = random.Random(f"{seed}|{day}")
    return [_sale(chance, day, (day - FIRST).days * 100 + number) for number in range(per_day)]


def _sale(chance: random.Random, day: date, number: int) -> Sale:
    fault = chance.choice(FAULTS) if chance.random() < 0.5 else None
    # At 23:00 no channel's date ends: what is early at the acquirer would be another date's sale.
    early = fault == "over_midnight_early"
    processor: Processor = "wechat" if early else chance.choice(("wechat", "acquirer"))
    local = datetime.combine(day, time(9 + number % 11, chance.randrange(60)), UTC)
    at = local - BEIJING
    listed: date | None = day
    if fault in {"over_midnight", "edge_unbooked"}:
        at = cut_off(processor, day) - timedelta(minutes=chance.randrange(1, 9))
        listed = day + ONE if fault == "over_midnight" else None
    elif fault == "over_midnight_early":
        at = cut_off(processor, day - ONE) + timedelta(seconds=chance.randrange(1, 50))
        listed = day - ONE
    elif fault == "unbooked":
        listed = None
    channel: Literal["web", "agents"] = chance.choice(("web", "agents"))
    return Sale(number, day, channel, processor, chance.randrange(20, 2000) * 50, at, fault, listed)


def movements_of(sale: Sale) -> Iterator[Movement]:
    """What the processor lists of one sale, first file or second."""
    more = {"processor_amount": 200, "processor_cents": 30}.get(sale.fault or "", 0)
    at = sale.at
    if sale.fault == "over_midnight":
        at = cut_off(sale.processor, sale.day) + timedelta(seconds=40)
    elif sale.fault == "over_midnight_early":
        at = cut_off(sale.processor, sale.day - ONE) - timedelta(seconds=20)
    if sale.listed is not None:
        yield Movement("capture", sale.reference, sale.order_no, sale.fen + more, at)
    if sale.fault == "double":
        yield Movement("capture", f"{sale.reference}9", sale.order_no, sale.fen, at + timedelta(seconds=3))
    elif sale.fault == "stranger":
        yield Movement("capture", f"{sale.reference}8", f"EX1{sale.number:07d}", sale.fen, at + timedelta(seconds=5))
    elif sale.fault == "orphan_refund":
        yield Movement("refund", f"RF{sale.order_no[1:]}", sale.order_no, sale.fen // 2, at + timedelta(minutes=1))


def files_of(processor: Processor, day: date, sales: list[Sale], seed: int) -> list[File]:
    """Every file of one processor's date, in the order in which they come. ``sales``: of this date and its neighbours.

    WeChat Pay's file comes the next morning, the acquirer's on the morning after it has settled (T+1).
    """
    chance = random.Random(f"{seed}|{processor}|{day}")
    comes_on = (day if processor == "wechat" else next_bank_day(day)) + ONE
    comes = datetime.combine(comes_on, time(10), UTC) - BEIJING
    mine = [sale for sale in sales if sale.processor == processor and _concerns(sale, day)]
    first = _sorted(m for sale in mine if sale.fault != "booked_later" for m in movements_of(sale))
    whole = _sorted(m for sale in mine for m in movements_of(sale))
    name = f"{processor}-{day:%Y%m%d}"
    how = chance.choice(DELIVERIES) if chance.random() < 0.35 else "in time"
    if how == "late":
        comes += chance.randrange(1, 4) * ONE
    files = [File(processor, f"{name}-1", day, comes, first)]
    if how == "wrong total first":
        files = [
            File(processor, f"{name}-1", day, comes, first, is_damaged=True),
            File(processor, f"{name}-2", day, comes + ONE, first),
        ]
    elif how in {"twice", "thrice"}:
        copies = 2 if how == "twice" else 3
        files = [File(processor, f"{name}-{n}", day, comes + (n - 1) * ONE, first) for n in range(1, copies + 1)]
    if whole != first:
        files.append(File(processor, f"{name}-9", day, files[-1].comes + 2 * ONE, whole))
    return files


def _concerns(sale: Sale, day: date) -> bool:
    # What an unlisted sale brought along (nothing, today) stands under its own date.
    return (sale.listed or sale.day) == day


def _sorted(movements: Iterator[Movement]) -> tuple[Movement, ...]:
    return tuple(sorted(movements, key=lambda m: (m.at, m.reference)))
