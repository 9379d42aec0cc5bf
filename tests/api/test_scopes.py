"""Who may do what: a row for every route there is. A route without a row fails; so does a row without a route.

A row says who is let in; what he is answered behind the door (404 for an order that is not there) is not its matter.
Everybody who is not named is turned away: nobody with 401, the others with 403.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, Mount

from hub.api.access import Principal
from hub.api.orders import may_read
from hub.ledger import fold
from hub.store import orders
from interlock.web import build_app
from interlock.wiring import Hub, sign_on
from sso.admin import Demo, seed_demo
from tests.api.people import CHANNEL_SECRET, bearer, tokens
from tests.console.harness import PUBLIC_URL, play_day, sample

EVERYBODY = frozenset({"nobody", "web", "phone", "passenger", "operator", "finance", "auditor", "admin"})
STAFF = frozenset({"operator", "finance", "auditor", "admin"})
READERS = EVERYBODY - {"nobody"}
OPERATORS = frozenset({"operator", "admin"})
AUDITORS = frozenset({"finance", "auditor", "admin"})
MONEY = frozenset({"finance", "admin"})
ITSELF = frozenset({"web"})
SYSTEMS = frozenset({"web", "phone"})

UNKNOWN = "01890000-0000-7000-8000-000000000000"
RUN = "0" * 64

TABLE: Mapping[tuple[str, str], frozenset[str]] = {
    ("POST", "/v1/channels/{channel}/messages"): ITSELF,
    ("POST", "/v1/channels/{channel}/messages/bulk"): ITSELF,
    ("GET", "/v1/orders"): READERS,
    ("GET", "/v1/me/orders"): READERS,
    ("GET", "/v1/orders/{order_id}"): READERS,
    ("GET", "/v1/orders/{order_id}/timeline"): READERS,
    ("GET", "/v1/events"): READERS,
    ("GET", "/v1/schemas/{version}/{name}.json"): EVERYBODY,
    ("GET", "/v1/problems/{code}"): EVERYBODY,
    ("GET", "/v1/asyncapi.json"): EVERYBODY,
    ("GET", "/v1/openapi.json"): EVERYBODY,
    ("PATCH", "/v1/channels/{channel}"): OPERATORS,
    ("POST", "/v1/channels/{channel}/rotate"): OPERATORS,
    ("POST", "/v1/channels/{channel}/replay"): OPERATORS,
    ("POST", "/v1/channels/{channel}/test"): OPERATORS,
    ("GET", "/v1/channels"): OPERATORS,
    ("POST", "/v1/channels"): OPERATORS,
    ("GET", "/v1/channels/{channel}/acts"): OPERATORS,
    ("GET", "/v1/channels/{channel}"): OPERATORS,
    ("POST", "/v1/channels/{channel}/{act}"): OPERATORS,
    ("GET", "/v1/deadletters"): OPERATORS,
    ("POST", "/v1/deadletters/{channel}/replay"): OPERATORS,
    ("GET", "/v1/cases"): OPERATORS,
    ("GET", "/v1/books/balance"): AUDITORS,
    ("GET", "/v1/books/accounts/{account}"): AUDITORS,
    ("GET", "/v1/orders/{order_id}/balance"): AUDITORS,
    ("GET", "/v1/retractions"): AUDITORS,
    ("POST", "/v1/orders/{order_id}/retractions"): MONEY,
    ("POST", "/v1/retractions/{retraction_id}/{decision}"): MONEY,
    ("POST", "/v1/persons/erasures"): frozenset({"admin"}),
    ("GET", "/v1/recon/runs"): AUDITORS,
    ("GET", "/v1/recon/runs/{run_id}"): AUDITORS,
    ("GET", "/v1/recon/runs/{run_id}/rows"): AUDITORS,
    ("POST", "/v1/recon/runs"): MONEY,
    ("GET", "/v1/recon/report/{business_date}"): AUDITORS,
    ("GET", "/v1/recon/breaks"): AUDITORS,
    ("POST", "/v1/recon/workbooks"): MONEY,
    ("POST", "/v1/recon/workbooks/returned"): MONEY,
    ("GET", "/v1/recon/reports/{business_date}"): AUDITORS,
    ("GET", "/v1/recon/accounts/{month}"): AUDITORS,
    ("GET", "/v1/recon/confirmations"): AUDITORS,
    ("GET", "/v1/recon/confirmations/{business_date}"): SYSTEMS,
    ("POST", "/v1/recon/confirmations/{business_date}"): SYSTEMS,
    ("GET", "/v1/recon/breaks/{break_id}"): AUDITORS,
    ("POST", "/v1/recon/breaks/{break_id}/resolutions"): MONEY,
    ("POST", "/v1/recon/resolutions/{resolution_id}/approve"): MONEY,
    ("POST", "/v1/recon/resolutions/{resolution_id}/reject"): MONEY,
    ("POST", "/v1/recon/resolutions/{resolution_id}/undo"): MONEY,
    ("GET", "/v1/recon/resolutions"): AUDITORS,
    ("GET", "/v1/recon/resolutions/{resolution_id}"): AUDITORS,
    ("POST", "/v1/recon/breaks/{break_id}/assignment"): MONEY,
    ("GET", "/v1/recon/ageing"): AUDITORS,
    ("GET", "/v1/recon/overdue"): AUDITORS,
    ("GET", "/v1/recon/suspense"): AUDITORS,
    ("GET", "/v1/recon/closings/{business_date}"): AUDITORS,
    ("POST", "/v1/recon/closings"): MONEY,
    ("POST", "/v1/recon/closings/{closing_id}/approve"): MONEY,
    ("POST", "/v1/recon/closings/{closing_id}/reject"): MONEY,
    ("GET", "/v1/recon/policies"): AUDITORS,
    ("GET", "/v1/recon/policies/{name}"): AUDITORS,
    ("GET", "/v1/recon/policies/{name}/trial/{business_date}"): AUDITORS,
    ("POST", "/v1/recon/policies"): MONEY,
    ("POST", "/v1/recon/policies/{name}/{version}/approve"): MONEY,
    ("POST", "/v1/recon/policies/{name}/{version}/reject"): MONEY,
    ("GET", "/"): EVERYBODY,
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/metrics"): EVERYBODY,
}

CONSOLE_PAGES = (
    "", "/orders", "/orders/{order_id}", "/messages", "/messages/{position}", "/rejections/{position}", "/deadletters",
    "/recon", "/recon/breaks", "/recon/breaks/{break_id}", "/recon/waiting", "/recon/ageing", "/recon/chains/{view}",
    "/recon/carry", "/recon/due", "/recon/files", "/recon/runs/{run_id}", "/recon/policies", "/recon/policies/{name}",
    "/recon/definitions", "/recon/definitions/{name}", "/files",
    "/channels", "/channels/{channel}", "/cases", "/connect",
    "/books", "/books/{account}", "/orders/{order_id}/balance", "/logouts",
)  # fmt: skip
CONSOLE_OF_OPERATORS = ("/connect",)
CONSOLE_ACTS = (
    "/connect", "/channels/{channel}/configure", "/channels/{channel}/rotate", "/channels/{channel}/switch",
    "/channels/{channel}/test", "/channels/{channel}/replay", "/deadletters/replay", "/orders/{order_id}/look",
    "/messages/{position}/look", "/rejections/{position}/look",
    "/orders/{order_id}/withdraw", "/orders/{order_id}/decide", "/logouts/retry",
    "/recon/run", "/recon/report", "/recon/workbook", "/recon/workbook/returned", "/recon/closing",
    "/recon/closing/decide", "/recon/propose", "/recon/assign", "/recon/decide", "/recon/undo",
    "/recon/policies/propose", "/recon/policies/decide",
)  # fmt: skip
CONSOLE_DOORS = ("/live", "/callback", "/logout", "/signed-out", "/static/console.css", "/static/console.js")
ME = (
    ("GET", "/me"), ("GET", "/me/orders/{order_id}"),
    ("GET", "/me/callback"), ("POST", "/me/logout"), ("GET", "/me/signed-out"), ("GET", "/me/static/me.css"),
)  # fmt: skip
"""The passenger's pages: who may see what there is the matter of tests/console/test_me.py."""

FILLED = {
    "channel": "web", "act": "resume", "order_id": UNKNOWN, "version": "1.0", "name": "order", "run_id": RUN,
    "code": "forbidden", "business_date": "2026-01-09", "month": "2026-01", "break_id": UNKNOWN,
    "resolution_id": UNKNOWN, "position": "1",
    "account": "sales", "view": "hub-wechat-bank", "retraction_id": UNKNOWN, "decision": "approve",
    "closing_id": UNKNOWN,
}  # fmt: skip
QUERIES = {"/v1/orders": {"system": "rail", "value": "EW99999999"}}
BODIES: Mapping[str, Any] = {
    "/v1/persons/erasures": {"document_type": "passport", "number": "X99999999", "dry_run": True},
    "/v1/recon/runs": {"business_date": "2026-01-09", "dry_run": True},
    "/v1/recon/breaks/{break_id}/resolutions": {"action": "none", "reason": "because"},
    "/v1/recon/breaks/{break_id}/assignment": {"to": "anna"},
    "/v1/recon/resolutions/{resolution_id}/undo": {"reason": "because"},
    "/v1/recon/closings": {"business_date": "2026-01-09", "act": "reopen", "reason": "because"},
    "/v1/recon/policies": {"document": "rules: 3", "reason": "because"},
    "/v1/channels/{channel}/replay": {"dry_run": True},
    "/v1/orders/{order_id}/retractions": {"fact": "ticket.issued|E1", "reason": "a mistake"},
    "/v1/channels/{channel}/rotate": {"overlap_hours": 1},
    "/v1/channels/{channel}": {"quota_per_minute": None},
    "/v1/channels/{channel}/{act}": {"reason": "because"},
    "/v1/channels": {"channel": "web"},
}


@pytest.fixture
def site(hub: Hub) -> Iterator[TestClient]:
    with TestClient(build_app(hub), base_url=PUBLIC_URL, raise_server_exceptions=False) as client:
        yield client


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """(method, path) of every route, whatever it hangs in."""
    found: set[tuple[str, str]] = set()

    def walk(items: list[BaseRoute], prefix: str) -> None:
        for route in items:
            path = prefix + str(getattr(route, "path", ""))
            if isinstance(route, Mount):
                found.add(("MOUNT", path))
            elif nested := getattr(route, "original_router", None):
                walk(nested.routes, prefix + str(vars(route)["include_context"].prefix))
            else:
                for method in set(getattr(route, "methods", None) or ()) - {"HEAD", "OPTIONS"}:
                    found.add((method, path))

    walk(app.routes, "")
    return found


def test_every_route_has_a_row_and_every_row_a_route(hub: Hub) -> None:
    console = {("GET", f"/console{page}{suffix}") for page in CONSOLE_PAGES for suffix in ("", ".json")}
    console |= {("POST", f"/console{act}") for act in CONSOLE_ACTS}
    doors = {("POST" if door == "/logout" else "GET", f"/console{door}") for door in CONSOLE_DOORS}
    assert routes(build_app(hub)) == {*TABLE, *console, *doors, *ME}


def test_the_provider_stands_beside_the_routes(site: TestClient) -> None:
    assert site.get("/sso/jwks").status_code == 200
    assert site.get("/sso/nothing").json()["remedy"] == "the discovery document lists what there is"
    assert [site.get(path).status_code for path in ("/sso", "/ssoo/jwks")] == [404, 404]


def ask(client: TestClient, method: str, path: str, headers: Mapping[str, str]) -> Any:
    url = path.format(**FILLED)
    more: dict[str, Any] = {"params": QUERIES.get(path)}
    if method != "GET":
        more["json"] = BODIES.get(path, {})
    return client.request(method, url, headers={"webhook-id": "m-1", **headers}, follow_redirects=False, **more)


def test_everybody_is_let_in_where_the_table_says_and_nowhere_else(hub: Hub, site: TestClient) -> None:
    known = tokens(hub, site)
    wrong: list[str] = []
    for (method, path), allowed in TABLE.items():
        for who in sorted(EVERYBODY):
            answer = ask(site, method, path, bearer(known[who]) if who in known else {})
            let_in = answer.status_code not in (401, 403)
            turned_away = {"nobody": (401, "unauthenticated")}.get(who, (403, "forbidden"))
            if who in allowed and (not let_in or answer.status_code >= 500):
                wrong.append(f"{who} {method} {path}: {answer.status_code} {answer.text[:200]}")
            if who not in allowed and (answer.status_code, answer.json().get("code")) != turned_away:
                wrong.append(f"{who} {method} {path}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []


def test_a_bad_token_opens_nothing(site: TestClient) -> None:
    for (method, path), allowed in TABLE.items():
        if allowed != EVERYBODY:
            answer = ask(site, method, path, bearer("eyJhbGciOiJub25lIn0.e30."))
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path


def test_the_console_is_for_staff(hub: Hub, site: TestClient) -> None:
    known = tokens(hub, site)
    for page in CONSOLE_PAGES:
        url = f"/console{page}.json".format(**FILLED)
        assert site.get(url).status_code == 401, page
        for who in ("passenger", "web"):
            assert site.get(url, headers=bearer(known[who])).status_code == 403, (page, who)
        for who in STAFF:
            status = site.get(url, headers=bearer(known[who])).status_code
            if page in CONSOLE_OF_OPERATORS and who not in OPERATORS:
                assert status == 403, (page, who)
            else:
                assert status in (200, 400, 404), (page, who)
    for act in (
        act.format(**FILLED) for act in CONSOLE_ACTS
    ):  # a bearer token is no form of ours: not even the operator's
        for who in known:
            answer = site.post(f"/console{act}", headers=bearer(known[who]), follow_redirects=False)
            assert (answer.status_code, answer.headers.get("location", "")[:4]) == (303, "http"), (act, who)


def test_a_channel_sees_and_touches_only_its_own(hub: Hub, site: TestClient) -> None:
    play_day(hub)
    known = tokens(hub, site)
    order = site.get("/v1/orders", params={"system": "rail", "value": "EW00000101"}, headers=bearer(known["web"]))
    order_id = order.json()["order_id"]
    for path in (f"/v1/orders/{order_id}", f"/v1/orders/{order_id}/timeline"):
        assert site.get(path, headers=bearer(known["web"])).status_code == 200
        for who in ("phone", "passenger"):
            unseen = site.get(path, headers=bearer(known[who]))
            assert (unseen.status_code, unseen.json()["code"]) == (404, "order_unknown"), (who, path)
    other = site.get("/v1/orders", params={"system": "rail", "value": "EW00000101"}, headers=bearer(known["phone"]))
    missing = site.get("/v1/orders", params={"system": "rail", "value": "EW99999999"}, headers=bearer(known["phone"]))
    assert [other.status_code, missing.status_code] == [404, 404]
    assert json.loads(other.text)["code"] == missing.json()["code"], "whether it exists is none of its business"
    assert site.get("/v1/events", headers=bearer(known["web"])).json()["events"]
    for who in ("phone", "passenger"):
        assert site.get("/v1/events", headers=bearer(known[who])).json()["events"] == []
    for path in ("messages", "messages/bulk"):
        answer = site.post(
            f"/v1/channels/web/{path}",
            content=sample("web", "sale-one-ticket"),
            headers=bearer(known["phone"], **{"webhook-id": "m-9"}),
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_program_that_is_no_channel_no_person_and_no_staff_reads_nothing(hub: Hub) -> None:
    """Whatever scope somebody registered it for: deny by default."""
    play_day(hub)
    with hub.pool.connection() as connection:
        (order_id,) = connection.execute("SELECT order_id FROM hub.orders ORDER BY order_no LIMIT 1").fetchone() or ()
        document = orders.read(connection, [order_id])[order_id].document
    scopes = frozenset({"hub:orders"})
    assert not may_read(Principal("a-program", scopes), document, fold(document), hub.seal.blind)
    assert may_read(Principal("an-operator", scopes, staff=True), document, fold(document), hub.seal.blind)


@pytest.mark.parametrize("scope", ["hub:operate", "hub:finance", "hub:audit", "operator", "admin"])
def test_no_client_of_a_channel_gets_more_than_it_was_registered_for(hub: Hub, site: TestClient, scope: str) -> None:
    tokens_of_channel = {"grant_type": "client_credentials", "scope": f"hub:messages {scope}"}

    seed_demo(sign_on(hub), Demo(applications={}, channel_secrets={"web": CHANNEL_SECRET}))
    answer = site.post("/sso/token", data=tokens_of_channel, auth=("channel-web", CHANNEL_SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
