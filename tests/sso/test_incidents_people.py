"""What RFC 9700 and real incidents ask where people are: phishing across devices, guessing, numbers, the last way in.

docs/reference/sso-security.md lists every item with the test that proves it.
"""

from __future__ import annotations

import re
from datetime import timedelta

import httpx

from tests.sso.agency import Agency
from tests.sso.asking import (
    approve_call,
    approve_device,
    at_calls,
    at_window,
    plain,
    signed_in,
    type_code,
)
from tests.sso.harness import PASSWORD, PHONE, Browser, Site, answer, first_form

SECURITY = "/account/security"
NEW_PHONE = "+8619900000077"


def wrong_password(site: Site, client_id: str, login: str) -> None:
    """A guess from a browser of its own, at one client's login."""
    browser = site.browser()
    page = browser.follow(browser.authorize(client_id))
    assert browser.submit(page, login=login, password="a wrong guess").status_code in (401, 429)


# --- phishing across devices -----------------------------------------------------------------------------------------


def test_who_approves_sees_who_asks_where_and_what_for(site: Site) -> None:
    """The place comes from the client's registration and its own word, never from whoever holds the link."""
    window, calls, phone = at_window(site), at_calls(site), signed_in(site)
    asked = window.device(office="杭州东站", window="12")
    by_link = plain(phone.http.get(asked["verification_uri_complete"] + "&office=evil&window=13"))
    typed = plain(type_code(phone, asked["user_code"]))
    for text in (by_link, typed):
        for shown in ("Station windows", "杭州东站 · Window 12", asked["user_code"]):
            assert shown in text
        assert "evil" not in text
    calls.call(binding_message="白鹭 47")
    shown = plain(phone.get("/account/approvals"))
    assert "白鹭 47" in shown
    assert "Phone booking" in shown


def test_a_link_alone_approves_nothing(site: Site) -> None:
    """Opened, prefetched or posted without our form: the request waits."""
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    phone.http.get(asked["verification_uri_complete"] + "&decision=approve")
    phone.post("/device/decide", {"user_code": asked["user_code"], "decision": "approve"}, Origin="https://evil.test")
    assert window.error(asked) == "authorization_pending"


def test_requests_are_short(site: Site) -> None:
    """What a phisher has to send and have approved is over after minutes, also for a page that was kept open."""
    window, calls, phone = at_window(site), at_calls(site), signed_in(site)
    device, call = window.device(), calls.call()
    assert (device["expires_in"], call["expires_in"]) == (600, 300)
    kept_call, kept_device = phone.get("/account/approvals"), type_code(phone, device["user_code"])
    site.clock.advance(timedelta(minutes=5))
    assert phone.submit(kept_call, decision="approve").status_code == 410
    site.clock.advance(timedelta(minutes=5))
    assert phone.submit(kept_device, decision="approve").status_code in (404, 410)
    assert {window.error(device), calls.error(call)} == {"expired_token"}


def test_guessing_user_codes_is_counted_for_the_person_in_all_their_browsers(site: Site) -> None:
    asked, browsers = at_window(site).device(), [signed_in(site) for _ in range(3)]
    statuses = [type_code(browsers[n % 3], "BCDF-GHJ" + "KLMNPQRSTV"[n]).status_code for n in range(10)]
    assert set(statuses) == {404}
    assert {type_code(each, asked["user_code"]).status_code for each in browsers} == {429}


# --- guessing ------------------------------------------------------------------------------------------------------


def test_a_lock_holds_in_every_channel(site: Site) -> None:
    """CVE-2026-9798: guesses at the web and the app stop the telephone, the window and the agent, and nobody else."""
    agency = Agency(site)
    window, calls, phone = at_window(site), at_calls(site), signed_in(site)
    passenger, clerk = (agency.tokens(login)["access_token"] for login in ("liwei", "wangfang"))
    another = agency.tokens("sunyu")["access_token"]
    asked, call = window.device(), calls.call()
    for client_id in ("web", "app", "web", "app", "web"):
        wrong_password(site, client_id, "liwei")
    assert calls.ask().status_code == 403
    assert approve_call(phone).status_code == 429
    assert approve_device(phone, asked["user_code"]).status_code == 429
    assert "locked out" in agency.exchange(passenger, clerk).json()["error_description"]
    assert agency.exchange(another, clerk).status_code == 200
    right = site.browser()
    page = right.follow(right.authorize("app"))
    assert right.submit(page, login=PHONE, password=PASSWORD).status_code == 429
    assert {window.error(asked), calls.error(call)} == {"authorization_pending"}
    assert site.one("SELECT count(*) FROM sso.token_grant WHERE origin IN ('device', 'ciba')") == 0


# --- identifiers and the last way in ----------------------------------------------------------------------------------


def verified_number(site: Site, browser: Browser) -> tuple[str, bool]:
    """What userinfo says of the person's number."""
    code = answer(browser.authorize("web", scope="openid phone"))["code"]
    bearer = {"Authorization": f"Bearer {browser.redeem('web', code).json()['access_token']}"}
    told = httpx.get(f"{site.issuer}/userinfo", headers=bearer, trust_env=False).json()
    return told["phone_number"], told["phone_number_verified"]


PLANTED = {
    "phone_number": NEW_PHONE,
    "phone": NEW_PHONE,
    "phone_verified": "true",
    "phone_number_verified": "true",
    "verified": "1",
    "proven": "true",
}


def test_nobody_marks_their_own_number_verified(site: Site) -> None:
    """A number is somebody's when its code was read to us; fields planted into the account's forms change nothing."""
    browser = signed_in(site)
    token = first_form(browser.get(SECURITY).text)[1]["form_token"]
    for path in ("phone", "phone/check", "password", "app", "recovery-codes"):
        browser.post(f"{SECURITY}/{path}", {**PLANTED, "form_token": token, "code": "000000"})
    assert verified_number(site, browser) == (PHONE, True)


def test_a_registration_takes_the_number_that_was_proven_and_no_other(site: Site) -> None:
    browser = site.browser()
    page = browser.submit(browser.get("/register"), phone=NEW_PHONE)
    details = browser.follow(browser.submit(page, code=site.gateway.last_code))
    others = {**PLANTED, "phone": "+8619900000066", "phone_number": "+8619900000066"}
    done = browser.submit(details, name="新客", login_name="xinke", password=PASSWORD, **others)
    assert done.status_code == 303, plain(done)
    assert verified_number(site, browser) == (NEW_PHONE, True)


def test_the_last_way_in_cannot_be_removed(site: Site) -> None:
    """A person with a password alone, from the page itself: by its form, and by a form that was kept."""
    browser = signed_in(site)
    with site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.identity SET phone_sealed = NULL, phone_blind = NULL WHERE login_name = 'liwei'")
    token = first_form(browser.get(SECURITY).text)[1]["form_token"]
    told = browser.post(f"{SECURITY}/password/remove", {"form_token": token})
    assert told.status_code == 409
    assert re.search("only way to sign in", told.text)
    assert signed_in(site)
