"""Running a channel by page: terms, secrets, pauses, tests, replays, connecting; who may, and what is kept of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from fastapi.testclient import TestClient

from hub.delivery import sign
from hub.store import channels
from hub.store.channels import Channel
from interlock.wiring import Hub
from tests.api.test_bad_input import whole
from tests.console.harness import SECRET, Browser, sample
from tests.hub.inbox import open_inbox

WEB = "/console/channels/web"


def stored(hub: Hub, name: str = "web") -> Channel:
    with hub.pool.connection() as connection:
        found = channels.find(connection, name)
    assert found is not None
    return found


def audited(hub: Hub) -> list[tuple[str, str, dict[str, Any]]]:
    with hub.pool.connection() as connection:
        assert hub.audit.verify(connection)[1] is None
        return connection.execute("SELECT action, subject, detail FROM hub.audit ORDER BY position").fetchall()


def filled(page: str, action: str) -> dict[str, list[str]]:
    """What a browser would send of the form that posts to ``action``, with nothing changed."""
    found = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert found, action
    sent: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]*>", found[0]):
        said = dict(re.findall(r'([a-z_]+)="([^"]*)"', tag))
        if said.get("type") != "checkbox" or " checked" in tag:
            sent.setdefault(said["name"], []).append(said.get("value", ""))
    for name, options in re.findall(r'<select[^>]* name="([^"]+)".*?>(.*?)</select>', found[0], re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen
        sent[name] = [chosen[1]]
    return sent


def send(browser: Browser, action: str, fields: dict[str, Any]) -> Any:
    return browser.http.post(action, data=fields, headers={"origin": str(browser.http.base_url).rstrip("/")})


def change(browser: Browser, act: str, **changed: Any) -> Any:
    """Fill in the form of the channel's page and send it."""
    action = f"{WEB}/{act}"
    return send(browser, action, {**filled(browser.get(WEB).text, action), **changed})


def test_a_form_that_is_sent_unchanged_changes_nothing(operator: Browser, hub: Hub) -> None:
    before = stored(hub)
    answer = change(operator, "configure")
    assert answer.url.path == WEB
    assert "The terms are saved" in answer.text
    assert stored(hub) == before


def test_terms_are_set_by_page(operator: Browser, hub: Hub) -> None:
    change(
        operator,
        "configure",
        endpoint="https://web.railway.example/in/",
        form="cloudevents",
        event_types=["order.issued"],
        rate_per_second="200",
        quota_per_minute="6000",
        opens_at="05:00",
        closes_at="23:30",
    )
    set_now = stored(hub)
    assert (set_now.endpoint, set_now.form, set_now.event_types) == (
        "https://web.railway.example/in", "cloudevents", ["order.issued"],
    )  # fmt: skip
    assert (set_now.rate_per_second, set_now.quota_per_minute) == (200, 6000)
    page = operator.get(WEB).text
    assert 'value="05:00"' in page
    change(operator, "configure", rate_per_second="", opens_at="", closes_at="")
    assert (stored(hub).rate_per_second, stored(hub).opens_at, stored(hub).quota_per_minute) == (None, None, 6000)
    history = operator.get(WEB).text
    assert history.count("<code>channel.configure</code>") == 2
    assert "Operator" in history, "who did it, by name"


CANNOT_BE = (
    ("endpoint", "ftp://x", "no address"),
    ("endpoint", "https://user:word@x.example", "no user name or password"),
    ("rate_per_second", "-1", "greater than 0"),
    ("quota_per_minute", "1.5", "integer"),
    ("opens_at", "05:00", "operating hours"),
    ("closes_at", "25:99", "time"),
)


def test_what_cannot_be_is_said_beside_its_field_and_what_was_typed_stays(operator: Browser, hub: Hub) -> None:
    before = stored(hub)
    for field, value, said in CANNOT_BE:
        answer = change(operator, "configure", **{field: value})
        assert answer.status_code == 400, field
        beside = re.search(r'<span class="wrong" role="alert">([^<]*)</span>', answer.text)
        assert beside, field
        assert said in beside[1]
        assert f'value="{value}"' in answer.text
        assert "Nothing was changed" in answer.text
    assert stored(hub) == before
    assert audited(hub) == []
    operator.get(WEB, lang="zh")
    assert "不符合要求" in change(operator, "configure", endpoint="ftp://x").text


def test_a_page_that_is_stale_overwrites_nobody(operator: Browser, hub: Hub) -> None:
    stale = filled(operator.get(WEB).text, f"{WEB}/configure")
    change(operator, "configure", quota_per_minute="60")
    answer = send(operator, f"{WEB}/configure", {**stale, "rate_per_second": "5"})
    assert answer.status_code == 409
    assert "Somebody has changed this channel" in answer.text
    assert (stored(hub).quota_per_minute, stored(hub).rate_per_second) == (60, None)


def test_a_secret_is_rotated_once_and_shown_once(operator: Browser, hub: Hub) -> None:
    form = filled(operator.get(WEB).text, f"{WEB}/rotate")
    unsure = send(operator, f"{WEB}/rotate", form)
    assert unsure.status_code == 400
    assert "Confirm it first" in unsure.text
    shown = send(operator, f"{WEB}/rotate", {**form, "sure": "1", "overlap_hours": "2"})
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", shown.text)
    assert secret
    assert shown.headers["cache-control"] == "no-store"
    again = send(operator, f"{WEB}/rotate", {**form, "sure": "1"})
    assert again.status_code == 409, "a form that is sent twice rotates once"
    page = operator.get(WEB).text
    assert secret[0] not in page
    assert SECRET not in page
    raw = sample("web", "sale-one-ticket")
    headers = sign([secret[0]], "web-new", datetime.now(UTC), raw)
    taken = operator.http.post("/v1/channels/web/messages", content=raw, headers=headers)
    assert taken.json()["outcome"] == "witnessed"
    assert [act for act, _, _ in audited(hub)] == ["channel.rotate"]
    assert secret[0] not in str(audited(hub))


def test_a_public_key_that_is_none_is_said_beside_its_field(operator: Browser, hub: Hub) -> None:
    answer = change(operator, "rotate", sure="1", public_key="whsk_AAAA")
    assert answer.status_code == 400
    assert "a public key begins with whpk_" in answer.text
    assert len(stored(hub).former_secrets) == 0


def test_a_test_message_shows_request_signature_and_response(operator: Browser, hub: Hub) -> None:
    with open_inbox() as inbox:
        change(operator, "configure", endpoint=inbox.url)
        page = change(operator, "test")
    assert "webhook-signature: v1," in page.text
    assert "/inbox" in page.text
    assert "interlock.test" in page.text
    change(operator, "configure", endpoint="")
    nowhere = send(operator, f"{WEB}/test", filled(operator.get(WEB).text, f"{WEB}/test"))
    assert nowhere.status_code == 400
    assert "no endpoint" in nowhere.text


def test_a_replay_is_counted_and_then_queued_with_its_progress(operator: Browser, hub: Hub) -> None:
    action = "/console/channels/app/replay"
    form = filled(operator.get("/console/channels/app").text, action)
    counted = send(operator, action, {**form, "count": "1"})
    found = re.search(r"would go out again: <b>(\d+)</b>", counted.text.replace("Events that ", ""))
    assert found
    assert int(found[1]) > 0
    assert audited(hub) == []
    queued = send(operator, action, form)
    assert f"Queued to go out again, events: {found[1]}" in queued.text
    assert f'<progress max="{found[1]}" value="0">' in queued.text
    wrong = send(operator, action, {**form, "order_id": "x", "since": "2026-01-09T12:00:00"})
    assert wrong.status_code == 400
    assert 'value="2026-01-09T12:00:00"' in wrong.text
    assert [act for act, _, _ in audited(hub)] == ["channel.replay"]


def test_a_system_is_connected_by_page_and_heard_at_once(operator: Browser, hub: Hub) -> None:
    page, action = operator.get("/console/connect").text, "/console/connect"
    form = filled(page, action) | {"adapter": ["agents"], "channel": ["agents_north"]}
    for wrong, said in (
        ({"channel": "Agents North"}, "no name of a channel"),
        ({"adapter": "web"}, "one connection only"),
        ({"codes": "no_such_list:1=x"}, "no code list"),
        ({"channel": "web", "adapter": "web"}, "connected already"),
        ({"endpoint": "gopher://x"}, "no address"),
    ):
        refused = send(operator, action, {**form, **wrong})
        assert refused.status_code == 400, wrong
        assert said in refused.text, wrong
    shown = send(operator, action, {**form, "endpoint": "https://north.agents.example"})
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", shown.text)
    assert secret
    assert stored(hub, "agents_north").adapter == "agents"
    assert secret[0] not in operator.get("/console/channels/agents_north").text
    raw = whole("agents")
    headers = sign([secret[0]], "north-1", datetime.now(UTC), raw)
    taken = operator.http.post("/v1/channels/agents_north/messages", content=raw, headers=headers)
    assert taken.json().get("outcome") == "applied", taken.text
    assert [(act, subject) for act, subject, _ in audited(hub)] == [("channel.register", "agents_north")]


def test_no_act_without_the_role_and_our_own_form(site: TestClient, hub: Hub) -> None:
    finance = Browser(site)
    finance.log_in("finance")
    before = stored(hub)
    for act in ("configure", "rotate", "switch", "test", "replay"):
        answer = finance.submit(f"{WEB}/{act}", WEB, act="pause", reason="x", sure="1")
        assert answer.status_code == 403, act
    operator = Browser(site)
    operator.log_in("operator")
    for act in ("configure", "rotate", "switch", "test", "replay"):
        answer = send(operator, f"{WEB}/{act}", {"form_token": "guess", "act": "pause", "reason": "x", "sure": "1"})
        assert answer.status_code == 403, act
    assert stored(hub) == before
    assert audited(hub) == []


def test_the_history_goes_on_by_keyset(operator: Browser, hub: Hub) -> None:
    with hub.pool.connection() as connection:
        for number in range(25):
            hub.audit.record(connection, hub.clock(), "a program", "channel.test", "web", {"status": number})
    first = operator.json(WEB).json()
    second = operator.json(WEB, before=str(first["older"])).json()
    assert (len(first["acts"]), len(second["acts"]), second["older"]) == (20, 5, None)
    assert "before=" in operator.get(WEB).text


def test_a_channel_that_is_not_there_is_a_page(operator: Browser) -> None:
    for name in ("nobody", "x" * 300, "%00"):
        assert operator.get(f"/console/channels/{name}").status_code in (400, 404), name
