"""Live, bulk and replay: a backfill stands before no live sale, an order's own order holds, replays leave no trace."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hub.delivery.terms import subscribed
from hub.store import channels, deliveries, health, replays
from hub.store.deliveries import Letters
from hub.store.replays import Filter
from interlock.clock import SetClock
from interlock.database import Pool
from tests.hub.inbox import Inbox, open_inbox
from tests.hub.railway import SUBSCRIBED, Railway, connect, open_railway, order_id_of, refund, sale
from tests.hub.telling import QUICK, drain, drain_once, sell, settled

NARROW = replace(QUICK, page=20, aside=5, aside_least=2, breaker_after=100)
TYPES = sorted(SUBSCRIBED)


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock, NARROW)


@pytest.fixture
def inbox(railway: Railway) -> Iterator[Inbox]:
    with open_inbox() as opened:
        connect(railway, "south", opened.url)
        yield opened


def upload(railway: Railway, numbers: range) -> list[str]:
    """Sales that come as one file: their events are of the bulk lane. Order ids."""
    receipts = []
    for number in numbers:
        told = sale(
            f"EB{number:08d}", "west", railway.clock(), seat=f"{number % 90 + 1}B", coach=f"{number // 90 + 1:02d}"
        )
        receipts.append(replace(railway.receipt("west", f"b-{number}", told), source="file"))
    return [str(order_id_of(answer)) for answer in railway.intake.take(receipts)]


def orders_of(bodies: list[str]) -> list[str]:
    return [body.split()[0] for body in bodies]


def ask(railway: Railway, chosen: Filter = Filter()) -> int:  # noqa: B008  # a frozen value
    settled(railway)
    with railway.pool.connection() as connection:
        return replays.ask(connection, "south", TYPES, chosen, "a test", datetime.now(UTC))


# --- bulk -----------------------------------------------------------------------------------------------------------


def test_a_backfill_stands_before_no_live_sale(railway: Railway, inbox: Inbox) -> None:
    """The sale comes after a backfill of many pages and is told in the very next drain."""
    uploaded = upload(railway, range(100))
    live = sell(railway, 1)
    drained = drain_once(railway)
    assert drained.more
    assert orders_of(inbox.received)[0] == live
    assert len(inbox.received) == 1 + NARROW.aside_least
    drain(railway, until_idle=20)
    assert sorted(orders_of(inbox.received)) == sorted([live, *uploaded])


def test_bulk_moves_on_even_while_live_fills_every_page(railway: Railway, inbox: Inbox) -> None:
    uploaded = set(upload(railway, range(10)))
    for number in range(60):
        sell(railway, number)
    drain_once(railway)
    told = orders_of(inbox.received)
    assert len(told) == NARROW.page + NARROW.aside_least
    assert len(uploaded & set(told)) == NARROW.aside_least


def test_a_live_event_waits_for_the_bulk_event_of_its_own_order(railway: Railway, inbox: Inbox) -> None:
    uploaded = upload(railway, range(30))
    last = "EB00000029"
    told = sale(last, "west", railway.clock(), seat="30B", coach="01")
    ticket_no = told.facts[0].ticket.ticket_no  # type: ignore[union-attr]  # an issued ticket
    railway.tell("west", "r-1", refund(last, "west", railway.clock() + timedelta(minutes=1), ticket_no))
    drain_once(railway)
    assert not any("order.refunded" in body for body in inbox.attempts), "the refund overtook the sale"
    drain(railway, until_idle=20)
    of_last = [body.split()[2] for body in inbox.received if body.startswith(uploaded[-1])]
    assert of_last == ["order.issued", "order.refunded"]


def test_a_bulk_event_waits_for_the_live_one_before_it(railway: Railway, inbox: Inbox) -> None:
    order_id = sell(railway, 1)
    ticket_no = sale("EN00000001", "north", railway.clock(), seat="2A", coach="01").facts[0].ticket.ticket_no  # type: ignore[union-attr]
    inbox.failing = {f"{order_id} 1": 500}
    back = refund("EN00000001", "west", railway.clock() + timedelta(minutes=1), ticket_no)
    railway.intake.take([replace(railway.receipt("west", "r-1", back), source="file")])
    drain_once(railway)
    assert not any("order.refunded" in body for body in inbox.attempts)
    inbox.failing = {}
    drain(railway, until_idle=20)
    assert [body.split()[2] for body in inbox.received] == ["order.issued", "order.refunded"]


def test_a_flood_for_nobody_is_passed_over(railway: Railway, inbox: Inbox) -> None:
    """Events that a channel caused itself move its cursor and cost it no drain of its own."""
    for number in range(200):
        sell(railway, number, channel="south")
    wanted = sell(railway, 500)
    drain_once(railway)
    assert orders_of(inbox.received) == [wanted]


# --- replay ---------------------------------------------------------------------------------------------------------


def test_a_range_goes_out_again_under_its_old_ids(railway: Railway, inbox: Inbox) -> None:
    for number in range(12):
        sell(railway, number)
    drain(railway)
    first = {r["webhook-id"] for r in inbox.requests}
    assert ask(railway) == 12
    drain(railway, until_idle=20)
    assert len(inbox.received) == 24
    assert {r["webhook-id"] for r in inbox.requests[12:]} == first
    assert inbox.unsigned == []
    with railway.pool.connection() as connection:
        (done,) = replays.of_channel(connection, "south", 10)
    assert (done.wanted, done.sent, done.finished_at is not None) == (12, 12, True)


def test_asked_twice_sent_twice(railway: Railway, inbox: Inbox) -> None:
    sell(railway, 1)
    drain(railway)
    assert [ask(railway), ask(railway)] == [1, 1]
    drain(railway, until_idle=20)
    assert len(inbox.received) == 3
    assert len({r["webhook-id"] for r in inbox.requests}) == 1


def test_a_filter_chooses_by_time_type_and_order(railway: Railway, inbox: Inbox) -> None:
    sell(railway, 1, then_refund=True)
    settled(railway)
    between = datetime.now(UTC)
    order_id = sell(railway, 2, then_refund=True)
    settled(railway)

    def count(chosen: Filter) -> int:
        with railway.pool.connection() as connection:
            return replays.count(connection, "south", TYPES, chosen)

    assert count(Filter()) == 4
    assert count(Filter(until=between)) == 2
    assert count(Filter(since=between)) == 2
    assert count(Filter(since=between, event_types=["order.refunded"])) == 1
    assert count(Filter(order_id=UUID(order_id))) == 2
    assert count(Filter(event_types=["order.witnessed"])) == 0, "what it is not told of is not replayed either"
    drain(railway)
    ask(railway, Filter(order_id=UUID(order_id)))
    drain(railway, until_idle=20)
    assert [(b.split()[0], b.split()[2]) for b in inbox.received[4:]] == [
        (order_id, "order.issued"),
        (order_id, "order.refunded"),
    ]


def test_a_replay_of_many_delays_no_live_sale_and_counts_nowhere(railway: Railway, inbox: Inbox) -> None:
    for number in range(60):
        sell(railway, number)
    drain(railway, until_idle=20)
    with railway.pool.connection() as connection:
        before = [row for row in health.channels(connection) if row["channel"] == "south"]
    ask(railway)
    live = sell(railway, 100)
    drain_once(railway)
    assert orders_of(inbox.received)[60] == live
    assert len(inbox.received) == 60 + 1 + NARROW.aside_least
    drain(railway, until_idle=30)
    with railway.pool.connection() as connection:
        after = [row for row in health.channels(connection) if row["channel"] == "south"]
    assert after[0]["delivered"] == before[0]["delivered"] + 1
    assert len(inbox.received) == 121


def test_a_failing_replay_touches_neither_breaker_nor_health(railway: Railway, inbox: Inbox) -> None:
    for number in range(4):
        sell(railway, number)
    drain(railway)
    inbox.failing = {"order.": 500}
    ask(railway)
    for _ in range(2):
        drain_once(railway)
        with railway.pool.connection() as connection:
            connection.execute("UPDATE hub.delivery_exceptions SET next_attempt_at = now() - interval '1 second'")
    with railway.pool.connection() as connection:
        found = channels.find(connection, "south")
        (row,) = [row for row in health.channels(connection) if row["channel"] == "south"]
    assert found is not None
    assert (found.breaker_failures, found.breaker_until, row["failed"]) == (0, None, 0)
    inbox.failing = {}
    drain(railway, until_idle=20)
    assert len(inbox.received) == 8


def test_a_replay_reaches_a_disabled_channel_and_not_a_paused_one(railway: Railway, inbox: Inbox) -> None:
    sell(railway, 1)
    drain(railway)
    ask(railway)
    for state, received in (("paused", 1), ("disabled", 2)):
        with railway.pool.connection() as connection:
            channels.set_state(connection, "south", state)  # type: ignore[arg-type]  # one of its states
        drain_once(railway)
        assert len(inbox.received) == received


def test_a_live_event_passes_a_replay_of_its_order_that_waits(railway: Railway, inbox: Inbox) -> None:
    order_id = sell(railway, 1)
    drain(railway)
    ask(railway)
    inbox.failing = {f"{order_id} 1": 500}
    drain_once(railway)
    ticket_no = sale("EN00000001", "north", railway.clock(), seat="2A", coach="01").facts[0].ticket.ticket_no  # type: ignore[union-attr]
    railway.tell("north", "r-1", refund("EN00000001", "north", railway.clock() + timedelta(minutes=1), ticket_no))
    drain_once(railway)
    assert [body.split()[2] for body in inbox.received] == ["order.issued", "order.refunded"]


def test_dead_letters_are_replayed_by_filter_and_counted_before(railway: Railway, inbox: Inbox) -> None:
    ids = [sell(railway, number) for number in range(3)]
    inbox.failing = {ids[0]: 500, ids[1]: 422}
    drain(railway, until_idle=3)
    with railway.pool.connection() as connection:
        assert [letter.order_id for letter in deliveries.dead(connection, "south", 10)] == [UUID(ids[0]), UUID(ids[1])]
        refused = Letters(error="422")
        assert deliveries.count_dead(connection, "south", refused) == 1
        assert deliveries.count_dead(connection, "south", Letters(event_types=["order.refunded"])) == 0
        assert deliveries.count_dead(connection, "south", Letters(until=datetime(2026, 1, 1, tzinfo=UTC))) == 0
        inbox.failing = {}
        assert deliveries.revive(connection, "south", refused, datetime.now(UTC)) == 1
    drain(railway, until_idle=3)
    assert orders_of(inbox.received).count(ids[1]) == 1
    assert orders_of(inbox.received).count(ids[0]) == 0


def test_a_connection_s_own_list_narrows_what_its_adapter_offers(railway: Railway, inbox: Inbox) -> None:
    with railway.pool.connection() as connection:
        channels.configure(connection, "south", {"event_types": ["order.refunded", "order.witnessed"]})
        found = channels.find(connection, "south")
    assert found is not None
    profile = railway.pump._adapters["south"].profile
    assert subscribed(found, profile) == ["order.refunded"]
    sell(railway, 1, then_refund=True)
    drain(railway)
    assert [body.split()[2] for body in inbox.received] == ["order.refunded"]
