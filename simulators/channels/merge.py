"""How a channel system takes in what it is told about an order: it learns, but it does not unlearn.

What a channel has recorded of its own (fares, seats, names, times) stays; a ticket's state moves forward only; what
it did not know is added. So the same delivery twice changes nothing, and a late one undoes nothing.
"""

from simulators.book import Book, SimOrder, SimTicket, TicketState

_FORWARD: tuple[TicketState, ...] = (
    "held",
    "expired",
    "cancelled",
    "issued",
    "released",
    "changed",
    "voided",
    "refunded",
)
_RANK = {state: rank for rank, state in enumerate(_FORWARD)}


def merge(book: Book, told: SimOrder) -> SimOrder:
    """Put ``told`` into ``book`` and answer the order as the book has it now."""
    known = book.get(told.order_no)
    if known is None:
        book.put(told)
        return told
    for ticket in told.tickets:
        mine = known.ticket(ticket.ticket_no)
        if mine is None:
            known.tickets.append(ticket)
        else:
            _advance(mine, ticket)
    payments = {(p.processor, p.processor_ref) for p in known.payments}
    known.payments += [p for p in told.payments if (p.processor, p.processor_ref) not in payments]
    refunds = {(r.processor, r.refund_ref) for r in known.refunds}
    known.refunds += [r for r in told.refunds if (r.processor, r.refund_ref) not in refunds]
    changes = {c.change_ref for c in known.changes}
    known.changes += [c for c in told.changes if c.change_ref not in changes]
    known.hold_expires_at = known.hold_expires_at or told.hold_expires_at
    known.own_refs = {**told.own_refs, **known.own_refs}
    if told.updated_at is not None and (known.updated_at is None or told.updated_at > known.updated_at):
        known.updated_at = told.updated_at
    return known


def _advance(mine: SimTicket, told: SimTicket) -> None:
    mine.replaces = mine.replaces or told.replaces
    mine.replaced_by = mine.replaced_by or told.replaced_by
    mine.refund_ref = mine.refund_ref or told.refund_ref
    mine.control_no = mine.control_no or told.control_no
    mine.issued_at = mine.issued_at or told.issued_at
    if _RANK[told.state] > _RANK[mine.state]:
        mine.state, mine.state_at = told.state, told.state_at
