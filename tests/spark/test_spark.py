"""Spark is held to DuckDB: the same counts and the same differences, row by row and in the same order; then the truth
tests and a law on Spark alone. Nothing is skipped: without Java or pyspark every test here fails, and says why.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.recon import passes
from benchmarks.recon.direct import Direct, on_spark
from benchmarks.recon.house import House
from benchmarks.recon.score import score
from benchmarks.recon.shape import World
from benchmarks.recon.world import generate
from interlock.database import Pool
from reconciliation.datasets import rows_to_table, write_dataset
from reconciliation.definitions import Definition
from reconciliation.matching import PAIRS, EngineFailed, MatchOptions, PieceResult, match_files
from reconciliation.matching.exact import know_the_same
from reconciliation.matching.spark import REMEDY, Spark
from reconciliation.rows import Row
from tests.reconciliation.matching.sides import DAY, PAYOUTS, WEB, WECHAT, match, rows
from tests.reconciliation.matching.test_laws import day_with_faults, said_of

WORLD = World(rows=600, seed=7, rate=0.02)
NO_OPTIONS = MatchOptions()

_FAULTS = day_with_faults(21, 400)
_TWICE = rows(
    [
        "A ticket 100 issued seat=5-1A at=3", "A ticket 100 issued seat=5-1A at=1", "A ticket 200 issued seat=5-1B",
        "B ticket - issued", "C ticket 300 issued sold=2026-01-01", "D ticket 400 issued seller=app actors=|web|",
        "中文 ticket 500 issued", "Z ticket 100 issued at=-700", "z ticket 100 issued", "E ticket 100 issued at=2000",
    ]
)  # fmt: skip
_OTHER_TWICE = rows(
    [
        "A ticket 200 issued seat=5-1B at=9", "A ticket 100 issued seat=5-1A", "B ticket 100 issued",
        "C ticket 301 issued", "D ticket 400 refunded", "中文 ticket 501 issued", "F ticket - issued",
        "Z ticket 100 issued", "z ticket 100 -",
    ]
)  # fmt: skip
_PAID = rows([f"wechat|{n} payment {100 * n} order=E{n} at={n}" for n in range(1, 9)])
_BILLED = rows([f"wechat|{n} payment {100 * n + n // 7} fee={600 * n + 700 * (n % 3)} at={n}" for n in range(2, 10)])

SIDES: Mapping[str, tuple[Definition, Sequence[Row], Sequence[Row]]] = {
    "by hash": (WEB, _FAULTS[0], _FAULTS[1]),
    "by column": (WEB, _FAULTS[0], [replace(r, seat=None) for r in _FAULTS[1]]),
    "several rows of a key": (WEB, _TWICE, _OTHER_TWICE),
    "a processor and its fee": (WECHAT, _PAID, _BILLED),
    "no exact pass": (PAYOUTS, _PAID, rows(["P payout 2000 batch=x", "Q payout 100 batch=y"])),
    "one side is empty": (WEB, _TWICE, []),
}


def on(
    pair: Definition, sides: Sequence[Sequence[Row]], folder: Path, everything: bool, options: MatchOptions
) -> tuple[PieceResult, pa.Table]:
    """The first pass of two sides as one piece: its counts and its file."""
    ours, theirs = (write_dataset(folder, side, 64) for side in sides)
    out = folder / f"{options.engine}.parquet"
    counts = match_files(pair, ours.paths, theirs.paths, DAY, out, options, everything)
    return counts, pq.read_table(out)


def assert_the_same(
    pair: Definition,
    sides: Sequence[Sequence[Row]],
    folder: Path,
    everything: bool = False,
    options: MatchOptions = NO_OPTIONS,
) -> None:
    """Both engines count the same and write the same rows in the same order, with the columns that are promised."""
    counts, lines = on(pair, sides, folder, everything, options)
    other_counts, other_lines = on(pair, sides, folder, everything, replace(options, engine="spark"))
    assert other_counts == counts
    assert other_lines.to_pylist() == lines.to_pylist()
    assert [(f.name, f.type) for f in other_lines.schema] == [(f.name, f.type) for f in PAIRS]
    assert lines.num_rows
    # Nothing half written stays beside it.
    assert not [path for path in folder.iterdir() if path.name.startswith(".writing-")]


@pytest.mark.parametrize("name", SIDES)
def test_both_engines_write_the_same_differences(tmp_path: Path, name: str) -> None:
    pair, left, right = SIDES[name]
    if name.startswith("by "):
        ours, theirs = (write_dataset(tmp_path, side, 64).paths for side in (left, right))
        assert know_the_same(ours, theirs) == (name == "by hash")
    assert_the_same(pair, (left, right), tmp_path)


def test_both_engines_list_the_pairs_that_agree_too(tmp_path: Path) -> None:
    assert_the_same(WEB, (_TWICE, _OTHER_TWICE), tmp_path, everything=True)


def test_both_engines_take_up_what_was_carried(tmp_path: Path) -> None:
    """Of a piece's own buckets only: a row that came again gets its mark, the others are added."""
    paths = []
    for name, listed in (("left", _TWICE[4:7]), ("right", rows(["C ticket 300 issued", "K ticket 1 issued"]))):
        paths.append(tmp_path / f"carried {name} [of the date].parquet")
        pq.write_table(rows_to_table([replace(r, carried="2026-01-09") for r in listed]), paths[-1])
    carried = MatchOptions(carried_left=(paths[0],), carried_right=(paths[1],), buckets=(0, 48))
    assert_the_same(WEB, (_TWICE, _OTHER_TWICE), tmp_path, options=carried)


def test_the_engine_finds_everything_and_nothing_else(tmp_path: Path) -> None:
    world = generate(tmp_path / "world", WORLD)
    result = score(world / "truth.parquet", Direct(world, WORLD, tmp_path, exact=on_spark).both_days())
    assert result.perfect, result.faults[:40]


def test_the_later_passes_find_everything_and_nothing_else(tmp_path: Path) -> None:
    assert passes.found(tmp_path, 120, on_spark) == passes.truth(120)


def test_reconciliation_finds_everything_and_nothing_else(pool: Pool, database_url: str, tmp_path: Path) -> None:
    """The whole of it, as it runs where `INTERLOCK_RECON_ENGINE=spark` is set."""
    world = generate(tmp_path / "world", WORLD)
    house = House(pool, database_url, world, WORLD, tmp_path, engine="spark")
    found = []
    for day in (WORLD.eve, WORLD.day):
        outcome = house.reconcile(day)
        assert [d.state for d in outcome.definitions] == ["done"] * 3, outcome.to_json()
        found.append(house.found(day))
    result = score(world / "truth.parquet", pa.concat_tables(found))
    assert result.perfect, result.faults[:40]


def test_shuffled_rows_in_other_files_say_the_same_and_halves_add_up(tmp_path: Path) -> None:
    left, right, truth = day_with_faults(9, 300)
    whole = match(tmp_path / "whole", WEB, left, right, engine="spark")
    assert whole.found == truth
    assert said_of(match(tmp_path / "shuffled", WEB, left[::-1], right[::-1], 32, engine="spark")) == said_of(whole)
    counts = PieceResult()
    for half in ("02468", "13579"):
        ours, theirs = ([r for r in side if r.key[-1] in half] for side in (left, right))
        counts.add(match(tmp_path / half, WEB, ours, theirs, engine="spark").counts)
    assert counts == whole.counts


def test_what_spark_cannot_do_ends_with_a_sentence() -> None:
    with pytest.raises(EngineFailed, match=r"^Spark: .*nowhere"), Spark() as engine:
        engine.fetch("SELECT key FROM nowhere")
    with Spark() as engine:
        assert engine.fetch("SELECT 1") == [(1,)]


def test_without_java_the_error_says_what_to_do(tmp_path: Path) -> None:
    """In a process of its own that finds a shell and no Java."""
    for name in ("bash", "env", "dirname", "ps", "cat", "tr", "grep", "sed"):
        found = shutil.which(name)
        if found is not None:
            (tmp_path / name).symlink_to(found)
    program = "from reconciliation.matching.spark import Spark; Spark().__enter__()"
    ended = subprocess.run([sys.executable, "-c", program], env={"PATH": str(tmp_path)}, text=True, capture_output=True)
    assert ended.returncode == 1
    assert REMEDY in ended.stderr
