"""What a channel is promised: every event once it can take it, in order within an order, never its own echo."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hub.delivery import PumpOptions
from hub.delivery.guard import is_public
from hub.ports import Formatted
from hub.store import channels, deliveries, events
from interlock.clock import SetClock
from interlock.database import Pool
from schemas.events import OrderEvent
from schemas.order import Order
from tests.hub.inbox import Inbox, open_inbox
from tests.hub.railway import Railway, connect, content, open_railway, sale
from tests.hub.telling import QUICK, drain, drain_once, sell, settled


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock, QUICK)


@pytest.fixture
def inbox(railway: Railway) -> Iterator[Inbox]:
    with open_inbox() as opened:
        connect(railway, "south", opened.url)
        yield opened


def test_every_event_arrives_once_signed_and_in_order(railway: Railway, inbox: Inbox) -> None:
    ids = [sell(railway, number, then_refund=True) for number in range(40)]
    drain(railway)
    assert len(inbox.received) == 80
    assert inbox.unsigned == []
    for order_id in ids:
        told = [body.split()[2] for body in inbox.received if body.startswith(order_id)]
        assert told == ["order.issued", "order.refunded"]


def test_nothing_comes_back_to_who_caused_it(railway: Railway, inbox: Inbox) -> None:
    sell(railway, 1, channel="south")
    drain(railway)
    assert inbox.attempts == []


def test_a_failing_order_waits_in_order_and_others_pass_it(railway: Railway, inbox: Inbox) -> None:
    stuck = sell(railway, 1, then_refund=True)
    inbox.failing = {f"{stuck} 1": 500}
    free = sell(railway, 2, then_refund=True)
    drain_once(railway)
    assert [body.split()[0] for body in inbox.received] == [free, free]
    assert not any(f"{stuck} 2" in body for body in inbox.attempts), "the second event overtook the first"
    inbox.failing = {}
    drain(railway)
    assert [body.split()[1] for body in inbox.received if body.startswith(stuck)] == ["1", "2"]


def test_given_up_after_the_last_attempt_and_replayed_by_hand(railway: Railway, inbox: Inbox) -> None:
    order_id = sell(railway, 1)
    inbox.failing = {order_id: 500}
    drain(railway)
    assert len(inbox.attempts) == QUICK.attempts_max
    with railway.pool.connection() as connection:
        (letter,) = deliveries.dead(connection, "south", 10)
        assert letter.last_error is not None
        assert letter.last_error.startswith("500")
        inbox.failing = {}
        assert deliveries.revive(connection, "south", letter.event, datetime.now(UTC)) == 1
    drain(railway)
    assert [body.split()[0] for body in inbox.received] == [order_id]
    with railway.pool.connection() as connection:
        assert deliveries.dead(connection, "south", 10) == []


def test_after_a_dead_letter_the_next_event_of_the_order_still_goes_out(railway: Railway, inbox: Inbox) -> None:
    order_id = sell(railway, 1, then_refund=True)
    inbox.failing = {f"{order_id} 1": 500}
    drain(railway)
    assert [body.split()[1] for body in inbox.received] == ["2"]


def test_a_channel_that_is_away_is_left_alone_for_a_while(railway: Railway, pool: Pool) -> None:
    connect(railway, "south", "http://127.0.0.1:9")
    for number in range(10):
        sell(railway, number)
    drain_once(railway)
    with pool.connection() as connection:
        channel = channels.find(connection, "south")
    assert channel is not None
    assert channel.breaker_until is not None
    assert drain_once(railway).failed == 0


def test_a_paused_channel_gets_nothing_and_loses_nothing(railway: Railway, inbox: Inbox) -> None:
    with railway.pool.connection() as connection:
        channels.set_state(connection, "south", "paused")
    sell(railway, 1)
    drain_once(railway)
    assert inbox.attempts == []
    with railway.pool.connection() as connection:
        channels.set_state(connection, "south", "active")
    drain(railway)
    assert len(inbox.received) == 1


def test_the_log_never_skips_a_slow_transaction(railway: Railway, pool: Pool) -> None:
    """A row whose transaction commits after a later one must not be overtaken by the cursor."""
    now = railway.clock()
    with pool.connection() as slow:
        slow.execute("SELECT pg_current_xact_id()")  # an older transaction that is still at work
        railway.tell("north", "m-1", sale("EW00000001", "north", now))
        with pool.connection() as reader:
            assert events.after(reader, "0", 0, 10) == [], "read past a running transaction"
    settled(railway)
    with pool.connection() as reader:
        assert len(events.after(reader, "0", 0, 10)) == 1


def test_what_was_tried_is_on_record(railway: Railway, inbox: Inbox) -> None:
    order_id = sell(railway, 1)
    inbox.failing = {order_id: 503}
    drain_once(railway)
    inbox.failing = {}
    drain(railway)
    with railway.pool.connection() as connection:
        rows = connection.execute("SELECT attempt, outcome, status FROM hub.deliveries ORDER BY position").fetchall()
    assert rows == [(1, "failed", 503), (2, "delivered", 204)]


def test_content_is_clear_of_the_unsubscribed(railway: Railway, inbox: Inbox) -> None:
    """A second witness changes nothing for the others, so nobody is told."""
    told = sale("EW00000001", "north", railway.clock())
    railway.tell("north", "m-1", told)
    railway.tell("east", "e-1", told)
    drain(railway)
    assert [body.split()[2] for body in inbox.received] == ["order.issued"]
    assert content("EW00000001", "north").ticket_no not in "".join(inbox.received)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:192.168.1.1", "0.0.0.0"]
)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_nothing_is_sent_to_a_private_address_unless_allowed(pool: Pool, clock: SetClock) -> None:
    railway = open_railway(pool, clock, PumpOptions(attempts_max=1))
    with open_inbox() as opened:
        connect(railway, "south", opened.url)
        connect(railway, "east", opened.url.replace("127.0.0.1", "localhost"))
        sell(railway, 1)
        drain_once(railway)
        drain_once(railway, "east")
        assert opened.attempts == []
    with pool.connection() as connection:
        letters = deliveries.dead(connection, None, 10)
    assert {letter.channel for letter in letters} == {"south", "east"}


def test_an_adapter_that_raises_holds_up_nobody(
    railway: Railway, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's adapter may fail on one event: that one becomes a dead letter, the others go out."""
    broken, well = sell(railway, 1), sell(railway, 2)
    speaker = railway.pump._adapters["south"]
    say = speaker.format

    def format(event: OrderEvent, order: Order) -> Formatted | None:
        if str(event.order_id) == broken:
            raise ZeroDivisionError("a bug of somebody else's")
        return say(event, order)

    monkeypatch.setattr(speaker, "format", format)
    drain(railway)
    assert [body.split()[0] for body in inbox.received] == [well]
    with railway.pool.connection() as connection:
        (letter,) = deliveries.dead(connection, "south", 10)
        found = channels.find(connection, "south")
    assert letter.last_error == "no answer: the channel's adapter failed on this event"
    assert found is not None
    assert found.breaker_until is None, "the channel is not to blame"
