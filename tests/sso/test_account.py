"""The frame of a signed-in person's pages: who may see them, and how fresh a login must be."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from sso.incoming import Incoming, Parameters
from sso.pages.account import FRESH, SECTIONS, Account, Person
from sso.pages.page import Pages
from tests.sso.harness import PASSWORD, Browser, Site


def signed_in(site: Site) -> Browser:
    browser = site.browser()
    browser.submit(browser.get("/login"), login="liwei", password=PASSWORD)
    return browser


@pytest.mark.parametrize("path", [path for _, path in SECTIONS])
def test_every_section_is_there_in_both_languages_and_marks_itself(site: Site, path: str) -> None:
    browser = signed_in(site)
    english, chinese = browser.get(path), browser.get(path, ui_locales="zh-CN")
    assert english.status_code == chinese.status_code == 200
    assert f'href="{site.issuer}{path}" aria-current="page"' in english.text
    assert not re.search("[一-鿿]", english.text.replace("中文", "").replace("李未", ""))
    assert '<html lang="zh-CN">' in chinese.text


@pytest.mark.parametrize("path", [path for _, path in SECTIONS])
def test_a_stranger_logs_in_first_and_then_comes_to_the_page(site: Site, path: str) -> None:
    browser = site.browser()
    page = browser.follow(browser.get(path))
    done = browser.follow(browser.submit(page, login="liwei", password=PASSWORD))
    assert done.status_code == 200
    assert str(done.url) == site.issuer + path


def asked_for(site: Site, browser: Browser, fresh: timedelta | None) -> Person | httpx.Response:
    """What a page gets that wants a login not older than `fresh`."""
    account = Account(site.provider, Pages(site.provider.options, site.provider.mint))
    cookies = {"sso_session": browser.http.cookies["sso_session"]}
    found = account.signed_in(Incoming("GET", Parameters(()), Parameters(()), {}, cookies), "/account", fresh)
    return found if isinstance(found, Person) else browser.http.get(found.headers["location"])


def test_a_login_that_is_too_old_is_made_again_in_the_same_session(site: Site) -> None:
    browser = signed_in(site)
    before = asked_for(site, browser, FRESH)
    site.clock.advance(FRESH + timedelta(seconds=1))
    page = asked_for(site, browser, FRESH)
    assert isinstance(before, Person)
    assert isinstance(page, httpx.Response)
    assert isinstance(asked_for(site, browser, None), Person)  # whoever does not ask for it is not bothered
    came = browser.follow(browser.submit(page, login="liwei", password=PASSWORD))
    assert str(came.url) == f"{site.issuer}/account"
    after = asked_for(site, browser, FRESH)
    assert isinstance(after, Person)
    assert after.session.session_id == before.session.session_id


def test_a_waiting_page_is_never_anybody_elses_address(site: Site) -> None:
    """A client's request with a parameter `page` comes back to the client."""
    browser = site.browser()
    page = browser.follow(browser.authorize("web", page=".evil.test/"))
    done = browser.follow(browser.submit(page, login="liwei", password=PASSWORD))
    assert done.headers["location"].startswith("https://web.interlock.test/callback?")


def test_the_front_page_leads_to_the_account(site: Site) -> None:
    browser = signed_in(site)
    assert str(browser.follow(browser.get("/")).url) == f"{site.issuer}/account"
    stranger = site.browser()
    assert "/login" in str(stranger.follow(stranger.get("/")).url)
