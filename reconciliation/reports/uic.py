"""A day or month by seller, carrier and product, in the *shape* of the railways' international accounting.

The real form, IRS 30301, is a paid standard that was not at hand: **no conformance is claimed**. What is here has the
same parts: a head that says who accounts for which period, one line per day, seller, carrier, product and currency, and
a trailer whose control totals are the books' own. An adapter for the real form reads these lines.

    H,accounting period,issuer,drawn up at,lines follow
    D,accounting month,business date,seller,carrier,product,currency,counts and amounts
    T,currency,lines,counts and sums,income in the books,ties or differs

Amounts are minor units, as integers: an exchange of data is no place for decimal points.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store.books import Span, trial_balance
from hub.store.settled import ProductDay, products

ISSUER = "0033"
"""The numeric company code of Chinese railways in the UIC's public list (RICS); carrier of every product here."""

COLUMNS = (
    "record", "accounting_month", "business_date", "seller", "carrier", "product", "currency", "tickets_sold",
    "gross_sold", "surcharges", "tickets_returned", "gross_returned", "fees", "net",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One business date's account of a seller and product."""

    business_date: date
    day: ProductDay

    @property
    def amounts(self) -> tuple[int, ...]:
        d = self.day
        return (d.sold_count, d.sold, d.surcharges, d.returned_count, d.returned, d.fees, d.net)


@dataclass(frozen=True, slots=True)
class Control:
    """One currency's control totals, and what the books say of the same period."""

    currency: str
    lines: int
    sums: tuple[int, ...]
    books: int

    @property
    def ties(self) -> bool:
        return self.sums[-1] == self.books


@dataclass(frozen=True, slots=True)
class Account:
    """A period's lines and controls."""

    first: date
    last: date
    drawn_up_at: datetime
    lines: Sequence[Line]
    controls: Sequence[Control]

    @property
    def ties(self) -> bool:
        return all(control.ties for control in self.controls)


def draw_account(connection: Connection[TupleRow], first: date, last: date, now: datetime) -> Account:
    """The account of the railway days ``first`` to ``last``; in one snapshot, so that lines and books are the same."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    lines = [Line(day, found) for day in days for found in products(connection, day)]
    books: dict[str, int] = {}
    for row in trial_balance(connection, Span.of(first, last)):
        if row.account in {"sales", "fees"}:
            books[row.currency] = books.get(row.currency, 0) + row.credit - row.debit
    currencies = sorted({line.day.currency for line in lines} | {c for c, amount in books.items() if amount})
    return Account(first, last, now, lines, [_control(c, lines, books.get(c, 0)) for c in currencies])


def _control(currency: str, lines: Sequence[Line], books: int) -> Control:
    own = [line.amounts for line in lines if line.day.currency == currency]
    sums = tuple(sum(column) for column in zip(*own, strict=True)) if own else (0,) * 7
    return Control(currency, len(own), sums, books)


def month_of(text: str) -> tuple[date, date]:
    """``2026-01`` -> its first and last day; ValueError for anything else."""
    first = datetime.strptime(text, "%Y-%m").date()
    if f"{first:%Y-%m}" != text:
        raise ValueError("a month is written like 2026-01")
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first, following - timedelta(days=1)


def as_records(account: Account) -> Iterator[list[Any]]:
    """Head, lines and trailers, as :data:`COLUMNS` says; the head and trailers have fields of their own."""
    period = f"{account.first.isoformat()}/{account.last.isoformat()}"
    yield ["H", period, ISSUER, account.drawn_up_at.isoformat(), len(account.lines)]
    for line in account.lines:
        d = line.day
        where = [
            f"{line.business_date:%Y-%m}",
            line.business_date.isoformat(),
            d.channel,
            ISSUER,
            d.product,
            d.currency,
        ]
        yield ["D", *where, *line.amounts]
    for control in account.controls:
        finding = "ties" if control.ties else "differs"
        yield ["T", control.currency, control.lines, *control.sums, control.books, finding]


def as_text(account: Account) -> str:
    """The account as CSV with LF, headed by its column names."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(as_records(account))
    return out.getvalue()


def as_json(account: Account) -> dict[str, Any]:
    """The same for programs: ``lines`` by column name, ``controls`` by currency."""
    names = COLUMNS[7:]
    lines = [dict(zip(COLUMNS[1:], record[1:], strict=True)) for record in as_records(account) if record[0] == "D"]
    controls = [
        {
            "currency": c.currency,
            "lines": c.lines,
            **dict(zip(names, c.sums, strict=True)),
            "books": c.books,
            "ties": c.ties,
        }
        for c in account.controls
    ]
    period = {"first": account.first.isoformat(), "last": account.last.isoformat(), "issuer": ISSUER}
    return {**period, "drawn_up_at": account.drawn_up_at.isoformat(), "lines": lines, "controls": controls}
