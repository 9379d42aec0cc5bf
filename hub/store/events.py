"""The event log, which is the outbox: read behind a commit barrier, in an order that never loses a row.

Positions are given before commit, so ``position > cursor`` would skip the row of a slow transaction. A reader takes
only rows whose transaction is older than every running one (``txid < pg_snapshot_xmin``), in order of
(transaction, position); no row can appear behind that point any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.ledger import WitnessedStatement, read_statements
from hub.store.appending import CODE, DATE, INT4, JSONB, TEXT, TIMESTAMPTZ, UUIDS, Table, append
from schemas.events import OrderEvent
from schemas.model import SCHEMA_VERSION, altered


class EventRow(NamedTuple):
    """What is written of an event, a field for each column; ``statements`` and ``postings`` are JSON texts."""

    event_id: UUID
    order_id: UUID
    sequence: int
    type: str
    origin: str
    message_id: str | None
    business_date: date
    statements: str
    postings: str
    recorded_at: datetime
    lane: str = "live"
    contract: str = SCHEMA_VERSION


_EVENTS = Table(
    "events",
    dict(
        zip(
            EventRow._fields,
            (UUIDS, UUIDS, INT4, CODE, CODE, TEXT, DATE, JSONB, JSONB, TIMESTAMPTZ, CODE, CODE),
            strict=True,
        )
    ),
)


class ReadEvent(OrderEvent):
    """An event as it was read. Its facts are read when somebody asks for them: of most channels, none does."""

    def __getattr__(self, name: str) -> Any:
        if name != "facts":
            raise AttributeError(name)
        said = read_statements(*self.__dict__.pop("_statements"))
        facts = self.__dict__["facts"] = tuple([item.statement.fact for item in said])
        return facts


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as a reader of the log sees it."""

    txid: str
    position: int
    event: OrderEvent
    committed_at: datetime


def insert(connection: Connection[TupleRow], rows: Sequence[EventRow]) -> None:
    append(connection, _EVENTS, rows)


_COLUMNS = """txid::text, position, event_id, type, order_id, sequence, origin, business_date, recorded_at,
    statements::text, contract, committed_at"""


def after(connection: Connection[TupleRow], txid: str, position: int, limit: int) -> list[Logged]:
    """The next events behind the barrier after the cursor (txid, position)."""
    rows = connection.execute(
        f"""SELECT {_COLUMNS} FROM hub.events
            WHERE (txid, position) > (%s::xid8, %s) AND txid < pg_snapshot_xmin(pg_current_snapshot())
            ORDER BY txid, position LIMIT %s""",
        (txid, position, limit),
    )
    return [_logged(row) for row in rows]


def at(connection: Connection[TupleRow], positions: Sequence[int]) -> dict[int, Logged]:
    """These events by position."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM hub.events WHERE position = ANY(%s)", (list(positions),))
    return {row[1]: _logged(row) for row in rows}


def of_order(connection: Connection[TupleRow], order_id: UUID) -> list[Logged]:
    """The order's whole story, in its own sequence."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM hub.events WHERE order_id = %s ORDER BY sequence", (order_id,))
    return [_logged(row) for row in rows]


def said(
    connection: Connection[TupleRow], order_id: UUID, recorded_as_of: datetime | None = None
) -> list[WitnessedStatement]:
    """Every statement about an order that was on the ledger at ``recorded_as_of``."""
    rows = connection.execute(
        """SELECT statements::text, contract FROM hub.events
           WHERE order_id = %s AND recorded_at <= coalesce(%s, recorded_at) ORDER BY sequence""",
        (order_id, recorded_as_of),
    )
    return [statement for text, contract in rows for statement in read_statements(text, contract)]


def waiting(connection: Connection[TupleRow], txid: str, position: int) -> int:
    """How many committed events a cursor has not passed."""
    row = connection.execute(
        "SELECT count(*) FROM hub.events WHERE (txid, position) > (%s::xid8, %s)", (txid, position)
    ).fetchone()
    return int(row[0]) if row else 0


def _logged(row: TupleRow) -> Logged:
    txid, position, event_id, kind, order_id, sequence, origin, day, recorded_at, statements, contract, committed = row
    # Not checked again: every part was when it was written, and a relay reads thousands a second.
    event = altered(
        _UNREAD,
        {
            "event_id": event_id,
            "type": kind,
            "order_id": order_id,
            "sequence": sequence,
            "origin": origin,
            "business_date": day,
            "recorded_at": recorded_at,
            "_statements": (statements, contract),
        },
    )
    return Logged(txid, position, event, committed)


_UNREAD: ReadEvent = cast(Any, ReadEvent).model_construct()
