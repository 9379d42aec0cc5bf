"""What a new connection is told: what happens from now on, and before that only what was asked for, beside live."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.store import channels
from hub.store.channels import BEGINNING
from interlock.clock import SetClock
from interlock.database import Pool
from tests.hub.inbox import Inbox, open_inbox
from tests.hub.railway import SECRET, Railway, connect, open_railway
from tests.hub.telling import QUICK, drain, drain_once, sell, settled

FEW = replace(QUICK, page=8, aside=4, aside_least=2)


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock, FEW)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with open_inbox() as opened:
        yield opened


def subscribe(railway: Railway, inbox: Inbox, since: datetime | None = None) -> None:
    settled(railway)
    with railway.pool.connection() as connection:
        channels.register(connection, "south", inbox.url, SECRET, railway.seal, railway.clock(), since=since)


def told(inbox: Inbox) -> list[str]:
    return [body.rsplit(" ", 1)[0] for body in inbox.received]


def lanes(railway: Railway) -> dict[str, int]:
    with railway.pool.connection() as connection:
        rows = connection.execute("SELECT lane, count(*)::int FROM hub.deliveries GROUP BY lane").fetchall()
    return dict(rows)


def test_a_new_connection_is_told_what_happens_from_then_on(railway: Railway, inbox: Inbox) -> None:
    for number in range(5):
        sell(railway, number)
    subscribe(railway, inbox)
    after = sell(railway, 10)
    drain(railway)
    assert told(inbox) == [f"{after} 1"]


def test_a_transaction_under_way_is_told_when_it_commits(railway: Railway, inbox: Inbox, pool: Pool) -> None:
    """Its transaction began before the subscription, its events are seen after it."""
    settled(railway)
    with pool.connection() as slow:
        slow.execute("SELECT pg_current_xact_id()")
        with railway.pool.connection() as connection:
            channels.register(connection, "south", inbox.url, SECRET, railway.seal, railway.clock())
        order_id = sell(railway, 1)
    drain(railway)
    assert told(inbox) == [f"{order_id} 1"]


def test_history_comes_in_the_bulk_lane_and_live_goes_first(railway: Railway, inbox: Inbox) -> None:
    before = [sell(railway, number, then_refund=number % 2 == 0) for number in range(20)]
    subscribe(railway, inbox, BEGINNING)
    live = sell(railway, 50)
    drain_once(railway)
    assert live in [line.split()[0] for line in told(inbox)[: FEW.concurrency]]
    assert len(inbox.received) <= 1 + FEW.aside
    drain(railway)
    assert lanes(railway) == {"live": 1, "bulk": 30}
    for order_id in before:
        sequences = [line.split()[1] for line in told(inbox) if line.startswith(order_id)]
        assert sequences == sorted(sequences)
    assert len(inbox.received) == len(set(inbox.received)) == 31


def test_what_happens_to_an_order_now_waits_for_its_history(railway: Railway, inbox: Inbox) -> None:
    orders = [sell(railway, number) for number in range(1, 13)]
    subscribe(railway, inbox, BEGINNING)
    for number in range(1, 13):
        sell(railway, number, then_refund=True)  # the sale is a duplicate, the refund is new
    drain(railway)
    for order_id in orders:
        assert [line.split()[1] for line in told(inbox) if line.startswith(order_id)] == ["1", "2"]


def test_history_from_a_date_on(railway: Railway, inbox: Inbox) -> None:
    sell(railway, 1)
    since = datetime.now(UTC)
    wanted = [sell(railway, number) for number in (2, 3)]
    subscribe(railway, inbox, since)
    drain(railway)
    assert sorted(told(inbox)) == sorted(f"{order_id} 1" for order_id in wanted)


def test_a_date_after_which_nothing_happened_is_no_history(railway: Railway, inbox: Inbox) -> None:
    sell(railway, 1)
    subscribe(railway, inbox, datetime.now(UTC))
    after = sell(railway, 2)
    drain(railway)
    assert told(inbox) == [f"{after} 1"]


def test_a_channel_that_only_sent_so_far_is_told_from_its_first_endpoint_on(railway: Railway, inbox: Inbox) -> None:
    with railway.pool.connection() as connection:
        channels.register(connection, "south", None, SECRET, railway.seal, railway.clock())
    sell(railway, 1)
    settled(railway)
    with railway.pool.connection() as connection:
        channels.configure(connection, "south", {"endpoint": inbox.url})
    after = sell(railway, 2)
    drain(railway)
    assert told(inbox) == [f"{after} 1"]


def test_one_that_was_told_before_goes_on_where_it_was(railway: Railway, inbox: Inbox) -> None:
    """An endpoint that is changed, or was away for a while, costs nothing."""
    connect(railway, "south", inbox.url)
    first = sell(railway, 1)
    drain(railway)
    with railway.pool.connection() as connection:
        channels.configure(connection, "south", {"endpoint": None})
    second = sell(railway, 2)
    settled(railway)
    connect(railway, "south", inbox.url)
    drain(railway)
    assert told(inbox) == [f"{first} 1", f"{second} 1"]
