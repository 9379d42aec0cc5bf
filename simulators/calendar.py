"""When channels are open on the simulated day, and when a window's shift file reaches the hub."""

import random
from datetime import date, datetime, time, timedelta

from simulators.timetable import BEIJING

# First and last minute of an act, local time. Later than the last one a hold could not lapse before the day's end.
HOURS = {
    "web": ("05:10", "22:30"),
    "app": ("05:10", "22:30"),
    "phone": ("06:30", "21:00"),
    "agents": ("07:10", "22:00"),
    "windows": ("06:10", "21:45"),
}
DAY_BEGINS, DAY_ENDS = "05:00", "23:30"
PICKUP_DEADLINE = "22:00"
SHIFT_HOURS = (6, 10, 14, 18, 22)
HOLD_MINUTES = {"web": 30, "app": 30, "agents": 25}
# What one channel does reaches the others within this time; the next channel acts on the order afterwards.
NEWS_TRAVELS = timedelta(minutes=15)
FILE_TRAVELS = timedelta(minutes=30)


def at(day: date, clock: str) -> datetime:
    """``HH:MM`` of ``day`` in Beijing."""
    return datetime.combine(day, time.fromisoformat(clock), BEIJING)


def shift_of(moment: datetime) -> int:
    """The shift, 1 to 4, in which a window works at ``moment``."""
    return next(number for number in range(1, len(SHIFT_HOURS)) if moment.hour < SHIFT_HOURS[number])


def shift_ends(day: date, shift: int) -> datetime:
    """When the shift's file is dropped."""
    return datetime.combine(day, time(SHIFT_HOURS[shift]), BEIJING)


def known_elsewhere(channel: str, moment: datetime) -> datetime:
    """From when on other channels may act on what ``channel`` did at ``moment``."""
    if channel == "windows":
        return shift_ends(moment.date(), shift_of(moment)) + FILE_TRAVELS
    return moment + NEWS_TRAVELS


def some_time(rng: random.Random, day: date, channel: str, first: datetime, last: datetime) -> datetime | None:
    """A whole minute between ``first`` and ``last`` in the channel's hours; None when there is none."""
    opens, closes = HOURS[channel]
    low, high = max(first, at(day, opens)), min(last, at(day, closes))
    minutes = int((high - low) / timedelta(minutes=1))
    return low + timedelta(minutes=rng.randint(0, minutes)) if minutes >= 0 else None
