"""The books: trial balance, an account's lines and an order's own, as of any time on either axis.

The lines stand in the events and nowhere else. Over full pages of the log there are totals by account, currency and
hour (:mod:`hub.store.pages`); what no page covers, and the pages that a time cuts through, is summed line by line. So
every answer is exact, and costs about the same whatever stands in the ledger.

Amounts are minor units; debit positive. A day is a railway day: midnight to midnight in Beijing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

_ZONE = ZoneInfo("Asia/Shanghai")
_TICK = timedelta(microseconds=1)
_HOUR = timedelta(hours=1)
YEARS = range(1970, 2200)


@dataclass(frozen=True, slots=True)
class Span:
    """Which lines: those that happened from ``since`` up to, not including, ``until``, recorded by ``recorded_as_of``.

    None is no bound. ``as_of``: what ``until`` was made of, if it was a time that somebody asked for.
    """

    since: datetime | None = None
    until: datetime | None = None
    recorded_as_of: datetime | None = None
    as_of: datetime | None = None

    @classmethod
    def of(
        cls,
        first: date | None = None,
        last: date | None = None,
        as_of: datetime | None = None,
        recorded_as_of: datetime | None = None,
    ) -> "Span":
        """The railway days ``first`` to ``last`` (both in it), of what had happened by ``as_of``.

        Raises ``ValueError``, in words for who asked, for a time without an offset or outside the years of this ledger,
        and for days that run backwards.
        """
        for moment in (as_of, recorded_as_of):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("A time needs its offset, for example 2026-01-11T14:03:00+08:00.")
        if any(m is not None and m.year not in YEARS for m in (first, last, as_of, recorded_as_of)):
            raise ValueError(f"These books are of the years {YEARS[0]} to {YEARS[-1]}.")
        if first is not None and last is not None and first > last:
            raise ValueError("The first day is after the last one.")
        ends = [midnight(last + timedelta(days=1))] if last else []
        ends += [as_of + _TICK] if as_of else []
        return cls(midnight(first) if first else None, min(ends, default=None), recorded_as_of, as_of)


EVER = Span()


def midnight(day: date) -> datetime:
    """When a railway day begins."""
    return datetime.combine(day, time(), _ZONE)


@dataclass(slots=True)
class AccountBalance:
    """One account in one currency: what stood there before, what was posted, what stands there now."""

    account: str
    currency: str
    opening: int = 0
    debit: int = 0
    credit: int = 0
    lines: int = 0

    @property
    def balance(self) -> int:
        return self.opening + self.debit - self.credit


class _Sum(NamedTuple):
    account: str
    currency: str
    before: bool
    debit: int
    credit: int
    lines: int


class _End(NamedTuple):
    """How far the pages go: a place in the log."""

    page: int
    txid: str
    position: int


_BEGINNING = _End(0, "0", 0)


def trial_balance(
    connection: Connection[TupleRow], span: Span = EVER, currency: str | None = None, account: str | None = None
) -> list[AccountBalance]:
    """Every account (or this one) on which anything was posted up to the end of ``span``, by name and currency.

    The balances of a currency sum to zero over all accounts.
    """
    end = _last_page(connection)
    found: dict[tuple[str, str], AccountBalance] = {}
    for part in _sums(connection, span, end, account):
        if currency not in (None, part.currency):
            continue
        row = found.setdefault((part.account, part.currency), AccountBalance(part.account, part.currency))
        if part.before:
            row.opening += part.debit - part.credit
        else:
            row.debit += part.debit
            row.credit += part.credit
            row.lines += part.lines
    return [found[key] for key in sorted(found)]


def _last_page(connection: Connection[TupleRow]) -> _End:
    row = connection.execute(
        "SELECT page, last_txid::text, last_position FROM hub.book_pages ORDER BY page DESC LIMIT 1"
    ).fetchone()
    return _End(*row) if row else _BEGINNING


def _sums(connection: Connection[TupleRow], span: Span, end: _End, account: str | None) -> Iterator[_Sum]:
    """The parts of a trial balance: totals of whole hours of whole pages, then what has to be summed line by line.

    Pages never change, so only what is in them is asked of them, and everything behind ``end`` line by line: it does
    not matter that a page may be made between two of these statements.
    """
    cut = _hours_cut(span)
    values = {
        "account": account,
        "since": span.since,
        "until": span.until,
        "recorded": span.recorded_as_of,
        "page": end.page,
        "cut": cut,
        "after_txid": end.txid,
        "after": end.position,
    }
    yield from _read(connection, _WHOLE_HOURS, values)
    yield from _read(connection, _TAIL, values)
    for query, pages in ((_OF_CUT_PAGE, _CUT_BY_RECORD), (_OF_CUT_HOURS, _CUT_BY_HOUR)):
        for after_txid, after, size in connection.execute(pages, values).fetchall():
            place = {"after_txid": after_txid, "after": after, "events": size}
            yield from _read(connection, query, values | place)


def _read(connection: Connection[TupleRow], query: str, values: dict[str, Any]) -> Iterator[_Sum]:
    return (_Sum(*row) for row in connection.execute(query.encode(), values))


def _hours_cut(span: Span) -> list[datetime]:
    """The hours through which an end of the span cuts."""
    moments = [moment.astimezone(UTC) for moment in (span.since, span.until) if moment is not None]
    hours = [moment.replace(minute=0, second=0, microsecond=0) for moment in moments]
    return [hour for moment, hour in zip(moments, hours, strict=True) if hour != moment]


ON_PAGE = """position = ANY(ARRAY(SELECT position FROM hub.events
    WHERE (txid, position) > (%(after_txid)s::xid8, %(after)s) ORDER BY txid, position LIMIT %(events)s))"""
"""Which events a page is made of. Said so, because the planner takes a range between two pairs for many rows."""

_RECORDED = "(%(recorded)s::timestamptz IS NULL OR recorded_to <= %(recorded)s)"

_WHOLE_HOURS = f"""
SELECT account, currency, coalesce(hour < %(since)s::timestamptz, false), sum(debit)::bigint, sum(credit)::bigint,
       sum(lines)::bigint
FROM hub.book_totals
WHERE (%(account)s::text IS NULL OR account = %(account)s)
  AND page <= %(page)s AND hour <> ALL(%(cut)s::timestamptz[])
  AND (%(until)s::timestamptz IS NULL OR hour < %(until)s)
  AND (%(recorded)s::timestamptz IS NULL OR page IN (SELECT page FROM hub.book_pages WHERE {_RECORDED}))
GROUP BY 1, 2, 3"""

_IN_SPAN = """(%(account)s::text IS NULL OR account = %(account)s)
  AND (%(until)s::timestamptz IS NULL OR happened_at < %(until)s)
  AND (%(recorded)s::timestamptz IS NULL OR recorded_at <= %(recorded)s)"""

_TAIL = f"""
SELECT account, currency, coalesce(happened_at < %(since)s::timestamptz, false),
       sum(greatest(amount, 0))::bigint, sum(greatest(-amount, 0))::bigint, count(*)
FROM hub.book_lines
WHERE (txid, position) > (%(after_txid)s::xid8, %(after)s) AND {_IN_SPAN}
GROUP BY 1, 2, 3"""

_OF_CUT_PAGE = _TAIL.replace("(txid, position) > (%(after_txid)s::xid8, %(after)s)", ON_PAGE)
_OF_CUT_HOURS = _OF_CUT_PAGE.replace(
    "GROUP BY", "  AND date_trunc('hour', happened_at, 'UTC') = ANY(%(cut)s::timestamptz[])\nGROUP BY"
)

_PLACE = "SELECT after_txid::text, after_position, events FROM hub.book_pages"
_CUT_BY_RECORD = f"""{_PLACE}
WHERE page <= %(page)s AND recorded_from <= %(recorded)s::timestamptz AND recorded_to > %(recorded)s"""
_CUT_BY_HOUR = f"""{_PLACE}
WHERE page <= %(page)s AND {_RECORDED}
  AND page IN (SELECT page FROM hub.book_totals WHERE hour = ANY(%(cut)s::timestamptz[])
               AND (%(account)s::text IS NULL OR account = %(account)s))"""


# --- lines, the newest first -----------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where a line stands in the log. As text (``512.40.3``) it is a page's cursor."""

    txid: int
    position: int
    line: int

    def __str__(self) -> str:
        return f"{self.txid}.{self.position}.{self.line}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """Raises ``ValueError`` for anything that ``str()`` of a place does not give."""
        if re.fullmatch(r"\d{1,18}\.\d{1,18}\.\d{1,6}", text, re.ASCII) is None:
            raise ValueError("A cursor is what the page before this one gave as next.")
        return cls(*map(int, text.split(".")))


@dataclass(frozen=True, slots=True)
class BookLine:
    """One line: which fact of which order posted it, who said so (``witness``), in which event, when."""

    place: Place
    account: str
    amount: int
    currency: str
    order_id: UUID
    order_no: str | None
    fact: str
    witness: str
    message_id: str | None
    sequence: int
    event: str
    happened_at: datetime
    recorded_at: datetime


def account_lines(
    connection: Connection[TupleRow],
    account: str,
    span: Span = EVER,
    currency: str | None = None,
    before: Place | None = None,
    limit: int = 50,
) -> list[BookLine]:
    """At most ``limit`` lines of an account in the order of the log, the newest first, older than ``before``.

    Only pages on which the account has a line are read.
    """
    end = _last_page(connection)
    values = {
        "account": account,
        "currency": currency,
        "since": span.since,
        "until": span.until,
        "recorded": span.recorded_as_of,
        "page": end.page,
        "first_hour": (span.since or datetime(1, 1, 2, tzinfo=UTC)) - _HOUR,
        "before_txid": before.txid if before else None,
        "before": before.position if before else None,
        "before_line": before.line if before else None,
    }
    found: list[BookLine] = []
    # First what no page covers yet, then page by page, each page's own lines only.
    places: Iterable[TupleRow] = chain([(end.txid, end.position, None)], _pages_of(connection, values, limit))
    for after_txid, after, size in places:
        place = {"after_txid": after_txid, "after": after, "events": size, "limit": limit - len(found)}
        rows = connection.execute((_LINES_OF_TAIL if size is None else _LINES_OF_PAGE).encode(), values | place)
        found += [BookLine(Place(*row[:3]), *row[3:]) for row in rows]
        if len(found) == limit:
            break
    return found


def _pages_of(connection: Connection[TupleRow], values: dict[str, Any], at_once: int) -> Iterator[TupleRow]:
    """The pages on which the account may have a line of the span, the last one first."""
    below = values["page"] + 1
    while rows := connection.execute(_PAGES_OF, values | {"below": below, "limit": at_once}).fetchall():
        for page, *place in rows:
            below = page
            yield tuple(place)


_PAGES_OF = """
SELECT page, after_txid::text, after_position, events FROM hub.book_pages
WHERE page < %(below)s
  AND (%(recorded)s::timestamptz IS NULL OR recorded_from <= %(recorded)s)
  AND (%(before_txid)s::text IS NULL
       OR (after_txid, after_position) < (%(before_txid)s::text::xid8, %(before)s::bigint))
  AND page IN (SELECT page FROM hub.book_totals WHERE account = %(account)s AND page < %(below)s
               AND (%(currency)s::text IS NULL OR currency = %(currency)s)
               AND hour > %(first_hour)s AND (%(until)s::timestamptz IS NULL OR hour < %(until)s))
ORDER BY page DESC LIMIT %(limit)s"""

_LINE = """l.txid::text::bigint, l.position, l.n, l.account, l.amount, l.currency, l.order_id, o.order_no, l.fact,
       l.origin, l.message_id, l.sequence, l.type, l.happened_at, l.recorded_at
FROM hub.book_lines l LEFT JOIN hub.orders o ON o.order_id = l.order_id"""

_LINES_OF_TAIL = f"""
SELECT {_LINE}
WHERE (l.txid, l.position) > (%(after_txid)s::xid8, %(after)s)
  AND (%(before_txid)s::text IS NULL
       OR (l.txid, l.position, l.n) < (%(before_txid)s::text::xid8, %(before)s::bigint, %(before_line)s::bigint))
  AND l.account = %(account)s AND (%(currency)s::text IS NULL OR l.currency = %(currency)s)
  AND (%(since)s::timestamptz IS NULL OR l.happened_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR l.happened_at < %(until)s)
  AND (%(recorded)s::timestamptz IS NULL OR l.recorded_at <= %(recorded)s)
ORDER BY l.txid DESC, l.position DESC, l.n DESC LIMIT %(limit)s"""
_LINES_OF_PAGE = _LINES_OF_TAIL.replace("(l.txid, l.position) > (%(after_txid)s::xid8, %(after)s)", f"l.{ON_PAGE}")


def order_lines(connection: Connection[TupleRow], order_id: UUID, span: Span = EVER) -> list[BookLine]:
    """Every line of an order, in the order of its events.

    One that was joined to another has nothing left on it, and the other one posts for both: see
    :mod:`hub.store.merging` for the id under which an order is kept, or was.
    """
    rows = connection.execute(
        f"""SELECT {_LINE}
            WHERE l.order_id = %(id)s AND (%(until)s::timestamptz IS NULL OR l.happened_at < %(until)s)
              AND (%(recorded)s::timestamptz IS NULL OR l.recorded_at <= %(recorded)s)
            ORDER BY l.txid, l.position, l.n""",
        {"id": order_id, "until": span.until, "recorded": span.recorded_as_of},
    )
    return [BookLine(Place(*row[:3]), *row[3:]) for row in rows]
