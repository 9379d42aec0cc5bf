"""`make bench-recon`: what a day costs, stage by stage, beside what the same day costs at the least.

One run, on one machine: the world is made (not counted), the rulers are taken (``floors``), the day goes through our
Reconciler on a real PostgreSQL, from canonical Parquet and from native files, and is scored. Wall times are what the
machine did at that moment; ratios inside one run, and CPU, are what can be compared.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.recon.cases import DEFINITIONS
from benchmarks.recon.floors import DATACOMPY_ROWS_MAX, bare_joins, datacompy_joins, has_datacompy, read_and_hash
from benchmarks.recon.house import House, Way
from benchmarks.recon.ledger import fill
from benchmarks.recon.measuring import Cost, Meter
from benchmarks.recon.native import generate_native
from benchmarks.recon.score import Score, score
from benchmarks.recon.shape import World
from benchmarks.recon.world import generate, parts
from interlock.database import migrate, open_pool
from interlock.engines import PostgresEngine, start_postgres
from reconciliation.runs import Moment

STAGES = {
    "gather": "partition",
    "prepare": "identify",
    "match": "match",
    "later": "classify",
    "explain": "classify",
    "persist": "persist",
    "resolve": "policy",
}
"""Our stages -> the words of the table. The policy of the benchmark resolves nothing; it looks at every break."""
COMPARING = ("match", "classify")


@dataclass(frozen=True, slots=True)
class WayCost:
    """One way of the day through the Reconciler: its costs by ``definition stage``, and what was found."""

    way: Way
    costs: tuple[Cost, ...]
    score: Score
    breaks: int

    def total(self, stages: Sequence[str], definitions: Sequence[str] = DEFINITIONS) -> tuple[float, float]:
        """(wall, CPU) seconds of these stages of these pairs; stages of the whole day stand under ``*``."""
        chosen = [
            c for c in self.costs if c.name.split(" ")[1] in stages and c.name.split(" ")[0] in (*definitions, "*")
        ]
        return sum(c.wall_s for c in chosen), sum(c.cpu_s for c in chosen)

    @property
    def whole(self) -> tuple[float, float]:
        """(wall, CPU) seconds from the first byte to the last committed break, without the policy."""
        return self.total([*{*STAGES.values()} - {"policy"}])

    def bytes_max(self, stages: Sequence[str]) -> int:
        return max((c.bytes_max for c in self.costs if c.name.split(" ")[1] in stages), default=0)


@dataclass(slots=True)
class Result:
    """Everything that one run has measured."""

    world: World
    hub_rows: int = 0
    floor: Cost | None = None
    joins: dict[str, Cost] = field(default_factory=dict)
    datacompy: dict[str, Cost] = field(default_factory=dict)
    ways: dict[Way, WayCost] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": self.world.rows,
            "hub_rows": self.hub_rows,
            "seed": self.world.seed,
            "rate": self.world.rate,
            "floor": asdict(self.floor) if self.floor else None,
            "joins": {name: asdict(cost) for name, cost in self.joins.items()},
            "datacompy": {name: asdict(cost) for name, cost in self.datacompy.items()},
            "ways": {
                way: {
                    "costs": [asdict(cost) for cost in found.costs],
                    "breaks": found.breaks,
                    "whole": found.whole,
                    "score": {**found.score.to_json(), "faults": found.score.to_json()["faults"][:100]},
                }
                for way, found in self.ways.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """What of it is to be measured."""

    ways: Sequence[Way] = ("canonical", "native")
    datacompy: bool = True
    policy: bool = False


def measure(work: Path, world: World, asked: Asked, say: Callable[[str], None]) -> Result:
    """Everything, in ``work`` (an empty folder, which keeps the world; the database and the runs are removed)."""
    result = Result(world)
    folder = work / "world"
    say(f"making a world of {world.rows:,} rows")
    generate(folder, world, say=say)
    if "native" in asked.ways:
        say("writing its native files")
        generate_native(folder, world)
    result.hub_rows = sum(pq.read_metadata(path).num_rows for path in parts(folder, world.day, "hub"))
    say("reading and hashing; bare joins")
    result.floor = read_and_hash(folder, world.day)
    result.joins = bare_joins(folder, world.day)
    if asked.datacompy and world.rows <= DATACOMPY_ROWS_MAX and has_datacompy():
        say("datacompy")
        result.datacompy = datacompy_joins(folder, world.day)
    for way in asked.ways:
        say(f"the day, from {'native files' if way == 'native' else 'canonical rows'}")
        result.ways[way] = _day(work, folder, world, way, asked.policy)
    return result


def _day(work: Path, folder: Path, world: World, way: Way, with_policy: bool) -> WayCost:
    with _database(work / "engine") as engine:
        pool = open_pool(engine.url, "benchmark", 1, 10)
        data = work / f"data-{way}"
        try:
            if way == "native":
                fill(pool, folder, world)
            house = House(pool, engine.url, folder, world, data, way)
            # The day before is tiny: it opens the day with rows that came late, and compiles every query once.
            house.reconcile(world.eve)
            before = house.found(world.eve)
            meter = Meter([engine.pid])
            with suppress(Persisted):
                house.reconcile(world.day, _laps(meter, with_policy))
            meter.stop()
            found = house.found(world.day)
        finally:
            pool.close()
            shutil.rmtree(data, ignore_errors=True)
    scored = score(folder / "truth.parquet", pa.concat_tables([before, found]), native=way == "native")
    return WayCost(way, meter.costs, scored, pc.sum(pc.equal(found["state"], "break")).as_py())


class Persisted(Exception):
    """All pairs are in the tables; what the policies would do now is not part of the day's comparison."""


def _laps(meter: Meter, with_policy: bool) -> Callable[[Moment], None]:
    """A new lap whenever a new stage is told of."""
    last: list[str] = []

    def tell(moment: Moment) -> None:
        if moment.stage == "resolve" and not with_policy:
            raise Persisted
        name = f"{moment.definition} {STAGES.get(moment.stage, moment.stage)}"
        if last[-1:] != [name]:
            last.append(name)
            meter.lap(name)

    return tell


@contextmanager
def _database(folder: Path) -> Iterator[PostgresEngine]:
    """A PostgreSQL of our own with an empty, migrated database."""
    shutil.rmtree(folder, ignore_errors=True)
    engine = start_postgres(folder)
    try:
        migrate(engine.url)
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def write_json(result: Result, path: Path) -> None:
    """For a later run to be held against, and for whoever wants to draw it."""
    path.write_text(json.dumps(result.to_json(), indent=1) + "\n", encoding="utf-8")
