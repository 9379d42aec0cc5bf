"""Orders: one document each, guarded by its lock, with the columns and rows that are searched around it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from hub.ledger import Document, read_document
from hub.store import merging
from hub.store.appending import (
    BOOL,
    CODE,
    DATE,
    INT4,
    INT8,
    JSONB,
    TEXT,
    TIMESTAMPTZ,
    UUIDS,
    Kind,
    Table,
    append,
    packed,
)
from hub.store.timetable import Place
from schemas.model import SCHEMA_VERSION
from schemas.observation import IDENTIFYING, ReferenceClaim


@dataclass(frozen=True, slots=True)
class Stored:
    """An order as the database holds it. ``last_stated``: channel -> the latest time it has stated anything."""

    document: Document
    sequence: int
    last_stated: dict[str, str]
    held: dict[str, Place]
    order_no: str


class OrderRow(NamedTuple):
    """What is written of an order, a field for each column; ``document`` and ``last_stated`` are JSON texts."""

    order_id: UUID
    order_no: str
    version: int
    sequence: int
    channel: str | None
    witnesses: str
    business_date: date
    fulfilment: str
    payment: str
    refund: str
    dispute: str
    complete: bool
    last_stated: str
    document: str
    created_at: datetime
    updated_at: datetime
    contract: str = SCHEMA_VERSION


class TicketRow(NamedTuple):
    """The searched columns of one ticket. ``document``: type and person's pseudonym; ``phone``: a blind index."""

    ticket_no: str
    order_id: UUID
    state: str
    service_date: date | None
    train: str | None
    coach: str | None
    seat: str | None
    legs: int
    holds_seat: bool
    document: str | None
    phone: str | None
    fare_amount: int | None
    hold_expires_at: datetime | None
    departs_at: datetime | None
    arrives_at: datetime | None


def lock(connection: Connection[TupleRow], anchors: Iterable[ReferenceClaim]) -> None:
    """Hold these orders until the transaction ends, before it writes anything.

    Taken first, so that a transaction gets its id only while it holds its orders: then transaction ids rise within
    every order, and the event log can be read behind a barrier of transaction ids without ever turning two events of
    one order around.
    """
    keys = sorted({_lock_key(anchor) for anchor in anchors})
    connection.execute(
        "SELECT pg_advisory_xact_lock(k) FROM (SELECT unnest(%s) AS k ORDER BY 1) AS sorted", (packed(INT8, keys),)
    )


def _lock_key(anchor: ReferenceClaim) -> int:
    text = f"{anchor.system}|{anchor.kind}|{anchor.value}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)


def ask_references(connection: Connection[TupleRow], claims: Sequence[ReferenceClaim]) -> Cursor[TupleRow]:
    """Ask for the orders of those references that are known; a pipeline can send it with other questions."""
    return connection.execute(
        """SELECT r.system, r.kind, r.value, r.order_id
           FROM unnest(%s, %s, %s) AS k (system, kind, value)
           JOIN hub.refs r USING (system, kind, value)""",
        (
            packed(TEXT, [c.system for c in claims]),
            packed(TEXT, [c.kind for c in claims]),
            packed(TEXT, [c.value for c in claims]),
        ),
    )


def read_references(rows: Cursor[TupleRow]) -> dict[tuple[str, str, str], UUID]:
    """The answer to :func:`ask_references`: (system, kind, value) -> order."""
    return {(system, kind, value): order_id for system, kind, value, order_id in rows}


def read(connection: Connection[TupleRow], order_ids: Iterable[UUID]) -> dict[UUID, Stored]:
    """These orders with the seats they hold, each under the id asked for; an id that was joined leads to its order."""
    ids = set(order_ids)
    found = _read(connection, ids)
    if len(found) < len(ids) and (led := merging.aliases(connection, ids - found.keys())):
        into = _read(connection, {alias.order_id for alias in led.values()})
        found |= {order_id: into[alias.order_id] for order_id, alias in led.items()}
    return found


def read_to_write(connection: Connection[TupleRow], order_ids: Iterable[UUID]) -> dict[UUID, Stored]:
    """These orders, held until the transaction ends; one that is part of another one now is not among them."""
    return _read(connection, order_ids, to_write=True)


def _read(connection: Connection[TupleRow], order_ids: Iterable[UUID], *, to_write: bool = False) -> dict[UUID, Stored]:
    ids = sorted(set(order_ids))
    if not ids:
        return {}
    with connection.pipeline():  # one round trip; each statement sees what was committed before it began
        if to_write:
            merging.lock(connection, ids)
        places = connection.execute(
            """SELECT order_id, ticket_no, service_date, train, coach, seat, legs FROM hub.tickets
               WHERE order_id = ANY(%s) AND holds_seat""",
            (ids,),
        )
        rows = connection.execute(
            "SELECT order_id, order_no, document::text, contract, sequence, last_stated FROM hub.orders"
            " WHERE order_id = ANY(%s)" + (" ORDER BY order_id FOR UPDATE" if to_write else ""),
            (ids,),
        )
    held: dict[UUID, dict[str, Place]] = {}
    for order_id, ticket_no, *place in places:
        held.setdefault(order_id, {})[ticket_no] = Place(*place)
    return {
        order_id: Stored(read_document(document, contract), sequence, last_stated, held.get(order_id, {}), order_no)
        for order_id, order_no, document, contract, sequence, last_stated in rows
    }


def numbers(connection: Connection[TupleRow], order_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What people call these orders."""
    ids = sorted(order_ids)
    return dict(connection.execute("SELECT order_id, order_no FROM hub.orders WHERE order_id = ANY(%s)", (ids,)))


def read_texts(connection: Connection[TupleRow], order_ids: Iterable[UUID]) -> dict[UUID, tuple[int, str, str]]:
    """order -> (version, document as JSON text, its contract), for readers that keep what they folded.

    Under the ids asked for, as in :func:`read`.
    """
    ids = set(order_ids)
    found = _texts(connection, ids)
    if len(found) < len(ids) and (led := merging.aliases(connection, ids - found.keys())):
        into = _texts(connection, {alias.order_id for alias in led.values()})
        found |= {order_id: into[alias.order_id] for order_id, alias in led.items()}
    return found


def _texts(connection: Connection[TupleRow], order_ids: Iterable[UUID]) -> dict[UUID, tuple[int, str, str]]:
    rows = connection.execute(
        "SELECT order_id, version, document::text, contract FROM hub.orders WHERE order_id = ANY(%s)",
        (sorted(order_ids),),
    )
    return {order_id: (version, text, contract) for order_id, version, text, contract in rows}


def insert_references(connection: Connection[TupleRow], rows: Sequence[tuple[str, str, str, UUID]]) -> None:
    """Bind references to orders that nobody has bound yet.

    One that another transaction binds at this moment raises ``UniqueViolation``: then the messages are taken one by
    one, and find it bound.
    """
    append(connection, _REFS, sorted(rows))


def text_array(names: Iterable[str]) -> str:
    """Codes as PostgreSQL writes an array of them: they need no quotes. A list would be dumped name by name."""
    return f"{{{','.join(names)}}}"


def append_new(connection: Connection[TupleRow], rows: Sequence[OrderRow], tickets: Sequence[TicketRow]) -> None:
    """Orders that the database does not have yet, with their tickets."""
    append(connection, _NEW_ORDERS, rows)
    append(connection, _NEW_TICKETS, tickets)


def write(connection: Connection[TupleRow], rows: Sequence[OrderRow], tickets: Sequence[TicketRow]) -> None:
    """Orders that the database has, with their tickets, old and new."""
    append(connection, _ORDERS, rows)
    append(connection, _TICKETS, tickets)


def drop_tickets(connection: Connection[TupleRow], order_id: UUID, kept: Sequence[str]) -> None:
    """Forget the order's tickets but ``kept``: the others' only facts were withdrawn."""
    connection.execute("DELETE FROM hub.tickets WHERE order_id = %s AND ticket_no <> ALL(%s)", (order_id, list(kept)))


def _upsert(columns: Iterable[str], key: Sequence[str], kept: Sequence[str] = ()) -> str:
    """Replace by ``key``; the columns ``kept`` stay as they were first written."""
    replaced = ", ".join(f"{c} = excluded.{c}" for c in columns if c not in {*key, *kept})
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {replaced}"


KEPT_AS_IT_IS = "?"
"""In place of a telephone's index: of this person the messages that are being written say nothing."""
_PHONE = f""", phone = CASE WHEN excluded.phone <> '{KEPT_AS_IT_IS}' THEN excluded.phone
    WHEN excluded.phone IS NOT NULL AND tickets.document = excluded.document THEN tickets.phone END"""


def _kinds(row: type[NamedTuple], *kinds: Kind) -> dict[str, Kind]:
    return dict(zip(row._fields, kinds, strict=True))


_OF_ORDER = _kinds(
    OrderRow,
    *(UUIDS, TEXT, INT4, INT4, CODE, CODE, DATE, CODE, CODE, CODE, CODE, BOOL, JSONB, JSONB),
    *(TIMESTAMPTZ, TIMESTAMPTZ, CODE),
)
_OF_TICKET = _kinds(
    TicketRow,
    *(TEXT, UUIDS, CODE, DATE, CODE, CODE, CODE, INT8, BOOL, TEXT, TEXT, INT8, TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ),
)
_ARRAYS = frozenset({"witnesses"})
_NEW_ORDERS, _NEW_TICKETS = Table("orders", _OF_ORDER, _ARRAYS), Table("tickets", _OF_TICKET)
_ORDERS = Table("orders", _OF_ORDER, _ARRAYS, _upsert(_OF_ORDER, ["order_id"], ["created_at"]))
_TICKETS = Table("tickets", _OF_TICKET, conflict=_upsert(_OF_TICKET, ["ticket_no", "order_id"], ["phone"]) + _PHONE)
_REFS = Table("refs", {"system": CODE, "kind": CODE, "value": TEXT, "order_id": UUIDS})


def write_disputes(connection: Connection[TupleRow], rows: Sequence[tuple[UUID, str, str, str, str, datetime]]) -> None:
    """(order, dispute id, kind, subject, state, opened at)."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                """INSERT INTO hub.disputes (order_id, dispute_id, kind, subject, state, opened_at)
                   VALUES (%s, %s, %s, %s, %s, %s)
                   ON CONFLICT (order_id, dispute_id) DO UPDATE SET state = excluded.state""",
                rows,
            )


def withdraw_disputes(connection: Connection[TupleRow], rows: Sequence[tuple[UUID, str]]) -> None:
    """(order, dispute id) of disputes that their witnesses took back."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE hub.disputes SET state = 'withdrawn' WHERE order_id = %s AND dispute_id = %s", rows
            )


Lapsed = tuple[ReferenceClaim, str, datetime]
"""A hold whose time is over: a name of its order, the ticket, when it expired."""

_NAMED = """CROSS JOIN LATERAL (
        SELECT system, kind, value FROM hub.refs WHERE refs.order_id = t.order_id
        ORDER BY system <> 'rail', kind <> 'order', kind <> ALL(%s), system, kind, value LIMIT 1) r"""
"""The name is the railway's number; an order that has none yet goes by what else it is called."""

_HOLDS = f"SELECT r.system, r.kind, r.value, t.ticket_no, t.hold_expires_at FROM hub.tickets t {_NAMED}"


def lapsed_holds(connection: Connection[TupleRow], now: datetime, limit: int) -> list[Lapsed]:
    """Holds whose time is over, oldest first."""
    return _lapsed(
        connection.execute(
            _HOLDS + " WHERE t.state = 'held' AND t.hold_expires_at <= %s"
            " ORDER BY t.hold_expires_at, t.ticket_no LIMIT %s",
            (sorted(IDENTIFYING), now, limit),
        )
    )


def seats_come_free(connection: Connection[TupleRow], limit: int) -> list[tuple[UUID, ReferenceClaim, str]]:
    """(order, a name of it, ticket) of valid tickets that lost their seats, which nobody holds any more; the first
    that lost it first."""
    rows = connection.execute(
        f"""SELECT t.order_id, r.system, r.kind, r.value, t.ticket_no
           FROM hub.disputes d
           JOIN hub.tickets t ON (t.order_id, t.ticket_no) = (d.order_id, d.subject)
                              AND NOT t.holds_seat AND t.legs <> 0
           LEFT JOIN hub.seats s ON (s.service_date, s.train, s.coach, s.seat) =
                                    (t.service_date, t.train, t.coach, t.seat)
           {_NAMED}
           WHERE d.kind = 'seat_already_sold' AND d.state = 'open' AND coalesce(s.sold, 0) & t.legs = 0
           ORDER BY d.opened_at, t.ticket_no LIMIT %s""",
        (sorted(IDENTIFYING), limit),
    )
    return [
        (order_id, ReferenceClaim(system=system, kind=kind, value=value), ticket_no)
        for order_id, system, kind, value, ticket_no in rows
    ]


def lapsed_in_the_way(connection: Connection[TupleRow], place: Place, now: datetime) -> list[Lapsed]:
    """The holds on these legs of this seat, when each of them is over and nobody else stands there; else none."""
    blocked = """EXISTS (SELECT FROM hub.tickets o WHERE (o.service_date, o.train, o.coach, o.seat) =
        (t.service_date, t.train, t.coach, t.seat) AND o.holds_seat AND o.legs & %s <> 0
        AND (o.state <> 'held' OR o.hold_expires_at IS NULL OR o.hold_expires_at > %s))"""
    return _lapsed(
        connection.execute(
            _HOLDS + " WHERE (t.service_date, t.train, t.coach, t.seat) = (%s, %s, %s, %s)"
            f" AND t.holds_seat AND t.legs & %s <> 0 AND NOT {blocked} ORDER BY t.hold_expires_at, t.ticket_no",
            (sorted(IDENTIFYING), *place, place.legs, now),
        )
    )


def _lapsed(rows: Iterable[TupleRow]) -> list[Lapsed]:
    return [
        (ReferenceClaim(system=system, kind=kind, value=value), ticket_no, expires_at)
        for system, kind, value, ticket_no, expires_at in rows
    ]


def stated_on(connection: Connection[TupleRow], business_date: date) -> Iterable[Document]:
    """Every order of a business date, and every other one about which something was stated on it; streamed."""
    with connection.cursor(name="orders_stated_on") as cursor:
        cursor.itersize = 500
        cursor.execute(
            """SELECT document::text, contract FROM hub.orders
               WHERE business_date = %(day)s OR order_id IN (
                   SELECT coalesce(a.into_id, m.order_id) FROM hub.messages m LEFT JOIN hub.aliases a USING (order_id)
                   WHERE occurred_at >= %(day)s::timestamp AT TIME ZONE 'Asia/Shanghai'
                     AND occurred_at < (%(day)s + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
                     AND m.order_id IS NOT NULL AND outcome <> 'refused')
               ORDER BY order_no""",
            {"day": business_date},
        )
        for document, contract in cursor:
            yield read_document(document, contract)


def by_number(connection: Connection[TupleRow], order_nos: Sequence[str]) -> list[Document]:
    """Those of these rail order numbers that are known."""
    rows = connection.execute(
        """SELECT document::text, contract FROM hub.orders JOIN hub.refs USING (order_id)
           WHERE system = 'rail' AND kind = 'order' AND value = ANY(%s) ORDER BY value""",
        (list(order_nos),),
    )
    return [read_document(document, contract) for document, contract in rows]


def find_by_reference(connection: Connection[TupleRow], system: str, kind: str, value: str) -> UUID | None:
    """The order that ``system`` calls ``value``; a ticket number is found through the tickets."""
    if kind == "ticket":
        row = connection.execute(
            "SELECT order_id FROM hub.tickets WHERE ticket_no = %s ORDER BY order_id LIMIT 1", (value,)
        ).fetchone()
    else:
        row = connection.execute(
            "SELECT order_id FROM hub.refs WHERE system = %s AND kind = %s AND value = %s", (system, kind, value)
        ).fetchone()
    return row[0] if row else None


def of_person(
    connection: Connection[TupleRow], limit: int, *, phone: str | None = None, document: str | None = None
) -> list[UUID]:
    """Orders with a ticket for this passenger, latest journey first; whoever was erased is found no more.

    phone: the blind index of a telephone; document: the keyed index of a document (``persons.subject_index``).
    """
    rows = connection.execute(
        """SELECT order_id FROM hub.tickets
           WHERE phone = %s OR document = (SELECT split_part(blind, '|', 1) || '|' || replace(subject::text, '-', '')
                                           FROM hub.subjects WHERE blind = %s)
           GROUP BY order_id ORDER BY max(service_date) DESC NULLS LAST, order_id LIMIT %s""",
        (phone, document, limit),
    )
    return [order_id for (order_id,) in rows]
