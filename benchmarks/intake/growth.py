"""`make bench-growth`: what a message costs when the ledger holds many orders already.

The ledger is filled to each size by PostgreSQL itself, from one real sale: the same rows, the same widths, every key of
its own (UUIDv7 order ids, random message ids, random blind indexes). Then sales are taken in batches of 500, in turn
with the floor's two bare inserts, whose tables stay small: the ratio of the two is what the size of the ledger does,
the rates are what the machine did at that moment. Bar: the ratios within 20 % of each other.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import SecretStr
from rich.table import Table

from benchmarks.intake import floor, traffic
from benchmarks.intake.stage import seed
from benchmarks.tables import show
from hub.intake import Receipt
from interlock.database import migrate
from interlock.engines import start_engines
from interlock.settings import Settings
from interlock.wiring import Hub, open_hub

BATCH = 500
CHUNK = 100_000
SIZES = (0, 100_000, 1_000_000)

FILL = """
CREATE TEMP TABLE filling ON COMMIT DROP AS
    SELECT n, uuidv7() AS id, md5('message' || n) AS message_id, md5('person' || n) AS person
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n;
INSERT INTO hub.messages (channel, message_id, digest, source, media_type, raw, received_at, occurred_at, outcome,
        arrival, order_id, sequence, answer)
    SELECT m.channel, f.message_id, m.digest, m.source, m.media_type, m.raw, m.received_at, m.occurred_at, m.outcome,
        m.arrival, f.id, 1, m.answer FROM filling f, hub.messages m
    WHERE m.position = (SELECT min(position) FROM hub.messages WHERE order_id = %(sale)s);
INSERT INTO hub.orders SELECT r.* FROM filling f, hub.orders o,
    LATERAL jsonb_populate_record(o, jsonb_build_object('order_id', f.id, 'order_no', 'F' || f.n)) r
    WHERE o.order_id = %(sale)s;
INSERT INTO hub.refs SELECT 'rail', 'order', 'F' || to_char(n, 'FM000000000'), id FROM filling;
INSERT INTO hub.refs SELECT 'wechat', 'payment', '4300' || to_char(n, 'FM000000000000'), id FROM filling;
INSERT INTO hub.tickets SELECT r.* FROM filling f, hub.tickets t,
    LATERAL jsonb_populate_record(t, jsonb_build_object('order_id', f.id, 'ticket_no', 'F' || f.n || '-1',
        'document', f.person, 'phone', md5(f.person), 'service_date', date '2026-01-11' + (f.n %% 365)::int,
        'train', 'F' || f.n / 365 %% 200, 'coach', f.n / 73000 %% 16 + 1, 'seat', f.n / 1168000 + 1)) r
    WHERE t.order_id = %(sale)s;
INSERT INTO hub.seats SELECT date '2026-01-11' + (n %% 365)::int, 'F' || n / 365 %% 200, n / 73000 %% 16 + 1,
    n / 1168000 + 1, 1 FROM filling;
INSERT INTO hub.events (event_id, order_id, sequence, type, origin, message_id, business_date, statements, postings,
        recorded_at, contract, lane)
    SELECT uuidv7(), f.id, 1, e.type, e.origin, f.message_id, e.business_date, e.statements, e.postings,
        e.recorded_at, e.contract, e.lane
    FROM filling f, hub.events e WHERE e.order_id = %(sale)s AND e.sequence = 1;
"""


@dataclass(frozen=True, slots=True)
class Size:
    """One size of the ledger: messages a second of both sides (medians of the batches), and what it takes on disk."""

    orders: int
    floor: float
    hub: float
    ratio: float
    ledger_mb: int
    filled_seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.intake.growth", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="orders in the ledger")
    parser.add_argument("--batches", type=int, default=8, help=f"batches of {BATCH} of each side at each size")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ilk-growth-") as folder:
        engines = start_engines(Path(folder))
        try:
            migrate(engines.database_url)
            settings = Settings(
                data_dir=Path(folder),
                database_url=SecretStr(engines.database_url),
                redis_url=SecretStr(engines.redis_url),
            )
            seed(settings)
            hub = open_hub(settings, "growth")
            try:
                found = list(_sizes(hub, engines.database_url, sorted(options.sizes), options.batches))
            finally:
                hub.close()
        finally:
            engines.stop()
    _print(found, as_json=options.json)


def _sizes(hub: Hub, url: str, sizes: Sequence[int], batches: int) -> Iterator[Size]:
    supply = iter(traffic.sales((1 + len(sizes) * (batches + 1) * 2) * BATCH))
    with psycopg.connect(url) as bare, psycopg.connect(url, autocommit=True) as filler:
        bare.execute(floor.TABLES)
        bare.commit()
        _take(hub, list(islice(supply, BATCH)), "first")
        there = 0
        for size in sizes:
            begun = time.monotonic()
            there = _fill(filler, there, size)
            filled = time.monotonic() - begun
            yield _measured(hub, bare, supply, there, batches, filled)


def _fill(filler: Connection[TupleRow], there: int, size: int) -> int:
    """Bring the ledger from ``there`` to ``size`` orders; vacuumed and analysed, as autovacuum keeps it."""
    for first in range(there, size, CHUNK):
        with filler.transaction(), psycopg.ClientCursor(filler) as cursor:
            sale = cursor.execute("SELECT order_id FROM hub.orders ORDER BY order_id LIMIT 1").fetchone()
            assert sale is not None
            cursor.execute(FILL, {"first": first, "last": min(first + CHUNK, size) - 1, "sale": sale[0]})
    if size > there:
        filler.execute("VACUUM ANALYZE")
        filler.execute("CHECKPOINT")
    return max(there, size)


def _measured(
    hub: Hub, bare: Connection[TupleRow], supply: Iterator[bytes], orders: int, batches: int, filled: float
) -> Size:
    rates: list[tuple[float, float]] = []
    for n in range(batches + 1):
        floor_rows = [floor.row(message) for message in islice(supply, BATCH)]
        begun = time.perf_counter()
        floor.insert(bare, floor_rows)
        between = time.perf_counter()
        _take(hub, list(islice(supply, BATCH)), f"{orders}-{n}")
        rates.append((BATCH / (between - begun), BATCH / (time.perf_counter() - between)))
    del rates[0]  # the first batch reads the pages that the others find in memory
    row = bare.execute(
        """SELECT sum(pg_total_relation_size(c.oid)) / 1000000 FROM pg_class c
           JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'hub' AND relkind = 'r'"""
    ).fetchone()
    bare.commit()
    ratio = median(of_hub / of_floor for of_floor, of_hub in rates)
    medians = (median(rate for rate, _ in rates), median(rate for _, rate in rates))
    return Size(orders, *medians, ratio, int(row[0]) if row else 0, filled)


def _take(hub: Hub, messages: Sequence[bytes], name: str) -> None:
    now = datetime.now(UTC)
    answers = hub.intake.take([Receipt("web", f"{name}-{n}", raw, "bulk", now) for n, raw in enumerate(messages)])
    if bad := [answer for answer in answers if answer.outcome != "applied"]:
        raise SystemExit(f"{len(bad)} messages were not applied, the first: {bad[0].body}")


def _print(found: Sequence[Size], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(size) for size in found], indent=2))
        return
    table = Table(title="Intake as the ledger grows", title_justify="left")
    for column in ("orders", "ledger MB", "floor/s", "hub/s", "hub : floor", "against the smallest", "filled in s"):
        table.add_column(column, justify="right")
    for size in found:
        table.add_row(
            f"{size.orders:,}",
            f"{size.ledger_mb:,}",
            f"{size.floor:,.0f}",
            f"{size.hub:,.0f}",
            f"{size.ratio:.1%}",
            f"{size.ratio / found[0].ratio:.0%}",
            f"{size.filled_seconds:.0f}",
        )
    show(table)


if __name__ == "__main__":
    main()
