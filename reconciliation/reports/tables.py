"""A report as plain tables: what Excel, CSV and print show alike. No writer decides what is in a report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

Shape = Literal["text", "money", "whole", "time", "state"]
"""``money``: minor units, shown in yuan with two decimals; ``time``: aware, shown as in Beijing."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's two headings, how its values are shown, and how wide it is compared with the others."""

    zh: str
    en: str
    shape: Shape = "text"
    width: int = 12


@dataclass(slots=True)
class Table:
    """One section. ``total`` is a last line, ``alarms`` are the numbers of rows that are shown in red.

    ``listed``: how many rows the whole list has, when ``rows`` are only its beginning. ``in_print``: how many rows
    print shows; None for all.
    """

    name: str
    zh: str
    en: str
    columns: Sequence[Column]
    rows: list[Sequence[Any]] = field(default_factory=list)
    total: Sequence[Any] | None = None
    alarms: set[int] = field(default_factory=set)
    note_zh: str = ""
    note_en: str = ""
    listed: int | None = None
    in_print: int | None = None


@dataclass(slots=True)
class Report:
    """A day's report. ``alarms``: sentences in both languages about what does not tie; empty when everything does."""

    zh: str
    en: str
    business_date: date
    made_at: datetime
    made_by: str
    head: list[tuple[str, str, str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    alarms: list[tuple[str, str]] = field(default_factory=list)

    @property
    def ties(self) -> bool:
        return not self.alarms

    def table(self, name: str) -> Table:
        """The section of this name; raises KeyError."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)


def added(rows: Sequence[Sequence[Any]], columns: Sequence[Column], label: str = "合计 total") -> list[Any]:
    """A last line: the sums of what can be added, for rows of one currency."""
    total: list[Any] = [label]
    for place, column in enumerate(columns[1:], start=1):
        adds = column.shape in {"money", "whole"}
        total.append(sum(row[place] or 0 for row in rows) if adds else "")
    return total
