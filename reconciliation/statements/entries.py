"""What the readers share that go entry by entry: the bank's messages, of a size that a person could read."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from reconciliation.statements.lines import Quarantined, Sink, day_of, lines_table
from reconciliation.statements.members import Member

BANK_ZONE = ZoneInfo("Asia/Shanghai")
SOURCE = "bank"
"""The folder of the bank's files, and the first part of their keys."""
_ORDER = re.compile(r"\bE[A-Z0-9]\d{8}\b")
_REFERENCE = re.compile(r"^[0-9A-Za-z_.:-]{1,64}$")
_LINES_AT_ONCE = 5_000


class EntryError(ValueError):
    """One entry is wrong; the sentence says where."""


class EntryReading:
    """One document while it is read, entry by entry. ``stated``: the date that it says of itself."""

    def __init__(self, member: Member, label: str, sink: Sink) -> None:
        self.member = member
        self.label = label
        self.sink = sink
        self.rows = 0
        self.quarantined: list[Quarantined] = []
        self.days: Counter[date] = Counter()
        self.stated: date | None = None
        self._waiting: list[dict[str, Any]] = []

    @property
    def business_date(self) -> date | None:
        """The date that the document says of itself, else the day of most entries."""
        return self.stated or day_of(self.days)

    def take(self, lines: Sequence[dict[str, Any]], day: date) -> None:
        """Some lines of a day, given on by the thousand."""
        self.days[day] += len(lines)
        self._waiting += lines
        self.rows += len(lines)
        if len(self._waiting) >= _LINES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Give on what waits."""
        if self._waiting:
            self.sink(lines_table(self._waiting))
        self._waiting = []


def checked_reference(reference: str, where: str) -> str:
    """The reference, if it can be part of a key; raises EntryError naming ``where`` it was looked for."""
    if not _REFERENCE.match(reference):
        raise EntryError(f"the reference {reference!r} is empty or has strange characters ({where})")
    return reference


def order_no(texts: Sequence[str]) -> str:
    """The rail order number wherever the bank passed it on; empty where it did not."""
    found = next((match for said in texts if (match := _ORDER.search(said))), None)
    return found.group(0) if found else ""
