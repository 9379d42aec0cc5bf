"""Consent: who is asked, what they read, what a refusal and a revocation do."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest

from sso import consents
from sso.admin import Registration, register_client
from sso.pages.words import WORDS
from sso.provider import SCOPES_SUPPORTED
from tests.sso.agency import RESOURCE, Agency
from tests.sso.harness import PASSWORD, Browser, Pkce, Site, answer

STRANGER = "https://planner.interlock.test/callback"


@pytest.fixture
def planner(site: Site) -> Site:
    """`planner`: somebody else's application, which people must agree to."""
    registration = Registration(
        "planner",
        "行程助手",
        "Trip planner",
        ["openid", "profile", "phone", "hub:orders"],
        redirect_uris=[STRANGER],
        consent="explicit",
    )
    register_client(site.provider, registration)
    return site


def question(browser: Browser, client_id: str = "planner", **more: str | None) -> str:
    """The page that asks, after logging in."""
    page = browser.follow(browser.authorize(client_id, **more))
    if 'name="login"' in page.text:
        page = browser.follow(browser.submit(page, login="liwei", password=PASSWORD))
    return page.text


def agreed(browser: Browser, client_id: str = "planner", **more: str | None) -> str:
    """A code of the planner, after agreeing."""
    page = browser.follow(browser.authorize(client_id, **more))
    if 'name="login"' in page.text:
        page = browser.follow(browser.submit(page, login="liwei", password=PASSWORD))
    if page.status_code == 200:
        page = browser.follow(browser.submit(page, answer="agree"))
    return answer(page)["code"]


def test_every_scope_has_a_sentence() -> None:
    assert {"scope_" + scope.replace(":", "_") for scope in SCOPES_SUPPORTED} <= set(WORDS)


def test_the_operators_own_channels_ask_nothing(site: Site) -> None:
    assert site.browser().tokens("web")["access_token"]


@pytest.mark.parametrize(("locale", "sentence"), [("en", "Your phone number"), ("zh-CN", "您的手机号")])
def test_an_explicit_client_is_agreed_to_in_words(planner: Site, locale: str, sentence: str) -> None:
    page = question(planner.browser(**{"Accept-Language": locale}), scope="openid phone hub:orders")
    assert sentence in page
    assert "hub:orders" not in page
    assert ("Trip planner" if locale == "en" else "行程助手") in page


def test_what_was_agreed_is_not_asked_again_but_more_is(planner: Site) -> None:
    browser = planner.browser()
    assert agreed(browser, scope="openid hub:orders")
    again = browser.follow(browser.authorize("planner", scope="openid"))
    assert "code" in answer(again)
    more = browser.follow(browser.authorize("planner", scope="openid phone"))
    assert "Your phone number" in more.text
    browser.follow(browser.submit(more, answer="agree"))
    scope = planner.one("SELECT scope FROM sso.consent WHERE client_id = 'planner' AND ended_at IS NULL")
    assert scope == ["openid", "hub:orders", "phone"]
    assert planner.one("SELECT count(*) FROM sso.consent WHERE end_reason = 'replaced'") == 1


def test_prompt_consent_asks_any_client_and_asks_once(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    page = browser.follow(browser.authorize("web", prompt="consent"))
    assert "Agree" in page.text
    assert "code" in answer(browser.follow(browser.submit(page, answer="agree")))


def test_prompt_none_does_not_ask_but_says_consent_required(planner: Site) -> None:
    browser = planner.browser()
    browser.submit(browser.get("/login"), login="liwei", password=PASSWORD)
    assert answer(browser.authorize("planner", prompt="none"))["error"] == "consent_required"


def test_whoever_refuses_gives_nothing(planner: Site) -> None:
    browser = planner.browser()
    page = browser.follow(browser.authorize("planner"))
    page = browser.follow(browser.submit(page, login="liwei", password=PASSWORD))
    refused = answer(browser.submit(page, answer="refuse"))
    assert refused["error"] == "access_denied"
    assert refused["state"] == "state-of-planner"
    assert refused["iss"] == planner.issuer
    assert planner.one("SELECT count(*) FROM sso.consent") == 0
    assert browser.submit(page, answer="agree").status_code == 410


def test_a_form_of_another_site_agrees_to_nothing(planner: Site) -> None:
    browser = planner.browser()
    question(browser)
    handle = re.search(r'name="i" value="([^"]+)"', question(browser))
    assert handle
    forged = browser.post("/consent", {"i": handle[1], "answer": "agree", "form_token": "x" * 43})
    assert forged.status_code == 403
    assert planner.one("SELECT count(*) FROM sso.consent") == 0


def test_the_question_is_for_whoever_is_logged_in_when_it_is_answered(planner: Site) -> None:
    """Another person logs in in the same browser before the answer: the consent is theirs alone."""
    browser = planner.browser()
    page = browser.follow(browser.authorize("planner"))
    page = browser.follow(browser.submit(page, login="liwei", password=PASSWORD))
    browser.submit(browser.get("/login"), login="operator", password="the-books-must-balance")
    came = browser.follow(browser.submit(page, answer="agree"))
    tokens = planner.token(
        {
            "grant_type": "authorization_code",
            "client_id": "planner",
            "code": answer(came)["code"],
            "redirect_uri": STRANGER,
            "code_verifier": Pkce().verifier,
        }
    ).json()
    person = planner.one("SELECT identity_id FROM sso.identity WHERE login_name = 'operator'")
    assert planner.claims(tokens["access_token"])["sub"] == str(person)
    assert planner.one("SELECT identity_id FROM sso.consent") == person


def test_revoking_consent_revokes_all_tokens_of_that_client_and_of_no_other(planner: Site) -> None:
    browser = planner.browser()
    ours = browser.tokens("web")
    first = browser.redeem("planner", agreed(browser, scope="openid hub:orders")).json()
    second = browser.redeem("planner", agreed(browser, scope="openid")).json()
    unredeemed = agreed(browser, scope="openid")
    page = browser.get("/account/agents")
    assert "Trip planner" in page.text
    gone = browser.submit(page)
    assert "Taken back: Trip planner" in gone.text
    for tokens in (first, second):
        assert browser.refresh("planner", tokens["refresh_token"]).json()["error"] == "invalid_grant"
        header = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert browser.http.get(f"{planner.issuer}/userinfo", headers=header).status_code == 401
    assert browser.redeem("planner", unredeemed).json()["error"] == "invalid_grant"
    assert browser.refresh("web", ours["refresh_token"]).status_code == 200
    assert "Agree" in question(browser)


def test_a_consent_ends_by_itself_and_with_it_the_refreshing(planner: Site) -> None:
    browser = planner.browser()
    tokens = browser.redeem("planner", agreed(browser)).json()
    with planner.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.consent SET expires_at = %s", (planner.clock() + timedelta(minutes=1),))
    planner.clock.advance(timedelta(minutes=2))
    assert browser.refresh("planner", tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_revocation_that_meets_a_redemption_takes_its_tokens_with_it(planner: Site) -> None:
    """Whoever issues holds the consent: the revocation waits and then finds the family, or comes first and wins."""
    browser = planner.browser()
    agreed(browser)
    now = planner.clock()
    person = planner.one("SELECT identity_id FROM sso.identity WHERE login_name = 'liwei'")
    pool, done = planner.provider.pool, threading.Event()

    def revoke() -> None:
        with pool.connection() as connection:
            consents.revoke(connection, person, "planner", "revoked_by_person", now)
        done.set()

    with pool.connection() as connection:
        assert consents.held(connection, person, "planner", now) is not None
        other = threading.Thread(target=revoke)
        other.start()
        assert not done.wait(0.2)
    other.join()
    assert done.is_set()


def test_an_agents_company_asks_whether_it_may_act_and_how_long(site: Site) -> None:
    agency = Agency(site)
    browser = site.browser()
    page = agency.sent_to_log_in("liwei", browser)
    assert "act for you" in page.text
    assert 'value="month" checked' in page.text
    browser.submit(page, answer="agree", term="day")
    assert site.one("SELECT expires_at - given_at FROM sso.consent") == timedelta(days=1)
    assert site.one("SELECT detail->>'until' FROM sso.notice WHERE kind = 'consent_given'") == "2026-03-11"
    assert site.claims(agency.redeem(agency.code("liwei", browser)).json()["access_token"])["may_act"] == {
        "sub": "client:agency"
    }


def test_a_term_that_nobody_offered_is_the_usual_one(site: Site) -> None:
    agency = Agency(site)
    browser = site.browser()
    browser.submit(agency.sent_to_log_in("liwei", browser), answer="agree", term="for ever")
    assert site.one("SELECT expires_at - given_at FROM sso.consent") == timedelta(days=30)


def test_a_clerk_logs_in_at_their_own_company_without_a_question(site: Site) -> None:
    agency = Agency(site)
    claims = site.claims(agency.tokens("wangfang", scope="openid")["access_token"])
    assert claims["aud"] == [RESOURCE, site.issuer]
    assert "may_act" not in claims
    assert site.one("SELECT count(*) FROM sso.consent") == 0
