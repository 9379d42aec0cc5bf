"""The canonical statement line, and the ways in which a file or a row can fail.

Every format, be it a table of columns, XML or SWIFT, is brought to one Arrow table, :data:`LINES`; one function makes
canonical rows of it. A *file* whose own totals do not hold is refused; a *row* that fails alone is kept aside.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.datasets import SCHEMA

LINES = pa.schema(
    [
        ("kind", pa.string()),
        ("ref", pa.string()),
        ("other_ref", pa.string()),
        ("order_no", pa.string()),
        ("at", pa.int64()),
        ("amount", pa.int64()),
        ("currency", pa.string()),
        ("fee", pa.int64()),
        ("batch", pa.string()),
        ("place", pa.string()),
        ("raw", pa.string()),
    ]
)
"""One movement at a processor.

``kind``: payment, refund, payout or adjustment. ``ref``: what both sides know it by (a payment's transaction number, a
refund's merchant number, or the processor's own when the merchant gave none). ``other_ref``: its second name.
``order_no``: the merchant's order. ``at``: microseconds since 1970 UTC. ``amount``: minor units; positive for payments
and refunds, signed for payouts and adjustments, plus = to the railway. ``fee``: what was kept of the amount, in
thousandths of a minor unit. ``batch``: the settlement or payout it belongs to. ``place``: ``line 12``. ``raw``: the
text, masked; empty where it is found again on demand (``evidence``).
"""

Sink = Callable[[pa.Table], None]
"""Takes tables of :data:`LINES` as they are read. What it got of a file that is refused in the end is worth nothing."""


ASK_AGAIN = "Ask the processor for the file again; keep this one as it is."


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that could not be read, kept aside with its place; its neighbours stand. ``raw`` names no payer."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class ProvenTotal:
    """A control total that holds: what the file says of itself, as text, is what its rows come to."""

    name: str
    said: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A file whose totals hold. ``business_date`` is the day it is about, None for an empty file without a date.

    ``table``: the lines (:data:`LINES`), empty when a sink took them; ``rows`` counts them either way.
    """

    format: str
    processor: str
    table: pa.Table
    rows: int
    quarantined: tuple[Quarantined, ...]
    totals: tuple[ProvenTotal, ...]
    business_date: date | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not taken: why, where, what to do, and the day it seems to be about."""

    format: str
    reason: str
    place: str
    remedy: str = ASK_AGAIN
    business_date: date | None = None


class FileError(ValueError):
    """The file as a whole is wrong: the sentence, where, and what to do about it."""

    def __init__(self, reason: str, place: str, remedy: str = ASK_AGAIN) -> None:
        super().__init__(reason)
        self.place = place
        self.remedy = remedy


class Collector:
    """A sink that keeps everything: for small files and tests."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []

    def __call__(self, table: pa.Table) -> None:
        self.tables.append(table)

    def table(self) -> pa.Table:
        return pa.concat_tables([LINES.empty_table(), *self.tables]).combine_chunks()


def lines_table(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Records with LINES' names as a table: for the readers that go entry by entry."""
    return pa.Table.from_pylist([dict(record) for record in records], schema=LINES)


def day_of(days: Mapping[date, int]) -> date | None:
    """The local date of most rows, the earliest of equals; None without any."""
    counted = Counter(days)
    return min(counted, key=lambda day: (-counted[day], day)) if counted else None


def canonical(table: pa.Table, processor: str, sha256: str) -> pa.Table:
    """Statement lines as canonical rows (``datasets.SCHEMA``): ``key`` is ``processor|ref``."""
    rows = table.num_rows
    prefix = pa.scalar(f"{processor}|", pa.string())
    joined = pc.binary_join_element_wise
    other = joined(prefix, table["other_ref"], "")
    columns: dict[str, Any] = {
        name: table[name] for name in ("kind", "order_no", "at", "amount", "currency", "fee", "batch", "place", "raw")
    }
    columns["key"] = joined(prefix, table["ref"], "")
    columns["other_key"] = pc.if_else(pc.equal(table["other_ref"], ""), "", other)
    columns["sha256"] = pa.repeat(pa.scalar(sha256, pa.string()), rows)
    for field in SCHEMA:
        if field.name not in columns:
            blank = "" if field.name in _BLANK else None
            columns[field.name] = pa.repeat(pa.scalar(blank, field.type), rows)
    return pa.table({field.name: columns[field.name] for field in SCHEMA}, schema=SCHEMA)


_BLANK = frozenset({"seller", "sold_on", "actors", "carried", "person"})
