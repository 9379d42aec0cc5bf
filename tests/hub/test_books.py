"""The books as of any time: equal to the sum of the orders at every instant, whatever is on pages and what is not."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake import Intake, Receipt
from hub.ledger import Document, fold_with_postings, rebuild
from hub.store import events, orders, pages
from hub.store.books import EVER, Place, Span, account_lines, midnight, order_lines, trial_balance
from hub.store.checks import books_are_what_the_events_say
from hub.store.owing import owing
from interlock.wiring import new_id
from tests.hub.railway import Railway, order_id_of, sale
from tests.hub.telling import settled
from tests.hub.test_any_order import VOICES, in_batches, messages
from tests.hub.test_joining import Story

Balances = dict[tuple[str, str], int]
SMALL = 7


@pytest.fixture
def played(railway: Railway) -> Railway:
    """All journeys, shuffled, told by clocks that do not agree; part of it on pages of seven events, part on none."""
    intake = Intake(railway.pool, VOICES, railway.seal, new_id)
    chance = random.Random(5)
    sent = messages()
    chance.shuffle(sent)
    # Received minute by minute, but decided in another order: what came first is not always recorded first.
    minutes = [n + chance.randint(-8, 8) for n in range(len(sent))]
    receipts = [
        Receipt(channel, message_id, raw, "http", railway.clock() + timedelta(minutes=minute))
        for minute, (channel, message_id, raw) in zip(minutes, sent, strict=True)
    ]
    batches = list(in_batches(receipts, chance))
    for batch in batches[:-2]:
        assert {answer.status for answer in intake.take(batch)} == {200}
    turned(railway)
    for batch in batches[-2:]:
        assert {answer.status for answer in intake.take(batch)} == {200}
    return railway


def turned(railway: Railway, size: int = SMALL) -> None:
    settled(railway)
    with railway.pool.connection() as connection:
        while pages.turn(connection, size):
            pass


def book(connection: Connection[TupleRow], span: Span) -> Balances:
    rows = trial_balance(connection, span)
    return {(row.account, row.currency): row.balance for row in rows if row.balance}


def documents(connection: Connection[TupleRow], recorded: datetime | None) -> Iterator[Document]:
    """Every order as its events up to ``recorded`` make it."""
    for (order_id,) in connection.execute("SELECT DISTINCT order_id FROM hub.events ORDER BY 1").fetchall():
        yield rebuild(order_id, (), events.said(connection, order_id, recorded))


def of_orders(documents: list[Document], as_of: datetime | None) -> Balances:
    """What all orders post, each folded of the facts that had happened by ``as_of``."""
    found: Balances = {}
    for document in documents:
        then = document.as_of(as_of) if as_of else document
        for line in fold_with_postings(then).lines if then.facts else ():
            key = (line.account, line.amount.currency)
            found[key] = found.get(key, 0) + line.amount.amount
    return {key: amount for key, amount in found.items() if amount}


def instants(connection: Connection[TupleRow], column: str) -> list[datetime]:
    """Every moment at which the books change on one axis, and those just before and after."""
    query = f"SELECT DISTINCT {column} FROM hub.book_lines ORDER BY 1"
    found = [moment for (moment,) in connection.execute(query.encode()).fetchall()]
    return sorted({moment + timedelta(microseconds=step) for moment in found for step in (-1, 0, 1)})


def test_the_books_are_the_sum_of_the_orders_at_every_instant(played: Railway) -> None:
    chance = random.Random(9)
    with played.pool.connection() as connection:
        happened, recorded = instants(connection, "happened_at"), instants(connection, "recorded_at")
        assert connection.execute("SELECT count(*) > 5 FROM hub.book_pages").fetchone() == (True,)
        for known_by in (None, *sorted(chance.sample(recorded, 8))):
            known = list(documents(connection, known_by))
            for as_of in (None, *chance.sample(happened, 12)):
                span = Span.of(as_of=as_of, recorded_as_of=known_by)
                assert book(connection, span) == of_orders(known, as_of), f"{as_of} as recorded by {known_by}"


def test_every_time_gives_a_sum_of_zero(played: Railway) -> None:
    with played.pool.connection() as connection:
        for as_of in instants(connection, "happened_at")[::9]:
            sums: dict[str, int] = {}
            for row in trial_balance(connection, Span.of(as_of=as_of)):
                sums[row.currency] = sums.get(row.currency, 0) + row.balance
            assert set(sums.values()) <= {0}, as_of


def test_days_follow_each_other(played: Railway) -> None:
    """What a day ends with the next one begins with, and a range is its days."""
    with played.pool.connection() as connection:
        first, last = connection.execute(
            "SELECT min(happened_at), max(happened_at) FROM hub.book_lines"
        ).fetchone() or (None, None)
        assert first is not None
        begin = first.astimezone(midnight(date(2026, 1, 1)).tzinfo).date()
        days = [begin + timedelta(days=n) for n in range((last - first).days + 2)]
        books = [{(r.account, r.currency): r for r in trial_balance(connection, Span.of(d, d))} for d in days]
        for before, after in pairwise(books):
            for key, row in before.items():
                assert after[key].opening == row.balance, key
        whole = trial_balance(connection, Span.of(days[0], days[-1]))
        for row in whole:
            parts = [book[row.account, row.currency] for book in books if (row.account, row.currency) in book]
            assert (row.opening, row.debit) == (0, sum(part.debit for part in parts))
            assert (row.credit, row.lines) == (sum(p.credit for p in parts), sum(p.lines for p in parts))


def test_an_account_is_the_sum_of_its_lines_page_by_page(played: Railway) -> None:
    chance = random.Random(3)
    with played.pool.connection() as connection:
        happened, recorded = instants(connection, "happened_at"), instants(connection, "recorded_at")
        since = chance.choice(happened[: len(happened) // 2])
        for span in (
            Span(),
            Span(since, chance.choice(happened[len(happened) // 2 :])),
            Span(None, None, recorded[len(recorded) // 2]),
        ):
            for row in trial_balance(connection, span):
                lines = []
                before: Place | None = None
                while found := account_lines(connection, row.account, span, row.currency, before, 5):
                    lines += found
                    before = found[-1].place
                assert (len(lines), sum(line.amount for line in lines)) == (row.lines, row.debit - row.credit), row
                assert [line.place for line in lines] == sorted({line.place for line in lines}, reverse=True)


def test_pages_may_be_thrown_away_and_made_again(played: Railway) -> None:
    with played.pool.connection() as connection:
        before = [trial_balance(connection, span) for span in (Span(), Span.of(date(2026, 1, 10), date(2026, 3, 11)))]
        pages.forget(connection)
        without = [trial_balance(connection, span) for span in (Span(), Span.of(date(2026, 1, 10), date(2026, 3, 11)))]
    turned(played, 11)
    with played.pool.connection() as connection:
        again = [trial_balance(connection, span) for span in (Span(), Span.of(date(2026, 1, 10), date(2026, 3, 11)))]
        assert before == without == again
        assert list(pages.differences(connection)) == []


TAMPERING = (
    "UPDATE hub.book_totals SET debit = debit + 1 WHERE page = 2",
    "DELETE FROM hub.book_totals WHERE page = 3",
    "UPDATE hub.book_pages SET after_position = after_position + 1 WHERE page = 2",
    "UPDATE hub.book_pages SET last_position = last_position + 1 WHERE page = 2",
    "UPDATE hub.book_pages SET recorded_to = recorded_to - interval '1 day' WHERE page = 2",
    "UPDATE hub.book_pages SET events = events - 1 WHERE page = 2",
    "INSERT INTO hub.book_totals SELECT 'sales', 1, 'EUR', hour, 1, 0, 1 FROM hub.book_totals LIMIT 1",
)


def test_a_page_that_is_not_what_the_log_says_is_named(played: Railway) -> None:
    for tampering in TAMPERING:
        with played.pool.connection() as connection:
            assert not list(books_are_what_the_events_say(connection))
            assert connection.execute(tampering.encode()).rowcount > 0
            assert list(books_are_what_the_events_say(connection)), tampering
            connection.rollback()


def test_two_hands_turn_no_page_twice(played: Railway, database_url: str) -> None:
    with played.pool.connection() as one, played.pool.connection() as other:
        with one.transaction():
            pages.forget(one)  # holds the lock of who turns pages
            assert not pages.turn(other, SMALL)
        assert pages.turn(other, SMALL)


def test_pages_are_made_and_read_while_sales_come_in(railway: Railway) -> None:
    """Positions are given before commit: a page that did not wait for slower transactions would miss their lines."""
    done = threading.Event()

    def sell(part: int) -> None:
        for number in range(25):
            order_no = f"EN{part:02d}{number:06d}"
            told = sale(order_no, "north", railway.clock(), seat=f"{number + 1}A", coach=f"{part + 1:02d}")
            assert railway.tell("north", order_no, told).outcome == "applied"

    def turn() -> int:
        made = 0
        while not done.is_set():
            with railway.pool.connection() as connection:
                made += pages.turn(connection, 3)
        return made

    def look() -> int:
        seen = 0
        while not done.is_set():
            with railway.pool.connection() as connection:
                found = trial_balance(connection, Span.of(as_of=railway.clock(), recorded_as_of=railway.clock()))
            assert sum(row.balance for row in found) == 0
            lines = sum(row.lines for row in found)
            assert lines >= seen, "a line that was there is gone"
            seen = lines
        return seen

    with ThreadPoolExecutor(6) as threads:
        others = [threads.submit(turn), threads.submit(look)]
        try:
            list(threads.map(sell, range(4)))
        finally:
            done.set()
        others[0].result()  # how many pages were made meanwhile: what else runs on this server decides that
        assert others[1].result() > 0
    turned(railway, 3)
    with railway.pool.connection() as connection:
        assert list(pages.differences(connection)) == []
        assert book(connection, EVER) == {("sales", "CNY"): -5530000, ("processor_clearing:wechat", "CNY"): 5530000}
        assert connection.execute("SELECT sum(events) FROM hub.book_pages").fetchone() == (99,)


def test_a_line_names_its_fact_its_witness_and_its_event(railway: Railway) -> None:
    at = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
    answer = railway.tell("north", "n-1", sale("EN00000001", "north", at))
    with railway.pool.connection() as connection:
        (line,) = account_lines(connection, "sales")
    assert (line.amount, line.currency, line.order_no, line.order_id) == (
        -55300,
        "CNY",
        "EN00000001",
        order_id_of(answer),
    )
    assert (line.fact, line.witness, line.message_id) == ("ticket.issued|EN00000001105012A", "north", "n-1")
    assert (line.event, line.sequence, line.happened_at, line.recorded_at) == ("order.issued", 1, at, railway.clock())


def test_orders_that_turn_out_to_be_one_are_posted_once(railway: Railway) -> None:
    """What was posted for the one that is joined is taken back when they are; before that, the books are of two."""
    story = Story(railway)
    railway.tell("north", "sold", story.sold)
    younger = order_id_of(railway.tell("south", "back", story.back))
    with railway.pool.connection() as connection:
        two = book(connection, EVER)
        before = Span.of(recorded_as_of=railway.clock())
    railway.clock.advance(timedelta(minutes=1))
    elder = order_id_of(railway.tell("east", "link", story.link))
    with railway.pool.connection() as connection:
        assert two["suspense", "CNY"] != 0, "a refund whose sale nobody had told under that number"
        assert book(connection, before) == two
        document = orders.read(connection, [elder])[elder].document
        for as_of in (None, *instants(connection, "happened_at")):
            assert book(connection, Span.of(as_of=as_of)) == of_orders([document], as_of), as_of
        assert not sum(line.amount for line in order_lines(connection, younger) if line.account == "suspense")
        told = owing(fold_with_postings(document).order, order_lines(connection, elder))
        assert told.steps[-1].balance == told.balance.amount


def test_pages_are_made_some_at_a_time(played: Railway) -> None:
    with played.pool.connection() as connection:
        assert connection.execute("SELECT count(*) < %s FROM hub.events", (pages.PAGE_EVENTS,)).fetchone() == (True,)
    assert not pages.turn_some(played.pool), "there is no whole page"


def test_what_is_asked_for_has_to_make_sense() -> None:
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC).replace(tzinfo=None)
    for wrong in (
        {"as_of": noon},
        {"recorded_as_of": noon},
        {"first": date(1, 1, 1)},
        {"last": date(9999, 12, 31)},
        {"as_of": datetime.max.replace(tzinfo=UTC)},
        {"first": date(2026, 3, 2), "last": date(2026, 3, 1)},
    ):
        with pytest.raises(ValueError, match=r"offset|years|after the last"):
            Span.of(**wrong)
    for text in ("", "1", "1.2", "1.2.x", "-1.2.3", "1" * 30 + ".1.1"):
        with pytest.raises(ValueError, match="cursor"):
            Place.read(text)
    assert Place.read("512.40.3") == Place(512, 40, 3)
