"""Who may see the console, how he gets there, and how he leaves."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient

from hub.store.seal import Seal
from interlock.console.login import CLIENT_ID, Login
from interlock.wiring import Hub, sign_on
from sso import admin
from tests.console.harness import PASSWORD, PUBLIC_URL, Browser


def test_a_stranger_is_sent_to_the_provider_and_comes_back_to_the_page_he_wanted(site: TestClient) -> None:
    first = site.get("/console/messages?outcome=refused", follow_redirects=False)
    assert first.status_code == 303
    question = dict(parse_qsl(urlsplit(first.headers["location"]).query))
    assert first.headers["location"].startswith(f"{PUBLIC_URL}/sso/authorize?")
    assert (question["client_id"], question["code_challenge_method"]) == (CLIENT_ID, "S256")
    assert {"openid", "operator", "finance"} <= set(question["scope"].split())

    page = Browser(site).log_in("operator", page="/console/messages?outcome=refused")
    assert page.status_code == 200
    assert page.url.path == "/console/messages"
    assert "web-bad" in page.text


def test_the_session_is_one_sealed_cookie_that_scripts_cannot_read(operator: Browser, hub: Hub) -> None:
    cookie = next(c for c in operator.http.cookies.jar if c.name == "console_session")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"
    assert "eyJ" not in (cookie.value or "")
    assert len(cookie.value or "") < 4000


def test_programs_are_told_with_a_problem(site: TestClient) -> None:
    for path in ("/console.json", "/console/orders.json"):
        answer = site.get(path)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"


def test_a_passenger_is_turned_away_with_a_page_that_says_what_to_do(site: TestClient) -> None:
    browser = Browser(site)
    page = browser.log_in("liwei")
    assert page.status_code == 403
    assert "no role that may use the console" in page.text
    assert "Ask an administrator" in page.text
    assert "Log out" in page.text
    for path in ("/console/orders", "/console/recon", "/console/messages/1", "/console/files"):
        assert browser.get(path).status_code == 403
    assert browser.json("/console/orders").json()["code"] == "forbidden"
    assert browser.get("/console/live").status_code == 401


def test_finance_and_auditors_may_look(site: TestClient) -> None:
    for login in ("finance", "auditor"):
        browser = Browser(site)
        assert browser.log_in(login).status_code == 200
        assert browser.get("/console/recon").status_code == 200
        for page in ("/console", "/console/channels", "/console/channels/web", "/console/deadletters"):
            assert 'method="post" action="/console/logout"' in browser.get(page).text
            assert not re.search(r'action="/console/(?!logout|orders)[^"]+/[a-z]+"', browser.get(page).text), page
        assert browser.get("/console/connect").status_code == 403


def test_a_second_visit_needs_no_typing(operator: Browser) -> None:
    operator.http.cookies.delete("console_session")
    page = operator.get("/console/orders")
    assert page.status_code == 200
    assert page.url.path == "/console/orders"


def test_a_cookie_that_was_altered_or_planted_is_nobody(operator: Browser, hub: Hub) -> None:
    good = operator.http.cookies["console_session"]
    foreign = Seal(b"f" * 32, b"b" * 32).seal_bytes(b'{"cookie":"session"}').hex()
    for value in (good[:-6] + "AAAA==", "x", "", foreign):
        answer = operator.http.get(
            "/console/orders.json", headers={"cookie": f"console_session={value}"}, follow_redirects=False
        )
        # The client sends its own good cookie too: only one of both may count, and never as somebody else.
        assert answer.status_code in (200, 401)
    operator.http.cookies.clear()
    for value in (good[:-6] + "AAAA==", "x", foreign):
        answer = operator.http.get("/console/orders.json", headers={"cookie": f"console_session={value}"})
        assert answer.status_code == 401


def test_a_login_cookie_is_no_session(site: TestClient) -> None:
    site.get("/console", headers={"accept": "text/html"}, follow_redirects=False)
    planted = site.cookies["console_login"]
    site.cookies.clear()
    assert site.get("/console.json", headers={"cookie": f"console_session={planted}"}).status_code == 401


def test_an_answer_that_nobody_asked_for_is_refused(operator: Browser) -> None:
    for query in (
        {"code": "c", "state": "s", "iss": f"{PUBLIC_URL}/sso"},
        {"error": "access_denied", "state": "s"},
        {},
    ):
        page = operator.get("/console/callback", **query)
        assert page.status_code == 400
        assert "log in again" in page.text.lower()


def test_a_state_of_another_login_is_refused(site: TestClient) -> None:
    first = site.get("/console", headers={"accept": "text/html"}, follow_redirects=False)
    state = dict(parse_qsl(urlsplit(first.headers["location"]).query))["state"]
    site.get("/console", headers={"accept": "text/html"}, follow_redirects=False)
    answer = site.get("/console/callback", params={"code": "c", "state": state, "iss": f"{PUBLIC_URL}/sso"})
    assert answer.status_code == 400


def test_after_a_login_nobody_is_sent_elsewhere(hub: Hub) -> None:
    provider = sign_on(hub)
    login = Login(provider, hub.seal, lambda token: pytest.fail("not asked"), PUBLIC_URL, provider.clock)
    for path in (
        "https://evil.example/",
        "//evil.example",
        "/console\\@evil",
        "/consolex",
        "/console/\n",
        "/sso/login",
    ):
        _, cookie = login.begin(path)
        kept = login._opened("login", cookie)
        assert kept is not None
        assert kept["back"] == "/console"


def test_logout_ends_the_login_everywhere(operator: Browser) -> None:
    session = operator.http.cookies["console_session"]
    page = operator.submit("/console/logout", "/console")
    assert page.url.path == "/console/signed-out"
    assert "You are logged out" in page.text
    assert "console_session" not in operator.http.cookies
    # Whoever kept the cookie has nothing: the login behind the token is gone.
    operator.http.cookies.clear()
    kept = operator.http.get("/console.json", headers={"cookie": f"console_session={session}"})
    assert kept.status_code == 401
    assert operator.get("/console").url.path == "/sso/login"


def test_logout_needs_our_own_form(operator: Browser) -> None:
    assert operator.http.post("/console/logout", data={"form_token": "guess"}).status_code == 403
    assert operator.json("/console").status_code == 200


def test_a_disabled_client_or_new_password_stops_the_console_at_once(operator: Browser, hub: Hub) -> None:
    assert operator.json("/console").status_code == 200
    admin.set_password(sign_on(hub), "operator", PASSWORD + "-new")
    assert operator.json("/console").status_code == 401
