"""Write what was decided: about seven rows a sale, each table in one pipelined statement."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake.decide import Decision, Work, meant
from hub.intake.joining import Union
from hub.intake.receipts import BULK_SOURCES
from hub.ledger import HUB, Posting, write_document, write_statements
from hub.ledger.reading import document_key
from hub.store import events, merging, orders
from hub.store.timetable import Timetable
from schemas.facts import Passenger
from schemas.order import Order


def write(
    connection: Connection[TupleRow],
    new_id: Callable[[], UUID],
    works: Sequence[Work],
    timetable: Timetable,
    phone_of: Callable[[Passenger], str | None],
) -> bool:
    """Write the changed orders with their tickets, disputes and events; whether there were events.

    ``phone_of``: the index under which a passenger's telephone is looked up (:meth:`hub.intake.sealing.People.phone`).
    """
    changed = [work for work in works if work.changed]
    for work in changed:
        if work.union:
            joined = [part.order_id for part in work.union.parts]
            merging.merge(connection, joined, work.order_id, work.union.recorded_at)
    event_rows = [row for work in changed for row in _events(work, new_id)]
    new, known = [work for work in changed if not work.stored], [work for work in changed if work.stored]
    for put, among in ((orders.append_new, new), (orders.write, known)):
        put(
            connection,
            [_order_row(work) for work in among],
            [t for w in among for t in _ticket_rows(w, timetable, phone_of)],
        )
    for work in known:
        if _withdraws(work):
            orders.drop_tickets(connection, work.order_id, [ticket.ticket_no for ticket in _order(work).tickets])
    orders.write_disputes(connection, [row for work in changed for row in _dispute_rows(work)])
    orders.withdraw_disputes(connection, [row for work in changed for row in _withdrawn(work)])
    events.insert(connection, event_rows)
    return bool(event_rows)


_encode = msgspec.json.Encoder().encode

_NOWHERE = (None, None, None, None, 0)
"""Where a ticket without a guarded seat is."""


def _order(work: Work) -> Order:
    assert work.folded is not None
    return work.folded.order


def _order_row(work: Work) -> orders.OrderRow:
    order = _order(work)
    return orders.OrderRow(
        order_id=work.order_id,
        order_no=order.reference("rail", "order") or work.order_no,
        version=order.version,
        sequence=work.sequence,
        channel=order.channel,
        witnesses=orders.text_array(sorted(work.document.witnesses)),
        business_date=order.business_date,
        fulfilment=order.fulfilment,
        payment=order.payment,
        refund=order.refund,
        dispute=order.dispute,
        complete=order.complete,
        last_stated=_encode(work.last_stated).decode(),
        document=write_document(work.document),
        created_at=work.decisions[0].receipt.received_at,
        updated_at=order.updated_at,
    )


def _ticket_rows(
    work: Work, timetable: Timetable, phone_of: Callable[[Passenger], str | None]
) -> list[orders.TicketRow]:
    order = _order(work)
    # Also of a ticket that lost its seat: should that become free, the ticket is found by it.
    places = meant(order, timetable)
    people = {p.passenger_id: (document_key(p), phone_of(p)) for p in order.passengers}
    rows = []
    for ticket in order.tickets:
        service_date, train, coach, seat, legs = places.get(ticket.ticket_no) or _NOWHERE
        document, phone = people.get(ticket.passenger_id or "", (None, None))
        if phone == orders.KEPT_AS_IT_IS and not work.stored:
            phone = None
        rows.append(
            orders.TicketRow(
                ticket_no=ticket.ticket_no,
                order_id=work.order_id,
                state=ticket.state,
                service_date=service_date,
                train=train,
                coach=coach,
                seat=seat,
                legs=legs,
                holds_seat=ticket.seat_granted and ticket.ticket_no in places,
                document=document,
                phone=phone,
                fare_amount=ticket.fare_gross.amount if ticket.fare_gross else None,
                hold_expires_at=ticket.hold_expires_at,
                departs_at=ticket.leg.origin.at if ticket.leg else None,
                arrives_at=ticket.leg.destination.at if ticket.leg else None,
            )
        )
    return rows


def _withdraws(work: Work) -> bool:
    """Whether a fact was withdrawn: the only way in which an order loses a ticket it had."""
    return any(fact.startswith("retracted|") for decision in work.decisions for fact in decision.joined.new)


def _dispute_rows(work: Work) -> list[tuple[Any, ...]]:
    return [(work.order_id, d.dispute_id, d.kind, d.subject, d.state, d.opened_at) for d in _order(work).disputes]


def _withdrawn(work: Work) -> list[tuple[UUID, str]]:
    """Disputes that are no more: a witness changed its mind, or a fact was retracted."""
    now = {d.dispute_id for d in _order(work).disputes}
    return [(work.order_id, dispute_id) for dispute_id in sorted(work.known_disputes - now)]


def _events(work: Work, new_id: Callable[[], UUID]) -> list[events.EventRow]:
    rows = _join_rows(work, work.union, new_id) if work.union else []
    for decision in work.decisions:
        event_type = decision.event_type
        if event_type is None:
            continue
        work.sequence += 1
        decision.sequence = work.sequence
        rows.append(_event_row(work, decision, event_type, new_id()))
    return rows


def _join_rows(work: Work, union: Union, new_id: Callable[[], UUID]) -> list[events.EventRow]:
    """The last event of each order that is joined, which takes its lines off the books; then what the elder gained."""
    work.sequence += 1
    gained = write_statements(union.gained.taken)
    told = [
        *((part.order_id, part.stored.sequence + 1, part.folded.order, "[]", part.mirror) for part in union.parts),
        (work.order_id, work.sequence, union.folded.order, gained, union.lines),
    ]
    return [
        events.EventRow(
            event_id=new_id(),
            order_id=order_id,
            sequence=sequence,
            type="order.joined",
            # Of the hub's own: the channel whose message showed it does not know the other order's facts either.
            origin=HUB,
            message_id=None,
            business_date=order.business_date,
            statements=statements,
            postings=_encode([_line(line) for line in lines]).decode(),
            recorded_at=union.recorded_at,
            lane=_lane(work.decisions[0]),
        )
        for order_id, sequence, order, statements, lines in told
    ]


def _lane(decision: Decision) -> str:
    return "bulk" if decision.receipt.source in BULK_SOURCES else "live"


def _event_row(work: Work, decision: Decision, event_type: str, event_id: UUID) -> events.EventRow:
    return events.EventRow(
        event_id=event_id,
        order_id=work.order_id,
        sequence=work.sequence,
        type=event_type,
        origin=decision.receipt.channel,
        message_id=decision.receipt.message_id,
        business_date=_order(work).business_date,
        statements=write_statements(decision.joined.taken),
        postings=_encode([_line(line) for line in decision.lines]).decode(),
        recorded_at=decision.recorded_at,
        lane=_lane(decision),
    )


def _line(line: Posting) -> list[Any]:
    return [line.account, line.amount.amount, line.amount.currency, line.identity, line.at]
