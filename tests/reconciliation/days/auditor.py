"""The auditor: what must be found, worked out from what truly happened. Shares no code with ``reconciliation``.

It keeps its own books with dictionaries: per pair and date the rows of both sides, what is carried, what is a break.
The rules it holds to are those that are promised to finance (docs/explanation/reconciliation.md), nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from tests.reconciliation.days.world import (
    BEIJING,
    ONE,
    File,
    Movement,
    Processor,
    Sale,
    banks_work,
    cut_off,
    next_bank_day,
)

EDGE = timedelta(minutes=10)
GRACE = timedelta(hours=36)

Key = tuple[str, date, str, str]
"""Pair, business date, kind, key of the row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row on one side: when it happened there, and what it is worth."""

    key: str
    at: datetime
    fen: int
    origin: date


@dataclass(slots=True)
class Verdict:
    """What must stand in the books now: unsettled breaks and what they are worth, pairs over a date's edge, rows that
    wait (pair, date, key), and which pairs wait for their input or have refused it."""

    breaks: dict[Key, int] = field(default_factory=dict)
    timing: set[Key] = field(default_factory=set)
    pending: set[tuple[str, date, str]] = field(default_factory=set)
    states: dict[tuple[str, date], str] = field(default_factory=dict)

    def at_stake(self) -> int:
        return sum(self.breaks.values())


@dataclass(slots=True)
class Auditor:
    """``written_off``: breaks that two people agreed to write off, and have not undone."""

    sales: list[Sale] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    written_off: set[Key] = field(default_factory=set)
    closed: set[date] = field(default_factory=set)
    frozen: dict[date, Verdict] = field(default_factory=dict)

    def verdict(self, days: Iterable[date], now: datetime) -> Verdict:
        """What must be in the books at ``now``, when everything that was due has been run."""
        found = Verdict()
        listed = list(days)
        for channel in ("web", "agents"):
            for day in listed:
                self._channel(found, channel, day)
        for processor in ("wechat", "acquirer"):
            self._processor(found, processor, listed, now)
        for key in list(found.breaks):
            if key in self.written_off:
                del found.breaks[key]
        return found

    # --- channels: what was sold, against the channel's own extract

    def _channel(self, found: Verdict, channel: str, day: date) -> None:
        pair = f"hub-{channel}"
        found.states[pair, day] = "done"
        for sale in self.sales:
            if (sale.channel, sale.day) != (channel, day):
                continue
            ticket = f"{sale.order_no}105012A"
            if sale.fault == "channel_forgot":
                # The payment that the channel lacks too stands under its ticket's break.
                found.breaks[pair, day, "MISSING_IN_CHANNEL", ticket] = sale.fen
            elif sale.fault == "channel_amount":
                found.breaks[pair, day, "AMOUNT", ticket] = 150
            # hub_deaf: the policy takes the channel's own record; channel_cents: below the limit, written off.

    # --- processors: what was paid, against the files that have come, carried from date to date

    def _processor(self, found: Verdict, processor: Processor, days: list[date], now: datetime) -> None:
        pair = f"hub-{processor}"
        done = [day for day in days if self._state(found, processor, day, now) == "done"]
        carried: dict[tuple[str, str], Row] = {}
        for day in done:
            left = {row.key: row for row in self._hub_rows(processor, day)}
            right = {row.key: row for row in self._lines(processor, day, now)}
            opening, carried = carried, {}
            for (side, key), row in opening.items():
                (left if side == "left" else right).setdefault(key, row)
            followed = day + ONE in done
            for key in sorted(left.keys() | right.keys()):
                ours, theirs = left.get(key), right.get(key)
                if ours is not None and theirs is not None:
                    self._both(found, pair, day, ours, theirs)
                    continue
                side = "left" if ours is not None else "right"
                row = left[key] if ours is not None else right[key]
                if side == "right" and self._known_earlier(processor, key, day):
                    continue
                if self._waits(processor, row, day, now, followed):
                    carried[side, key] = row
                    found.pending.add((pair, day, key))
                else:
                    found.breaks[pair, day, self._kind(row, side), f"{processor}|{key}"] = row.fen

    def _state(self, found: Verdict, processor: Processor, day: date, now: datetime) -> str:
        here = [file for file in self.files if (file.processor, file.day) == (processor, day) and file.comes <= now]
        if any(not file.is_damaged for file in here):
            state = "done"
        elif here:
            state = "refused"
            found.breaks[f"hub-{processor}", day, "CONTROL_TOTAL", here[0].name] = 0
        else:
            state = "waiting"
        found.states[f"hub-{processor}", day] = state
        return state

    def _hub_rows(self, processor: Processor, day: date) -> Iterable[Row]:
        """The payments that the hub knows of a processor's date."""
        begin, end = cut_off(processor, day - ONE), cut_off(processor, day)
        for sale in self.sales:
            if sale.processor == processor and begin <= sale.at < end:
                yield Row(sale.reference, sale.at, sale.fen, day)

    def _lines(self, processor: Processor, day: date, now: datetime) -> Iterable[Row]:
        """What the processor says of a date: the same movement in two files is one."""
        said: dict[str, Movement] = {}
        for file in self.files:
            if (file.processor, file.day) == (processor, day) and file.comes <= now and not file.is_damaged:
                said |= {movement.reference: movement for movement in file.movements}
        for reference, movement in said.items():
            yield Row(reference, movement.at, movement.fen, day)

    def _known_earlier(self, processor: Processor, reference: str, day: date) -> bool:
        """Whether the hub has the payment under an earlier date: nothing is missing here, that date explains it."""
        begin = cut_off(processor, day - ONE)
        return any(sale.at < begin for sale in self.sales if sale.reference == reference)

    def _both(self, found: Verdict, pair: str, day: date, ours: Row, theirs: Row) -> None:
        key = f"{pair.removeprefix('hub-')}|{ours.key}"
        apart = abs(ours.fen - theirs.fen)
        # Up to one yuan the shipped policy writes off, at the pairs it names; the operator's own pair is not one.
        if apart > (100 if pair == "hub-wechat" else 0):
            found.breaks[pair, day, "AMOUNT", key] = apart
        elif not apart and (ours.origin != day or theirs.origin != day):
            found.timing.add((pair, day, "TIMING", key))

    def _waits(self, processor: Processor, row: Row, day: date, now: datetime, followed: bool) -> bool:
        """Whether a one-sided row may still find its counterpart: it is of its date's last minutes, and grace lasts, or
        the next date has been run and decides."""
        if row.at < cut_off(processor, row.origin) - EDGE:
            return False
        return now < self._grace_ends(processor, row.origin) or (followed and day < row.origin + ONE)

    @staticmethod
    def _grace_ends(processor: Processor, day: date) -> datetime:
        if processor == "wechat":
            return cut_off(processor, day) + GRACE
        # T+1: grace counts from the end of the settlement's date, and does not end on a rest day.
        local = cut_off(processor, next_bank_day(day)) + GRACE + BEIJING
        while not banks_work(local.date()):
            local = datetime.combine(local.date() + ONE, local.time(), UTC)
        return local - BEIJING

    def _kind(self, row: Row, side: str) -> str:
        if side == "left":
            return "TICKET_NO_PAYMENT"
        if row.key.startswith("RF"):
            return "ORPHAN_REFUND"
        return "DOUBLE_PAYMENT" if row.key.endswith("9") and len(row.key) > 11 else "MISSING_IN_HUB"


def noon_after(day: date) -> datetime:
    """Half past twelve in Beijing on the day after ``day``: every file that comes in time is there."""
    return datetime.combine(day + ONE, time(12, 30), UTC) - BEIJING


def by_pair(keys: Mapping[Key, int]) -> dict[str, int]:
    """How many breaks each pair has."""
    counts: dict[str, int] = {}
    for pair, *_ in keys:
        counts[pair] = counts.get(pair, 0) + 1
    return counts
