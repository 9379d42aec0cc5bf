"""Signing in and out, driven in Chromium."""

from __future__ import annotations

import pytest

from tests.sso.browser.visit import Device, Visitors
from tests.sso.harness import PASSWORD, PHONE, Site

EVERYWHERE: list[tuple[Device, str]] = [("phone", "zh-CN"), ("desktop", "en")]


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_passenger_signs_in_with_a_password_and_out_again(visitor: Visitors, device: Device, locale: str) -> None:
    visit = visitor(device, locale)
    visit.go("/login").look("login")
    visit.page.locator("input[name=login]").fill("liwei")
    visit.page.locator("input[name=password]").fill("not-my-password")
    visit.page.keyboard.press("Enter")
    visit.page.locator("[role=alert]").wait_for()
    visit.look("login-refused")
    visit.page.locator("input[name=password]").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("李未").first.wait_for()
    visit.go("/logout").look("logout")
    visit.page.locator("main form button").first.click()
    visit.page.wait_for_url("**/signed-out*")
    visit.look("signed-out")


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_passenger_signs_in_with_a_code(visitor: Visitors, site: Site, device: Device, locale: str) -> None:
    visit = visitor(device, locale)
    visit.go("/login?method=code").look("login-code")
    visit.page.locator("input[name=phone]").fill(PHONE)
    visit.page.keyboard.press("Enter")
    visit.page.locator("input[name=code]").wait_for()
    visit.look("code")
    visit.page.locator("input[name=code]").fill(site.gateway.last_code)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("李未").first.wait_for()


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_somebody_new_registers(visitor: Visitors, site: Site, device: Device, locale: str) -> None:
    visit = visitor(device, locale)
    visit.go("/register").look("register")
    visit.page.locator("input[name=phone]").fill("+8619900000077")
    visit.page.keyboard.press("Enter")
    visit.page.locator("input[name=code]").wait_for()
    visit.page.locator("input[name=code]").fill(site.gateway.last_code)
    visit.page.keyboard.press("Enter")
    visit.page.locator("input[name=name]").wait_for()
    visit.look("register-details")
    visit.page.locator("input[name=name]").fill("测试乙")
    visit.page.locator("input[name=password]").fill("a-long-enough-password")
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("测试乙").first.wait_for()


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_an_application_that_is_not_registered_is_refused_on_a_page(
    visitor: Visitors, device: Device, locale: str
) -> None:
    visit = visitor(device, locale)
    visit.go("/authorize?client_id=nobody&redirect_uri=https://evil.test/&response_type=code").look("error")
    assert "evil.test" not in visit.page.content()
