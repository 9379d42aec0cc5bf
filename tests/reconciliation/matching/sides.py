"""Two sides written as text, matched all the way to breaks; every match is checked for rows lost or claimed twice."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from reconciliation.breaks import Around, Break, Explained, explain, read_breaks
from reconciliation.datasets import Dataset, rows_to_table, write_dataset
from reconciliation.definitions import Definition, definitions
from reconciliation.matching import EngineName, LaterResult, MatchOptions, PieceResult, later_passes, match_files
from reconciliation.rows import Row

DAY = date(2026, 1, 11)
BEGIN = 1_768_060_800_000_000
"""Midnight in Beijing at the beginning of DAY, in microseconds."""
MINUTE = 60_000_000

WEB = definitions()["hub-web"]
WECHAT = definitions()["hub-wechat"]
BANK = definitions()["hub-bank"]
PAYOUTS = definitions()["wechat-bank"]

_NUMBERS = {"amount", "fee", "at"}
_NAMES = {"order": "order_no", "other": "other_key", "sold": "sold_on"}


def definition(base: Definition, **values: Any) -> Definition:
    """A definition with other values, checked like any document."""
    document = base.model_dump(mode="json", by_alias=True)
    return Definition.model_validate({**document, **values})


def row(line: str) -> Row:
    """``A ticket 100 issued seat=5-1A``: key, kind, amount, state of a ticket, then names and values; ``-``: unknown.

    ``at``: minutes since the date's begin. Sold by web on DAY and in order E1 unless said otherwise.
    """
    key, kind, amount, *rest = line.split()
    base = Row(key, kind, "E1", BEGIN + MINUTE, seller="web", sold_on=DAY.isoformat())  # type: ignore[arg-type]  # a test's words
    values: dict[str, Any] = {"amount": None if amount == "-" else int(amount)}
    for word in rest:
        name, found, value = word.partition("=")
        if not found:
            values["state"] = None if name == "-" else name
        elif name == "at":
            values["at"] = BEGIN + int(value) * MINUTE
        else:
            values[_NAMES.get(name, name)] = int(value) if name in _NUMBERS else value
    return replace(base, **values)


def rows(lines: Iterable[str]) -> list[Row]:
    return [row(line) for line in lines]


@dataclass(frozen=True, slots=True)
class Matched:
    """The whole answer of a match."""

    counts: PieceResult
    later: LaterResult
    explained: Explained
    breaks: list[Break]

    @property
    def found(self) -> list[tuple[str, str]]:
        return sorted((b.kind, b.key) for b in self.breaks)

    def matches(self) -> list[dict[str, Any]]:
        """Who was claimed by the later passes."""
        return [] if self.later.matches is None else pq.read_table(self.later.matches).to_pylist()

    def one(self, kind: str) -> Break:
        [found] = [b for b in self.breaks if b.kind == kind]
        return found


def match(
    folder: Path,
    pair: Definition,
    left: Sequence[Row],
    right: Sequence[Row],
    width: int = 64,
    around: Mapping[str, Any] | None = None,
    carried: tuple[Sequence[Row], Sequence[Row]] = ((), ()),
    engine: EngineName = "duckdb",
) -> Matched:
    """Match two sides cut into 64 / ``width`` pieces. The left side is the hub that explains one-sided money."""
    folder.mkdir(exist_ok=True)
    ours, theirs = write_dataset(folder, left, width), write_dataset(folder, right, width)
    options = [_options(folder, place * width, width, carried) for place in range(64 // width)]
    counts, files = PieceResult(), []
    for place, (paths, option) in enumerate(zip(_pieces(ours, theirs), options, strict=True)):
        files.append(folder / f"piece-{place}.parquet")
        counts.add(match_files(pair, *paths, DAY, files[-1], replace(option, engine=engine)))
    later = later_passes(pair, files, DAY, folder / "later", MatchOptions())
    context = Around(hub=ours.paths, **(around or {}))
    explained = explain(pair, DAY, later, context, folder / "explained", MatchOptions())
    found = Matched(counts, later, explained, list(read_breaks(explained.breaks)))
    _nothing_lost(found, ours.rows, theirs.rows, carried)
    return found


def _pieces(ours: Dataset, theirs: Dataset) -> Iterable[tuple[list[Path], list[Path]]]:
    return [([a], [b]) for a, b in zip(ours.paths, theirs.paths, strict=True)]


def _options(folder: Path, first: int, width: int, carried: tuple[Sequence[Row], Sequence[Row]]) -> MatchOptions:
    paths = []
    for name, listed in zip(("left", "right"), carried, strict=True):
        path = folder / f"carried-{name}.parquet"
        pq.write_table(rows_to_table(listed), path)
        paths.append((path,) if listed else ())
    return MatchOptions(buckets=(first, first + width), carried_left=paths[0], carried_right=paths[1])


def _nothing_lost(
    found: Matched, left_rows: int, right_rows: int, carried: tuple[Sequence[Row], Sequence[Row]]
) -> None:
    """Every row that was looked at is matched, broken, waiting or accepted: each exactly once."""
    counts = found.counts
    for place, side in enumerate(("left", "right")):
        claimed = sum(by_pass[place] for by_pass in found.later.claimed.values())
        fates = sum(found.explained.rows[side].values())
        seen = counts.left_rows if side == "left" else counts.right_rows
        assert seen == counts.matched + counts.carried + claimed + fates, (side, found)
    assert counts.left_rows <= left_rows + len(carried[0])
    assert right_rows <= counts.right_rows <= right_rows + len(carried[1])
    times = Counter((m["side"], m["key"], m["nth"]) for m in found.matches())
    assert max(times.values(), default=1) == 1


def days_later(days: int) -> str:
    return (DAY + timedelta(days=days)).isoformat()
