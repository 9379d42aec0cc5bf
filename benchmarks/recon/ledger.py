"""A world's hub in PostgreSQL: its rows in ``recon.ledger_rows``, as if the event log had been followed to its end."""

from datetime import date
from pathlib import Path

import duckdb
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from benchmarks.recon.shape import World
from benchmarks.recon.world import parts
from reconciliation.breaks import Accepted
from reconciliation.journal import Pool
from reconciliation.rows import instant
from reconciliation.sources.ledger import COLUMNS
from schemas.facts import Adjusted
from schemas.money import Money

_PIECE = 1 << 20


def accepted(folder: Path) -> Accepted:
    """The differences of the world that were accepted before."""
    with duckdb.connect(":memory:") as engine:
        rows = engine.execute(
            "SELECT definition, key, kind, hub_value, other_value FROM read_parquet($path)",
            {"path": str(folder / "accepted.parquet")},
        ).fetchall()
    return frozenset((str(a), str(b), str(c), str(d), str(e)) for a, b, c, d, e in rows)


def fill(pool: Pool, folder: Path, world: World) -> int:
    """Write both dates of the hub into the empty tables; returns the rows written."""
    written = 0
    with pool.connection() as connection:
        for day in (world.eve, world.day):
            text = folder / f"ledger-{day.isoformat()}.tsv"
            written += _text(folder, day, text)
            names = ", ".join(f'"{name}"' for name in COLUMNS)
            copy = f"COPY recon.ledger_rows (order_id, business_date, home, {names}) FROM STDIN"
            with connection.cursor() as cursor, cursor.copy(copy.encode()) as into, text.open("rb") as rows:
                while piece := rows.read(_PIECE):
                    into.write(piece)
            text.unlink()
        connection.execute(_ORDERS)
        _accept(connection, folder, world)
        connection.execute("UPDATE recon.ledger_cursor SET rebuilt_to = NULL")
        connection.commit()
        connection.execute("ANALYZE recon.ledger_rows")
    return written


def _text(folder: Path, day: date, out: Path) -> int:
    """The rows stated on the date in the text form of PostgreSQL's COPY; an order's id is the MD5 of its number."""
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    found = [str(path) for path in parts(folder, day, "hub")]
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET threads = 2")
        engine.execute("SET preserve_insertion_order = false")
        row = engine.execute(
            f"COPY (SELECT md5(order_no) AS order_id, '{day}' AS business_date, sold_on = '{day}' AS home, {names}"
            f" FROM read_parquet({found}) WHERE actors <> '') TO '{out}'"
            " (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '', NULLSTR '\\N')"
        ).fetchone()
    return int(row[0]) if row else 0


_ORDERS = """
INSERT INTO recon.ledger_orders (order_id, order_no, version, dates)
SELECT order_id, min(order_no), 1, array_agg(DISTINCT business_date) FROM recon.ledger_rows GROUP BY order_id
"""


def _accept(connection: Connection[TupleRow], folder: Path, world: World) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE recon.ledger_orders SET adjusted = %s WHERE order_id = md5(%s)::uuid",
            [
                (Jsonb([_adjusted(*difference, world).model_dump(mode="json")]), difference[1][:10])
                for difference in sorted(accepted(folder))
            ],
        )


def _adjusted(definition: str, key: str, kind: str, hub_value: str, other_value: str, world: World) -> Adjusted:
    return Adjusted(
        occurred_at=instant(world.begin),
        definition=definition,
        subject=key,
        kind=kind,
        hub_value=hub_value,
        other_value=other_value,
        amount=Money(amount=int(hub_value) - int(other_value)),
        reason="agreed before",
        by="the benchmark",
    )
