"""`/me`: a passenger sees the orders of every channel in which he travels, in his language; nobody else sees them."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient

from interlock.me import journeys, words
from interlock.wiring import Hub, sign_on
from sso.people import identities
from sso.people.identities import Identity
from tests.api.people import password_hash
from tests.console.harness import MOBILE, PUBLIC_URL, RESIDENT_ID, SALE, Browser


@pytest.fixture
def passenger(site: TestClient, hub: Hub) -> Browser:
    """Somebody whose proven number is on an order of the small day, logged in, reading English."""
    provider = sign_on(hub)
    person = Identity(
        provider.mint.identifier(), "passenger", "zhaoyi", "赵一", password_hash(), None, [], "en", provider.clock()
    )
    with hub.pool.connection() as connection:
        identities.add(connection, provider.cipher, person, f"+86{MOBILE}", provider.clock())
    browser = Browser(site)
    assert browser.log_in("zhaoyi", page="/me").url.path == "/me"
    return browser


def order_path(browser: Browser) -> str:
    found = re.search(r'href="(/me/orders/[0-9a-f-]{36})"', browser.get("/me").text)
    assert found
    return found[1]


def test_a_stranger_is_sent_to_the_provider_and_comes_back_to_the_page_he_wanted(site: TestClient) -> None:
    first = site.get("/me/orders/x", headers={"accept": "text/html"}, follow_redirects=False)
    assert first.status_code == 303
    question = dict(parse_qsl(urlsplit(first.headers["location"]).query))
    assert first.headers["location"].startswith(f"{PUBLIC_URL}/sso/authorize?")
    assert (question["client_id"], question["code_challenge_method"]) == ("me", "S256")
    assert Browser(site).log_in("liwei", page="/me/orders/x").url.path == "/me/orders/x"


def test_my_orders_whichever_channel_sold_them(passenger: Browser) -> None:
    page = passenger.get("/me")
    assert SALE in page.text
    assert "Bought at <b>the website</b>" in page.text
    for number in (RESIDENT_ID, MOBILE):
        assert number not in page.text


def test_an_order_tells_what_happened_and_who_said_so(passenger: Browser) -> None:
    page = passenger.get(order_path(passenger))
    assert page.status_code == 200
    assert "Ticket issued" in page.text
    assert "Paid" in page.text
    for number in (RESIDENT_ID, MOBILE):
        assert number not in page.text


def test_both_languages_and_the_choice_is_remembered(passenger: Browser) -> None:
    for path in ("/me", order_path(passenger), "/me/orders/nothing", "/me/signed-out"):
        for language, name in (("zh", "我的铁路行程"), ("en", "My rail journeys")):
            page = passenger.get(path, lang=language)
            assert page.headers["content-language"].startswith(language), path
            assert name in page.text
            assert name in passenger.get(path).text


def test_who_has_no_orders_is_told_what_would_be_here(site: TestClient) -> None:
    page = Browser(site).log_in("liwei", page="/me")
    assert "No orders yet." in page.text
    assert SALE not in page.text


def test_somebody_elses_order_is_as_unknown_as_one_that_is_not_there(passenger: Browser, site: TestClient) -> None:
    path = order_path(passenger)
    browser = Browser(site)
    browser.log_in("liwei", page="/me")
    theirs, missing = browser.get(path), browser.get("/me/orders/01890000-0000-7000-8000-000000000000")
    assert (theirs.status_code, missing.status_code) == (404, 404)
    assert "There is no such order, or it is not yours." in theirs.text


def test_staff_have_no_orders_of_their_own_here(site: TestClient) -> None:
    browser = Browser(site)
    assert browser.log_in("operator").status_code == 200
    page = browser.get("/me")  # the same login answers: nothing is typed
    assert page.url.path == "/me"
    assert "No orders yet." in page.text


def test_signing_out_needs_our_own_form_and_ends_the_login_everywhere(passenger: Browser) -> None:
    assert passenger.http.post("/me/logout", data={"form_token": "guess"}).status_code == 403
    assert passenger.get("/me").url.path == "/me"
    session = passenger.http.cookies["me_session"]
    assert passenger.submit("/me/logout", "/me").url.path == "/me/signed-out"
    kept = passenger.http.get("/me", headers={"cookie": f"me_session={session}"}, follow_redirects=False)
    assert kept.status_code == 303
    assert passenger.get("/me").url.path == "/sso/login"


def test_a_session_of_the_console_is_none_here(site: TestClient) -> None:
    browser = Browser(site)
    browser.log_in("operator")
    planted = browser.http.cookies["console_session"]
    site.cookies.clear()
    answer = site.get("/me", headers={"cookie": f"me_session={planted}"}, follow_redirects=False)
    assert answer.status_code == 303


def test_the_same_step_of_two_tickets_is_told_once_and_what_has_no_words_not_at_all() -> None:
    at = "2026-01-09T04:00:00+00:00"
    told = journeys.steps(
        [
            {"fact": "ticket.issued", "subject": "T1", "at": at, "witnesses": ["web"]},
            {"fact": "ticket.issued", "subject": "T2", "at": at, "witnesses": ["app", "web"]},
            {"fact": "references_clash", "subject": "x", "at": at, "witnesses": ["web"]},
        ]
    )
    assert told == [{"at": at, "fact": "ticket.issued", "witnesses": ["app", "web"]}]


def test_what_is_still_to_travel_comes_first_and_next_departure_first(hub: Hub) -> None:
    now = hub.clock()

    def one(hours: int, live: bool = True) -> dict[str, object]:
        return {"name": hours, "trips": [{"live": live, "departs": now + timedelta(hours=hours)}]}

    coming, past = journeys.in_two([one(30), one(2), one(-5), one(40, live=False)], now)
    assert [card["name"] for card in coming] == [2, 30]
    assert [card["name"] for card in past] == [40, -5]


def test_every_sentence_is_in_both_languages() -> None:
    assert all(chinese and english and chinese != english for chinese, english in words.WORDS.values())
