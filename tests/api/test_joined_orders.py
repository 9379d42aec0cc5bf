"""Who has the id of an order that was joined to another one still finds it, and is told which one it is now."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from hub.store import outbox
from interlock.clock import SetClock
from interlock.console.lookup import find_orders
from interlock.wiring import Hub
from tests.api.operated import OPERATOR, operated
from tests.api.test_feed import everything
from tests.hub.railway import Railway, open_railway, order_id_of
from tests.hub.telling import settled
from tests.hub.test_joining import Story


@pytest.fixture
def api(hub: Hub) -> Iterator[TestClient]:
    with operated(hub) as client:
        yield client


@pytest.fixture
def railway(hub: Hub, clock: SetClock) -> Railway:
    return open_railway(hub.pool, clock, seal=hub.seal)


@pytest.fixture
def joined(railway: Railway, clock: SetClock) -> tuple[UUID, UUID, str]:
    """(the id that goes on, the one that leads to it, a time before they were joined)."""
    story = Story(railway)
    elder = order_id_of(railway.tell("north", "sold", story.sold))
    younger = order_id_of(railway.tell("south", "back", story.back))
    before = clock()
    clock.set(before + timedelta(minutes=10))
    assert order_id_of(railway.tell("east", "link", story.link)) == elder
    return elder, younger, (before + timedelta(minutes=1)).isoformat()


def read(api: TestClient, path: str, **params: str) -> Any:
    answer = api.get(f"/v1/orders/{path}", params=params, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_younger_id_gives_the_order_and_as_recorded_before_what_it_was(
    api: TestClient, joined: tuple[UUID, UUID, str]
) -> None:
    elder, younger, before = joined
    order = read(api, str(younger))
    assert order == read(api, str(elder))
    assert (order["order_id"], order["complete"], order["refund"]) == (str(elder), True, "owed")
    then = read(api, str(younger), recorded_as_of=before)
    assert (then["order_id"], then["complete"], then["refund"]) == (str(younger), False, "owed")
    then = read(api, str(elder), recorded_as_of=before)
    assert (then["order_id"], then["refund"]) == (str(elder), "none")


def test_one_timeline_tells_both_stories(api: TestClient, joined: tuple[UUID, UUID, str]) -> None:
    elder, younger, _ = joined
    told = read(api, f"{younger}/timeline")
    assert told["order_id"] == str(elder)
    events = [(e["order_id"], e["sequence"], e["type"]) for e in told["entries"] if e["kind"] == "event"]
    assert events == [
        (str(younger), 1, "order.refunded"),
        (str(younger), 2, "order.joined"),
        (str(elder), 1, "order.issued"),
        (str(elder), 2, "order.joined"),
        (str(elder), 3, "order.witnessed"),
    ]


def test_the_feed_tells_it_under_both_ids(api: TestClient, railway: Railway, joined: tuple[UUID, UUID, str]) -> None:
    elder, younger, _ = joined
    settled(railway)
    events, _ = everything(api, type="order.joined")
    assert [(e["subject"], e["data"]["order_id"]) for e in events] == [
        (str(younger), str(elder)),
        (str(elder), str(elder)),
    ]
    with railway.pool.connection() as connection:
        assert outbox.taken_part(connection, "south", [elder, younger]) == {elder, younger}


def test_people_find_it_by_either_id(railway: Railway, joined: tuple[UUID, UUID, str]) -> None:
    elder, younger, _ = joined
    with railway.pool.connection() as connection:
        assert find_orders(connection, str(younger)) == find_orders(connection, str(elder)) == [elder]
