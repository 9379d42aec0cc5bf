"""Waitlists on the web and in the app, on the real hub: a request without an order number becomes an order."""

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.kit.registry import registered
from hub.intake import Answer, Intake, Receipt
from hub.ledger import fold
from hub.store.checks import ledger_complaints
from hub.store.orders import read
from hub.store.seal import Seal
from interlock.database import Pool
from schemas.order import Order

SEAL = Seal(b"f" * 32, b"b" * 32)
NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
SERIALS = {"waitlist-asked-and-prepaid": "232", "waitlist-cancelled": "234"}


def sample(channel: str, name: str, serial: str = "233") -> bytes:
    """A sample of the waitlist with this serial number, whichever it was written for."""
    folder = Path(str(import_module(f"adapters.{channel}").__file__)).parent / "samples"
    raw = (folder / f"{name}.native.json").read_bytes()
    return raw.replace(f"00000{SERIALS.get(name, serial)}".encode(), f"00000{serial}".encode())


@pytest.fixture
def intake(pool: Pool) -> Intake:
    return Intake(pool, {name: found.adapter for name, found in registered().items()}, SEAL, uuid4)


def tell(intake: Intake, channel: str, *messages: bytes) -> list[Answer]:
    """One after the other, as they would be pushed."""
    receipts = [Receipt(channel, f"m-{number}", raw, "http", NOW) for number, raw in enumerate(messages)]
    return [intake.take([receipt])[0] for receipt in receipts]


def orders(pool: Pool) -> list[Order]:
    """Every order there is, and the standing checks are content."""
    with pool.connection() as connection:
        assert ledger_complaints(connection) == []
        ids = [row[0] for row in connection.execute("SELECT order_id FROM hub.orders").fetchall()]
        return [fold(stored.document) for stored in read(connection, ids).values()]


@pytest.mark.parametrize("channel", ["web", "app"])
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "the tickets first"])
def test_a_request_and_its_tickets_are_one_order(channel: str, turned: bool, intake: Intake, pool: Pool) -> None:
    """asked without an order number, realised with one: one order, whichever comes first; the difference goes back"""
    messages = [sample(channel, "waitlist-asked-and-prepaid"), sample(channel, "waitlist-realised")]
    answers = tell(intake, channel, *(messages[::-1] if turned else messages))
    assert [answer.outcome for answer in answers] == ["applied", "witnessed" if turned else "applied"]
    (order,) = orders(pool)
    assert order.waitlists[0].state == "realised"
    assert [ticket.origin for ticket in order.tickets] == ["waitlist"]
    assert not order.tickets[0].change_used
    assert order.balance.amount == 0
    assert order.disputes == ()


@pytest.mark.parametrize("channel", ["web", "app"])
def test_a_request_that_is_cancelled_owes_nobody_anything(channel: str, intake: Intake, pool: Pool) -> None:
    messages = (sample(channel, "waitlist-asked-and-prepaid", "234"), sample(channel, "waitlist-cancelled", "234"))
    assert {answer.outcome for answer in tell(intake, channel, *messages)} == {"applied"}
    (order,) = orders(pool)
    assert (order.waitlists[0].state, order.fulfilment, order.balance.amount) == ("cancelled", "ended", 0)
    assert order.reference("rail", "order") is None


def test_web_and_app_speak_of_the_same_waitlist(intake: Intake, pool: Pool) -> None:
    """asked on the web, seen in the app: one waitlist, two witnesses, no dispute"""
    told = tell(intake, "web", sample("web", "waitlist-asked-and-prepaid"))
    seen = tell(intake, "app", sample("app", "waitlist-asked-and-prepaid"))
    assert (told[0].outcome, seen[0].outcome) == ("applied", "witnessed")
    (order,) = orders(pool)
    assert len(order.waitlists) == 1
