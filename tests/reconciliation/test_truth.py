"""A day whose every difference is known, through the engine alone and through the whole of reconciliation: all found
under their kinds, none invented, by id. ``make bench-recon`` does the same with millions of rows.
"""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.recon import passes
from benchmarks.recon.cases import CASES
from benchmarks.recon.direct import Direct, ExactPass
from benchmarks.recon.house import House, Way
from benchmarks.recon.ledger import fill
from benchmarks.recon.native import generate_native
from benchmarks.recon.score import Score, score
from benchmarks.recon.shape import World
from benchmarks.recon.world import generate
from interlock.database import Pool
from reconciliation.matching import match_files

WORLD = World(rows=600, seed=7, rate=0.02)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dates with about five orders of every case."""
    folder = tmp_path_factory.mktemp("world")
    generate(folder, WORLD)
    generate_native(folder, WORLD)
    return folder


@pytest.fixture(params=[pytest.param(match_files, id="duckdb")])
def exact(request: pytest.FixtureRequest) -> ExactPass:
    """The engine of the first pass; a second engine is one more parameter here."""
    engine: ExactPass = request.param
    return engine


def told(result: Score) -> str:
    """What went wrong, for a failing test."""
    counts = {name: result.total(name) for name in ("seeded", "found", "wrong_kind", "missed", "invented")}
    return "\n".join([str(counts), f"wrong money: {result.wrong_money}", *(" ".join(f) for f in result.faults[:40])])


def test_the_engine_finds_everything_and_nothing_else(world: Path, tmp_path: Path, exact: ExactPass) -> None:
    found = Direct(world, WORLD, tmp_path, exact=exact).both_days()
    result = score(world / "truth.parquet", found)
    assert result.perfect, told(result)
    assert result.total("seeded") > 4 * len(CASES)


def test_the_later_passes_find_everything_and_nothing_else(tmp_path: Path, exact: ExactPass) -> None:
    assert passes.found(tmp_path, 120, exact) == passes.truth(120)


@pytest.mark.parametrize("way", ["canonical", "native"])
def test_reconciliation_finds_everything_and_nothing_else(
    pool: Pool, database_url: str, world: Path, tmp_path: Path, way: Way
) -> None:
    if way == "native":
        fill(pool, world, WORLD)
    house = House(pool, database_url, world, WORLD, tmp_path, way)
    found = []
    for day in (WORLD.eve, WORLD.day):
        outcome = house.reconcile(day)
        assert [d.state for d in outcome.definitions] == ["done"] * 3, outcome.to_json()
        found.append(house.found(day))
    result = score(world / "truth.parquet", pa.concat_tables(found), native=way == "native")
    assert result.perfect, told(result)


FAULTS: list[tuple[str, Callable[[pa.Table], pa.Table], str]] = [
    ("a break left out", lambda found: found.slice(1), "missed"),
    ("a break too many", lambda found: pa.concat_tables([found, _renamed(found.slice(0, 1), "key", "X")]), "invented"),
    ("another kind", lambda f: pa.concat_tables([_renamed(f.slice(0, 1), "kind", "SEAT"), f.slice(1)]), "wrong kind"),
]


def _renamed(found: pa.Table, column: str, value: str) -> pa.Table:
    changed = pa.array([value] * found.num_rows, pa.string())
    return found.set_column(found.column_names.index(column), found.schema.field(column), changed)


@pytest.mark.parametrize(("name", "spoil", "what"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_the_score_sees_each_fault(world: Path, name: str, spoil: Callable[[pa.Table], pa.Table], what: str) -> None:
    perfect = _truth_as_found(world)
    assert score(world / "truth.parquet", perfect).perfect
    result = score(world / "truth.parquet", spoil(perfect))
    assert [fault[0] for fault in result.faults] == [what]
    assert not result.perfect


def _truth_as_found(world: Path) -> pa.Table:
    return pq.read_table(world / "truth.parquet").select(
        ["business_date", "definition", "kind", "key", "state", "amount"]
    )


def test_the_same_seed_is_the_same_world(tmp_path: Path) -> None:
    small = World(rows=500, seed=3, rate=0.02)
    one, two = generate(tmp_path / "one", small), generate(tmp_path / "two", small)
    for name in ("truth.parquet", "accepted.parquet", "world.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    other = generate(tmp_path / "other", World(rows=500, seed=4, rate=0.02))
    assert (one / "truth.parquet").read_bytes() != (other / "truth.parquet").read_bytes()
