"""The engine alone, without a database: canonical files in, breaks out. For the truth tests of every engine, and for
looking at one stage at a time. All of reconciliation, with runs, carry and persisting, is in ``house``.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.recon.cases import CHANNEL, PROCESSOR, SEATS, SIDES, Side
from benchmarks.recon.ledger import accepted
from benchmarks.recon.shape import World
from benchmarks.recon.world import parts
from reconciliation.breaks import Around, explain, seat_breaks
from reconciliation.carry import Opening, close, waits
from reconciliation.carry.files import EMPTY
from reconciliation.datasets import Dataset, width_for, write_dataset
from reconciliation.definitions import Definition, definitions
from reconciliation.matching import MatchOptions, PieceResult, later_passes, match_files
from reconciliation.sources.seats import double_sold

ExactPass = Callable[[Definition, Sequence[Path], Sequence[Path], date, Path, MatchOptions], PieceResult]
"""The first pass over one piece: what a second engine answers in its own way (``matching.match_files`` is DuckDB's)."""


def on_spark(
    definition: Definition,
    left: Sequence[Path],
    right: Sequence[Path],
    business_date: date,
    out: Path,
    options: MatchOptions,
) -> PieceResult:
    """The first pass on Spark."""
    return match_files(definition, left, right, business_date, out, replace(options, engine="spark"))


ENGINES: dict[str, ExactPass] = {"duckdb": match_files, "spark": on_spark}
"""By the name that ``python -m benchmarks.recon engine --engine`` takes."""

NO_OPENING = Opening(None, None, EMPTY)
_AT_ONCE = 2
FOUND = pa.schema(
    [
        ("business_date", pa.date32()),
        ("definition", pa.string()),
        ("kind", pa.string()),
        ("key", pa.string()),
        ("state", pa.string()),
        ("amount", pa.int64()),
    ]
)
"""What an engine hands to ``score``."""


def batches(folder: Path, day: date, side: Side) -> Iterator[pa.RecordBatch]:
    """The canonical rows of one side, a few at a time."""
    for path in parts(folder, day, side):
        yield from pq.ParquetFile(path).iter_batches(100_000)


@dataclass(slots=True)
class Direct:
    """A world on its way through the engine. ``stage`` is told what begins, for who measures."""

    folder: Path
    world: World
    work: Path
    exact: ExactPass = match_files
    memory_limit: str = "640MB"
    stage: Callable[[str], None] = lambda name: None
    openings: dict[str, Opening] = field(default_factory=dict)

    def both_days(self) -> pa.Table:
        """What is found on the eve and on the day."""
        return pa.concat_tables([self.found_on(self.world.eve), self.found_on(self.world.day)])

    def found_on(self, day: date) -> pa.Table:
        """What is found on one date, at noon of the next."""
        self.stage("partition")
        sides = self.partition(day)
        now = datetime.combine(day + timedelta(days=1), time(4), UTC)
        found = [self._pair(name, sides, day, now) for name in (CHANNEL, PROCESSOR)]
        return pa.concat_tables([*found, self._seats(sides, day)])

    def partition(self, day: date) -> dict[Side, Dataset]:
        """The three sides in hash buckets, all cut alike."""
        rows = sum(pq.read_metadata(path).num_rows for path in parts(self.folder, day, "hub"))
        width = width_for(rows)
        root = self.work / "datasets"
        return {side: write_dataset(root, batches(self.folder, day, side), width) for side in SIDES}

    def _pair(self, name: str, sides: dict[Side, Dataset], day: date, now: datetime) -> pa.Table:
        definition = definitions()[name]
        opening = self.openings.get(name, NO_OPENING)
        right = sides["agents" if name == CHANNEL else "wechat"]
        out = self.work / day.isoformat() / name
        self.stage(f"{name} match")
        files = self._pieces(definition, sides["hub"], right, day, opening, out)
        options = MatchOptions("1280MB", _AT_ONCE, self.work / "spill")
        self.stage(f"{name} later")
        later = later_passes(definition, files, day, out / "later", options)
        self.stage(f"{name} classify")
        around = Around(
            hub=sides["hub"].paths,
            claims=sides["agents"].paths if name == PROCESSOR else (),
            accepted=accepted(self.folder),
            waits_from=waits(definition, day, opening.origins, now, followed=False),
        )
        explained = explain(definition, day, later, around, out / "explain", options)
        closing = close(opening, explained.waiting, day, self.work / "carry")
        self.openings[name] = Opening(
            closing.left, closing.right, closing.digest, tuple((side, origin) for side, origin, _ in closing.origins)
        )
        return pa.concat_tables([_breaks(explained.breaks), _pending(name, day, explained.waiting)])

    def _pieces(
        self, definition: Definition, left: Dataset, right: Dataset, day: date, opening: Opening, out: Path
    ) -> list[Path]:
        def piece(n: int) -> Path:
            made = out / f"piece-{n:02d}.parquet"
            options = MatchOptions(
                self.memory_limit,
                1,
                self.work / "spill",
                (opening.left,) if opening.left else (),
                (opening.right,) if opening.right else (),
                (n * left.width, (n + 1) * left.width),
            )
            self.exact(definition, [left.paths[n]], [right.paths[n]], day, made, options)
            return made

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(piece, range(len(left.paths))))

    def _seats(self, sides: dict[Side, Dataset], day: date) -> pa.Table:
        self.stage("seats match")
        out = self.work / day.isoformat() / "seats.parquet"
        pairs = double_sold(sides["hub"].paths, day)
        self.stage("seats classify")
        seat_breaks(definitions()[SEATS], day, pairs, out)
        return _breaks(out)


def _breaks(path: Path) -> pa.Table:
    return _asked(
        "SELECT business_date, definition, kind, key, 'break' AS state, amount_at_stake AS amount"
        " FROM read_parquet($path)",
        {"path": str(path)},
    )


def _pending(name: str, day: date, path: Path) -> pa.Table:
    return _asked(
        "SELECT $day::DATE AS business_date, $name AS definition,"
        " CASE status WHEN 'left' THEN 'MISSING_IN_CHANNEL' ELSE 'MISSING_IN_HUB' END AS kind,"
        " coalesce(l_key, r_key) AS key, 'pending' AS state, coalesce(l_amount, r_amount) AS amount"
        " FROM read_parquet($path)",
        {"path": str(path), "day": day.isoformat(), "name": name},
    )


def _asked(query: str, parameters: dict[str, str]) -> pa.Table:
    with duckdb.connect(":memory:") as engine:
        return engine.sql(query, params=parameters).to_arrow_table().cast(FOUND)
