"""Promises about time: midnight, the ends of month and year, the leap day, and clocks that are put forward or back.

A sample's order is moved as a whole, so that its first train leaves at the moment in question; it is told to the
channel in the channel's own form and read again. All of its times must come back.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from adapters.kit.conformance.fields import Message
from adapters.kit.conformance.suite import Suite, listed
from adapters.kit.folding import event_of, order_of
from schemas.facts import TicketHeld, TicketIssued
from schemas.model import Canonical
from schemas.observation import Observation, Rejection
from schemas.order import Order

MOMENTS = (
    "2026-02-28 23:59",
    "2026-03-01 00:00",
    "2028-02-28 23:59",
    "2028-02-29 00:00",
    "2028-02-29 23:59",
    "2028-03-01 00:26",
    "2026-04-30 23:59",
    "2026-12-31 23:59",
    "2027-01-01 00:00",
    "2027-01-01 00:26",
)
"""Departures, local time: the last minute of a month or year, midnight itself, and a train after midnight."""

ELSEWHERE = ("Pacific/Chatham", "America/New_York", "Asia/Kathmandu")
"""Zones of this computer that must not matter: +12:45 and -5 with daylight saving, +5:45 without."""

_CHANGES = (
    "2026-03-08 02:30",
    "2026-11-01 01:30",
    "2026-04-05 03:15",
    "2026-09-27 03:00",
)
"""Local times that do not exist or exist twice in one of them."""

C = TypeVar("C", bound=Canonical)
Times = dict[str, tuple[date | datetime | None, ...]]


class Dates(Suite):
    """No date is special, no machine's zone matters."""

    def test_midnights_month_ends_and_leap_days(self) -> None:
        """dates: moved to 28 and 29 February, month and year ends, 23:59, 00:00 and 00:26, every time comes back"""
        wrong: list[str] = []
        for name, observed in self.kinds().items():
            if not (known := self.times_told(observed)):
                continue
            for moment in MOMENTS:
                moved = moved_to(observed, self.local(moment))
                answer = self.times_told(moved)
                want = {number: fields for number, fields in times(moved).items() if number in known}
                if answer != want:
                    wrong.append(f"{name}, train at {moment}: {_differing(want, answer)}")
                    break
        assert not wrong, listed(wrong)

    def kinds(self) -> dict[str, Observation]:
        """One sample for every set of kinds of fact that a message can have."""
        found = {
            frozenset(f.fact for f in observed.facts): (name, observed) for name, _, observed in self.observations()
        }
        return dict(found.values())

    def times_told(self, observed: Observation) -> Times:
        """The times of every ticket as the channel reads them back; empty when it cannot be told of all of them."""
        order, formatted = self.told_of(observed)
        if formatted is None:
            return {}
        answer = self.adapter.parse(formatted)
        assert isinstance(answer, Observation), f"what the channel is told, it refuses to read: {answer}"
        told = times(answer)
        unsaid = {t.ticket_no for t in order.tickets} - set(told)
        return {number: fields for number, fields in told.items() if number not in unsaid}

    def told_of(self, observed: Observation) -> tuple[Order, bytes | None]:
        order = order_of(observed)
        formatted = self.adapter.format(event_of(observed, order, self.adapter.profile), order)
        return order, formatted.body if formatted else None

    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.adapter.profile.zone)

    def local(self, moment: str) -> datetime:
        """A local time of the channel's zone."""
        return datetime.fromisoformat(moment).replace(tzinfo=self.zone())

    def test_this_machines_zone_does_not_matter(self) -> None:
        """zones: read and told the same in Chatham, New York and Kathmandu, on days when clocks change there"""
        first = {name: (answer, self.told_of(answer)[1]) for name, _, answer in self.observations()}
        moved = [moved_to(o, self.local(at)) for at in _CHANGES for _, _, o in self.some()]
        told = [self.told_of(o)[1] for o in moved]
        for zone in ELSEWHERE:
            with local_zone(zone):
                for name, raw, _ in self.observations():
                    answer = self._understood(name, raw)
                    assert (answer, self.told_of(answer)[1]) == first[name], f"{name} differs in {zone}"
                assert [self.told_of(o)[1] for o in moved] == told, f"told otherwise in {zone}"

    def some(self) -> list[tuple[str, bytes, Observation]]:
        """Three samples with a train: enough where every sample would say the same."""
        return [sample for sample in self.observations() if times(sample[2])][:3]

    def test_clock_changes_of_the_channels_zone(self) -> None:
        """zones: where the channel's own clocks change, the hour that is missing or comes twice is never guessed"""
        found = clock_changes(self.zone(), 2026)
        if not found:
            self.not_declared(f"not declared: {self.adapter.profile.zone} has no daylight saving time")
        for missing, twice in found:
            for name, _, observed in self.some():
                for fold in (0, 1):
                    self._twice(name, observed, twice.replace(fold=fold))
                self._missing(name, observed, missing)

    def _twice(self, name: str, observed: Observation, moment: datetime) -> None:
        """An hour that comes twice: told with its offset or a loss; read as the same instant, or refused, or a loss."""
        moved = moved_to(observed, moment)
        order = order_of(moved)
        formatted = self.adapter.format(event_of(moved, order, self.adapter.profile), order)
        if formatted is None or formatted.losses:
            return
        answer = self.adapter.parse(formatted.body)
        if isinstance(answer, Rejection) or answer.losses != observed.losses:
            return
        assert times(answer) == times(moved), f"{name}: {moment} exists twice and is read as the other one, silently"

    def _missing(self, name: str, observed: Observation, moment: datetime) -> None:
        """An hour that does not exist, written into the fields that show the departure: refused or a loss."""
        after = moved_to(observed, moment.replace(fold=0) + timedelta(hours=1))
        _, formatted = self.told_of(after)
        assert formatted is not None
        message = self.open(formatted)
        shown, wrong = f"{moment.hour + 1:02}:{moment.minute:02}", f"{moment.hour:02}:{moment.minute:02}"
        changes = _replaced(message, shown, wrong)
        if not changes:
            return
        answer = self.adapter.parse(message.written(changes))
        heard = isinstance(answer, Rejection) or answer.losses != observed.losses
        assert heard, f"{name}: {wrong} does not exist on {moment:%Y-%m-%d} in {self.zone()} and is read without a loss"


def _replaced(message: Message, shown: str, wrong: str) -> dict[str, Any]:
    pairs = ((shown, wrong), (shown.replace(":", ""), wrong.replace(":", "")))
    for old, new in pairs:
        hit = {f.path: f.value.replace(old, new) for f in message.fields if isinstance(f.value, str) and old in f.value}
        if hit:
            return hit
    return {}


def times(observed: Observation) -> Times:
    """ticket -> service date, departure, arrival, when it was held or issued."""
    found: Times = {}
    for fact in observed.facts:
        if isinstance(fact, TicketHeld | TicketIssued):
            leg = fact.ticket.leg
            found[fact.ticket.ticket_no] = (leg.service_date, leg.origin.at, leg.destination.at, fact.occurred_at)
    return found


def moved_to(observed: Observation, departure: datetime) -> Observation:
    """The observation with every time moved so that its first train leaves at ``departure``; dates move in days."""
    leaves = next((f.ticket.leg.origin.at for f in observed.facts if isinstance(f, TicketHeld | TicketIssued)), None)
    start = leaves or observed.occurred_at
    return _shifted(observed, departure - start, (departure.date() - start.astimezone(departure.tzinfo).date()).days)


def _shifted(value: C, by: timedelta, days: int) -> C:
    """A canonical value with its instants moved ``by`` and its dates by ``days``."""
    return value.model_copy(update={name: _moved(item, by, days) for name, item in value if item is not None})


def _moved(item: Any, by: timedelta, days: int) -> Any:
    match item:
        case Canonical():
            return _shifted(item, by, days)
        case tuple():
            return tuple(_moved(part, by, days) for part in item)
        case datetime():
            return item + by
        case date():
            return item + timedelta(days=days)
        case _:
            return item


def _differing(want: Times, have: Times) -> str:
    for number, fields in want.items():
        if have.get(number) != fields:
            told = have.get(number)
            pairs = [f"{w} became {h}" for w, h in zip(fields, told, strict=True) if w != h] if told else ["nothing"]
            return f"ticket {number}: {'; '.join(pairs)}"
    return "tickets that were not told"


def clock_changes(zone: ZoneInfo, year: int) -> list[tuple[datetime, datetime]]:
    """A local time that is missing and one that comes twice, half an hour into each; empty where no clock changes."""
    if len({datetime(year, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)}) == 1:
        return []
    missing, twice = None, None
    moment = datetime(year, 1, 1, 0, 30, tzinfo=zone)
    while moment.year == year:
        later = moment.replace(fold=1)
        if moment.utcoffset() != later.utcoffset():
            if _is_real(moment):
                twice = twice or moment
            else:
                missing = missing or moment
        moment = (moment.replace(tzinfo=None) + timedelta(minutes=30)).replace(tzinfo=zone)
    return [(missing, twice)] if missing and twice else []


def _is_real(moment: datetime) -> bool:
    """Whether this local time exists: it survives the way to UTC and back."""
    utc = ZoneInfo("UTC")
    return moment.astimezone(utc).astimezone(moment.tzinfo).replace(tzinfo=None) == moment.replace(tzinfo=None)


@contextmanager
def local_zone(name: str) -> Iterator[None]:
    """This process in another time zone (POSIX ``TZ``), as a machine elsewhere would be."""
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = name
        time.tzset()
        yield
    finally:
        if before is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = before
        time.tzset()
