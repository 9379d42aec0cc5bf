"""Sales to deliver and drains to deliver them, for the tests of ``hub.delivery``."""

import time
from datetime import timedelta

from hub.delivery import Drained, PumpOptions
from hub.store import health
from tests.hub.railway import Railway, order_id_of, refund, sale

QUICK = PumpOptions(
    page=50,
    attempts_max=3,
    backoff_first_seconds=0.01,
    backoff_last_seconds=0.02,
    breaker_after=5,
    allow_private=True,
)


def sell(railway: Railway, number: int, channel: str = "north", then_refund: bool = False) -> str:
    """One order; its id."""
    now = railway.clock()
    order_no, seat = f"EN{number:08d}", f"{number % 90 + 1}A"
    told = sale(order_no, channel, now, seat=seat, coach=f"{number // 90 + 1:02d}")
    answer = railway.tell(channel, f"{order_no}-sale", told)
    if then_refund:
        ticket_no = told.facts[0].ticket.ticket_no  # type: ignore[union-attr]  # an issued ticket
        railway.tell(channel, f"{order_no}-refund", refund(order_no, channel, now + timedelta(minutes=1), ticket_no))
    return str(order_id_of(answer))


def settled(railway: Railway) -> None:
    """Wait until no older transaction is under way (on the whole server: other tests' too), so that all is readable."""
    deadline = time.monotonic() + 20
    query = "SELECT count(*) FROM hub.events WHERE txid >= pg_snapshot_xmin(pg_current_snapshot())"
    while time.monotonic() < deadline:
        with railway.pool.connection() as connection:
            if connection.execute(query).fetchone() == (0,):
                return
        time.sleep(0.02)
    raise AssertionError("the commit barrier did not pass the test's own events")


def drain_once(railway: Railway, channel: str = "south") -> Drained:
    settled(railway)
    return railway.pump.drain(channel)


def drain(railway: Railway, channel: str = "south", until_idle: float = 5.0) -> None:
    """Drain until nothing waits or the time is up."""
    deadline = time.monotonic() + until_idle
    while time.monotonic() < deadline:
        railway.pump.drain(channel)
        with railway.pool.connection() as connection:
            if health.undelivered(connection) == 0:
                return
        time.sleep(0.02)
