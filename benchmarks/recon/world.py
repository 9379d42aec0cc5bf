"""A seeded railway day of any size, with its truth: canonical Parquet, written by DuckDB in chunks of orders.

    <folder>/<date>/hub/part-00000.parquet      canonical rows (``reconciliation.datasets.SCHEMA``), shuffled
    <folder>/<date>/agents/...                  what the channel says of the date
    <folder>/<date>/wechat/...                  what the processor says of the date
    <folder>/truth.parquet                      what must be found (see ``TRUTH_COLUMNS``)
    <folder>/accepted.parquet                   differences that were accepted before: definition, key, kind, values
    <folder>/world.json                         rows, seed, rate, dates, how often each case stands in it

There are two dates: the day, and its eve, which holds only a few orders and those that came a day late. An engine that
cannot carry rows from date to date gets the day alone and misses ``TIMING``.

Everything follows from (rows, seed, rate, day): order ``i`` has case ``i mod (1 / rate)``, and its amounts, times and
number of tickets come from MD5 of seed and ``i``. All persons are invented: their documents are of region 99.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.recon.cases import CASES, SIDES, Side
from benchmarks.recon.shape import World
from benchmarks.recon.things import EVE_ORDERS, PERSONS, things_sql
from benchmarks.recon.views import ACCEPTED, side_sql, truth_sql

ORDERS_A_CHUNK = 500_000
TRUTH_COLUMNS = ("business_date", "definition", "kind", "key", "state", "order_no", "amount", "case_name", "native")


Say = Callable[[str], None]


def invented(document_no: str) -> str:
    """An index that is good enough where nobody reads the native files with a key."""
    return hashlib.md5(document_no.encode(), usedforsecurity=False).hexdigest()


def generate(folder: Path, world: World, blind: Callable[[str], str] = invented, say: Say = lambda text: None) -> Path:
    """Write the world below ``folder`` (which must not hold one yet) and return it. ``blind``: see ``persons``."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(":memory:") as engine:
        prepare(engine, folder)
        persons(engine, blind)
        counted: dict[str, int] = {}
        for number, orders in enumerate(chunks(world)):
            things(engine, world, orders)
            for day in (world.eve, world.day):
                for side in SIDES:
                    place = _place(folder, day, side)
                    place.mkdir(parents=True, exist_ok=True)
                    _write(engine, side_sql(world, side, day), place / f"part-{number:05d}.parquet")
            _write(engine, truth_sql(world), folder / f"truth-{number:05d}.parquet")
            _write(engine, ACCEPTED, folder / f"accepted-{number:05d}.parquet")
            for name, times in case_counts(engine).items():
                counted[name] = counted.get(name, 0) + times
            say(f"{orders.stop:,} of {world.orders:,} orders")
        _join_parts(engine, folder, "truth")
        _join_parts(engine, folder, "accepted")
    described = {**asdict(world), "day": world.day.isoformat(), "eve": world.eve.isoformat(), "cases": counted}
    (folder / "world.json").write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def _place(folder: Path, day: date, side: Side) -> Path:
    return folder / day.isoformat() / side


def parts(folder: Path, day: date, side: Side) -> tuple[Path, ...]:
    """The canonical files of one side of one date."""
    return tuple(sorted(_place(folder, day, side).glob("*.parquet")))


def prepare(engine: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The settings under which a world is made in bounded memory."""
    engine.execute("SET threads = 2")
    engine.execute("SET preserve_insertion_order = false")
    engine.execute("SET memory_limit = '4GB'")
    engine.execute(f"SET temp_directory = '{folder / 'spill'}'")


def persons(engine: duckdb.DuckDBPyConnection, blind: Callable[[str], str]) -> None:
    """The table of invented persons: number, document, ``type|index``. ``blind`` makes the index as the hub does."""
    engine.execute(_PERSONS)
    numbers = [row[0] for row in engine.execute("SELECT document_no FROM documents ORDER BY n").fetchall()]
    engine.execute("CREATE TABLE blinds (document_no VARCHAR, person VARCHAR)")
    made = pa.table({"document_no": numbers, "person": [f"resident_id|{blind(number)}" for number in numbers]})
    engine.register("made", made)
    engine.execute("INSERT INTO blinds SELECT * FROM made")
    engine.unregister("made")
    engine.execute(
        "CREATE TABLE persons AS SELECT n, document_no, person FROM documents JOIN blinds USING (document_no)"
    )


_PERSONS = f"""
CREATE TABLE documents AS
WITH bare AS (
    SELECT n, '990101' || (1950 + n % 60) || lpad((1 + n // 60 % 12)::VARCHAR, 2, '0')
              || lpad((1 + n // 720 % 28)::VARCHAR, 2, '0') || lpad((n // 20160)::VARCHAR, 3, '0') AS digits
    FROM range({PERSONS}) r(n)
)
SELECT n, digits || substr('10X98765432', 1 + (list_sum(list_transform(
    list_zip(string_split(digits, ''), [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]),
    lambda pair: pair[1]::INTEGER * pair[2])) % 11)::INTEGER, 1) AS document_no
FROM bare
"""
"""Resident ids as in GB 11643: region 99 (there is none), date of birth, number, check digit (weights mod 11)."""


def chunks(world: World, size: int = ORDERS_A_CHUNK) -> Iterator[range]:
    """The orders in runs that fit into memory; those of the eve stand behind the last of the day."""
    last = world.orders + EVE_ORDERS
    for first in range(0, last, size):
        yield range(first, min(first + size, last))


def things(engine: duckdb.DuckDBPyConnection, world: World, orders: range) -> None:
    """Make the table ``things``: what truly happened to these orders, one row per ticket, payment, refund."""
    engine.execute("DROP TABLE IF EXISTS things")
    engine.execute(f"CREATE TABLE things AS {things_sql(world, orders)}")


def _write(engine: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    engine.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def _join_parts(engine: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    """The chunks' small files as one, sorted: the same world is the same file."""
    found = sorted(folder.glob(f"{name}-*.parquet"))
    _write(
        engine, f"SELECT * FROM read_parquet({[str(path) for path in found]}) ORDER BY ALL", folder / f"{name}.parquet"
    )
    for path in found:
        path.unlink()


def case_counts(engine: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many orders of each case stand in the table ``things``."""
    found = engine.execute("SELECT case_no, count(DISTINCT i) FROM things WHERE case_no > 0 GROUP BY 1").fetchall()
    return {CASES[number - 1].name: times for number, times in found}
