"""How fast the sides of a comparison become datasets: extracts by columns, the ledger's rows out of PostgreSQL.

    python -m benchmarks.recon.reading [transactions]       the windows' fixed-width day
    python -m benchmarks.recon.reading FILE.ndjson          an agents' day, as ``native`` writes it

Rows per second of CPU, because other processes of a busy machine change the wall time; and how much faster than
reading message by message, measured in the same run on the first messages.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import NamedTuple, Protocol

import adbc_driver_postgresql.dbapi as adbc
from psycopg import Connection
from psycopg.rows import TupleRow

from adapters.agents import adapter as agents
from adapters.kit.columns import punch
from adapters.windows import adapter as windows
from hub.ports import Part, Table
from reconciliation.sources.ledger import COLUMNS
from schemas.identifiers import resident_id
from schemas.observation import Observation, Rejection

DAY = date(2026, 1, 9)
_SLOW_PARTS = 2_000
_A_SHIFT = 3_000
"""Transactions of a shift. A file of this format has at most 999,999 records: its trailers have six digits."""


class Read(Protocol):
    """An adapter of which a day can be read both ways."""

    def parse(self, raw: bytes) -> Observation | Rejection: ...

    def split(self, raw: bytes) -> Sequence[Part] | Rejection: ...

    def table(self, raw: bytes) -> Table | Rejection: ...


class Speed(NamedTuple):
    """``slow``: messages that the columns left to the reader of one message."""

    rows: int
    cpu_seconds: float
    slow: int
    rows_by_message_per_cpu_second: float

    @property
    def rows_per_cpu_second(self) -> float:
        return self.rows / self.cpu_seconds


def extract_speed(adapter: Read, raw: bytes) -> Speed:
    """Read a day by columns, and the first of its messages one by one."""
    started = time.process_time()
    found = adapter.table(raw)
    if isinstance(found, Rejection):
        raise ValueError(f"the day is refused: {found.detail}")
    rows = sum(batch.num_rows for batch in found.batches())
    cpu = time.process_time() - started
    parts = adapter.split(raw)
    if isinstance(parts, Rejection):
        raise ValueError(f"the day is refused: {parts.detail}")
    started = time.process_time()
    for part in parts[:_SLOW_PARTS]:
        adapter.parse(part.raw)
    one_by_one = time.process_time() - started
    told = min(_SLOW_PARTS, len(parts)) * rows / max(1, len(parts))
    return Speed(rows, cpu, len(found.parts), told / one_by_one)


def export_speed(connection: Connection[TupleRow], uri: str, business_date: date) -> tuple[int, float, float]:
    """(rows, wall seconds as Arrow, wall seconds of ``COPY ... (binary)`` thrown away) of one date of the ledger."""
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    query = f"SELECT {names} FROM recon.ledger_rows WHERE business_date = '{business_date.isoformat()}'"
    started = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)".encode()) as copy:
        for _ in copy:
            continue
    thrown_away = time.perf_counter() - started
    started = time.perf_counter()
    with closing(adbc.connect(uri)) as arrow, closing(arrow.cursor()) as cursor_of_arrow:
        cursor_of_arrow.execute(query)
        rows = sum(batch.num_rows for batch in cursor_of_arrow.fetch_record_batch())
    return rows, time.perf_counter() - started, thrown_away


def windows_day(transactions: int) -> bytes:
    """A day extract of one office: each transaction one ticket and its payment, all of invented people."""
    lines = [f"FH D01{DAY:%Y%m%d}00      ".encode(), b"OH VNP01         "]
    shifts = range(0, transactions, _A_SHIFT)
    fen = 0
    for number, first in enumerate(shifts, start=1):
        members = [_sale(n, n - first + 1) for n in range(first, min(first + _A_SHIFT, transactions))]
        lines += [f"SH {number:<4}2 0415  T07           ".encode(), *(line for pair in members for line in pair)]
        lines.append(_trailer("ST ", len(members), 2 * len(members), 2 * _FARE * len(members)))
        fen += 2 * _FARE * len(members)
    lines += [_trailer("OT ", len(shifts), 2 * transactions, fen), _trailer("FT ", 1, 2 * transactions, fen)]
    return b"\r\n".join(lines) + b"\r\n"


_FARE = 55_300


def _sale(n: int, running: int) -> tuple[bytes, bytes]:
    order = f"E{'ABCDEFGH'[n % 8]}{n:08d}"
    head = f"{running:06d}0109{8 + n % 12:02d}{n % 60:02d}C{order}"
    coach, place = f"{n % 16 + 1:02d}", f"{n % 90 + 1:03d}{'ABCDF'[n % 5]}"
    document = f"990101{1950 + n % 60}{n % 12 + 1:02d}{n % 28 + 1:02d}{n % 1000:03d}"
    document += resident_id.check_digit(document)
    name = f"测试{'甲乙丙丁戊'[n % 5]}".encode("gb18030").ljust(40)
    leg = f"24000000G11AG11  {DAY:%m%d}VNP01090700AOH01091236O{coach}{place}"
    ticket = f"SL0{head}{order}1{coach}{place}CS{'':17}11{document:<24}".encode() + name
    ticket += f"{'':15}{leg}{punch(_FARE, 11)}{'':11}{'':8}{'':12}{'':8} {'':7}".encode()
    payment = f"PY0{head}WW{f'4200{n:020d}':<35}{punch(_FARE, 11)}{'':8}".encode()
    return ticket, payment


def _trailer(code: str, units: int, records: int, fen: int) -> bytes:
    return f"{code}{units:06d}{records:06d}{punch(fen, 13)}".encode()


def main(argument: str) -> None:
    """Print one line for one kind of extract."""
    path = Path(argument)
    adapter, raw = (agents, path.read_bytes()) if path.is_file() else (windows, windows_day(int(argument)))
    speed = extract_speed(adapter, raw)
    print(
        f"{len(raw) / 1e6:.0f} MB, {speed.rows} rows, {speed.cpu_seconds:.2f} CPU s, {speed.slow} messages one by one"
    )
    print(f"{speed.rows_per_cpu_second:,.0f} rows per CPU second", end="")
    print(f"; message by message, parsing alone, {speed.rows_by_message_per_cpu_second:,.0f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "490000")
