"""Where a person stands in the ledger: found by his number or telephone, his orders, what erasing him takes away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store import merging
from hub.store.seal import Seal
from hub.store.subject_keys import head_of


@dataclass(frozen=True, slots=True, repr=False)
class Whom:
    """Who is meant: a document, or else a telephone. Never shown, never logged."""

    document_type: str | None = None
    number: str | None = None
    phone: str | None = None


class Person(NamedTuple):
    """A pseudonym and the index that leads to it."""

    subject: UUID
    blind: str

    @property
    def document(self) -> str:
        """How tickets name the person."""
        return f"{self.blind.partition('|')[0]}|{self.subject.hex}"

    @property
    def of_before(self) -> bool:
        """Known since before there were keys of people: the pseudonym is the index itself."""
        return self.blind.partition("|")[2] == self.subject.hex


class Message(NamedTuple):
    """A message that names the person; ``raw`` is sealed."""

    channel: str
    message_id: str
    raw: bytes


def subject_index(seal: Seal, document_type: str, number: str) -> str:
    """The keyed index of one document: the only thing that leads from a number to a person."""
    return f"{document_type}|{seal.blind(number)}"


def find(connection: Connection[TupleRow], seal: Seal, whom: Whom) -> list[Person]:
    """The people who are meant: at most one by document, any number by telephone; nobody who was erased."""
    if whom.document_type is not None and whom.number is not None:
        where, value = "s.blind = %s", subject_index(seal, whom.document_type, whom.number)
    else:
        where = """s.subject IN (SELECT split_part(t.document, '|', 2)::uuid FROM hub.tickets t
                                 WHERE t.phone = %s AND t.document IS NOT NULL) AND s.blind IS NOT NULL"""
        value = seal.blind(whom.phone or "")
    query = f"SELECT s.subject, s.blind FROM hub.subjects s WHERE {where} ORDER BY s.subject"
    return [Person(*row) for row in connection.execute(query.encode(), (value,))]


def orders_of(connection: Connection[TupleRow], person: Person) -> list[UUID]:
    """Every id under which something was said about an order that names the person."""
    rows = connection.execute(
        """SELECT order_id FROM hub.tickets WHERE document = %s
           UNION SELECT order_id FROM hub.mentions WHERE subject = %s""",
        (person.document, person.subject),
    ).fetchall()
    return sorted({part for (order_id,) in rows for part in merging.family(connection, order_id)})


def messages_of(connection: Connection[TupleRow], person: Person, order_ids: Sequence[UUID]) -> list[Message]:
    """The messages about these orders that name the person."""
    rows = connection.execute(
        "SELECT channel, message_id, raw FROM hub.messages WHERE order_id = ANY(%s) ORDER BY position",
        (list(order_ids),),
    )
    found = (Message(channel, message_id, bytes(raw)) for channel, message_id, raw in rows)
    return [m for m in found if (head := head_of(m.raw)) is not None and person.subject.hex in head.subjects]


def written_before(connection: Connection[TupleRow], person: Person, order_ids: Sequence[UUID]) -> list[str]:
    """Numbers of those of these orders that hold facts of before there were keys of people: they stay readable."""
    if not person.of_before:
        return []
    rows = connection.execute(
        "SELECT order_no FROM hub.orders WHERE order_id = ANY(%s) AND document::text LIKE %s ORDER BY order_no",
        (list(order_ids), f"%sealed:1:{person.subject.hex}:%"),
    )
    return [row[0] for row in rows]


def erase(connection: Connection[TupleRow], person: Person, at: datetime) -> bool:
    """Destroy the person's key and every index that leads to him; False when somebody else just did."""
    gone = connection.execute(
        "UPDATE hub.subjects SET key = NULL, blind = NULL, erased_at = %s WHERE subject = %s AND blind IS NOT NULL",
        (at, person.subject),
    ).rowcount
    # A pseudonym leads nowhere now, and keeps his tickets apart from other people's; an index of before goes.
    document = ", document = NULL" if person.of_before else ""
    query = f"UPDATE hub.tickets SET phone = NULL{document} WHERE document = %s"
    connection.execute(query.encode(), (person.document,))
    return gone == 1


def record(
    connection: Connection[TupleRow],
    person: Person,
    orders: int,
    messages: int,
    reason: str | None,
    actor: str,
    at: datetime,
) -> None:
    """Say to every process that keys in memory have to be read again."""
    connection.execute(
        """INSERT INTO hub.erasures (subject, orders, messages, reason, actor, erased_at)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        (person.subject, orders, messages, reason, actor, at),
    )
