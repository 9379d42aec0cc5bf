"""The hub's settlement figures of a date for one channel, order by order, out of the books.

They are drawn up when they are first asked for after the date is over, and again at a first page: an order whose
figures have changed since its answer asks once more, and keeps the answer with the figures that it was given to.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from hub.store.books import midnight
from hub.store.settled import OrderFigures, orders_of
from schemas.problems import ProblemError, problem

COMPONENTS = ("fare", "refund", "fee", "commission")
FRESH = timedelta(minutes=5)
_AT_ONCE = 1000
ANSWER_WITHIN = timedelta(hours=36)
"""After the end of the date: a night to draw it up, and a working day to answer. Chosen."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some orders of a date. ``next``: the cursor of the following page; None at the end."""

    head: dict[str, Any]
    orders: list[dict[str, Any]]
    next: str | None


def version_of(figures: OrderFigures) -> str:
    """What an answer is given to: the figures themselves, as 16 hexadecimal digits."""
    said = f"{figures.order_no}|{figures.currency}|{'|'.join(str(getattr(figures, name)) for name in COMPONENTS)}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def draw_up(connection: Connection[TupleRow], channel: str, day: date, now: datetime) -> None:
    """Write down the figures of a date. Raises ``query_invalid`` while the date is not over.

    Figures that were drawn up less than :data:`FRESH` ago stay as they are. Belongs into a transaction of its own.
    """
    end = midnight(day + timedelta(days=1))
    if now < end:
        detail = f"Business date {day} is not over before {end.isoformat()}: its figures are not final."
        raise ProblemError(problem("query_invalid", detail))
    # Two callers at once would both write the same; one after the other, the second finds nothing to do.
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"confirm|{channel}|{day}",))
    drawn = connection.execute(_DRAWN_UP, {"channel": channel, "day": day}).fetchone()
    if drawn is not None and now - drawn[0] < FRESH:
        return
    connection.execute(_BEGIN, {"channel": channel, "day": day, "now": now, "due": end + ANSWER_WITHIN})
    connection.execute(_DRAWN)
    with connection.cursor() as cursor:
        figures = orders_of(connection, day, channel)
        while some := list(islice(figures, _AT_ONCE)):
            cursor.executemany(_DRAW, [_row(channel, day, order) for order in some])
    connection.execute(_MERGE)
    connection.execute(_EMPTIED, {"channel": channel, "day": day})
    connection.execute(_COUNT, {"channel": channel, "day": day})


def _row(channel: str, day: date, figures: OrderFigures) -> tuple[Any, ...]:
    amounts = (getattr(figures, name) for name in COMPONENTS)
    return (channel, day, figures.order_no, figures.currency, *amounts, version_of(figures))


def page(connection: Connection[TupleRow], channel: str, day: date, after: str, limit: int) -> Page:
    """Orders behind ``after`` (order number and currency), at most ``limit``; by order number."""
    number, _, currency = after.partition("|")
    with connection.cursor(row_factory=dict_row) as cursor:
        heads = cursor.execute(_HEAD, {"channel": channel, "day": day}).fetchall()
        rows = cursor.execute(
            _PAGE, {"channel": channel, "day": day, "number": number, "currency": currency, "limit": limit}
        ).fetchall()
    last = f"{rows[-1]['order_no']}|{rows[-1]['currency']}" if len(rows) == limit else None
    return Page(heads[0] if heads else {"orders": 0}, rows, last)


def missing(connection: Connection[TupleRow], now: datetime) -> list[dict[str, Any]]:
    """Channels and dates whose time to answer is over, with the number of orders that were not answered."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_MISSING, {"now": now}).fetchall()


_BEGIN: LiteralString = """
INSERT INTO recon.confirmation_days (channel, business_date, drawn_up_at, due_at, orders)
VALUES (%(channel)s, %(day)s, %(now)s, %(due)s, 0)
ON CONFLICT (channel, business_date) DO UPDATE SET drawn_up_at = excluded.drawn_up_at
"""

_DRAWN_UP: LiteralString = """
SELECT drawn_up_at FROM recon.confirmation_days WHERE channel = %(channel)s AND business_date = %(day)s
"""

_DRAWN: LiteralString = "CREATE TEMP TABLE drawn (LIKE recon.confirmations INCLUDING DEFAULTS) ON COMMIT DROP"

_DRAW: LiteralString = """
INSERT INTO drawn (channel, business_date, order_no, currency, fare, refund, fee, commission, version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_MERGE: LiteralString = """
INSERT INTO recon.confirmations AS known
    (channel, business_date, order_no, currency, fare, refund, fee, commission, version)
SELECT channel, business_date, order_no, currency, fare, refund, fee, commission, version FROM drawn
ON CONFLICT (channel, business_date, order_no, currency) DO UPDATE SET
    fare = excluded.fare, refund = excluded.refund, fee = excluded.fee, commission = excluded.commission,
    version = excluded.version
WHERE known.version <> excluded.version
"""

# An order of which nothing of the date is left: joined to another one, or all withdrawn. Its answer is kept.
_EMPTIED: LiteralString = """
UPDATE recon.confirmations c SET fare = 0, refund = 0, fee = 0, commission = 0, version = 'nothing'
WHERE c.channel = %(channel)s AND c.business_date = %(day)s AND c.version <> 'nothing'
  AND NOT EXISTS (SELECT FROM drawn d WHERE d.order_no = c.order_no AND d.currency = c.currency)
"""

_COUNT: LiteralString = """
UPDATE recon.confirmation_days d SET orders = (
    SELECT count(*) FROM recon.confirmations c WHERE (c.channel, c.business_date) = (d.channel, d.business_date))
WHERE d.channel = %(channel)s AND d.business_date = %(day)s
"""

_HEAD: LiteralString = """
SELECT d.orders, d.drawn_up_at, d.due_at, sum(c.fare)::bigint AS fare, sum(c.refund)::bigint AS refund,
       sum(c.fee)::bigint AS fee, sum(c.commission)::bigint AS commission,
       count(*) FILTER (WHERE c.answered_to = c.version) AS answered
FROM recon.confirmation_days d LEFT JOIN recon.confirmations c USING (channel, business_date)
WHERE channel = %(channel)s AND business_date = %(day)s GROUP BY 1, 2, 3
"""

_PAGE: LiteralString = """
SELECT order_no, currency, fare, refund, fee, commission, version, answer, theirs, note, answered_at, late,
       coalesce(answered_to = version, false) AS settled
FROM recon.confirmations
WHERE channel = %(channel)s AND business_date = %(day)s AND (order_no, currency) > (%(number)s, %(currency)s)
ORDER BY order_no, currency LIMIT %(limit)s
"""

_MISSING: LiteralString = """
SELECT d.channel, d.business_date, d.due_at, d.orders, count(c.order_no) AS unanswered
FROM recon.confirmation_days d JOIN recon.confirmations c USING (channel, business_date)
WHERE d.due_at < %(now)s AND c.answered_to IS DISTINCT FROM c.version
GROUP BY 1, 2, 3, 4 ORDER BY 2, 1
"""
