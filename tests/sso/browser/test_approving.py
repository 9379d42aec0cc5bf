"""Approving a sign-in at a window and during a call, driven in Chromium."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.sso.asking import DOCUMENT, at_calls, at_window, furnish_desk
from tests.sso.browser.visit import Device, Visitors
from tests.sso.harness import STAFF_PASSWORD, Site

EVERYWHERE: list[tuple[Device, str]] = [("phone", "zh-CN"), ("desktop", "en")]


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_passenger_types_the_windows_code_and_approves(
    visitor: Visitors, site: Site, device: Device, locale: str
) -> None:
    window = at_window(site)
    asked = window.device(office="上海虹桥站", window="8")
    visit = visitor(device, locale).log_in()
    visit.go("/device").look("device")
    visit.page.locator("input[name=user_code]").fill("BCDF-GHJK")
    visit.page.keyboard.press("Enter")
    visit.page.locator("[role=alert]").wait_for()
    visit.look("device-wrong-code")
    visit.page.locator("input[name=user_code]").fill(asked["user_code"].lower())
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("上海虹桥站").wait_for()
    visit.look("device-confirm")
    visit.page.locator("button[value=approve]").click()
    visit.page.locator("a[href$='/account']").wait_for()
    visit.look("device-approved")
    assert window.poll(asked).status_code == 200
    visit.go("/account/sessions").look("sessions-with-a-window")
    visit.page.get_by_text("上海虹桥站").wait_for()


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_caller_compares_what_the_clerk_reads_and_refuses(
    visitor: Visitors, site: Site, device: Device, locale: str
) -> None:
    calls = at_calls(site)
    visit = visitor(device, locale).log_in()
    visit.go("/account/approvals").look("approvals-none")
    asked = calls.call(binding_message="白鹭 47", office="客服中心")
    visit.go("/account/approvals").look("approvals")
    visit.page.get_by_text("白鹭 47").wait_for()
    visit.page.locator("button[value=refuse]").click()
    visit.page.locator("a[href$='/account']").wait_for()
    visit.look("approval-refused")
    assert calls.error(asked) == "access_denied"


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_clerk_signs_a_passenger_in_by_document(visitor: Visitors, site: Site, device: Device, locale: str) -> None:
    window, (_, app) = at_window(site), furnish_desk(site)
    site.clock.advance(timedelta(seconds=30))
    asked = window.device(office="上海虹桥站", window="8")
    visit = visitor(device, locale).log_in("clerk", STAFF_PASSWORD).go("/window/identify")
    visit.page.locator("input[name=proof]").fill(app.at(site.clock()))
    visit.page.keyboard.press("Enter")
    visit.page.locator("input[name=user_code]").fill(asked["user_code"])
    visit.page.locator("input[name=name]").fill(DOCUMENT["name"])
    visit.page.locator("input[name=number]").fill(DOCUMENT["number"])
    visit.page.locator("input[name=compared]").check()
    visit.look("identify")
    visit.page.keyboard.press("Enter")
    visit.page.locator("a[href$='/window/identify']").wait_for()
    visit.look("identify-done")
    assert window.poll(asked).status_code == 200
