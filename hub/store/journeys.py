"""Who travels when: tickets of one document whose journeys overlap. A document is its blind index, never its number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from schemas.states import valid_states

_LOCK_SPACE = 0x6A6F7572  # "jour": first key of the advisory lock, the second is the document's hash


@dataclass(frozen=True, slots=True)
class Journey:
    """A valid ticket of one person, from its departure to its arrival."""

    document: str
    ticket_no: str
    order_id: UUID
    departs_at: datetime
    arrives_at: datetime

    def overlaps(self, other: "Journey") -> bool:
        """Whether nobody could be on both: arriving in the minute in which the other train leaves is no overlap."""
        return self.departs_at < other.arrives_at and other.departs_at < self.arrives_at


def lock(connection: Connection[TupleRow], documents: Iterable[str]) -> None:
    """Hold these people's journeys until the transaction ends: two asks for one person are decided one by one.

    Taken after the orders' locks and all at once in one order, so that two transactions cannot wait for each other.
    """
    connection.execute(
        "SELECT pg_advisory_xact_lock(%s, k) FROM (SELECT DISTINCT hashtext(d) AS k FROM unnest(%s::text[]) AS d"
        " ORDER BY 1) AS sorted",
        (_LOCK_SPACE, sorted(set(documents))),
    )


def of(connection: Connection[TupleRow], documents: Sequence[str]) -> list[Journey]:
    """The valid journeys of these people."""
    with connection.cursor(row_factory=class_row(Journey)) as cursor:
        return cursor.execute(
            """SELECT document, ticket_no, order_id, departs_at, arrives_at FROM hub.tickets
               WHERE document = ANY(%s) AND state = ANY(%s) AND departs_at IS NOT NULL AND arrives_at IS NOT NULL""",
            (list(documents), sorted(valid_states())),
        ).fetchall()
