"""Running channels over HTTP: terms, secrets, replays, test messages, quotas and hours at the door; all audited."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.api.buckets import Buckets
from hub.api.quotas import Quotas, RateLimited
from hub.delivery import sign, signing
from hub.store import channels, deliveries
from hub.store.channels import Channel
from interlock.wiring import Hub
from schemas.observation import Observation
from tests.api.operated import OPERATOR, WEB, operated
from tests.api.test_bad_input import samples, whole
from tests.hub.inbox import open_inbox
from tests.hub.railway import SECRET


@pytest.fixture
def api(hub: Hub) -> Iterator[TestClient]:
    with operated(hub) as client:
        yield client


def audited(hub: Hub) -> list[tuple[str, dict[str, Any]]]:
    with hub.pool.connection() as connection:
        assert hub.audit.verify(connection)[1] is None
        return connection.execute("SELECT action, detail FROM hub.audit ORDER BY position").fetchall()


def channel(hub: Hub, name: str = "web") -> Channel:
    with hub.pool.connection() as connection:
        found = channels.find(connection, name)
    assert found is not None
    return found


def mode(hub: Hub, raw: bytes) -> str | None:
    """Whether a sample of the web channel asks or tells."""
    observed = hub.adapters["web"].parse(raw)
    return observed.mode if isinstance(observed, Observation) else None


def sell(api: TestClient, name: str = "web") -> dict[str, Any]:
    body = whole(name)
    headers = sign([SECRET], f"{name}-1", datetime.now(UTC), body)
    answer: dict[str, Any] = api.post(f"/v1/channels/{name}/messages", content=body, headers=headers).json()
    assert answer["outcome"] == "applied", answer
    return answer


def test_only_who_operates_may(api: TestClient) -> None:
    for method, path in (
        ("PATCH", "/v1/channels/web"),
        ("POST", "/v1/channels/web/rotate"),
        ("POST", "/v1/channels/web/replay"),
        ("POST", "/v1/channels/web/test"),
        ("POST", "/v1/deadletters/web/replay"),
    ):
        nobody = api.request(method, path, json={})
        assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated"), path
        another = api.request(method, path, json={}, headers=WEB)
        assert (another.status_code, another.json()["code"]) == (403, "forbidden"), path
        unknown = api.request(method, path.replace("web", "fax"), json={}, headers=OPERATOR)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "channel_unknown"), path


def test_terms_are_set_shown_and_audited(hub: Hub, api: TestClient) -> None:
    changes = {"form": "cloudevents", "event_types": ["order.issued"], "rate_per_second": 200, "quota_per_minute": 60}
    changes |= {"opens_at": "05:00", "closes_at": "23:30", "endpoint": "https://web.railway.example/"}
    answer = api.patch("/v1/channels/web", json=changes, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    shown = api.get("/v1/channels/web", headers=OPERATOR).json()
    assert (shown["form"], shown["event_types"], shown["rate_per_second"]) == ("cloudevents", ["order.issued"], 200.0)
    assert (shown["opens_at"], shown["closes_at"], shown["zone"]) == ("05:00", "23:30", "Asia/Shanghai")
    assert shown["endpoint"] == "https://web.railway.example"
    assert shown["breaker"]["state"] == "closed"
    assert shown["secrets"] == [{"kind": "hmac", "until": None}]
    assert SECRET not in json.dumps(shown)
    api.patch("/v1/channels/web", json={"rate_per_second": None}, headers=OPERATOR)
    assert (channel(hub).rate_per_second, channel(hub).form) == (None, "cloudevents"), "what is not named stays"
    assert [action for action, _ in audited(hub)] == ["channel.configure", "channel.configure"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"event_types": ["order.witnessed"]}, "order.witnessed"),
        ({"endpoint": "ftp://x"}, "no address"),
        ({"endpoint": "https://x/?a=1"}, "no query"),
        ({"opens_at": "05:00"}, "operating hours"),
        ({"opens_at": "05:00", "closes_at": "05:00"}, "operating hours"),
        ({"rate_per_second": 0}, ""),
        ({"form": "csv"}, ""),
        ({"state": "active"}, ""),
    ],
)
def test_terms_that_make_no_sense_are_refused_with_a_sentence(
    hub: Hub, api: TestClient, changes: dict[str, Any], said: str
) -> None:
    answer = api.patch("/v1/channels/web", json=changes, headers=OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (400, "query_invalid")
    assert said in answer.json()["detail"]
    assert audited(hub) == []


def test_a_rotation_takes_effect_at_the_door_and_the_old_secret_fades(hub: Hub, api: TestClient) -> None:
    rotated = api.post("/v1/channels/web/rotate", json={"overlap_hours": 2}, headers=OPERATOR).json()
    fresh = rotated["secret"]
    assert fresh.startswith("whsec_")
    assert [s["kind"] for s in api.get("/v1/channels/web", headers=OPERATOR).json()["secrets"]] == ["hmac", "hmac"]

    def code(secret: str, message_id: str) -> str:
        headers = sign([secret], message_id, datetime.now(UTC), b"x")
        return str(api.post("/v1/channels/web/messages", content=b"x", headers=headers).json()["code"])

    assert (code(SECRET, "m-1"), code(fresh, "m-2")) == ("message_malformed", "message_malformed")
    assert fresh not in json.dumps(audited(hub))


def test_after_the_overlap_the_door_knows_only_the_new_secret(hub: Hub, api: TestClient) -> None:
    fresh = api.post("/v1/channels/web/rotate", json={"overlap_hours": 0}, headers=OPERATOR).json()["secret"]
    for secret, expected in ((SECRET, "signature_invalid"), (fresh, "message_malformed")):
        headers = sign([secret], f"m-{expected}", datetime.now(UTC), b"x")
        assert api.post("/v1/channels/web/messages", content=b"x", headers=headers).json()["code"] == expected


def test_a_channel_may_sign_with_its_own_key_pair(hub: Hub, api: TestClient) -> None:
    own = signing.private_key(b"c" * 32)
    body = {"kind": "ed25519", "public_key": signing.public_key(own)}
    assert api.post("/v1/channels/web/rotate", json=body, headers=OPERATOR).status_code == 200
    message = whole("web")
    headers = sign([own], "m-1", datetime.now(UTC), message)
    assert headers["webhook-signature"].startswith("v1a,")
    assert api.post("/v1/channels/web/messages", content=message, headers=headers).json()["outcome"] == "applied"
    ours = api.post("/v1/channels/web/rotate", json={"kind": "ed25519"}, headers=OPERATOR).json()
    assert ours["public_key"].startswith("whpk_")
    assert "secret" not in ours, "our private key leaves nobody's hands"
    bad = api.post("/v1/channels/web/rotate", json={"public_key": "whsk_AAAA"}, headers=OPERATOR)
    assert bad.json()["code"] == "query_invalid"


def test_a_replay_is_counted_first_then_queued_and_audited(hub: Hub, api: TestClient) -> None:
    sell(api, "phone")
    for wanted, expected in (
        ({"dry_run": True}, {"channel": "web", "events": 1, "queued": False}),
        ({"dry_run": True, "until": "2026-01-01T00:00:00+08:00"}, {"channel": "web", "events": 0, "queued": False}),
        ({}, {"channel": "web", "events": 1, "queued": True}),
        ({"event_types": ["order.refunded"]}, {"channel": "web", "events": 0, "queued": False}),
    ):
        assert api.post("/v1/channels/web/replay", json=wanted, headers=OPERATOR).json() == expected
    assert [action for action, _ in audited(hub)] == ["channel.replay", "channel.replay"]
    (replay,) = api.get("/v1/channels/web", headers=OPERATOR).json()["replays"]
    assert (replay["wanted"], replay["requested_by"]) == (1, "a-person")
    naive = api.post("/v1/channels/web/replay", json={"since": "2026-01-01T00:00:00"}, headers=OPERATOR)
    assert naive.json()["code"] == "query_invalid"


def test_dead_letters_by_filter(hub: Hub, api: TestClient) -> None:
    sell(api, "phone")
    with hub.pool.connection() as connection:
        ((event, order_id, kind),) = connection.execute("SELECT position, order_id, type FROM hub.events").fetchall()
        letter = deliveries.Exceptional("web", event, order_id, "dead", 12, None, "500: Boom")
        deliveries.set_aside(connection, [letter])
    for query, found in (
        ({"dry_run": True}, (0, 1)),
        ({"error": "bad gateway"}, (0, 0)),
        ({"error": "boom", "type": [kind, "order.refunded"], "order_id": str(order_id)}, (1, 1)),
        ({}, (0, 0)),
    ):
        answer = api.post("/v1/deadletters/web/replay", params=query, headers=OPERATOR).json()
        assert (answer["replayed"], answer["found"]) == found, query
    assert len(audited(hub)) == 3
    nul = api.post("/v1/deadletters/web/replay", params={"error": "\0"}, headers=OPERATOR)
    assert nul.json()["code"] == "query_invalid"


def test_a_test_message_shows_request_signature_response_and_timing(hub: Hub, api: TestClient) -> None:
    nowhere = api.post("/v1/channels/web/test", headers=OPERATOR)
    assert nowhere.json()["code"] == "query_invalid"
    with open_inbox() as inbox:
        api.patch("/v1/channels/web", json={"endpoint": inbox.url}, headers=OPERATOR)
        shown = api.post("/v1/channels/web/test", headers=OPERATOR).json()
        assert (shown["delivered"], shown["response"]["status"], inbox.unsigned) == (True, 204, [])
        assert shown["request"]["headers"]["webhook-signature"].startswith("v1,")
        assert shown["duration_ms"] > 0
        assert json.loads(inbox.received[0])["type"] == "interlock.test"
    assert audited(hub)[-1][0] == "channel.test"
    assert audited(hub)[-1][1]["status"] == 204


# --- the door -------------------------------------------------------------------------------------------------------


def test_above_its_quota_a_channel_is_told_when_to_come_back(hub: Hub, api: TestClient) -> None:
    api.patch("/v1/channels/web", json={"quota_per_minute": 2}, headers=OPERATOR)
    body = whole("web")
    stranger = {"webhook-id": "f", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    for _ in range(5):
        assert api.post("/v1/channels/web/messages", content=body, headers=stranger).status_code == 401
    answers = [
        api.post("/v1/channels/web/messages", content=body, headers=WEB | {"webhook-id": "m-1"}) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429], "strangers use up nobody's quota"
    limited = answers[2]
    assert (limited.json()["code"], limited.headers["content-type"]) == ("rate_limited", "application/problem+json")
    assert 1 <= int(limited.headers["retry-after"]) <= 30
    lines = [json.dumps({"id": f"b-{n}", "body": base64.b64encode(body).decode()}) for n in range(2)]
    bulk = api.post("/v1/channels/web/messages/bulk", content="\n".join(lines), headers=WEB)
    assert [json.loads(line)["code"] for line in bulk.text.splitlines()] == ["rate_limited", "rate_limited"]
    with hub.pool.connection() as connection:
        assert connection.execute("SELECT count(*) FROM hub.messages").fetchone() == (1,)


async def test_a_bucket_holds_a_minute_and_fills_evenly(hub: Hub) -> None:
    now = [0.0]
    quotas = Quotas(Buckets(clock=lambda: now[0]))
    limited = replace(channel(hub), quota_per_minute=60)
    assert await quotas.room(limited, 100) == 60
    with pytest.raises(RateLimited) as refused:
        await quotas.take(limited)
    assert refused.value.retry_after_seconds == 1
    now[0] = 10.0
    assert await quotas.room(limited, 100) == 10
    assert await quotas.room(channel(hub), 10**6) == 10**6, "without a quota there is no limit"


def test_outside_its_hours_a_channel_may_tell_but_not_ask(hub: Hub, api: TestClient) -> None:
    local = hub.clock().astimezone(UTC)
    hour = (local.hour + 8) % 24  # Beijing
    closed = {"opens_at": f"{(hour + 2) % 24:02d}:00", "closes_at": f"{(hour + 3) % 24:02d}:00"}
    assert api.patch("/v1/channels/web", json=closed, headers=OPERATOR).status_code == 200
    ask = next(raw for p in samples("web") if mode(hub, raw := p.read_bytes()) == "ask")
    refused = api.post("/v1/channels/web/messages", content=ask, headers=WEB | {"webhook-id": "ask"})
    assert (refused.status_code, refused.json()["code"]) == (409, "outside_operating_hours"), refused.text
    tell = next(raw for p in samples("web") if mode(hub, raw := p.read_bytes()) == "tell")
    taken = api.post("/v1/channels/web/messages", content=tell, headers=WEB | {"webhook-id": "tell"})
    assert taken.json()["outcome"] == "applied"


def test_hours_may_run_over_midnight(hub: Hub) -> None:
    day = datetime(2026, 1, 1, 23, 30, tzinfo=UTC).time()
    late = replace(channel(hub), opens_at=day.replace(hour=22, minute=0), closes_at=day.replace(hour=5, minute=0))
    assert [late.asks_at(day.replace(hour=h, minute=0)) for h in (21, 22, 0, 4, 5)] == [False, True, True, True, False]


def test_a_system_is_connected_over_http_and_what_was_done_to_it_is_told(hub: Hub, api: TestClient) -> None:
    made = api.post("/v1/channels", json={"channel": "agents_north", "adapter": "agents"}, headers=OPERATOR)
    assert (made.status_code, made.json()["adapter"]) == (201, "agents")
    assert made.json()["secret"].startswith("whsec_")
    held = api.post("/v1/channels/agents_north/disable", json={"reason": "their move"}, headers=OPERATOR)
    assert held.json() == {"channel": "agents_north", "state": "disabled"}
    assert api.get("/v1/channels/agents_north", headers=OPERATOR).json()["state_reason"] == "their move"
    told = api.get("/v1/channels/agents_north/acts", headers=OPERATOR).json()["acts"]
    assert [(a["action"], a["actor"]) for a in told] == [
        ("channel.disable", "a-person"), ("channel.register", "a-person"),
    ]  # fmt: skip
    older = api.get("/v1/channels/agents_north/acts", params={"before": told[0]["position"]}, headers=OPERATOR)
    assert [a["action"] for a in older.json()["acts"]] == ["channel.register"]
    for body, place in (
        ({"channel": "agents_north", "adapter": "agents"}, "/body/channel"),
        ({"channel": "Fax"}, "/body/adapter"),
        ({"channel": "web", "adapter": "web", "endpoint": "gopher://x"}, "/body/channel"),
        ({"channel": "north", "adapter": "agents", "endpoint": "gopher://x"}, "/body/endpoint"),
        ({"channel": "north", "adapter": "agents", "codes": ["x"]}, "/body/codes"),
    ):
        refused = api.post("/v1/channels", json=body, headers=OPERATOR)
        assert (refused.status_code, refused.json()["code"]) == (400, "query_invalid"), body
        assert [p["pointer"] for p in refused.json()["pointers"]] == [place], body


def test_a_disabled_channel_is_still_heard(hub: Hub, api: TestClient) -> None:
    with hub.pool.connection() as connection:
        channels.set_state(connection, "web", "disabled", "its endpoint answered 410")
    assert sell(api)["outcome"] == "applied"
    shown = api.get("/v1/channels/web", headers=OPERATOR).json()
    assert (shown["state"], shown["state_reason"]) == ("disabled", "its endpoint answered 410")
    api.post("/v1/channels/web/resume", headers=OPERATOR)
    assert channel(hub).state_reason is None


def test_a_system_is_connected_with_its_history(api: TestClient, hub: Hub) -> None:
    wanted = {"channel": "agents_south", "adapter": "agents", "endpoint": "https://south.example", "history_from": "x"}
    refused = api.post("/v1/channels", json=wanted, headers=OPERATOR)
    assert (refused.status_code, refused.json()["pointers"][0]["pointer"]) == (400, "/body/history_from")
    assert api.post("/v1/channels", json=wanted | {"history_from": "BEGINNING"}, headers=OPERATOR).status_code == 201
    assert channel(hub, "agents_south").history_txid != "0"
    assert audited(hub)[-1][1]["history_from"] == "BEGINNING"
