"""Orders that turned out to be one: the younger id leads to the elder, and everybody who has it still finds the order.

What was said under the younger id (messages, events, deliveries) stays where it is: those tables are append-only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from schemas.observation import IDENTIFYING

_LOCK_SPACE = 0x6F726465  # "orde": first key of the advisory lock, the second is the order's hash


@dataclass(frozen=True, slots=True)
class Alias:
    """The order that another one is part of, and since when (business clock)."""

    order_id: UUID
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Names:
    """What an order is called. ``numbers``: its railway order numbers; ``identified``: any name that is its own."""

    numbers: frozenset[str] = frozenset()
    identified: bool = False


def lock(connection: Connection[TupleRow], order_ids: Iterable[UUID]) -> None:
    """Hold these known orders until the transaction ends, all at once in one order.

    Messages of one order may come under different references, so that the locks by reference do not meet; and a batch
    gets its transaction id with its first row lock. Without this lock two batches could write events of one order
    under transaction ids that rise the other way, and the log would be read in the wrong order.
    """
    ids = sorted(set(order_ids))
    if ids:
        connection.execute(
            "SELECT pg_advisory_xact_lock(%s, k) FROM (SELECT DISTINCT hashtext(id::text) AS k"
            " FROM unnest(%s::uuid[]) AS id ORDER BY 1) AS sorted",
            (_LOCK_SPACE, ids),
        )


def aliases(connection: Connection[TupleRow], order_ids: Iterable[UUID]) -> dict[UUID, Alias]:
    """Those of these ids whose order is part of another one now."""
    ids = sorted(set(order_ids))
    if not ids:
        return {}
    rows = connection.execute(
        "SELECT order_id, into_id, joined_at FROM hub.aliases WHERE order_id = ANY(%s)", (ids,)
    ).fetchall()
    return {order_id: Alias(into_id, joined_at) for order_id, into_id, joined_at in rows}


def survivor(connection: Connection[TupleRow], order_id: UUID) -> UUID:
    """The id under which this order is kept now; itself if it was never joined, known or not."""
    found = aliases(connection, [order_id]).get(order_id)
    return found.order_id if found else order_id


def id_at(connection: Connection[TupleRow], order_id: UUID, recorded_as_of: datetime) -> UUID:
    """The id under which this order was kept at a time."""
    row = connection.execute(
        """WITH RECURSIVE was (id) AS (
               SELECT %(id)s::uuid UNION
               SELECT a.first_into FROM was JOIN hub.aliases a ON a.order_id = was.id WHERE a.joined_at <= %(at)s)
           SELECT was.id FROM was
           WHERE NOT EXISTS (SELECT FROM hub.aliases a WHERE a.order_id = was.id AND a.joined_at <= %(at)s)""",
        {"id": order_id, "at": recorded_as_of},
    ).fetchone()
    return row[0] if row else order_id


def family(connection: Connection[TupleRow], order_id: UUID) -> list[UUID]:
    """All ids under which things were said about this order, its present one first."""
    now = survivor(connection, order_id)
    rows = connection.execute("SELECT order_id FROM hub.aliases WHERE into_id = %s ORDER BY order_id", (now,))
    return [now, *(row[0] for row in rows)]


def names(connection: Connection[TupleRow], order_ids: Iterable[UUID]) -> dict[UUID, Names]:
    """What each of these orders is called by its own names."""
    ids = sorted(set(order_ids))
    numbers: dict[UUID, set[str]] = {order_id: set() for order_id in ids}
    identified: set[UUID] = set()
    for order_id, system, kind, value in connection.execute(
        "SELECT order_id, system, kind, value FROM hub.refs WHERE order_id = ANY(%s) AND kind = ANY(%s)",
        (ids, sorted(IDENTIFYING)),
    ):
        identified.add(order_id)
        if (system, kind) == ("rail", "order"):
            numbers[order_id].add(value)
    return {order_id: Names(frozenset(numbers[order_id]), order_id in identified) for order_id in ids}


def merge(connection: Connection[TupleRow], joined: Sequence[UUID], into: UUID, at: datetime) -> None:
    """Lead these orders' references and ids to the order ``into``; the caller writes its row and tickets anew."""
    rows = list(joined)
    connection.execute("UPDATE hub.refs SET order_id = %s WHERE order_id = ANY(%s)", (into, rows))
    for order_id in rows:
        # Moved and not written anew alone: a column may hold what the facts do not say again.
        connection.execute(
            """UPDATE hub.tickets t SET order_id = %s WHERE order_id = %s
               AND NOT EXISTS (SELECT FROM hub.tickets o WHERE o.ticket_no = t.ticket_no AND o.order_id = %s)""",
            (into, order_id, into),
        )
    for table in ("tickets", "disputes", "orders"):
        connection.execute(f"DELETE FROM hub.{table} WHERE order_id = ANY(%s)".encode(), (rows,))
    connection.execute("UPDATE hub.aliases SET into_id = %s WHERE into_id = ANY(%s)", (into, rows))
    connection.execute(
        "INSERT INTO hub.aliases (order_id, into_id, first_into, joined_at) SELECT unnest(%s::uuid[]), %s, %s, %s",
        (rows, into, into, at),
    )
