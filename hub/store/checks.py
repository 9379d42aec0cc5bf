"""The whole ledger at once: its digest, and the standing checks that it must pass at any moment.

    ledger_digest   one hash over the business content of every order and every sold seat
    CHECKS          what must be true of the tables; each check is a function from the ledger to complaints

Both read table after table: while the hub runs, give them a connection that sees one moment (REPEATABLE READ).
All complaints are given with their place, none is thrown: an operator wants the whole list at once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.ledger import Document, difference, digest, fold, fold_with_postings, order_content, read_document, rebuild
from hub.ports import Adapter
from hub.store import events, orders, seats
from hub.store.seal import Seal
from hub.store.timetable import Timetable
from schemas.facts import Leg, Seat, TicketHeld, TicketIssued
from schemas.money import Money
from schemas.observation import Observation
from schemas.order import Order

SEAT_SOLD = "seat_already_sold"
_AT_ONCE = 200
_COMPLAINTS_MAX = 200

Spot = tuple[str, str, str, str]
"""A seat of a run, whatever the legs: service date, train, coach, number."""


@dataclass(frozen=True, slots=True)
class LedgerDigest:
    """``digest``: SHA-256 in hexadecimal digits over ``orders`` orders and ``seats`` seats with a sold leg."""

    digest: str
    orders: int
    seats: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is not as it must be: which check, where, and what stands there."""

    check: str
    subject: str
    found: str


def ledger_digest(connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal) -> LedgerDigest:
    """The digest of the whole ledger; the same messages give the same one, in whatever order they came.

    Orders that met a seat somebody else wanted are taken in without their seats, so that it does not show who won it.
    """
    contest = _contest(connection, adapters, seal)
    contents: list[dict[str, Any]] = []
    for batch in _documents(connection):
        folded = [fold(document) for document in batch]
        contest.learn(connection, folded)
        contents += [order_content(order, contested=contest.touches(order)) for order in folded]
    sold = seats.sold(connection)
    return LedgerDigest(digest(contents, sold), len(contents), len(sold))


# --- which orders met a contested seat -----------------------------------------------------------------------------


class _Contest:
    """The seats that more than one order wanted, and the orders that were refused one."""

    def __init__(self) -> None:
        self.spots: set[Spot] = set()
        self.order_nos: set[str] = set()
        self.order_ids: set[UUID] = set()
        self._timetable = Timetable()

    def learn(self, connection: Connection[TupleRow], folded: list[Order]) -> None:
        """Read the runs of these orders: a run has one number, but may change its code on the way."""
        self._timetable.learn(connection, (t.leg for order in folded for t in order.tickets if t.leg is not None))

    def learn_legs(self, connection: Connection[TupleRow], legs: list[Leg]) -> None:
        self._timetable.learn(connection, legs)

    def spot(self, leg: Leg | None, seat: Seat | None) -> Spot | None:
        if leg is None or seat is None or not seat.coach or not seat.number:
            return None
        run = self._timetable.run(leg)
        train = run.train_no if run else leg.train_code
        return (leg.service_date.isoformat(), train, seat.coach.lstrip("0"), seat.number.lstrip("0"))

    def touches(self, order: Order) -> bool:
        """Whether who won a race may show in this order."""
        return (
            order.order_id in self.order_ids
            or order.reference("rail", "order") in self.order_nos
            or any(d.kind == SEAT_SOLD for d in order.disputes)
            or any(self.spot(t.leg, t.seat) in self.spots for t in order.tickets)
        )


def _contest(connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal) -> _Contest:
    contest = _Contest()
    disputed = connection.execute("SELECT DISTINCT order_id FROM hub.disputes WHERE kind = %s", (SEAT_SOLD,)).fetchall()
    folded = [fold(stored.document) for stored in orders.read(connection, [row[0] for row in disputed]).values()]
    contest.learn(connection, folded)
    for order in folded:
        contest.spots |= {s for t in order.tickets if not t.seat_granted and (s := contest.spot(t.leg, t.seat))}
    refused = connection.execute(
        "SELECT channel, raw, order_id FROM hub.messages WHERE outcome = 'refused' AND code = %s", (SEAT_SOLD,)
    ).fetchall()
    for channel, raw, order_id in refused:
        if order_id is not None:
            contest.order_ids.add(order_id)
        observed = adapters[channel].parse(seal.open_bytes(bytes(raw)))
        if isinstance(observed, Observation):
            _learn_refused(connection, contest, observed)
    return contest


def _learn_refused(connection: Connection[TupleRow], contest: _Contest, observed: Observation) -> None:
    contest.order_nos |= {r.value for r in observed.references if (r.system, r.kind) == ("rail", "order")}
    wanted = [fact.ticket for fact in observed.facts if isinstance(fact, TicketHeld | TicketIssued)]
    contest.learn_legs(connection, [ticket.leg for ticket in wanted])
    contest.spots |= {s for ticket in wanted if (s := contest.spot(ticket.leg, ticket.seat))}


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
    """An order's document, columns, tickets and balance are what its events make, and nothing else."""
    for batch in _documents(connection):
        ids = [document.order_id for document in batch]
        columns, tickets = _columns(connection, ids), _tickets(connection, ids)
        posted = _posted(connection, ids)
        for document in batch:
            order_id = document.order_id
            again = rebuild(order_id, document.references, events.said(connection, order_id))
            subject = f"order {order_id}"
            if (again.facts, again.statements) != (document.facts, document.statements):
                yield Complaint("documents", subject, "the document differs from what its events make")
            order, lines = fold_with_postings(again)
            if columns[order_id] != _columns_of(order):
                yield Complaint("columns", subject, f"{columns[order_id]} instead of {_columns_of(order)}")
            if tickets.get(order_id, {}) != _tickets_of(order):
                yield Complaint("tickets", subject, f"{tickets.get(order_id)} instead of {_tickets_of(order)}")
            if posted.get(order_id, {}) != {key: money.amount for key, money in _balances(lines).items()}:
                yield Complaint("balances", subject, "its events' postings differ from those of its facts")


def references_are_bound(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """Every reference of a document leads to its order, and no reference leads nowhere."""
    rows = connection.execute(
        """WITH said AS (
               SELECT o.order_id, r->>'system' AS system, r->>'kind' AS kind, r->>'value' AS value
               FROM hub.orders o, jsonb_array_elements(o.document->'references') AS r)
           SELECT coalesce(s.system, b.system), coalesce(s.kind, b.kind), coalesce(s.value, b.value),
                  s.order_id, b.order_id
           FROM said s FULL JOIN hub.refs b USING (system, kind, value)
           WHERE s.order_id IS DISTINCT FROM b.order_id ORDER BY 1, 2, 3"""
    )
    for system, kind, value, said, bound in rows:
        yield Complaint("references", f"{system} {kind} {value}", f"the document says {said}, bound to {bound}")


CHECKS: tuple[Callable[[Connection[TupleRow]], Iterator[Complaint]], ...] = (
    seats_are_the_union,
    postings_balance,
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
        """SELECT order_id, version, channel, business_date, fulfilment, payment, refund, dispute, complete
           FROM hub.orders WHERE order_id = ANY(%s)""",
        (ids,),
    )
    return {row[0]: row[1:] for row in rows}


def _columns_of(order: Order) -> tuple[Any, ...]:
    return (
        order.version,
        order.channel,
        order.business_date,
        order.fulfilment,
        order.payment,
        order.refund,
        order.dispute,
        order.complete,
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


def _posted(connection: Connection[TupleRow], ids: list[UUID]) -> dict[UUID, dict[tuple[str, str, str], int]]:
    found: dict[UUID, dict[tuple[str, str, str], int]] = {}
    for order_id, identity, account, currency, amount in connection.execute(
        """SELECT e.order_id, p.line->>3, p.line->>0, p.line->>2, sum((p.line->>1)::bigint)::bigint
           FROM hub.events e, jsonb_array_elements(e.postings) AS p (line)
           WHERE e.order_id = ANY(%s) GROUP BY 1, 2, 3, 4 HAVING sum((p.line->>1)::bigint) <> 0""",
        (ids,),
    ):
        found.setdefault(order_id, {})[identity, account, currency] = int(amount)
    return found


def _balances(lines: Any) -> dict[tuple[str, str, str], Money]:
    return {(p.identity, p.account, p.amount.currency): p.amount for p in difference([], lines)}
