"""What a day's postings come to by order, channel and product: always what the trial balance says of the same day."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake import Intake, Receipt
from hub.store import pages
from hub.store.books import Span, trial_balance
from hub.store.settled import known_orders, moved, orders_of, products
from interlock.clock import SetClock
from interlock.database import Pool
from interlock.wiring import new_id
from tests.hub.railway import Railway, open_railway
from tests.hub.telling import settled
from tests.hub.test_any_order import VOICES, messages


@pytest.fixture
def books(pool: Pool, clock: SetClock) -> Iterator[Connection[TupleRow]]:
    """Every journey there is; most of it on pages of seven events, the last ones on none."""
    railway: Railway = open_railway(pool, clock)
    intake = Intake(pool, VOICES, railway.seal, new_id)
    sent = [
        Receipt(channel, message_id, raw, "http", clock() + timedelta(seconds=n))
        for n, (channel, message_id, raw) in enumerate(messages())
    ]
    half = len(sent) // 2
    intake.take(sent[:half])
    settled(railway)
    with pool.connection() as connection:
        while pages.turn(connection, 7):
            pass
    intake.take(sent[half:])
    with pool.connection() as connection:
        yield connection


def test_every_day_ties_to_the_trial_balance(books: Connection[TupleRow]) -> None:
    days = [
        row[0]
        for row in books.execute(
            "SELECT DISTINCT (happened_at AT TIME ZONE 'Asia/Shanghai')::date FROM hub.book_lines ORDER BY 1"
        ).fetchall()
    ]
    assert len(days) > 1
    for day in days:
        balance: dict[tuple[str, str], int] = {}
        for row in trial_balance(books, Span.of(day, day)):
            key = (row.account.partition(":")[0], row.currency)
            balance[key] = balance.get(key, 0) + row.debit - row.credit
        found: dict[tuple[str, str], int] = {}
        for line in moved(books, day):
            key = (line.account, line.currency)
            found[key] = found.get(key, 0) + line.amount
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in balance.items() if v}
        income = sum(amount for (account, _), amount in balance.items() if account in {"sales", "fees"})
        assert sum(line.net for line in products(books, day)) == -income


def test_an_order_has_its_own_figures_and_no_others(books: Connection[TupleRow]) -> None:
    rows = books.execute(
        "SELECT DISTINCT (happened_at AT TIME ZONE 'Asia/Shanghai')::date, o.channel FROM hub.book_lines"
        " JOIN hub.orders o USING (order_id) WHERE o.channel IS NOT NULL ORDER BY 1, 2"
    ).fetchall()
    for day, channel in rows:
        lines = [line for line in moved(books, day) if line.channel == channel]
        figures = list(orders_of(books, day, channel))
        assert len({f.order_no for f in figures}) == len(figures) or len({f.currency for f in figures}) > 1
        assert sum(f.refund for f in figures) == -sum(
            line.amount for line in lines if (line.account, line.fact) == ("refunds_payable", "refund.requested")
        )
        assert sum(f.fee + f.commission for f in figures) == -sum(
            line.amount for line in lines if line.account == "fees"
        )
        assert known_orders(books, channel, [f.order_no for f in figures] + ["nobody"]) == {f.order_no for f in figures}
