"""What can be changed from the console: by whom, from which form, and that it is written down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from hub.store import channels, deliveries
from hub.store.deliveries import Attempt, Exceptional
from interlock.console.operating import ExceptionFilter, exceptions
from interlock.wiring import Hub
from tests.console.harness import Browser


@pytest.fixture
def dead(site: TestClient, hub: Hub) -> int:
    """The event of one dead letter to the app channel; another one waits."""
    with hub.pool.connection() as connection:
        rows = connection.execute("SELECT position, order_id FROM hub.events ORDER BY position LIMIT 2").fetchall()
        (event, order_id), (other, other_order) = rows
        now = hub.clock()
        deliveries.record(
            connection, [Attempt("app", event, order_id, 1, "failed", 500, "<b>boom</b>", None, now, 3.0, 9.0)]
        )
        deliveries.set_aside(
            connection,
            [
                Exceptional("app", event, order_id, "dead", 9, None, "500 <b>boom</b>"),
                Exceptional("app", other, other_order, "waiting", 1, now + timedelta(hours=1), "503"),
            ],
        )
    return int(event)


def state_of(hub: Hub, event: int) -> str:
    with hub.pool.connection() as connection:
        row = connection.execute("SELECT state FROM hub.delivery_exceptions WHERE event = %s", (event,)).fetchone()
    assert row
    return str(row[0])


def audited(hub: Hub) -> list[tuple[str, str]]:
    with hub.pool.connection() as connection:
        assert hub.audit.verify(connection)[1] is None
        return connection.execute("SELECT action, subject FROM hub.audit ORDER BY position").fetchall()


def test_a_dead_letter_is_shown_and_replayed(dead: int, site: TestClient, hub: Hub) -> None:
    operator = Browser(site)
    operator.log_in("operator")
    page = operator.get("/console/deadletters")
    assert "500 &lt;b&gt;boom" in page.text
    assert "<b>boom" not in page.text
    red = next(c for c in operator.json("/console").json()["channels"] if c["channel"] == "app")
    assert (red["lamp"], red["dead"], red["waiting"]) == ("red", 1, 1)

    answer = operator.submit("/console/deadletters/replay", "/console/deadletters", channel="app", event=str(dead))
    assert "Queued again" in answer.text
    assert state_of(hub, dead) == "waiting"
    assert audited(hub) == [("deadletter.replay", "app")]


def test_all_dead_letters_of_a_channel_at_once(dead: int, site: TestClient, hub: Hub) -> None:
    operator = Browser(site)
    operator.log_in("operator")
    operator.submit("/console/deadletters/replay", "/console/deadletters", channel="app")
    assert state_of(hub, dead) == "waiting"


def test_only_operators_replay(dead: int, site: TestClient, hub: Hub) -> None:
    finance = Browser(site)
    finance.log_in("finance")
    assert "needs the role operator" in finance.get("/console/deadletters").text
    refused = finance.submit("/console/deadletters/replay", "/console/deadletters", channel="app")
    assert refused.status_code == 403
    assert state_of(hub, dead) == "dead"
    assert audited(hub) == []


def test_a_form_of_another_site_changes_nothing(dead: int, site: TestClient, hub: Hub) -> None:
    operator = Browser(site)
    operator.log_in("operator")
    token = operator.get("/console/deadletters").text.partition('name="form_token" value="')[2].partition('"')[0]
    attempts: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
        ({}, {}),
        ({"form_token": "guess"}, {}),
        ({"form_token": token}, {"origin": "https://evil.example"}),
        ({"form_token": token}, {"sec-fetch-site": "cross-site"}),
        ({"form_token": token, "filler": "x" * 70_000}, {}),
    )
    for fields, headers in attempts:
        answer = site.post("/console/deadletters/replay", data={"channel": "app", **fields}, headers=headers)
        assert answer.status_code == 403
        assert "nothing was changed" in answer.text
        assert state_of(hub, dead) == "dead"


def test_a_bearer_token_reads_but_cannot_post(dead: int, site: TestClient, hub: Hub) -> None:
    answer = site.post(
        "/console/deadletters/replay",
        data={"channel": "app", "form_token": ""},
        headers={"authorization": "Bearer x"},
        follow_redirects=False,
    )
    assert answer.status_code == 303
    assert "/sso/authorize" in answer.headers["location"]
    assert state_of(hub, dead) == "dead"


def test_nonsense_in_a_form_is_a_problem(operator: Browser) -> None:
    for fields in ({"channel": "nobody"}, {"channel": "app", "event": "1; DROP"}):
        answer = operator.submit("/console/deadletters/replay", "/console", **fields)
        assert answer.status_code in (400, 404)


def test_a_channel_is_paused_and_resumed(operator: Browser, hub: Hub) -> None:
    def state() -> str:
        with hub.pool.connection() as connection:
            found = channels.find(connection, "phone")
        assert found
        return found.state

    switch, page = "/console/channels/phone/switch", "/console/channels/phone"
    unsaid = operator.submit(switch, page, act="pause")
    assert (unsaid.status_code, state()) == (400, "active")
    assert "Say why" in unsaid.text
    held = operator.submit(switch, page, act="pause", reason="their door is stuck, call 19900000001")
    assert held.url.path == page
    assert state() == "paused"
    assert "not running" in held.text
    assert "their door is stuck, call 199********" in held.text
    operator.submit(switch, "/console", act="resume")
    assert state() == "active"
    operator.submit(switch, page, act="disable", reason="moves house")
    assert state() == "disabled"
    assert [act for act, _ in audited(hub)] == ["channel.pause", "channel.resume", "channel.disable"]
    assert operator.submit(switch, page, act="drop").status_code == 400


def test_the_list_goes_on_within_one_event(dead: int, site: TestClient, hub: Hub) -> None:
    with hub.pool.connection() as connection:
        connection.execute(
            """INSERT INTO hub.delivery_exceptions
               SELECT 'phone', event, order_id, state, attempts, next_attempt_at, last_error
               FROM hub.delivery_exceptions"""
        )
        seen: list[tuple[int, str]] = []
        after = (0, "")
        while page := exceptions(connection, ExceptionFilter(event=after[0], of=after[1], limit=1)):
            after = (page[-1]["event"], page[-1]["channel"])
            seen.append(after)
    assert len(seen) == 4
    assert len(set(seen)) == 4
