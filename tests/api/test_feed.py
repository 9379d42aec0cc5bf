"""The changed-since feed: no event is lost under concurrent commits, nobody sees what is none of his business."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.store import channels
from interlock.wiring import Hub
from tests.api.operated import OPERATOR, WEB, operated
from tests.api.test_bad_input import whole
from tests.hub.railway import Railway, open_railway, refund, sale


@pytest.fixture
def api(hub: Hub) -> Iterator[TestClient]:
    with operated(hub) as client:
        yield client


@pytest.fixture
def railway(hub: Hub, clock: Any) -> Railway:
    """Channels that speak the canonical form, over the same tables."""
    opened = open_railway(hub.pool, clock, seal=hub.seal)
    with hub.pool.connection() as connection:
        channels.set_state(connection, "web", "active")
    return opened


def sell(railway: Railway, number: int, *, refunded: bool = False) -> None:
    order_no = f"EN{number:08d}"
    told = sale(order_no, "north", railway.clock(), seat=f"{number % 90 + 1}A", coach=f"{number // 90 + 1:02d}")
    assert railway.tell("north", f"{number}-s", told).outcome == "applied"
    if refunded:
        ticket_no = told.facts[0].ticket.ticket_no  # type: ignore[union-attr]  # an issued ticket
        railway.tell("north", f"{number}-r", refund(order_no, "north", railway.clock(), ticket_no))


def read_on(api: TestClient, cursor: str | None, **query: Any) -> tuple[list[dict[str, Any]], str]:
    params = {name: value for name, value in {"after": cursor, **query}.items() if value is not None}
    answer = api.get("/v1/events", params=params, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    return answer.json()["events"], answer.json()["cursor"]


def everything(api: TestClient, cursor: str | None = None, **query: Any) -> tuple[list[dict[str, Any]], str]:
    found: list[dict[str, Any]] = []
    while True:
        page, cursor = read_on(api, cursor, **query)
        if not page:
            return found, cursor
        found += page


def eventually(api: TestClient, count: int, **query: Any) -> list[dict[str, Any]]:
    """Read until so many have come: the barrier waits for other transactions of the same server."""
    found, cursor = everything(api, **query)
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        more, cursor = everything(api, cursor, wait=1, **query)
        found += more
    return found


def test_no_event_is_lost_under_concurrent_commits(api: TestClient, railway: Railway) -> None:
    """Four writers commit while a reader follows with its cursor; it gets every event once, each order's in order."""
    each, writers = 15, 4

    def write(writer: int) -> None:
        for number in range(each):
            sell(railway, writer * 100 + number, refunded=True)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    seen: list[tuple[str, str]] = []
    cursor: str | None = None
    deadline = time.monotonic() + 60
    while len(seen) < 2 * each * writers and time.monotonic() < deadline:
        page, cursor = read_on(api, cursor, limit=7, wait=0.2)
        seen += [(event["subject"], event["sequence"]) for event in page]
    for thread in threads:
        thread.join()
    assert len(seen) == len(set(seen)) == 2 * each * writers
    for order_id in {order_id for order_id, _ in seen}:
        assert [sequence for of, sequence in seen if of == order_id] == ["000000001", "000000002"]


def test_only_some_types(api: TestClient, railway: Railway) -> None:
    sell(railway, 1, refunded=True)
    sell(railway, 2)
    assert len(eventually(api, 3)) == 3
    refunds = eventually(api, 1, type="order.refunded")
    assert [event["type"] for event in refunds] == ["interlock.order.refunded.v1"]
    assert len(eventually(api, 3, type=["order.refunded", "order.issued"])) == 3
    unknown = api.get("/v1/events", params={"type": "order.eaten"}, headers=OPERATOR)
    assert (unknown.status_code, unknown.json()["code"]) == (400, "query_invalid")


def test_what_changes_nothing_for_others_is_not_told(api: TestClient, railway: Railway) -> None:
    told = sale("EN00000001", "north", railway.clock())
    railway.tell("north", "m-1", told)
    railway.tell("east", "m-1", told)
    assert [event["type"] for event in eventually(api, 1)] == ["interlock.order.issued.v1"]


def test_a_channel_sees_only_what_it_took_part_in(api: TestClient, railway: Railway) -> None:
    sell(railway, 1)
    body = whole("web")
    mine = api.post("/v1/channels/web/messages", content=body, headers=WEB | {"webhook-id": "m-1"}).json()
    assert mine["outcome"] == "applied", mine
    assert len(eventually(api, 2)) == 2
    seen = api.get("/v1/events", params={"wait": 5}, headers=WEB).json()["events"]
    assert [event["subject"] for event in seen] == [mine["order_id"]]
    assert "***" in seen[0]["data"]["passengers"][0]["document"]["number"]
    phone = {"authorization": "Bearer phone"}
    empty = api.get("/v1/events", headers=phone).json()
    assert empty["events"] == []
    assert api.get("/v1/events", params={"after": empty["cursor"]}, headers=phone).json() == empty


def test_waiting_ends_with_news_or_with_its_time(api: TestClient, railway: Railway) -> None:
    _, cursor = everything(api)
    started = time.monotonic()
    assert read_on(api, cursor, wait=0.5)[0] == []
    assert 0.4 < time.monotonic() - started < 5
    later = threading.Timer(0.5, sell, (railway, 1))
    later.start()
    page, _ = read_on(api, cursor, wait=20)
    later.join()
    assert len(page) == 1
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("cursor", ["nonsense", "MDox", "LTE6MA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTow", "é", "a" * 101])
def test_a_cursor_that_is_none(api: TestClient, cursor: str) -> None:
    answer = api.get("/v1/events", params={"after": cursor}, headers=OPERATOR)
    assert (answer.status_code, answer.json().get("code")) in {(400, "query_invalid"), (200, None)}
    if cursor != "MDox":
        assert answer.status_code == 400
