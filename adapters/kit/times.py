"""Local times as channels write them: without zone, always meant as Asia/Shanghai.

China has kept UTC+8 without summer time since 1991, so a fixed offset says the same as the zone and costs less.
"""

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

SHANGHAI = timezone(timedelta(hours=8))
_YEARS = range(1990, 2101)


class TimeForm:
    """One way to write a local time. ``pattern`` has the groups year, month, day, hour, minute, second, in order;

    the later ones may be absent. ``layout`` is the same for ``strftime``.

    >>> TimeForm(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", "%Y-%m-%d", "2026-01-09").read("2026-02-30") is None
    True
    """

    def __init__(self, pattern: str, layout: str, example: str) -> None:
        self._pattern = re.compile(pattern)
        self.layout = layout
        self.example = example
        self.words = f"a time like {example}"
        self._remembered = lru_cache(maxsize=8192)(self._read)

    def read(self, text: str) -> datetime | None:
        """The aware time, or None for what is not of this form or cannot be (30 February, year 12).

        Remembered: one message says the same minute many times, and a busy minute many messages.
        """
        return self._remembered(text)

    def _read(self, text: str) -> datetime | None:
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        year, month, day, *clock = [int(group) for group in found.groups() if group is not None]
        if year not in _YEARS:
            return None
        hour, minute, second = (*clock, 0, 0, 0)[:3]
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)
        except ValueError:
            return None

    def write(self, moment: datetime) -> str:
        """The local time of an instant in this form."""
        return moment.astimezone(SHANGHAI).strftime(self.layout)


def local_date(moment: datetime) -> date:
    """The calendar date in China of an instant: a business date."""
    return moment.astimezone(SHANGHAI).date()
