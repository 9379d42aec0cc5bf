"""Which orders changed since somebody last looked, for readers that keep a table of their own beside the ledger.

Read behind the commit barrier of ``hub.store.events``; an erased person changes his orders too, without an event.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store import merging
from schemas.codes import code_list


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the log (transaction id, position) and the erasures were read."""

    txid: str = "0"
    position: int = 0
    erasure_id: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """Orders of a stretch of the log, where it ends, and whether there is more behind it."""

    order_ids: frozenset[UUID]
    end: Mark
    more: bool


def changed(connection: Connection[TupleRow], since: Mark, limit: int) -> Changed:
    """The orders of the next ``limit`` events behind the barrier, and of all who were erased since."""
    rows = connection.execute(
        """SELECT txid::text, position, order_id FROM hub.events
           WHERE (txid, position) > (%s::xid8, %s) AND txid < pg_snapshot_xmin(pg_current_snapshot())
           ORDER BY txid, position LIMIT %s""",
        (since.txid, since.position, limit),
    ).fetchall()
    txid, position = rows[-1][:2] if rows else (since.txid, since.position)
    erased, erasure_id = _of_erased(connection, since.erasure_id)
    order_ids = frozenset(row[2] for row in rows) | erased
    return Changed(order_ids, Mark(txid, position, erasure_id), len(rows) == limit)


def changed_in_sight(connection: Connection[TupleRow], since: Mark, limit: int) -> Changed:
    """The same of everything that the transaction's snapshot shows, barrier or not: for a reader who moves no mark."""
    rows = connection.execute(
        "SELECT DISTINCT order_id FROM hub.events WHERE (txid, position) > (%s::xid8, %s) LIMIT %s",
        (since.txid, since.position, limit),
    ).fetchall()
    erased, _ = _of_erased(connection, since.erasure_id)
    return Changed(frozenset(row[0] for row in rows) | erased, since, len(rows) == limit)


def _of_erased(connection: Connection[TupleRow], since: int) -> tuple[frozenset[UUID], int]:
    """Orders that name somebody who was erased after ``since``, and the number of the last erasure."""
    erasures = connection.execute(
        "SELECT erasure_id, subject FROM hub.erasures WHERE erasure_id > %s ORDER BY erasure_id", (since,)
    ).fetchall()
    if not erasures:
        return frozenset(), since
    subjects = [subject for _, subject in erasures]
    kinds = [row["code"] for row in code_list("document_type").rows]
    documents = [f"{kind}|{subject.hex}" for subject in subjects for kind in kinds]
    rows = connection.execute(
        """SELECT order_id FROM hub.tickets WHERE document = ANY(%s)
           UNION SELECT order_id FROM hub.mentions WHERE subject = ANY(%s)""",
        (documents, subjects),
    ).fetchall()
    return frozenset(part for (order_id,) in rows for part in merging.family(connection, order_id)), erasures[-1][0]


def joined_into(connection: Connection[TupleRow], order_ids: Collection[UUID]) -> list[UUID]:
    """Ids under which orders were kept that are part of one of these now."""
    rows = connection.execute("SELECT order_id FROM hub.aliases WHERE into_id = ANY(%s)", (list(order_ids),))
    return [order_id for (order_id,) in rows]


def every_order(connection: Connection[TupleRow], after: UUID, limit: int) -> list[UUID]:
    """All orders by id, ``limit`` at a time."""
    rows = connection.execute(
        "SELECT order_id FROM hub.orders WHERE order_id > %s ORDER BY order_id LIMIT %s", (after, limit)
    )
    return [order_id for (order_id,) in rows]


def end_of_log(connection: Connection[TupleRow]) -> Mark:
    """A mark behind everything that can be read now: later events all come after it."""
    row = connection.execute(
        """SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text,
                  (SELECT coalesce(max(erasure_id), 0) FROM hub.erasures)"""
    ).fetchone()
    return Mark(row[0], 2**63 - 1, row[1]) if row else Mark()


def indexes(connection: Connection[TupleRow], subjects: Sequence[str]) -> dict[str, str]:
    """Pseudonym (32 hexadecimal digits) -> keyed index of the document; nobody who was erased is among them."""
    rows = connection.execute(
        "SELECT subject, blind FROM hub.subjects WHERE subject = ANY(%s::uuid[]) AND blind IS NOT NULL",
        (sorted(set(subjects)),),
    )
    return {subject.hex: blind for subject, blind in rows}
