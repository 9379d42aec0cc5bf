"""What the same day costs at the least, on this machine and in this run: the rulers beside our own figures.

read and hash     every row of both sides is read and hashed once: no comparison can be cheaper
bare joins        three DuckDB statements, one per comparison, that count what differs: no row is named, no kind found
datacompy         the library that people take for this (Polars), at up to two million rows: it needs all rows in memory
"""

import importlib.util
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.recon.cases import Side
from benchmarks.recon.measuring import Cost, measured
from benchmarks.recon.world import parts

DATACOMPY_ROWS_MAX = 2_500_000
_COMPARED = ("state", "amount", "seat", "currency", "fee", "person")
"""What the shipped definitions compare."""

_CHANNEL_SCOPE = "((seller = 'agents' AND sold_on = '{day}') OR contains(actors, '|agents|'))"
_PROCESSOR_SCOPE = "starts_with(key, 'wechat|') AND kind IN ('payment', 'refund')"

_JOIN = """
SELECT count(*) FILTER (r.key IS NULL AND l.in_scope), count(*) FILTER (l.key IS NULL),
       count(*) FILTER (l.amount <> r.amount), count(*) FILTER (l.currency <> r.currency), {more}
FROM (SELECT key, {columns}, {scope} AS in_scope FROM read_parquet({left}) WHERE {kinds}) l
FULL OUTER JOIN (SELECT key, {columns} FROM read_parquet({right})) r ON l.key = r.key
"""

_SEATS = """
SELECT count(*) FROM valid a JOIN valid b ON a.train_run = b.train_run AND a.seat = b.seat AND a.key < b.key
WHERE a.leg_departs < b.leg_arrives AND b.leg_departs < a.leg_arrives
"""


def _engine() -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect(":memory:")
    engine.execute("SET threads = 2")
    engine.execute("SET preserve_insertion_order = false")
    return engine


def _names(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]


def read_and_hash(folder: Path, day: date) -> Cost:
    """Read four columns of hub and channel and hash them."""
    with _engine() as engine, measured("read and hash") as cost:
        for side in ("hub", "agents"):
            engine.execute(
                f"SELECT bit_xor(hash(key, amount, state, seat)) FROM read_parquet({_names(parts(folder, day, side))})"
            ).fetchall()
    return cost[0]


def bare_joins(folder: Path, day: date) -> dict[str, Cost]:
    """The three comparisons as bare statements, by definition."""
    hub = _names(parts(folder, day, "hub"))
    agents, wechat = _names(parts(folder, day, "agents")), _names(parts(folder, day, "wechat"))
    tickets = ", ".join(f"count(*) FILTER (l.{name} <> r.{name})" for name in ("state", "seat", "fee", "person"))
    valid = (
        f"WITH valid AS (SELECT key, train_run, seat, leg_departs, leg_arrives FROM read_parquet({hub})"
        " WHERE kind = 'ticket' AND state = 'issued' AND seat IS NOT NULL)"
    )
    statements = {
        "hub-agents": _JOIN.format(
            columns=", ".join(_COMPARED),
            more=tickets,
            scope=_CHANNEL_SCOPE.format(day=day),
            left=hub,
            right=agents,
            kinds="true",
        ),
        "hub-wechat": _JOIN.format(
            columns="amount, currency, fee",
            more="count(*) FILTER (r.fee <> 6 * r.amount)",
            scope="true",
            left=hub,
            right=wechat,
            kinds=_PROCESSOR_SCOPE,
        ),
        "seats": valid + _SEATS,
    }
    found: dict[str, Cost] = {}
    for name, statement in statements.items():
        with _engine() as engine, measured(name) as cost:
            engine.execute(statement).fetchall()
        found[name] = cost[0]
    return found


def has_datacompy() -> bool:
    """Whether the group ``bench`` is installed: `make .venv/.installed-bench`."""
    return importlib.util.find_spec("datacompy") is not None and importlib.util.find_spec("polars") is not None


def datacompy_joins(folder: Path, day: date) -> dict[str, Cost]:
    """The two comparisons that datacompy can make (it has no overlap join), reading from the same files."""
    import polars
    from datacompy import PolarsCompare

    columns = ["key", *_COMPARED]
    hub = polars.scan_parquet(_names(parts(folder, day, "hub")))
    scoped = hub.filter(
        ((polars.col("seller") == "agents") & (polars.col("sold_on") == day.isoformat()))
        | polars.col("actors").str.contains("|agents|", literal=True)
    )
    money = hub.filter(polars.col("key").str.starts_with("wechat|") & polars.col("kind").is_in(["payment", "refund"]))
    found: dict[str, Cost] = {}
    pairs: tuple[tuple[str, Side, polars.LazyFrame], ...] = (
        ("hub-agents", "agents", scoped),
        ("hub-wechat", "wechat", money),
    )
    for name, side, left in pairs:
        with measured(name) as cost:
            right = polars.scan_parquet(_names(parts(folder, day, side))).select(columns).collect()
            compared = PolarsCompare(left.select(columns).collect(), right, join_columns="key")
            # What people call it for: the rows that only one side has, and those that differ.
            compared.all_mismatch()
            compared.report()
        found[name] = cost[0]
    return found
