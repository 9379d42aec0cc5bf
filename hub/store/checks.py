"""The whole ledger at once: its digest, and the standing checks that it must pass at any moment.

    ledger_digest   one hash over the business content of every order and every sold seat
    CHECKS          what must be true of the tables; each check is a function from the ledger to complaints

Both read table after table: while the hub runs, give them a connection that sees one moment (REPEATABLE READ).
All complaints are given with their place, none is thrown: an operator wants the whole list at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.ledger import (
    Document,
    Posting,
    difference,
    digest,
    fold,
    fold_with_postings,
    order_content,
    read_document,
    rebuild,
)
from hub.ports import Adapter
from hub.store import events, invariants, pages, seats
from hub.store.contests import Contest, contest_of
from hub.store.invariants import Complaint
from hub.store.seal import Seal
from schemas.observation import IDENTIFYING
from schemas.order import Order

_AT_ONCE = 200
_COMPLAINTS_MAX = 200


@dataclass(frozen=True, slots=True)
class LedgerDigest:
    """``digest``: SHA-256 in hexadecimal digits over ``orders`` orders and ``seats`` seats with a sold leg."""

    digest: str
    orders: int
    seats: int


def ledger_digest(
    connection: Connection[TupleRow],
    adapters: Mapping[str, Adapter],
    seal: Seal,
    *,
    elsewhere: Contest | None = None,
    each: Callable[[dict[str, Any]], None] = lambda content: None,
) -> LedgerDigest:
    """The digest of the whole ledger; the same messages give the same one, in whatever order they came.

    Orders that met a seat somebody else wanted are taken in without their seats, so that it does not show who won it;
    ``elsewhere``: so too those that met one in another ledger, with which this one is compared. ``each`` is told the
    content of every order that the digest is made of.
    """
    contest, clashing = contest_of(connection, adapters, seal).joined(elsewhere), _clashing(connection)
    contents: list[dict[str, Any]] = []
    for batch in _documents(connection):
        folded = [fold(document) for document in batch]
        contest.learn(connection, folded)
        contents += [order_content(order, contested=contest.touches(order), clashing=clashing) for order in folded]
    for content in contents:
        each(content)
    sold = seats.sold(connection)
    return LedgerDigest(digest(contents, sold), len(contents), len(sold))


def _clashing(connection: Connection[TupleRow]) -> frozenset[str]:
    """Names that two orders claim, as ``system|kind|value``."""
    rows = connection.execute("SELECT DISTINCT subject FROM hub.disputes WHERE kind = 'references_clash'")
    return frozenset(subject for (subject,) in rows)


def _documents(connection: Connection[TupleRow]) -> Iterator[list[Document]]:
    with connection.cursor(name="every_order") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute("SELECT document::text, contract FROM hub.orders ORDER BY order_no")
        while rows := cursor.fetchmany(_AT_ONCE):
            yield [read_document(text, contract) for text, contract in rows]


# --- the standing checks -------------------------------------------------------------------------------------------


def seats_are_the_union(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """A seat's row is exactly the union of disjoint masks of the tickets that hold it."""
    for day, train, coach, seat, row, held in seats.mismatches(connection):
        yield Complaint("seats", f"{day} {train} coach {coach} seat {seat}", f"row {row:b}, tickets {held:b}")


def postings_balance(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """The postings of every event sum to zero in every currency."""
    rows = connection.execute(
        """SELECT e.order_id, e.sequence, p.line->>2, sum((p.line->>1)::bigint)
           FROM hub.events e, jsonb_array_elements(e.postings) AS p (line)
           GROUP BY e.position, e.order_id, e.sequence, p.line->>2 HAVING sum((p.line->>1)::bigint) <> 0
           ORDER BY e.position"""
    )
    for order_id, sequence, currency, amount in rows:
        yield Complaint("postings", f"order {order_id} event {sequence}", f"sum {amount} {currency}")


def orders_can_be_rebuilt(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """An order's document, columns, tickets, disputes and balance are what its events make, and nothing else."""
    for batch in _documents(connection):
        ids = [document.order_id for document in batch]
        columns, tickets, disputes = _columns(connection, ids), _tickets(connection, ids), _disputes(connection, ids)
        posted = _posted(connection, ids)
        for document in batch:
            order_id = document.order_id
            again = rebuild(order_id, document.references, events.said(connection, order_id))
            subject = f"order {order_id}"
            if (again.facts, again.statements) != (document.facts, document.statements):
                yield Complaint("documents", subject, "the document differs from what its events make")
            if not again.facts:  # no events are left to compare anything with
                continue
            order, lines = fold_with_postings(again)
            if columns[order_id] != (wanted := _columns_of(order, again)):
                yield Complaint("columns", subject, f"{columns[order_id]} instead of {wanted}")
            if tickets.get(order_id, {}) != _tickets_of(order):
                yield Complaint("tickets", subject, f"{tickets.get(order_id)} instead of {_tickets_of(order)}")
            if disputes.get(order_id, {}) != _disputes_of(order):
                yield Complaint("disputes", subject, f"{disputes.get(order_id)} instead of {_disputes_of(order)}")
            if posted.get(order_id, {}) != _balances(lines):
                yield Complaint("balances", subject, "its events' postings differ from those of its facts")


def references_are_bound(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """Every name of a document leads to its order, and none leads nowhere; what names a part may be shared."""
    rows = connection.execute(
        """WITH said AS (
               SELECT o.order_id, r->>'system' AS system, r->>'kind' AS kind, r->>'value' AS value
               FROM hub.orders o, jsonb_array_elements(o.document->'references') AS r)
           SELECT coalesce(s.system, b.system), coalesce(s.kind, b.kind), coalesce(s.value, b.value),
                  s.order_id, b.order_id
           FROM said s FULL JOIN hub.refs b USING (system, kind, value)
           WHERE s.order_id IS DISTINCT FROM b.order_id
             AND (s.order_id IS NULL OR b.order_id IS NULL OR s.kind = ANY(%s)) ORDER BY 1, 2, 3""",
        (sorted(IDENTIFYING),),
    )
    for system, kind, value, said, bound in rows:
        yield Complaint("references", f"{system} {kind} {value}", f"the document says {said}, bound to {bound}")


def books_are_what_the_events_say(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """Every page of the books holds the sums of its events, and no event is left out between two pages."""
    for where, found in pages.differences(connection):
        yield Complaint("books", where, found)


CHECKS: tuple[Callable[[Connection[TupleRow]], Iterator[Complaint]], ...] = (
    seats_are_the_union,
    postings_balance,
    books_are_what_the_events_say,
    invariants.events_follow_one_another,
    invariants.orders_are_where_their_events_end,
    invariants.messages_and_events_agree,
    invariants.only_valid_tickets_hold_seats,
    invariants.nobody_is_told_his_own_news,
    references_are_bound,
    orders_can_be_rebuilt,
)


def ledger_complaints(connection: Connection[TupleRow]) -> list[Complaint]:
    """What every check finds, at most 200 complaints of each; an empty list is health."""
    found: list[Complaint] = []
    for check in CHECKS:
        for number, complaint in enumerate(check(connection)):
            if number == _COMPLAINTS_MAX:
                break
            found.append(complaint)
    return found


def _columns(connection: Connection[TupleRow], ids: list[UUID]) -> dict[UUID, tuple[Any, ...]]:
    rows = connection.execute(
        """SELECT order_id, version, channel, business_date, fulfilment, payment, refund, dispute, complete, witnesses
           FROM hub.orders WHERE order_id = ANY(%s)""",
        (ids,),
    )
    return {row[0]: row[1:] for row in rows}


def _columns_of(order: Order, document: Document) -> tuple[Any, ...]:
    return (
        order.version,
        order.channel,
        order.business_date,
        order.fulfilment,
        order.payment,
        order.refund,
        order.dispute,
        order.complete,
        sorted(document.witnesses),
    )


def _tickets(connection: Connection[TupleRow], ids: list[UUID]) -> dict[UUID, dict[str, tuple[str, int | None]]]:
    found: dict[UUID, dict[str, tuple[str, int | None]]] = {}
    for order_id, ticket_no, state, fare in connection.execute(
        "SELECT order_id, ticket_no, state, fare_amount FROM hub.tickets WHERE order_id = ANY(%s)", (ids,)
    ):
        found.setdefault(order_id, {})[ticket_no] = (state, fare)
    return found


def _tickets_of(order: Order) -> dict[str, tuple[str, int | None]]:
    return {t.ticket_no: (t.state, t.fare_gross.amount if t.fare_gross else None) for t in order.tickets}


def _disputes(connection: Connection[TupleRow], ids: list[UUID]) -> dict[UUID, dict[str, tuple[str, str, str]]]:
    """What is searched of disputes, without those that their witnesses took back."""
    found: dict[UUID, dict[str, tuple[str, str, str]]] = {}
    for order_id, dispute_id, kind, subject, state in connection.execute(
        """SELECT order_id, dispute_id, kind, subject, state FROM hub.disputes
           WHERE order_id = ANY(%s) AND state <> 'withdrawn'""",
        (ids,),
    ):
        found.setdefault(order_id, {})[dispute_id] = (kind, subject, state)
    return found


def _disputes_of(order: Order) -> dict[str, tuple[str, str, str]]:
    return {d.dispute_id: (d.kind, d.subject, d.state) for d in order.disputes}


_Balances = dict[tuple[str, str, str, datetime], int]
"""(fact, account, currency, since when) -> signed amount, without what comes to nothing."""


def _posted(connection: Connection[TupleRow], ids: list[UUID]) -> dict[UUID, _Balances]:
    found: dict[UUID, _Balances] = {}
    for order_id, identity, account, currency, at, amount in connection.execute(
        """SELECT e.order_id, p.line->>3, p.line->>0, p.line->>2, (p.line->>4)::timestamptz,
                  sum((p.line->>1)::bigint)::bigint
           FROM hub.events e, jsonb_array_elements(e.postings) AS p (line)
           WHERE e.order_id = ANY(%s) GROUP BY 1, 2, 3, 4, 5 HAVING sum((p.line->>1)::bigint) <> 0""",
        (ids,),
    ):
        found.setdefault(order_id, {})[identity, account, currency, at] = int(amount)
    return found


def _balances(lines: Sequence[Posting]) -> _Balances:
    return {(p.identity, p.account, p.amount.currency, p.at): p.amount.amount for p in difference([], lines)}
