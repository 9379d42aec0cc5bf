"""Breaks that stand in the table as a run would have left them, for the tests of what people do with them."""

import io
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from openpyxl import Workbook as Book
from openpyxl import load_workbook
from psycopg.types.json import Jsonb

from hub.store.audit import Audit
from reconciliation.cases import BreakFilter, Cases
from reconciliation.definitions import definitions
from reconciliation.exchange import (
    Desk,
    Format,
    WorkbookAnswer,
    WorkbookHead,
    allowed_by,
    read_returned,
    take_back,
    take_out,
)
from reconciliation.journal import Pool
from reconciliation.policies import PolicyBook
from reconciliation.resolution import Resolver

DAY = date(2026, 1, 11)
RUN = "a" * 64
LATER_RUN = "b" * 64


def at(clock: str, days: int = 0) -> datetime:
    """A time of DAY in Beijing, ``09:30``; ``days`` later."""
    hours, minutes = map(int, clock.split(":"))
    return datetime(2026, 1, 10, 16, 0, tzinfo=UTC) + timedelta(days=days, hours=hours, minutes=minutes)


@dataclass
class Room:
    """A clerk's desk over the test's tables: breaks put in, lists taken out, files brought back."""

    pool: Pool
    clock: Any
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        with self.pool.connection() as connection:
            for run in (RUN, LATER_RUN):
                connection.execute(
                    "INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest,"
                    " left_digest, right_digest, context_digest, state, started_at, finished_at, finish_order)"
                    " VALUES (%s, 'hub-web', %s, '1', 'd', 'l', 'r', 'c', 'done', %s, %s, nextval('recon.run_order'))",
                    (run, DAY, at("12:00"), at("12:01")),
                )

    def new_id(self) -> UUID:
        return UUID(int=next(self.numbers))

    def put(self, count: int = 1, kind: str = "AMOUNT", day: date = DAY, **over: Any) -> list[UUID]:
        """Open breaks, each of 1.50 yuan."""
        made: list[UUID] = []
        with self.pool.connection() as connection, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for _ in range(count):
                number = next(self.numbers)
                key = over.get("key") or f"EW{number:08d}1050012A"
                made.append(uuid5(NAMESPACE_OID, f"{kind}{number}"))
                values = (
                    made[-1], over.get("run", RUN), over.get("run", RUN), over.get("definition", "hub-web"), day,
                    kind, key, f"EW{number:08d}",
                    Jsonb({"kind": "ticket", "state": "issued", "amount": 10000, "currency": "CNY",
                           "at": at("09:00").isoformat()}),
                    Jsonb({"kind": "ticket", "state": "issued", "amount": 10150, "currency": "CNY",
                           "at": at("09:01").isoformat()}),
                    over.get("amount", 150), "CNY", over.get("since", at("09:00")),
                    Jsonb([{"side": "right", "place": f"line {number}"}]), Jsonb([]), over.get("state", "left"),
                    at("12:00"), at("12:00"),
                )  # fmt: skip
                copy.write_row(values)
        return made

    def seen_again(self, break_id: UUID) -> None:
        """Another run has seen the break."""
        self._set(break_id, "last_run_id = %s", LATER_RUN)

    def clear(self, break_id: UUID) -> None:
        self._set(break_id, "state = 'cleared', cleared_run_id = %s", LATER_RUN)

    def _set(self, break_id: UUID, what: str, value: str) -> None:
        with self.pool.connection() as connection:
            connection.execute(f"UPDATE recon.breaks SET {what} WHERE break_id = %s".encode(), (value, break_id))

    def head(self, person: str = "anna") -> WorkbookHead:
        return WorkbookHead(self.new_id(), person, self.clock(), {"business_date": DAY}, allowed_by(definitions()))

    def out(self, form: Format = "xlsx", wanted: BreakFilter | None = None) -> bytes:
        file, _ = take_out(self.pool, Cases(self.pool), wanted or BreakFilter(business_date=DAY), self.head(), form)
        with file:
            return file.read()

    def back(self, raw: bytes, person: str = "anna") -> WorkbookAnswer:
        desk = Desk(self.pool, self.resolver().propose_many, allowed_by(definitions()), self.clock)
        return take_back(desk, read_returned(raw), "0" * 64, person)

    def propose_one(self) -> UUID:
        """A write-off of the first break, proposed by anna."""
        with self.pool.connection() as connection:
            row = connection.execute("SELECT break_id FROM recon.breaks ORDER BY seq LIMIT 1").fetchone()
            assert row is not None
        made: UUID = self.resolver().propose(row[0], "write_off", "as agreed", "anna")["resolution_id"]
        return made

    def resolver(self) -> Resolver:
        """Proposes; nothing is carried out here, so nobody is asked to."""
        nobody: Any = None
        book = PolicyBook(self.pool, Audit(bytes(32)), self.clock)
        return Resolver(Cases(self.pool), nobody, book, Audit(bytes(32)), nobody, self.clock, self.new_id)

    def proposals(self) -> list[tuple[UUID, str, str, str]]:
        with self.pool.connection() as connection:
            return connection.execute(
                "SELECT break_id, action, reason, proposed_by FROM recon.resolutions ORDER BY resolution_id"
            ).fetchall()


_COPY = (
    "COPY recon.breaks (break_id, run_id, last_run_id, definition, business_date, kind, key, order_no, left_value,"
    " right_value, amount_at_stake, currency, since, evidence, covers, state, opened_at, updated_at) FROM STDIN"
)


def edited(raw: bytes, cells: Mapping[int, tuple[Any, Any]], sheet: str = "breaks") -> bytes:
    """The workbook as a person sends it back: row number -> (action, reason). Written by another program."""
    book = load_workbook(io.BytesIO(raw))
    for row, (action, reason) in cells.items():
        book[sheet].cell(row, 2).value = action
        book[sheet].cell(row, 3).value = reason
    return saved(book)


def saved(book: Book) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def every_row(raw: bytes, action: str, reason: str) -> bytes:
    last = load_workbook(io.BytesIO(raw), read_only=True)["breaks"].max_row
    assert last is not None
    return edited(raw, {row: (action, reason) for row in range(2, last + 1)})


def noon() -> datetime:
    return at("12:00", 2)
