"""The HTTP interface as its callers meet it."""

import base64
import json
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from hub.delivery import sign
from hub.store import channels
from interlock.wiring import Hub, sign_on
from sso.admin import Demo, DemoPerson, seed_demo
from tests.api.test_bad_input import samples, whole
from tests.hub.railway import SECRET

CHANNEL_SECRET = "a-secret-of-at-least-thirty-two-characters"


@pytest.fixture
def token(hub: Hub, client: TestClient) -> str:
    """A token that speaks for the web channel."""
    people = (DemoPerson("operator", "值班员", "a-long-pass-phrase-indeed", roles=("operator",)),)
    seed_demo(sign_on(hub), Demo(applications={}, channel_secrets={"web": CHANNEL_SECRET}, people=people))
    answer = client.post(
        "/sso/token",
        data={"grant_type": "client_credentials", "scope": "hub:messages hub:orders"},
        auth=("channel-web", CHANNEL_SECRET),
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **more}


def test_a_sale_is_answered_found_again_and_told_as_a_timeline(client: TestClient, token: str) -> None:
    tell = next(p for p in samples("web") if "sale-one" in p.name).read_bytes()
    headers = bearer(token, **{"idempotency-key": "m-1"})
    first = client.post("/v1/channels/web/messages", content=tell, headers=headers)
    assert (first.status_code, first.json()["outcome"]) == (200, "applied")
    again = client.post("/v1/channels/web/messages", content=tell, headers=headers)
    assert again.json()["outcome"] == "duplicate"

    order_id = first.json()["order_id"]
    order = client.get(f"/v1/orders/{order_id}", headers=bearer(token)).json()
    assert order["fulfilment"] == "issued"
    assert "***" in order["passengers"][0]["document"]["number"], "personal numbers are masked"

    order_no = next(r["value"] for r in order["references"] if r["system"] == "rail")
    found = client.get("/v1/orders", params={"system": "rail", "value": order_no}, headers=bearer(token)).json()
    assert found["order_id"] == order_id

    entries = client.get(f"/v1/orders/{order_id}/timeline", headers=bearer(token)).json()["entries"]
    assert [(entry["kind"], entry["channel"]) for entry in entries] == [("message", "web"), ("event", "web")]
    assert entries[0]["repeats"] == 1


def test_a_channel_sees_only_orders_in_which_it_took_part(hub: Hub, client: TestClient, token: str) -> None:
    body = whole("phone")
    headers = sign([SECRET], "p-1", datetime.now(UTC), body)
    answer = client.post("/v1/channels/phone/messages", content=body, headers=headers).json()
    assert answer["outcome"] == "applied", answer
    unseen = client.get(f"/v1/orders/{answer['order_id']}", headers=bearer(token))
    assert (unseen.status_code, unseen.json()["code"]) == (404, "order_unknown")


def test_nobody_reads_or_operates_without_a_scope(client: TestClient, token: str) -> None:
    order_id = "01890000-0000-7000-8000-000000000000"
    for path in (f"/v1/orders/{order_id}", "/v1/events", "/v1/channels", "/v1/deadletters", "/v1/recon/runs"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
    for path in ("/v1/channels", "/v1/deadletters", "/v1/recon/runs"):
        answer = client.get(path, headers=bearer(token))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


def test_a_token_of_one_channel_cannot_speak_for_another(client: TestClient, token: str) -> None:
    answer = client.post("/v1/channels/app/messages", content=b"{}", headers=bearer(token, **{"webhook-id": "m-1"}))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_many_messages_as_ndjson_are_answered_line_by_line(client: TestClient, token: str) -> None:
    good = base64.b64encode(next(p for p in samples("web") if "sale-one" in p.name).read_bytes()).decode()
    lines = [json.dumps({"id": "b-1", "body": good}), "this is no line", json.dumps({"id": "b-1", "body": good})]
    answer = client.post("/v1/channels/web/messages/bulk", content="\n".join(lines), headers=bearer(token))
    outcomes = [json.loads(line)["outcome"] for line in answer.text.splitlines()]
    assert outcomes == ["applied", "refused", "duplicate"]


def test_the_feed_gives_every_event_once(client: TestClient, token: str) -> None:
    for path in samples("web"):
        if "sale" in path.name:
            headers = bearer(token, **{"webhook-id": path.name})
            client.post("/v1/channels/web/messages", content=path.read_bytes(), headers=headers)
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"after": cursor} if cursor else {})
        page = client.get("/v1/events", params=params, headers=bearer(token)).json()
        if not page["events"]:
            break
        seen += [event["id"] for event in page["events"]]
        cursor = page["cursor"]
    assert len(seen) == len(set(seen)) >= 3
    spoiled = client.get("/v1/events", params={"after": "nonsense"}, headers=bearer(token))
    assert spoiled.json()["code"] == "query_invalid"


def test_a_paused_channel_is_told_to_come_back(hub: Hub, client: TestClient) -> None:
    with hub.pool.connection() as connection:
        channels.set_state(connection, "web", "paused")
    answer = client.post("/v1/channels/web/messages", content=b"{}", headers={"webhook-id": "1"})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "channel_paused", "1")


def test_unknown_addresses_are_problems_too(client: TestClient) -> None:
    answer = client.get("/v1/nothing")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_the_platform_s_questions(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok"
    assert client.get("/readyz").text == "ready"
    assert "interlock_messages_total" in client.get("/metrics").text
    assert client.get("/v1/schemas/1.0/order.json").json()["$id"].endswith("/v1/schemas/1.0/order.json")
    assert client.get("/v1/asyncapi.json").json()["asyncapi"] == "3.0.0"
    assert client.get("/v1/openapi.json").status_code == 200
