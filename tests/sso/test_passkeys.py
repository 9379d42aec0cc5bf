"""Passkeys with a software authenticator: made, used, removed; every rule of the ceremony broken once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from interlock.clock import SetClock
from interlock.database import Pool
from sso.options import Argon2Options
from tests.sso.authenticator import SoftAuthenticator, asked_of
from tests.sso.harness import PASSWORD, Browser, Listener, Receiver, Site, answer, running

HERE = "/account/security"


@pytest.fixture
def site(
    listener: Listener, pool: Pool, clock: SetClock, receivers: dict[str, Receiver], argon2_options: Argon2Options
) -> Iterator[Site]:
    """The provider under a name: passkeys never belong to a bare address."""
    with running(listener, pool, clock, receivers, argon2_options, host="localhost") as started:
        yield started


def options(page: httpx.Response) -> str:
    return asked_of(page.text)


def signed_in(site: Site) -> Browser:
    browser = site.browser()
    assert browser.submit(browser.get("/login"), login="liwei", password=PASSWORD).status_code == 303
    return browser


def device(site: Site, *, verifies: bool = True) -> SoftAuthenticator:
    return SoftAuthenticator(site.provider.options.origin, verifies)


def add(site: Site, browser: Browser, authenticator: SoftAuthenticator, label: str = "my phone") -> httpx.Response:
    page = browser.get(f"{HERE}/passkey")
    return browser.submit(page, credential=authenticator.create(options(page)), label=label)


def use(site: Site, authenticator: SoftAuthenticator) -> tuple[Browser, httpx.Response]:
    browser = site.browser()
    page = browser.get("/login", method="passkey")
    return browser, browser.submit(page, credential=authenticator.get(options(page)))


def test_a_passkey_logs_in_without_a_name_and_counts_as_two_factors(site: Site) -> None:
    phone = device(site)
    assert add(site, signed_in(site), phone).status_code == 303
    browser, done = use(site, phone)
    assert done.status_code == 303
    assert "李未" in browser.follow(done).text
    claims = id_claims(site, browser)
    assert (claims["amr"], claims["acr"]) == (["pop", "user", "mfa"], "urn:interlock:acr:multi-factor")


def id_claims(site: Site, browser: Browser) -> dict[str, Any]:
    code = answer(browser.authorize("web"))["code"]
    return site.claims(browser.redeem("web", code).json()["id_token"])


def test_a_device_that_asks_for_no_finger_counts_as_one_factor(site: Site) -> None:
    key = device(site, verifies=False)
    add(site, signed_in(site), key)
    browser, _ = use(site, key)
    claims = id_claims(site, browser)
    assert (claims["amr"], claims["acr"]) == (["pop", "user"], "urn:interlock:acr:single-factor")


def test_a_signature_is_good_once(site: Site) -> None:
    phone = device(site)
    add(site, signed_in(site), phone)
    browser = site.browser()
    page = browser.get("/login", method="passkey")
    credential = phone.get(options(page))
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: browser.submit(page, credential=credential).status_code, range(4)))
    assert sorted(answers) == [303, 410, 410, 410]


def test_a_challenge_does_not_wait_for_ever(site: Site) -> None:
    phone = device(site)
    add(site, signed_in(site), phone)
    browser = site.browser()
    page = browser.get("/login", method="passkey")
    site.clock.advance(timedelta(minutes=6))
    assert browser.submit(page, credential=phone.get(options(page))).status_code == 410


def test_a_counter_that_went_back_is_a_copied_key(site: Site) -> None:
    phone = device(site)
    add(site, signed_in(site), phone)
    assert use(site, phone)[1].status_code == 303
    phone.counter = 0
    assert use(site, phone)[1].status_code == 401


@pytest.mark.parametrize("broken", ["origin", "key", "owner", "site", "rubbish"])
def test_what_is_not_ours_is_refused_and_locks_nobody(site: Site, broken: str) -> None:
    phone = device(site)
    add(site, signed_in(site), phone)
    liar = device(site)
    liar.__dict__.update(phone.__dict__)
    if broken == "origin":
        liar.origin = "https://interlock.evil.test"
    elif broken == "key":
        liar.key = device(site).key
    elif broken == "owner":
        liar.user_handle = bytes(16)
    elif broken == "site":
        liar.rp_id = "evil.test"
    for _ in range(6):
        browser = site.browser()
        page = browser.get("/login", method="passkey")
        credential = "{}" if broken == "rubbish" else liar.get(options(page))
        assert browser.submit(page, credential=credential).status_code in (400, 401)
    phone.counter = liar.counter
    assert use(site, phone)[1].status_code == 303


def test_the_same_passkey_cannot_belong_to_two_people(site: Site) -> None:
    phone = device(site)
    add(site, signed_in(site), phone)
    other = site.browser()
    other.submit(other.get("/login"), login="operator", password="the-books-must-balance")
    assert add(site, other, phone).status_code == 400


def test_a_new_passkey_needs_a_fresh_login_and_is_told(site: Site) -> None:
    browser = signed_in(site)
    page = browser.get(f"{HERE}/passkey")
    site.clock.advance(timedelta(minutes=6))
    sent = browser.submit(page, credential=device(site).create(options(page)), label="x")
    assert "/login" in sent.headers["location"]
    assert site.one("SELECT count(*) FROM sso.passkey") == 0
    again = signed_in(site)
    add(site, again, device(site))
    assert "A passkey was added" in again.get(HERE).text


def test_a_challenge_for_one_person_makes_no_passkey_for_another(site: Site) -> None:
    mine = signed_in(site)
    page = mine.get(f"{HERE}/passkey")
    other = site.browser()
    other.submit(other.get("/login"), login="operator", password="the-books-must-balance")
    theirs = other.get(f"{HERE}/passkey")
    phone = device(site)
    credential = phone.create(options(page))
    handle = re.search(r'name="challenge" value="([^"]+)"', page.text)
    assert handle
    assert other.submit(theirs, challenge=handle[1], credential=credential, label="x").status_code == 410
    assert site.one("SELECT count(*) FROM sso.passkey") == 0


def remove(browser: Browser) -> httpx.Response:
    page = browser.get(HERE).text
    form = re.search(r'action="([^"]+/passkey/remove)".*?name="passkey" value="([^"]+)"', page, re.DOTALL)
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert form
    assert token
    return browser.post(form[1], {"form_token": token[1], "passkey": form[2]})


def test_the_last_way_in_stays(site: Site) -> None:
    browser = signed_in(site)
    add(site, browser, device(site))
    with site.provider.pool.connection() as connection:
        connection.execute(
            """UPDATE sso.identity SET password_hash = NULL, phone_sealed = NULL, phone_blind = NULL
               WHERE login_name = 'liwei'"""
        )
    refused = remove(browser)
    assert refused.status_code == 409
    assert "only way to sign in" in refused.text
    assert site.one("SELECT count(*) FROM sso.passkey") == 1


def test_two_tabs_cannot_remove_the_last_two_ways_in(site: Site) -> None:
    browser = signed_in(site)
    add(site, browser, device(site))
    with site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.identity SET phone_sealed = NULL, phone_blind = NULL WHERE login_name = 'liwei'")
    page = browser.get(HERE).text
    form = re.search(r'name="passkey" value="([^"]+)"', page)
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert form
    assert token
    acts = [("passkey/remove", {"passkey": form[1]}), ("password/remove", {})]
    with ThreadPoolExecutor(2) as threads:
        answers = list(
            threads.map(
                lambda act: browser.post(f"{HERE}/{act[0]}", {"form_token": token[1], **act[1]}).status_code, acts
            )
        )
    assert sorted(answers) == [303, 409]


def test_a_removed_passkey_is_worth_nothing(site: Site) -> None:
    browser, phone = signed_in(site), device(site)
    add(site, browser, phone)
    assert remove(browser).status_code == 303
    assert use(site, phone)[1].status_code == 401
