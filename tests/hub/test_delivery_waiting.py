"""Who has to be drained: one look for all channels, and nobody is overlooked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hub.store import channels, replays
from hub.store.channels import BEGINNING
from hub.store.replays import Filter
from interlock.clock import SetClock
from interlock.database import Pool
from tests.hub.inbox import Inbox, open_inbox
from tests.hub.railway import SECRET, SUBSCRIBED, Railway, connect, open_railway
from tests.hub.telling import QUICK, drain, drain_once, sell, settled


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock, QUICK)


@pytest.fixture
def inbox(railway: Railway) -> Iterator[Inbox]:
    with open_inbox() as opened:
        connect(railway, "south", opened.url)
        yield opened


def waiting(railway: Railway) -> list[str]:
    settled(railway)
    return railway.pump.waiting()


def change(railway: Railway, sql: str) -> None:
    with railway.pool.connection() as connection:
        connection.execute(sql.encode())


def test_nobody_waits_when_all_is_told(railway: Railway, inbox: Inbox) -> None:
    assert waiting(railway) == []
    sell(railway, 1)
    assert waiting(railway) == ["south"]
    drain(railway)
    assert waiting(railway) == []
    sell(railway, 2, channel="south")  # its own, of which it is not told: its cursor has to pass it all the same
    assert waiting(railway) == ["south"]
    drain_once(railway)
    assert waiting(railway) == []


def test_what_failed_waits_for_its_time(railway: Railway, inbox: Inbox) -> None:
    order_id = sell(railway, 1)
    inbox.failing = {order_id: 500}
    drain_once(railway)
    change(railway, "UPDATE hub.delivery_exceptions SET next_attempt_at = now() + interval '1 hour'")
    assert waiting(railway) == []
    change(railway, "UPDATE hub.delivery_exceptions SET next_attempt_at = now() - interval '1 second'")
    assert waiting(railway) == ["south"]


@pytest.mark.parametrize(
    "silenced",
    ["state = 'paused'", "state = 'disabled'", "retry_at = %s", "breaker_until = %s", "endpoint = NULL"],
)
def test_who_may_not_be_told_is_not_woken(railway: Railway, inbox: Inbox, silenced: str) -> None:
    sell(railway, 1)
    later = datetime.now(UTC) + timedelta(minutes=1)
    with railway.pool.connection() as connection:
        connection.execute(
            f"UPDATE hub.channels SET {silenced} WHERE channel = 'south'".encode(), (later,) if "%s" in silenced else ()
        )
    assert waiting(railway) == []


def test_a_replay_and_a_history_wake(railway: Railway, inbox: Inbox) -> None:
    sell(railway, 1)
    drain(railway)
    settled(railway)
    with railway.pool.connection() as connection:
        channels.set_state(connection, "south", "disabled")
        assert replays.ask(connection, "south", sorted(SUBSCRIBED), Filter(), "tester", datetime.now(UTC)) == 1
    assert waiting(railway) == ["south"], "a replay reaches a disabled channel"
    drain_once(railway)
    drain_once(railway)
    assert waiting(railway) == []
    with railway.pool.connection() as connection:
        channels.register(connection, "east", inbox.url, SECRET, railway.seal, railway.clock(), since=BEGINNING)
    assert waiting(railway) == ["east"]
    drain(railway, "east")
    assert waiting(railway) == []
