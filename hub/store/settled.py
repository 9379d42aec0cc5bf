"""What a railway day's postings come to, by order, channel, product and kind of fact: for statements to others.

The lines are those of :mod:`hub.store.books`; here they are grouped by what they are *about*. Amounts are minor units.
A day is a railway day, midnight to midnight in Beijing. Cost is that of the day's own events: pages of the books tell
which stretches of the log hold them, and what no page covers yet is read whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from hub.store.books import midnight


@dataclass(frozen=True, slots=True)
class Moved:
    """Lines of one kind of fact on one kind of account (``sales``, ``fees``, ``processor_clearing`` ...).

    ``channel`` sold the orders; ``processor`` is named by payments and refunds, else ''. ``amount`` is signed as it
    was posted (debit positive). ``withdrawn``: of ``amount``, what people have withdrawn since.
    """

    account: str
    fact: str
    channel: str
    processor: str
    currency: str
    amount: int
    withdrawn: int
    lines: int


@dataclass(frozen=True, slots=True)
class OrderFigures:
    """What one order came to on a day, as an agency would settle it.

    ``fare``: tickets sold, less tickets taken back by a change or a void. ``refund``: promised back, net of ``fee``
    (what was kept for a refund or a change). ``commission``: surcharges on top of the fare, such as the agents' 5 yuan.
    """

    order_no: str
    currency: str
    fare: int
    refund: int
    fee: int
    commission: int


@dataclass(frozen=True, slots=True)
class ProductDay:
    """One channel's day with one product (the letter of the train code: G, D, K ...; '' when no ticket is known)."""

    channel: str
    product: str
    currency: str
    sold_count: int
    sold: int
    surcharges: int
    returned_count: int
    returned: int
    fees: int

    @property
    def net(self) -> int:
        """What stays with the railway: income as the books have it."""
        return self.sold - self.returned + self.surcharges + self.fees


def moved(connection: Connection[TupleRow], day: date) -> list[Moved]:
    """Every line of the day, grouped. Lines that only mirror another one of the same fact and day are netted."""
    with connection.cursor(row_factory=class_row(Moved)) as cursor:
        return cursor.execute((_LINES + _MOVED).encode(), _span(day)).fetchall()


def orders_of(connection: Connection[TupleRow], day: date, channel: str) -> Iterator[OrderFigures]:
    """The figures of every order that ``channel`` sold and about which money was posted on the day; streamed."""
    with connection.cursor(name="settled_orders", row_factory=class_row(OrderFigures)) as cursor:
        cursor.itersize = 1000
        yield from cursor.execute((_LINES + _ORDERS).encode(), {**_span(day), "channel": channel})


def products(connection: Connection[TupleRow], day: date) -> list[ProductDay]:
    """The day by channel and product, in that order."""
    with connection.cursor(row_factory=class_row(ProductDay)) as cursor:
        return cursor.execute((_LINES + _PRODUCTS).encode(), _span(day)).fetchall()


def known_orders(connection: Connection[TupleRow], channel: str, order_nos: list[str]) -> set[str]:
    """Those of these rail order numbers under which the hub knows an order that ``channel`` sold."""
    rows = connection.execute(
        "SELECT r.value FROM hub.refs r JOIN hub.orders o USING (order_id)"
        " WHERE r.system = 'rail' AND r.kind = 'order' AND r.value = ANY(%s) AND o.channel = %s",
        (order_nos, channel),
    )
    return {str(row[0]) for row in rows}


def _span(day: date) -> dict[str, Any]:
    return {"since": midnight(day), "until": midnight(day + timedelta(days=1))}


# Railway days begin and end on whole hours of UTC, so the hours of the totals are either of the day or not.
_LINES = """
WITH last AS (
    SELECT last_txid, last_position FROM hub.book_pages ORDER BY page DESC LIMIT 1
), places AS (
    SELECT e.position FROM hub.book_pages p CROSS JOIN LATERAL (
        SELECT position FROM hub.events WHERE (txid, position) > (p.after_txid, p.after_position)
        ORDER BY txid, position LIMIT p.events) e
    WHERE p.page IN (SELECT page FROM hub.book_totals WHERE hour >= %(since)s AND hour < %(until)s)
    UNION ALL
    SELECT position FROM hub.events
    WHERE (txid, position) > (coalesce((SELECT last_txid FROM last), '0'::xid8),
                              coalesce((SELECT last_position FROM last), 0))
), day AS (
    SELECT l.order_id, o.order_no, coalesce(o.channel, '') AS channel, l.currency, l.amount, l.fact,
           split_part(l.account, ':', 1) AS account, split_part(l.fact, '|', 1) AS kind,
           split_part(l.fact, '|', 2) AS about
    FROM places JOIN hub.book_lines l USING (position) LEFT JOIN hub.orders o ON o.order_id = l.order_id
    WHERE l.happened_at >= %(since)s AND l.happened_at < %(until)s
)
"""

_MOVED = """
SELECT d.account, d.kind AS fact, d.channel,
       CASE WHEN d.kind LIKE 'payment.%%' OR d.kind LIKE 'refund.%%' THEN d.about ELSE '' END AS processor, d.currency,
       sum(d.amount)::bigint AS amount,
       coalesce(sum(d.amount) FILTER (WHERE r.fact IS NOT NULL), 0)::bigint AS withdrawn,
       count(*) AS lines
FROM day d
LEFT JOIN (SELECT DISTINCT order_id, fact FROM hub.retractions WHERE state = 'done') r
       ON r.order_id = d.order_id AND r.fact = d.fact
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""

_ORDERS = """
SELECT order_no, currency,
       coalesce(-sum(amount) FILTER (WHERE account = 'sales' AND kind <> 'ticket.refunded'), 0)::bigint AS fare,
       coalesce(-sum(amount) FILTER (WHERE account = 'refunds_payable' AND kind = 'refund.requested'), 0)::bigint
           AS refund,
       coalesce(-sum(amount) FILTER (WHERE account = 'fees' AND kind IN ('refund.requested', 'change.confirmed')), 0)
           ::bigint AS fee,
       coalesce(-sum(amount) FILTER (WHERE account = 'fees' AND kind IN ('ticket.issued', 'ticket.voided')), 0)::bigint
           AS commission
FROM day WHERE channel = %(channel)s AND order_no IS NOT NULL
GROUP BY 1, 2
HAVING bool_or(account IN ('sales', 'fees', 'refunds_payable'))
ORDER BY 1, 2
"""

# The train is read from the sale itself: the columns of ``hub.tickets`` forget it when the seat is given back. What
# names no ticket (a refund's fee) counts with the order's first one.
_PRODUCTS = """
SELECT d.channel, coalesce(substring(t.train from '^[A-Z]'), '') AS product, d.currency,
       count(*) FILTER (WHERE d.account = 'sales' AND d.kind = 'ticket.issued') AS sold_count,
       coalesce(-sum(d.amount) FILTER (WHERE d.account = 'sales' AND d.kind = 'ticket.issued'), 0)::bigint AS sold,
       coalesce(-sum(d.amount) FILTER (WHERE d.account = 'fees' AND d.kind IN ('ticket.issued', 'ticket.voided')), 0)
           ::bigint AS surcharges,
       count(*) FILTER (WHERE d.account = 'sales' AND d.kind <> 'ticket.issued') AS returned_count,
       coalesce(sum(d.amount) FILTER (WHERE d.account = 'sales' AND d.kind <> 'ticket.issued'), 0)::bigint
           AS returned,
       coalesce(-sum(d.amount) FILTER (
           WHERE d.account = 'fees' AND d.kind NOT IN ('ticket.issued', 'ticket.voided')), 0)
           ::bigint AS fees
FROM day d
LEFT JOIN hub.orders o ON o.order_id = d.order_id
LEFT JOIN LATERAL (
    SELECT said.value->'fact'->'ticket'->'leg'->>'train_code' AS train
    FROM jsonb_each(o.document->'facts') AS named, jsonb_each(named.value) AS said
    WHERE named.key LIKE 'ticket.issued|%%'
    ORDER BY named.key <> 'ticket.issued|' || d.about, named.key, said.key LIMIT 1) t ON true
WHERE d.account IN ('sales', 'fees')
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
