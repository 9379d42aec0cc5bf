"""`make bench-books`: what a balance costs when the ledger holds many orders.

The event log is filled by PostgreSQL itself with a month of sales and refunds of five channels. Every question is asked
of the pages and, in the same run, of the lines one by one (the floor: what it would cost without pages). The answers
must be equal. The ratio of the two is what pages are for; the times are what the machine did at that moment.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from rich.table import Table

from benchmarks.tables import show
from hub.store import pages
from hub.store.books import EVER, Span, account_lines, trial_balance
from interlock.database import migrate
from interlock.engines import start_engines

SIZES = (100_000, 1_000_000)
CHUNK = 500  # a transaction, as files are taken
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 30
TIMES = 5

FILL = """
INSERT INTO hub.events (event_id, order_id, sequence, type, origin, business_date, statements, postings, recorded_at)
SELECT uuidv7(), uuidv7(), 1, 'order.issued', channel, (at AT TIME ZONE 'Asia/Shanghai')::date, '[]',
    CASE WHEN n %% 10 > 0 THEN jsonb_build_array(
        jsonb_build_array('channel_clearing:' || channel, fare, 'CNY', 'ticket.issued|F' || n, at),
        jsonb_build_array('sales', -fare, 'CNY', 'ticket.issued|F' || n, at),
        jsonb_build_array('processor_clearing:' || processor, fare, 'CNY', 'payment.captured|p|F' || n, at),
        jsonb_build_array('channel_clearing:' || channel, -fare, 'CNY', 'payment.captured|p|F' || n, at))
    ELSE jsonb_build_array(
        jsonb_build_array('sales', fare, 'CNY', 'ticket.refunded|F' || n, at),
        jsonb_build_array('channel_clearing:' || channel, -fare, 'CNY', 'ticket.refunded|F' || n, at),
        jsonb_build_array('channel_clearing:' || channel, fare, 'CNY', 'refund.requested|p|F' || n, at),
        jsonb_build_array('fees', -fare / 10, 'CNY', 'refund.requested|p|F' || n, at),
        jsonb_build_array(CASE WHEN n %% 50000 = 0 THEN 'suspense' ELSE 'refunds_payable' END, fare / 10 - fare, 'CNY',
            'refund.requested|p|F' || n, at)) END,
    at + interval '1 second' * (n %% 90)
FROM (SELECT n, 10 * (100 + n %% 5000) AS fare,
          (ARRAY['web', 'app', 'phone', 'agents', 'windows'])[n %% 5 + 1] AS channel,
          (ARRAY['wechat', 'alipay', 'bank', 'cash'])[n %% 4 + 1] AS processor,
          %(first)s::timestamptz + %(step)s::interval * n AS at
      FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS n) AS sold"""

FLOOR = """
SELECT account, currency, sum(amount)::bigint FROM hub.book_lines
WHERE (%(until)s::timestamptz IS NULL OR happened_at < %(until)s)
  AND (%(recorded)s::timestamptz IS NULL OR recorded_at <= %(recorded)s)
GROUP BY 1, 2"""


@dataclass(frozen=True, slots=True)
class Row:
    """One question at one size of the ledger; milliseconds, medians. ``floor_ms``: line by line; None: not asked."""

    orders: int
    question: str
    pages_ms: float
    floor_ms: float | None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.books", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="orders in the ledger")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ilk-books-") as folder:
        engines = start_engines(Path(folder))
        try:
            migrate(engines.database_url)
            with psycopg.connect(engines.database_url) as connection:
                found = list(_sizes(connection, sorted(options.sizes)))
        finally:
            engines.stop()
    _print(found, as_json=options.json)


def _sizes(connection: Connection[TupleRow], sizes: Sequence[int]) -> Iterator[Row]:
    there = 0
    step = timedelta(days=DAYS) / sizes[-1]
    for size in sizes:
        for start in range(there, size, CHUNK):
            values = {"first": FIRST, "step": step, "from": start, "to": min(start + CHUNK, size) - 1}
            with psycopg.ClientCursor(connection) as cursor:
                cursor.execute(FILL, values)
            connection.commit()
        begun, made = time.perf_counter(), 0
        while pages.turn(connection):
            made += 1
        turned = (time.perf_counter() - begun) * 1000
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
        connection.autocommit = False
        yield Row(size, f"to make {made} pages, each", turned / made, None)
        yield from _questions(connection, size, FIRST + step * size)
        there = size


def _questions(connection: Connection[TupleRow], size: int, last: datetime) -> Iterator[Row]:
    """``last``: when the last sale happened."""
    middle = (last - (last - FIRST) / 3).replace(minute=0, second=0, microsecond=0)
    spans = {
        "balance now": EVER,
        "balance as of a past hour": Span(until=middle),
        "balance as of a past minute": Span.of(as_of=middle + timedelta(minutes=31, seconds=7)),
        "balance as recorded by then": Span.of(recorded_as_of=middle + timedelta(minutes=31, seconds=7)),
        "both at once": Span.of(as_of=middle, recorded_as_of=middle + timedelta(minutes=1)),
    }
    for question, span in spans.items():
        by_pages = _timed(partial(_balances, connection, span), TIMES)
        line_by_line = _timed(partial(_floor, connection, span), 2)
        if by_pages[1] != line_by_line[1]:
            raise SystemExit(f"{question}: the pages say something else than the lines")
        yield Row(size, question, by_pages[0], line_by_line[0])
    for account in ("sales", "suspense"):
        took, _ = _timed(partial(account_lines, connection, account), TIMES)
        yield Row(size, f"50 lines of {account}", took, None)


def _balances(connection: Connection[TupleRow], span: Span) -> dict[tuple[str, str], int]:
    return {(row.account, row.currency): row.balance for row in trial_balance(connection, span)}


def _floor(connection: Connection[TupleRow], span: Span) -> dict[tuple[str, str], int]:
    values = {"until": span.until, "recorded": span.recorded_as_of}
    return {(account, currency): amount for account, currency, amount in connection.execute(FLOOR, values)}


def _timed(ask: Callable[[], Any], times: int) -> tuple[float, Any]:
    """(milliseconds, the median of ``times``; the answer)."""
    took: list[float] = []
    answer: Any = None
    for _ in range(times):
        begun = time.perf_counter()
        answer = ask()
        took.append((time.perf_counter() - begun) * 1000)
    return median(took), answer


def _print(found: Sequence[Row], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(row) for row in found], indent=2))
        return
    table = Table(title="The books as the ledger grows", title_justify="left")
    for column in ("orders", "question", "ms", "line by line ms", "ratio"):
        table.add_column(column, justify="left" if column == "question" else "right")
    for row in found:
        floor = f"{row.floor_ms:,.0f}" if row.floor_ms else ""
        ratio = f"1 : {row.floor_ms / row.pages_ms:,.0f}" if row.floor_ms else ""
        table.add_row(f"{row.orders:,}", row.question, f"{row.pages_ms:,.1f}", floor, ratio)
    show(table)


if __name__ == "__main__":
    main()
