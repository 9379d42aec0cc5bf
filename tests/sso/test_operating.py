"""Discovery, registration of clients and people by the operator, options, the code outbox."""

from __future__ import annotations

import doctest
import json
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from authlib.oidc.discovery import OpenIDProviderMetadata
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from interlock.clock import SetClock
from interlock.database import Pool
from sso import admin
from sso.admin import Registration
from sso.options import Argon2Options, SsoOptions
from sso.pages import words
from sso.people import identities
from sso.people.identities import IdentityTaken
from sso.ports import OutboxSender
from tests.sso.harness import HUB, SECRETS, STAFF_PASSWORD, Listener, Receiver, Site, answer, demo, running

SECRET = "a-secret-that-is-long-enough-0123456789"


def test_discovery_is_valid_and_every_endpoint_in_it_answers(site: Site) -> None:
    document = httpx.get(f"{site.issuer}/.well-known/openid-configuration", trust_env=False).json()
    # The library's validator insists on https; the values are otherwise the ones served.
    secure = json.loads(json.dumps(document).replace("http://", "https://"))
    OpenIDProviderMetadata(secure).validate()
    assert document["issuer"] == site.issuer
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
    for name, value in document.items():
        if name.endswith(("_endpoint", "jwks_uri")):
            status = httpx.get(value, trust_env=False).status_code
            assert status not in (404, 500), name


def test_the_same_document_for_plain_oauth(site: Site) -> None:
    with httpx.Client(trust_env=False) as client:
        oauth = client.get(f"{site.issuer}/.well-known/oauth-authorization-server").json()
        assert oauth == client.get(f"{site.issuer}/.well-known/openid-configuration").json()


def test_an_unknown_path_and_a_broken_database_are_problems_with_a_remedy(site: Site) -> None:
    with httpx.Client(trust_env=False) as client:
        for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/token", 405), ("GET", "/token", 405)):
            answered = client.request(method, f"{site.issuer}{path}")
            assert answered.status_code == status
            assert answered.headers["content-type"] == "application/problem+json"
            assert answered.json()["remedy"]
        with site.provider.pool.connection() as connection:
            connection.execute("ALTER TABLE sso.client RENAME TO client_away")
        try:
            broken = client.post(f"{site.issuer}/token", data={"grant_type": "client_credentials", "client_id": "web"})
        finally:
            with site.provider.pool.connection() as connection:
                connection.execute("ALTER TABLE sso.client_away RENAME TO client")
    assert (broken.status_code, broken.json()["code"]) == (500, "internal_error")


def test_seeding_the_demo_twice_changes_nothing_people_notice(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    subject = site.claims(tokens["id_token"])["sub"]
    admin.seed_demo(site.provider, demo(site.receivers))
    assert site.one("SELECT count(*) FROM sso.identity") == 3
    refreshed = browser.refresh("web", tokens["refresh_token"]).json()
    assert site.claims(refreshed["id_token"])["sub"] == subject
    assert site.token({"grant_type": "client_credentials"}, ("channel-phone", SECRETS["phone"])).status_code == 200


GOOD = Registration("portal", "门户", "Portal", ["openid"], redirect_uris=["https://portal.test/cb"])


BROKEN: list[dict[str, Any]] = [
    {"client_id": "né"},
    {"client_id": ""},
    {"scopes": ["everything"]},
    {"secret": "short"},
    {"client_credentials": True},
    {"client_credentials": True, "secret": SECRET},
    {"redirect_uris": ["http://portal.test/cb"]},
    {"redirect_uris": ["https://portal.test/cb#x"]},
    {"redirect_uris": ["https://me@portal.test/cb"]},
    {"redirect_uris": ["javascript:alert(1)"]},
    {"redirect_uris": ["/cb"]},
    {"backchannel_logout_uri": "http://10.0.0.1/bc"},
    {"backchannel_logout_uri": "test.portal.app:/bc"},
    {"backchannel_logout_uri": "file:///etc/passwd"},
]


def test_a_registration_that_breaks_a_rule_is_refused(site: Site) -> None:
    for change in BROKEN:
        with pytest.raises(ValueError, match=r"."):
            admin.register_client(site.provider, replace(GOOD, **change))
    assert site.one("SELECT count(*) FROM sso.client WHERE client_id = 'portal'") == 0


def test_a_native_app_and_a_compose_network_can_register(site: Site) -> None:
    admin.register_client(site.provider, replace(GOOD, redirect_uris=["test.interlock.app:/callback"]))
    options = replace(site.provider.options, plain_http_hosts=frozenset({"simulators"}))
    allowing = replace(site.provider, options=options)
    admin.register_client(allowing, replace(GOOD, backchannel_logout_uri="http://simulators:9001/logout"))


def test_staff_and_passengers_are_created_by_the_operator(site: Site) -> None:
    auditor = admin.create_staff(site.provider, "Auditor", "审计员", STAFF_PASSWORD, ["auditor"])
    assert auditor.login_name == "auditor"
    with pytest.raises(IdentityTaken):
        admin.create_staff(site.provider, "auditor", "另一位", STAFF_PASSWORD, [])
    with pytest.raises(ValueError, match="unknown role"):
        admin.create_staff(site.provider, "boss", "主任", STAFF_PASSWORD, ["king"])
    with pytest.raises(ValueError, match="password"):
        admin.create_staff(site.provider, "boss", "主任", "short", [])
    with pytest.raises(ValueError, match="login name"):
        admin.create_staff(site.provider, "主任", "主任", STAFF_PASSWORD, [])
    with pytest.raises(ValueError, match="phone"):
        admin.create_passenger(site.provider, None, "乘客", STAFF_PASSWORD, "12")
    with pytest.raises(IdentityTaken):
        admin.create_passenger(site.provider, None, "乘客", STAFF_PASSWORD, "199 0000 0001")
    assert not admin.set_password(site.provider, "nobody", STAFF_PASSWORD)


def test_the_operator_ends_a_session(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    (session,) = admin.list_sessions(site.provider, "liwei")
    assert admin.end_session(site.provider, session.session_id)
    assert not admin.end_session(site.provider, session.session_id)
    assert browser.get("/signed-in").status_code == 303
    assert admin.list_sessions(site.provider, "nobody") == []


@pytest.mark.parametrize(
    "issuer",
    ["http://login.test/sso", "https://login.test/sso/", "login.test", "ftp://login.test", "https://login.test/?a=b"],
)
def test_an_issuer_that_breaks_a_rule_is_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        SsoOptions(issuer, HUB)


def test_the_outbox_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    outbox = OutboxSender(tmp_path / "outbox" / "codes.jsonl")
    outbox.send("+8619900000001", "012345", "zh-CN", "login")
    outbox.send("+8619900000002", "543210", "en", "call")
    lines = [json.loads(line) for line in outbox.path.read_text(encoding="utf-8").splitlines()]
    assert [line["code"] for line in lines] == ["012345", "543210"]
    assert stat.S_IMODE(outbox.path.stat().st_mode) == 0o600


def test_the_audit_tells_the_story_without_secrets(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    browser.refresh("web", tokens["refresh_token"])
    browser.refresh("web", tokens["refresh_token"])
    site.clock.advance(site.provider.options.refresh_grace)
    browser.refresh("web", tokens["refresh_token"])
    with site.provider.pool.connection() as connection:
        story = connection.execute("SELECT kind FROM sso.audit WHERE identity_id IS NOT NULL ORDER BY audit_id")
        kinds = [row[0] for row in story]
    told = ["logged_in", "code_issued", "tokens_issued", "tokens_refreshed", "tokens_repeated", "refresh_token_reused"]
    assert kinds[-6:] == told


def test_no_request_ever_needs_two_connections(
    listener: Listener,
    pool: Pool,
    database_url: str,
    clock: SetClock,
    receivers: dict[str, Receiver],
    argon2_options: Argon2Options,
) -> None:
    # Requests that hold one connection and wait for another starve each other when the pool is full.
    with (
        ConnectionPool[Connection[TupleRow]](database_url, min_size=1, max_size=1, timeout=3) as narrow,
        running(listener, narrow, clock, receivers, argon2_options) as site,
    ):
        browser = site.browser()
        tokens = browser.tokens("web")
        browser.authorize("app")
        for _ in range(2):  # the second time with keys that are due to be read again
            clock.advance(timedelta(minutes=2))
            tokens = browser.refresh("web", tokens["refresh_token"]).json()
            bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
            assert httpx.get(f"{site.issuer}/userinfo", headers=bearer, trust_env=False).status_code == 200
            clock.advance(timedelta(minutes=2))
            assert answer(browser.authorize("web", id_token_hint=tokens["id_token"]))["code"]
        clock.advance(timedelta(minutes=2))
        assert browser.get("/logout", id_token_hint=tokens["id_token"]).status_code == 303
        clock.advance(timedelta(minutes=2))
        assert site.deliver_logouts().delivered == 2


def test_pruning_removes_what_strangers_can_write_and_keeps_what_recognises_a_thief(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    browser.refresh("web", tokens["refresh_token"])
    browser.authorize("app", prompt="login")
    browser.submit(browser.get("/login", method="code"), phone="199 0000 0001")
    browser.submit(browser.get("/login"), login="nobody", password="x")
    assert admin.prune(site.provider) == 0
    site.clock.advance(timedelta(days=1, minutes=20))
    assert admin.prune(site.provider) == 4  # a waiting login, a phone code, an attempt, an authorization code
    assert browser.refresh("web", tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert site.one("SELECT revoke_reason FROM sso.token_grant") == "refresh_token_reused"


def test_the_examples_in_the_docstrings_are_true() -> None:
    for module in (identities, words):
        found = doctest.testmod(module)
        assert (found.failed, found.attempted > 0) == (0, True)
