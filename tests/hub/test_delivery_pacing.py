"""How fast a channel is told, and what happens when it is unwell: rate, quiet, gone, the breaker and its probe."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hub.delivery.pacing import Breaker, allowance, blames_the_channel, quiet_until, spent
from hub.store import channels, deliveries
from hub.store.channels import Channel
from interlock.clock import SetClock
from interlock.database import Pool
from tests.hub.inbox import Inbox, open_inbox
from tests.hub.railway import Railway, connect, open_railway
from tests.hub.telling import QUICK, drain, drain_once, sell

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SLOW_BREAKER = replace(QUICK, breaker_after=3, attempts_max=50, breaker_seconds=60.0)


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock, SLOW_BREAKER)


@pytest.fixture
def inbox(railway: Railway) -> Iterator[Inbox]:
    with open_inbox() as opened:
        connect(railway, "south", opened.url)
        yield opened


def south(railway: Railway) -> Channel:
    with railway.pool.connection() as connection:
        found = channels.find(connection, "south")
    assert found is not None
    return found


def change(railway: Railway, sql: str) -> None:
    with railway.pool.connection() as connection:
        connection.execute(f"UPDATE hub.channels SET {sql} WHERE channel = 'south'".encode())


# --- the rules ------------------------------------------------------------------------------------------------------


def test_a_bucket_holds_one_second_and_fills_evenly() -> None:
    assert allowance(None, None, NOW, 400) == 400
    assert allowance(10, None, NOW, 400) == 10
    free = spent(10, None, NOW, 10)
    assert allowance(10, free, NOW, 400) == 0
    assert allowance(10, free, NOW + timedelta(milliseconds=500), 400) == 5
    assert allowance(10, free, NOW + timedelta(hours=1), 400) == 10
    slow = spent(0.1, None, NOW, 1)
    assert allowance(0.1, slow, NOW + timedelta(seconds=9), 400) == 0
    assert allowance(0.1, slow, NOW + timedelta(seconds=10), 400) == 1


def test_a_breaker_opens_longer_each_time_and_closes_with_a_success() -> None:
    first = Breaker(5).opened(NOW, 5, 30)
    assert (first.state(NOW), first.until) == ("open", NOW + timedelta(seconds=5))
    assert first.state(NOW + timedelta(seconds=5)) == "half_open"
    second = first.opened(NOW, 5, 30)
    assert second.until == NOW + timedelta(seconds=10)
    for _ in range(5):
        second = second.opened(NOW, 5, 30)
    assert second.until == NOW + timedelta(seconds=30)
    assert second.counted(0) == Breaker()


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "7", 7.0),
        (503, "7", 7.0),
        (429, None, 0.5),
        (429, "soon", 0.5),
        (503, None, None),
        (503, "soon", None),
        (500, "7", None),
        (503, format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120.0),
        (429, "999999999999", 86400.0),
    ],
)
def test_what_retry_after_means(status: int, header: str | None, seconds: float | None) -> None:
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert quiet_until(status, header, NOW, 0.5) == expected


def test_whose_fault_a_failure_is() -> None:
    assert [s for s in (None, 200, 301, 400, 404, 408, 410, 422, 429, 500, 503) if blames_the_channel(s)] == [
        None,
        301,
        408,
        429,
        500,
        503,
    ]


# --- against a real inbox -------------------------------------------------------------------------------------------


def test_a_rate_is_kept_over_drains(railway: Railway, inbox: Inbox) -> None:
    change(railway, "rate_per_second = 5")
    for number in range(12):
        sell(railway, number)
    first = drain_once(railway)
    second = railway.pump.drain("south")
    assert (first.delivered, first.more) == (5, False)
    assert second.delivered <= 1
    change(railway, "rate_free_at = now() - interval '1 hour'")
    assert railway.pump.drain("south").delivered == 5
    change(railway, "rate_per_second = NULL")
    drain(railway)
    assert len(inbox.received) == 12


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_the_whole_channel_and_blames_no_message(railway: Railway, inbox: Inbox, status: int) -> None:
    ids = [sell(railway, number) for number in range(50)]
    inbox.failing, inbox.headers = {"order.": status}, {"retry-after": "60"}
    drain_once(railway)
    assert len(inbox.attempts) <= QUICK.concurrency, "what was under way, and no more"
    tried = len(inbox.attempts)
    held = south(railway).retry_at
    assert held is not None
    assert timedelta(seconds=50) < held - datetime.now(UTC) <= timedelta(seconds=60)
    inbox.failing = {}
    railway.pump.drain("south")
    assert len(inbox.attempts) == tried, "nothing goes out before its time"
    change(railway, "retry_at = NULL, breaker_until = NULL, breaker_failures = 0")
    with railway.pool.connection() as connection:
        connection.execute("UPDATE hub.delivery_exceptions SET next_attempt_at = now()")
    drain(railway)
    assert sorted(body.split()[0] for body in inbox.received) == sorted(ids)


def test_gone_disables_deliveries_loses_nothing_and_is_audited(railway: Railway, inbox: Inbox) -> None:
    order_id = sell(railway, 1)
    inbox.failing = {"order.": 410}
    drain_once(railway)
    found = south(railway)
    assert (found.state, found.state_reason) == ("disabled", "its endpoint answered 410: ")
    sell(railway, 2)
    drain_once(railway)
    assert len(inbox.attempts) == 1
    with railway.pool.connection() as connection:
        assert deliveries.dead(connection, "south", 10) == []
        acts = connection.execute("SELECT actor, action, subject FROM hub.audit").fetchall()
        assert acts == [("hub", "channel.disable", "south")]
        inbox.failing = {}
        channels.set_state(connection, "south", "active")
    drain(railway)
    assert inbox.received[0].split()[0] == order_id or len(inbox.received) == 2
    assert len(inbox.received) == 2


def test_too_many_failures_in_a_row_stop_the_page(railway: Railway, inbox: Inbox) -> None:
    for number in range(50):
        sell(railway, number)
    inbox.failing = {"order.": 500}
    drain_once(railway)
    assert SLOW_BREAKER.breaker_after <= len(inbox.attempts) <= SLOW_BREAKER.breaker_after + QUICK.concurrency
    found = south(railway)
    assert found.breaker_openings == 1
    assert found.breaker_until is not None
    assert found.breaker_until > datetime.now(UTC)


def test_half_open_sends_exactly_one_and_a_success_closes(railway: Railway, inbox: Inbox) -> None:
    for number in range(20):
        sell(railway, number)
    inbox.failing = {"order.": 500}
    drain_once(railway)
    tried = len(inbox.attempts)
    for opening in (2, 3):
        change(railway, "breaker_until = now() - interval '1 second'")
        drained = railway.pump.drain("south")
        tried += 1
        assert (len(inbox.attempts), drained.failed, drained.more) == (tried, 1, False)
        found = south(railway)
        assert found.breaker_openings == opening
        assert found.breaker_until is not None
        assert found.breaker_until - datetime.now(UTC) > timedelta(seconds=60 * 2 ** (opening - 1) - 5)
    inbox.failing = {}
    change(railway, "breaker_until = now() - interval '1 second'")
    with railway.pool.connection() as connection:
        connection.execute("UPDATE hub.delivery_exceptions SET next_attempt_at = now()")
    drained = railway.pump.drain("south")
    assert (drained.delivered, drained.more) == (1, True)
    found = south(railway)
    assert (found.breaker_failures, found.breaker_openings, found.breaker_until) == (0, 0, None)
    drain(railway)
    assert len(inbox.received) == 20


def test_a_bad_message_does_not_keep_a_well_channel_shut(railway: Railway, inbox: Inbox) -> None:
    """The probe is what has failed least, so a message that the channel chokes on is not the one that is asked."""
    bad = sell(railway, 1)
    inbox.failing = {bad: 500}
    for _ in range(SLOW_BREAKER.breaker_after):
        with railway.pool.connection() as connection:
            connection.execute("UPDATE hub.delivery_exceptions SET next_attempt_at = now() - interval '1 second'")
        drain_once(railway)
    assert south(railway).breaker_until is not None
    good = sell(railway, 2)
    change(railway, "breaker_until = now() - interval '1 second'")
    with railway.pool.connection() as connection:
        connection.execute("UPDATE hub.delivery_exceptions SET next_attempt_at = now() - interval '1 second'")
    drain_once(railway)
    assert [body.split()[0] for body in inbox.received] == [good]
    assert south(railway).breaker_until is None


def test_connections_outlive_a_drain(railway: Railway, inbox: Inbox) -> None:
    """The inbox is told over one connection; a server that closes idle ones is noticed, not blamed."""
    for number in range(3):
        sell(railway, number)
        drain_once(railway)
    assert len(inbox.received) == 3
    assert len(inbox.connections) == 1
