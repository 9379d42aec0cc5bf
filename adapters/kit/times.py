"""Local times as channels write them: without zone, always meant as Asia/Shanghai.

China has kept UTC+8 without summer time since 1991, so a fixed offset says the same as the zone and costs less.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

SHANGHAI = timezone(timedelta(hours=8))
_YEARS = range(1990, 2101)
_PARTS = {"Y": r"([0-9]{4})", **dict.fromkeys("mdHMS", r"([0-9]{2})")}
_IN_ORDER = "YmdHMS"


class TimeForm:
    """One way to write a local time. ``pattern`` has the groups year, month, day, hour, minute, second, in order;

    the later ones may be absent. ``layout`` is the same for ``strftime``.

    >>> TimeForm(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", "%Y-%m-%d", "2026-01-09").read("2026-02-30") is None
    True
    """

    def __init__(
        self, pattern: str, layout: str, example: str, zone: tzinfo = SHANGHAI, order: tuple[int, ...] = ()
    ) -> None:
        self._pattern = re.compile(pattern)
        self._zone = zone
        self._order = order
        self.layout = layout
        self.example = example
        self.words = f"a time like {example}"
        self.read: Callable[[str], datetime | None] = lru_cache(maxsize=8192)(self._read)
        """The aware time, or None for what is not of this form or cannot be (30 February, year 12, a skipped hour).

        Remembered: one message says the same minute many times, and a busy minute many messages.
        """
        self.write: Callable[[datetime], str] = lru_cache(maxsize=8192)(self._write)
        """The local time of an instant in this form. Remembered like what was read: ``strftime`` is slow in Chinese."""

    @classmethod
    def of(cls, layout: str, zone: str = "Asia/Shanghai") -> Self:
        """The form of a ``strftime`` layout made of %Y %m %d %H %M %S, whatever their order. ``zone``: an IANA name.

        >>> TimeForm.of("%d.%m.%Y %H:%M").read("11.01.2026 08:00").isoformat()
        '2026-01-11T08:00:00+08:00'

        Raises ``ValueError`` for a layout without %Y, %m and %d, or with anything else.
        """
        letters = re.findall("%(.)", layout)
        if len(set(letters)) != len(letters) or not {"Y", "m", "d"} <= set(letters) <= set(_PARTS):
            raise ValueError(f"a layout of time is made of %Y %m %d and %H %M %S, each once; this is {layout!r}")
        pieces = re.split("%(.)", layout)
        pattern = "".join(_PARTS[piece] if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
        order = tuple(letters.index(letter) for letter in _IN_ORDER if letter in letters)
        if len(order) != max(_IN_ORDER.index(letter) for letter in letters) + 1:
            raise ValueError(f"hours before minutes, minutes before seconds: {layout!r} leaves one out")
        example = datetime(2026, 1, 11, 8, 2, 11, tzinfo=SHANGHAI).strftime(layout)
        return cls(pattern, layout, example, SHANGHAI if zone == "Asia/Shanghai" else ZoneInfo(zone), order)

    def _read(self, text: str) -> datetime | None:
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        numbers = [int(group) for group in found.groups() if group is not None]
        year, month, day, *clock = [numbers[place] for place in self._order] or numbers
        if year not in _YEARS:
            return None
        hour, minute, second = (*clock, 0, 0, 0)[:3]
        try:
            moment = datetime(year, month, day, hour, minute, second, tzinfo=self._zone)
        except ValueError:  # a day or an hour that there is not: the caller names the place
            return None
        if self._zone is SHANGHAI:
            return moment
        # With its offset in place of its zone: an ambiguous time compares equal to no time of another zone (PEP 495).
        return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta())) if _exists(moment) else None

    def _write(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).strftime(self.layout)


def _exists(moment: datetime) -> bool:
    """Whether clocks ever showed this: not in the hour that summer time skips."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) == moment.replace(tzinfo=None)


def local_date(moment: datetime) -> date:
    """The calendar date in China of an instant: a business date."""
    return moment.astimezone(SHANGHAI).date()
