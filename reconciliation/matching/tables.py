"""What goes into matching and what comes out of it: small frozen values, and the columns of the files in between.

PAIRS     one line per pair or single row that does not match exactly: both sides' whole rows
MATCHES   who was matched with whom by a later pass, one line per member, with the amount allocated to it
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

import pyarrow as pa

from reconciliation.datasets import SCHEMA

Status = Literal["left", "right", "differs", "carried"]
PairSide = Literal["left", "right"]
EngineName = Literal["duckdb", "spark"]

COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)

PAIRS = pa.schema(
    [
        ("status", pa.string()),
        ("step", pa.string()),
        ("nth_left", pa.int64()),
        ("nth_right", pa.int64()),
        ("kinds", pa.string()),
        ("hint", pa.string()),
        ("bound_by", pa.string()),
        ("suggestions", pa.string()),
        *((f"l_{name}", SCHEMA.field(name).type) for name in COLUMNS),
        *((f"r_{name}", SCHEMA.field(name).type) for name in COLUMNS),
    ]
)
"""``status``: ``left`` or ``right`` for a row without a counterpart (the other side is NULL), ``differs`` for a pair,
``carried`` for a pair that agrees and of which a row was carried into the date, ``matched`` for any other pair that
agrees, where asked for. ``step``: the pass that made the pair. ``kinds``: a pair's kinds of breaks, with a space
between. ``hint``: ``AMBIGUOUS`` where several counterparts fit. ``bound_by``: the batch whose unmatched rows are
one break together. ``suggestions``: JSON list of candidates, or empty."""

MATCHES = pa.schema(
    [
        ("step", pa.string()),
        ("group_id", pa.string()),
        ("side", pa.string()),
        ("key", pa.string()),
        ("nth", pa.int64()),
        ("amount", pa.int64()),
        ("agrees", pa.bool_()),
    ]
)
"""Every row that a later pass claimed, once. ``amount``: what of the group's sum is allocated to the member, in minor
units, refunds negative. ``agrees``: false where the group is whole but its sums or values differ (a break tells so)."""


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """How much one piece may take, and what was carried into the date.

    ``memory_limit`` as DuckDB writes it; past it, work spills to ``temp_dir``. ``carried_left``, ``carried_right``:
    files of rows with ``carried`` set, of the whole date; ``buckets`` (first, end) says which of them are this piece's.
    ``engine``: what does the first pass. Spark has one memory for all pieces of a process, whatever the limit here.
    """

    memory_limit: str = "1GB"
    threads: int = 1
    temp_dir: Path | None = None
    carried_left: tuple[Path, ...] = ()
    carried_right: tuple[Path, ...] = ()
    buckets: tuple[int, int] = (0, 64)
    engine: EngineName = "duckdb"


@dataclass(slots=True)
class PieceResult:
    """What one piece counts, in rows. ``left_rows``: rows of the left side that the other must know or does know.

    left_rows = matched + carried + differing + left_only; right_rows = matched + carried + differing + right_only.
    ``matched``: pairs that agree; ``carried``: pairs that agree with a row carried into the date.
    """

    left_rows: int = 0
    right_rows: int = 0
    matched: int = 0
    carried: int = 0
    differing: int = 0
    left_only: int = 0
    right_only: int = 0

    def add(self, other: "PieceResult") -> None:
        for name in (f.name for f in fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def to_json(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, int]) -> "PieceResult":
        return cls(**value)


@dataclass(frozen=True, slots=True)
class LaterResult:
    """What the later passes leave (``differences``, PAIRS), what they matched (``matches``), and rows per pass.

    ``claimed``: pass -> (rows of the left side, rows of the right side) that it matched. ``in_broken_groups``: rows of
    both sides that stand in groups whose sums differ: one break for each group.
    """

    differences: tuple[Path, ...]
    matches: Path | None = None
    claimed: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    in_broken_groups: tuple[int, int] = (0, 0)
