"""The hub's ledger as rows: ``recon.ledger_rows``, kept up with the event log and exported by business date.

    follow     a stretch of the log -> its orders folded -> their rows replaced, and the mark moved, in one transaction
    rebuild    everything forgotten; the next follows make it anew, order by order, and can be killed anywhere
    snapshot   what is left of the log folded beside, PostgreSQL -> Arrow (ADBC) -> dataset, in one consistent view

An order's rows are a function of its document, so that following twice, or in another order, gives the same table. No
name or number is here: of people the rows hold the hub's keyed index, and an erasure is followed like an event.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from hub.ledger import Document, fold, read_document
from hub.store import following
from hub.store.following import Mark
from hub.store.orders import read_texts
from hub.store.subject_keys import subject_of
from reconciliation.datasets import SCHEMA, rows_to_table, write_dataset
from reconciliation.journal import Pool
from reconciliation.ports import HubDay, SourceMissing
from reconciliation.rows import Row, local_date, rows_of_order
from reconciliation.sources.hub import RAILWAY_ZONE, Stated, stated
from schemas.facts import Adjusted
from schemas.order import OrderPassenger

STRETCH = 2_000
"""Events, or orders of a rebuild, that are followed in one transaction."""
IN_SIGHT = 10_000
"""Orders that an export folds beside the table; with more it follows first."""

_ABSENT = {"carried", "sha256", "place", "raw"}
COLUMNS = tuple(name for name in SCHEMA.names if name not in _ABSENT)
_BEGIN = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Followed:
    """What one stretch came to: orders folded anew, and whether there is more to follow."""

    orders: int
    more: bool


@dataclass(slots=True)
class LedgerOrder:
    """One order as its rows: ``rows`` by business date, the order's own date in ``home``."""

    order_id: UUID
    order_no: str
    version: int
    home: date
    rows: dict[date, list[Row]]
    said: Stated


def ledger_order(document: Document, version: int, persons: Mapping[str, str]) -> LedgerOrder:
    """A document as rows: one copy for its own date, and for each on which something was stated or paid.

    ``persons``: pseudonym -> keyed index of the document.
    """
    order, said = fold(document), stated(document)

    def person(passenger: OrderPassenger) -> str:
        return persons.get(subject_of(passenger.document.number) or "", "")

    plain = list(rows_of_order(order, persons=person))
    money = {local_date(row.at, RAILWAY_ZONE) for row in plain if row.kind != "ticket"}
    rows = {
        day: list(rows_of_order(order, said.on(day), persons=person))
        for day in sorted({order.business_date, *money, *said.touched})
    }
    number = plain[0].order_no if plain else str(order.order_id)
    return LedgerOrder(document.order_id, number, version, order.business_date, rows, said)


def ledger_orders(connection: Connection[TupleRow], order_ids: Collection[UUID]) -> list[LedgerOrder]:
    """These orders as they stand in the transaction's view; an id that was joined leads to its order."""
    texts = read_texts(connection, order_ids)
    documents = {}
    for version, text, contract in texts.values():
        document = read_document(text, contract)
        documents[document.order_id] = (document, version)
    named = {s for document, _ in documents.values() for s in _subjects(document)}
    persons = following.indexes(connection, sorted(named)) if named else {}
    return [ledger_order(document, version, persons) for document, version in documents.values()]


def _subjects(document: Document) -> Iterator[str]:
    """Whom the tickets of a document name, by pseudonym."""
    for said in document.facts.values():
        for statement in said.values():
            ticket = getattr(statement.fact, "ticket", None)
            if ticket is not None and (subject := subject_of(ticket.passenger.document.number)) is not None:
                yield subject


# --- keeping up ------------------------------------------------------------------------------------------------------


def follow(pool: Pool) -> Followed:
    """One stretch of a rebuild or of the log, in a transaction of its own. Two at once wait for one another."""
    with pool.connection() as connection:
        mark, rebuilt_to = _mark(connection, to_move=True)
        if rebuilt_to is not None:
            return _rebuild_some(connection, mark, rebuilt_to)
        changed = following.changed(connection, mark, STRETCH)
        if changed.order_ids:
            _replace(connection, changed.order_ids)
        if changed.end != mark:
            _move(connection, changed.end, None)
        return Followed(len(changed.order_ids), changed.more)


def follow_all(pool: Pool) -> int:
    """Follow until nothing is left; how many orders were folded."""
    orders = 0
    while True:
        done = follow(pool)
        orders += done.orders
        if not done.more:
            return orders


def forget(pool: Pool) -> None:
    """Begin a rebuild: the rows go at once, the follows that come make them anew."""
    with pool.connection() as connection:
        _mark(connection, to_move=True)
        connection.execute("TRUNCATE recon.ledger_rows, recon.ledger_orders")
        _move(connection, Mark(), _BEGIN)


def _mark(connection: Connection[TupleRow], *, to_move: bool = False) -> tuple[Mark, UUID | None]:
    row = connection.execute(
        "SELECT txid::text, position, erasure_id, rebuilt_to FROM recon.ledger_cursor"
        + (" FOR UPDATE" if to_move else "")
    ).fetchone()
    if row is None:
        raise LookupError("recon.ledger_cursor has no row: the migrations write it")
    return Mark(*row[:3]), row[3]


def _move(connection: Connection[TupleRow], end: Mark, rebuilt_to: UUID | None) -> None:
    connection.execute(
        "UPDATE recon.ledger_cursor SET txid = %s::xid8, position = %s, erasure_id = %s, rebuilt_to = %s",
        (end.txid, end.position, end.erasure_id, rebuilt_to),
    )


def _rebuild_some(connection: Connection[TupleRow], mark: Mark, after: UUID) -> Followed:
    # What changes after this mark is followed when all orders have been seen once.
    mark = following.end_of_log(connection) if after == _BEGIN else mark
    order_ids = following.every_order(connection, after, STRETCH)
    if order_ids:
        _replace(connection, order_ids)
    _move(connection, mark, order_ids[-1] if order_ids else None)
    return Followed(len(order_ids), True)


def _replace(connection: Connection[TupleRow], order_ids: Collection[UUID]) -> None:
    """Write these orders' rows anew; what is part of another order now has none of its own."""
    orders = ledger_orders(connection, order_ids)
    gone = {*order_ids, *(order.order_id for order in orders)}
    gone |= set(following.joined_into(connection, gone))
    for table in ("ledger_rows", "ledger_orders"):
        connection.execute(f"DELETE FROM recon.{table} WHERE order_id = ANY(%s)".encode(), (list(gone),))
    _write(connection, orders)


def _write(connection: Connection[TupleRow], orders: Iterable[LedgerOrder]) -> None:
    listed = list(orders)
    names = ", ".join(("order_id", "business_date", "home", *(f'"{name}"' for name in COLUMNS)))
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY recon.ledger_rows ({names}) FROM STDIN".encode()) as copy:
            for order in listed:
                for day, rows in order.rows.items():
                    for row in rows:
                        values = (getattr(row, name) for name in COLUMNS)
                        copy.write_row((order.order_id, day, day == order.home, *values))
        cursor.executemany(
            """INSERT INTO recon.ledger_orders (order_id, order_no, version, dates, adjusted, rivals)
               VALUES (%s, %s, %s, %s, %s, %s)""",
            [_order_values(order) for order in listed],
        )


def _order_values(order: LedgerOrder) -> tuple[Any, ...]:
    adjusted = sorted((fact.model_dump(mode="json") for fact in order.said.adjusted), key=str)
    return (
        order.order_id,
        order.order_no,
        order.version,
        sorted(order.rows),
        Jsonb(adjusted),
        sorted(order.said.rivals),
    )


# --- the export of a date --------------------------------------------------------------------------------------------


class PostgresLedger:
    """The port ``DayLedger`` over ``recon.ledger_rows``. ``uri``: the same database for Arrow's own connection."""

    def __init__(self, pool: Pool, uri: str) -> None:
        self._pool = pool
        self._uri = uri

    @contextmanager
    def snapshot(self, business_date: date) -> Iterator["PostgresSnapshot"]:
        """Everything committed by now, until the block ends. Raises SourceMissing while the rows are made anew."""
        follow_all(self._pool)
        with self._pool.connection() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            mark, rebuilt_to = _mark(connection)
            if rebuilt_to is not None:
                raise SourceMissing(
                    "the ledger's rows are being made anew: `interlock recon ledger rebuild` is at work"
                )
            changed = following.changed_in_sight(connection, mark, IN_SIGHT)
            if changed.more:
                raise SourceMissing(
                    f"the hub takes more than {IN_SIGHT} orders while its ledger is exported: run again"
                )
            beside = ledger_orders(connection, changed.order_ids) if changed.order_ids else []
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            stale = {*changed.order_ids, *(order.order_id for order in beside)}
            stale |= set(following.joined_into(connection, stale)) if stale else set()
            with _arrow(self._uri, row[0] if row else "") as read:
                yield PostgresSnapshot(connection, read, business_date, beside, sorted(stale))


Read = Callable[[str], Iterator[Any]]
"""A query -> its rows as Arrow record batches."""


@contextmanager
def _arrow(uri: str, snapshot: str) -> Iterator[Read]:
    """A reader of Arrow batches that sees the same as the transaction that exported ``snapshot``."""
    # It brings pandas and Polars along where these are installed: seconds, for a process that exports and no other.
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")

        def read(query: str) -> Iterator[Any]:
            cursor.execute(query)
            yield from cursor.fetch_record_batch()

        yield read


class PostgresSnapshot:
    """The port ``LedgerSnapshot``. ``beside``: orders that the table has not followed; ``stale``: their ids in it."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        read: Read,
        business_date: date,
        beside: Sequence[LedgerOrder],
        stale: Sequence[UUID],
    ) -> None:
        self._connection = connection
        self._read = read
        self._day = business_date
        self._beside = beside
        self._stale = stale

    def export(self, root: Path, width: int | None = None) -> HubDay:
        """Every order of the date; see the port."""
        where = f"business_date = '{self._day.isoformat()}'"
        fresh = [order for order in self._beside if self._day in order.rows]
        dataset = write_dataset(root, self._batches(where, [r for o in fresh for r in o.rows[self._day]]), width)
        known = self._connection.execute(
            """SELECT adjusted, rivals FROM recon.ledger_orders
               WHERE dates @> ARRAY[%s] AND (adjusted <> '[]' OR rivals <> '{}') AND order_id <> ALL(%s)""",
            (self._day, list(self._stale)),
        ).fetchall()
        return _hub_day(dataset, known, fresh)

    def export_orders(self, order_nos: Iterable[str], root: Path, width: int | None = None) -> HubDay:
        """Those of these orders that the hub knows; see the port."""
        # What other systems call an order may hold anything; PostgreSQL's texts hold no NUL, so no order is called so.
        wanted = sorted({number for number in order_nos if "\0" not in number})
        fresh = [order for order in self._beside if order.order_no in set(wanted)]
        rows = [row for order in fresh for row in order.rows.get(self._day) or _unstated(order)]
        dataset = write_dataset(root, self._of_numbers(wanted, rows), width)
        known = self._connection.execute(
            """SELECT adjusted, rivals FROM recon.ledger_orders
               WHERE order_id IN (SELECT order_id FROM recon.ledger_rows WHERE order_no = ANY(%s) AND home)
                 AND (adjusted <> '[]' OR rivals <> '{}') AND order_id <> ALL(%s)""",
            (wanted, list(self._stale)),
        ).fetchall()
        return _hub_day(dataset, known, fresh)

    def _batches(self, where: str, fresh: Sequence[Row]) -> Iterator[Any]:
        day = f"'{self._day.isoformat()}'"
        # A copy from another date says who acted then, which is no act of this one.
        actors = f"CASE WHEN business_date = {day} THEN actors ELSE '' END AS actors"
        names = ", ".join(actors if name == "actors" else f'"{name}"' for name in COLUMNS)
        stale = ", ".join(f"'{order_id}'" for order_id in self._stale)
        but = f" AND r.order_id NOT IN ({stale})" if stale else ""
        for batch in self._read(f"SELECT {names} FROM recon.ledger_rows r WHERE {where}{but}"):
            yield _whole(batch)
        yield from rows_to_table(fresh).to_batches()

    def _of_numbers(self, order_nos: Sequence[str], fresh: Sequence[Row]) -> Iterator[Any]:
        for first in range(0, len(order_nos), STRETCH):
            numbers = ", ".join(_literal(number) for number in order_nos[first : first + STRETCH])
            yield from self._batches(_OF_NUMBERS.format(numbers=numbers, day=self._day.isoformat()), [])
        yield from rows_to_table(fresh).to_batches()


_OF_NUMBERS = """r.order_id IN (SELECT order_id FROM recon.ledger_rows WHERE home AND order_no IN ({numbers}))
    AND (business_date = '{day}' OR home AND NOT EXISTS (
        SELECT FROM recon.ledger_orders o WHERE o.order_id = r.order_id AND o.dates @> ARRAY['{day}'::date]))"""
"""An order's copy of the date, or else the one of the date on which it was sold."""


def _unstated(order: LedgerOrder) -> list[Row]:
    """An order on a date on which nothing was said of it."""
    return [replace(row, actors="") for row in order.rows[order.home]]


def _literal(text: str) -> str:
    """A text as PostgreSQL writes a literal (``standard_conforming_strings``): Arrow's driver binds no arrays."""
    return "'" + text.replace("'", "''") + "'"


def _whole(batch: Any) -> Any:
    """A batch with the columns that the ledger has nothing to say in."""
    columns = [
        pa.repeat("", batch.num_rows) if name in _ABSENT else batch.column(name).cast(SCHEMA.field(name).type)
        for name in SCHEMA.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _hub_day(dataset: Any, known: Sequence[TupleRow], fresh: Sequence[LedgerOrder]) -> HubDay:
    adjusted = [Adjusted.model_validate_json(json.dumps(fact)) for facts, _ in known for fact in facts]
    rivals = {number for _, numbers in known for number in numbers}
    return HubDay(
        dataset=dataset,
        adjusted=tuple(adjusted + [fact for order in fresh for fact in order.said.adjusted]),
        rivals=frozenset(rivals.union(*(order.said.rivals for order in fresh))),
    )
