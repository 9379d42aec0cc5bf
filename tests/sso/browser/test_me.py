"""A passenger's orders at `/me`, driven in Chromium: from a stranger's first visit to signing out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.clock import SetClock
from interlock.database import Pool
from interlock.wiring import Hub, sign_on
from sso.admin import create_passenger
from tests.api.serving import served
from tests.console.harness import MOBILE, SALE
from tests.sso.browser.visit import Device, Visitors
from tests.sso.harness import PASSWORD, Gateway, Site

WORDS = {"zh-CN": ("查看", "退出登录", "登录"), "en": ("Open", "Sign out", "Sign in")}


@pytest.fixture
def hub(pool: Pool, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Hub]:
    with served(tmp_path, database_url, valkey_url, "localhost") as opened:
        yield opened


@pytest.fixture
def site(hub: Hub, clock: SetClock) -> Site:
    """The provider of the whole application, with two passengers: one on orders of the small day, one on none."""
    provider = sign_on(hub)
    create_passenger(provider, "liwei", "李未", PASSWORD, f"+86{MOBILE}")
    create_passenger(provider, "newcomer", "新来", PASSWORD, "+8619900000099")
    return Site(provider, clock, Gateway(), {})


@pytest.mark.parametrize(("device", "locale"), [("phone", "zh-CN"), ("desktop", "en")])
def test_my_orders_from_the_first_visit_to_signing_out(
    visitor: Visitors, hub: Hub, device: Device, locale: str
) -> None:
    look, sign_out, sign_in = WORDS[locale]
    visit = visitor(device, locale)
    visit.page.goto(f"{hub.settings.public_url}/me")
    visit.page.locator("input[name=login]").fill("liwei")
    visit.page.locator("input[name=password]").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/me")
    visit.look("me-orders")
    visit.page.get_by_role("link", name=f"{look} {SALE}").click()
    visit.page.wait_for_url("**/me/orders/*")
    visit.look("me-order")
    visit.page.goto(f"{hub.settings.public_url}/me/orders/nothing")
    visit.look("me-order-unknown")
    visit.press(sign_out)
    visit.page.wait_for_url("**/me/signed-out*")
    visit.look("me-signed-out")
    visit.press(sign_in)
    visit.page.wait_for_url("**/sso/login*")
    visit.page.locator("input[name=login]").fill("newcomer")
    visit.page.locator("input[name=password]").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/me")
    visit.look("me-no-orders")
