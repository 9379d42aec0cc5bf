"""Linking an old account, joining two accounts, the real name and frequent passengers, driven in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from interlock.clock import SetClock
from interlock.database import Pool
from sso import admin
from sso.options import Argon2Options
from sso.pages.words import say
from tests.sso.asking import furnish_desk
from tests.sso.browser.visit import Device, Visitors
from tests.sso.harness import STAFF_PASSWORD, Listener, Receiver, Site, running
from tests.sso.one_identity.channels import Ministry, OldChannel, registers
from tests.sso.one_identity.conftest import OTHER_PASSWORD, OTHER_PHONE

EVERYWHERE: list[tuple[Device, str]] = [("phone", "zh-CN"), ("desktop", "en")]


@pytest.fixture
def site(
    listener: Listener, pool: Pool, clock: SetClock, receivers: dict[str, Receiver], argon2_options: Argon2Options
) -> Iterator[Site]:
    """The provider with a channel of old accounts, and a second account of the passenger."""
    outside = registers(OldChannel(), Ministry())
    with running(listener, pool, clock, receivers, argon2_options, host="localhost", registers=outside) as started:
        admin.create_passenger(started.provider, None, "李未（旧）", OTHER_PASSWORD, OTHER_PHONE)
        yield started


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_one_identity_from_two_accounts_and_an_old_one(visitor: Visitors, device: Device, locale: str) -> None:
    visit = visitor(device, locale)
    words = partial(say, locale=locale)
    visit.log_in()
    visit.go("/account/links").look("links-empty")

    visit.go("/account/links/new").look("link-new")
    visit.field(words("link_account_field")).fill("li")
    visit.field(words("link_password_field")).fill("not-it-at-all")
    visit.press(words("link_continue"))
    visit.look("link-refused")
    visit.field(words("link_password_field")).fill("old-password")
    visit.press(words("link_continue"))
    visit.look("link-preview")
    visit.press(words("preview_link_button"))
    visit.look("links-linked")
    visit.go("/account/links/new?way=code").look("link-new-code")
    visit.go("/account/links/new?way=window").look("link-new-window")

    visit.go("/account/links/join").look("join")
    visit.go("/account/links/join?way=code")
    visit.field(words("join_phone_field")).fill(OTHER_PHONE)
    visit.press(words("link_continue"))
    visit.look("join-code")
    visit.field(words("link_code_field")).fill(visit.site.gateway.last_code)
    visit.press(words("link_continue"))
    visit.look("join-preview")
    visit.press(words("preview_join_button"))
    visit.look("links-joined")
    visit.press(words("join_undo"))
    visit.page.get_by_text(words("links_done_parted")).wait_for()
    visit.go("/links/undo").look("part")


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_the_real_name_and_frequent_passengers(visitor: Visitors, device: Device, locale: str) -> None:
    visit = visitor(device, locale)
    words = partial(say, locale=locale)
    visit.log_in()
    visit.go("/account/real-name").look("real-name")
    visit.field(words("real_name_field")).fill("李未")
    visit.field(words("document_number_field")).fill("990101199001010019")
    visit.press(words("real_name_button"))
    visit.look("real-name-confirmed")
    visit.press(words("window_code_button"))
    visit.look("real-name-window-code")

    visit.go("/account/passengers").look("passengers-empty")
    visit.field(words("companion_name_field")).fill("周大")
    visit.field(words("document_type_field")).select_option("passport")
    visit.field(words("document_number_field")).fill("X12345678")
    visit.press(words("companion_button"))
    visit.look("passengers")
    visit.press(words("companions_allow", client=words_of_client(visit.site, locale)))
    visit.page.get_by_text(words("companions_allowed"), exact=False).first.wait_for()


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_the_clerks_pages(visitor: Visitors, site: Site, device: Device, locale: str) -> None:
    _, app = furnish_desk(site)
    site.clock.advance(timedelta(seconds=30))
    visit = visitor(device, locale).log_in("clerk", STAFF_PASSWORD)
    visit.go("/window/real-name")
    visit.page.locator("input[name=proof]").fill(app.at(site.clock()))
    visit.page.keyboard.press("Enter")
    visit.page.locator("input[name=compared]").wait_for()
    visit.look("window-name")
    visit.go("/window/accounts").look("window-account")
    visit.field(say("link_account_field", locale)).fill("li")
    visit.press(say("vouch_button", locale))
    visit.look("window-vouched")


def words_of_client(site: Site, locale: str) -> str:
    """The name of the first client that may ask for passengers."""
    column = "name_zh" if locale == "zh-CN" else "name_en"
    where = "'companions' = ANY (scopes) AND 'authorization_code' = ANY (grant_types)"
    return str(site.one(f"SELECT {column} FROM sso.client WHERE {where} ORDER BY client_id LIMIT 1"))
