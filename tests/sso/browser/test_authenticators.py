"""Passkeys with Chromium's own virtual authenticator, and every page of a person's ways to sign in."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from sso.people.assurance import MULTI_FACTOR
from tests.sso.browser.visit import Device, Visit, Visitors
from tests.sso.harness import STAFF_PASSWORD, Site
from tests.sso.windows import Window

EVERYWHERE: list[tuple[Device, str]] = [("phone", "zh-CN"), ("desktop", "en")]
HERE = "/account/security"


def with_device(visit: Visit, *, verifies: bool = True) -> Visit:
    """Give the visit's browser a virtual authenticator, as a phone's own chip would be one."""
    tools = visit.devtools()
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": verifies,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return visit


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_passkey_is_made_and_logs_in(visitor: Visitors, site: Site, device: Device, locale: str) -> None:
    visit = with_device(visitor(device, locale)).log_in()
    visit.go(f"{HERE}/passkey").look("passkey-new")
    visit.page.locator("input[name=label]").fill("我的手机" if locale == "zh-CN" else "my phone")
    visit.page.locator("form[data-passkey] button").click()
    visit.page.wait_for_url(f"**{HERE}")
    visit.look("security-with-passkey")
    visit.page.context.clear_cookies()
    visit.go("/login?method=passkey").look("login-passkey")
    visit.page.locator("form[data-passkey] button").click()
    visit.page.get_by_text("李未").first.wait_for()
    assert site.one("SELECT count(*) FROM sso.session WHERE acr = %s", MULTI_FACTOR) == 1


def test_a_device_without_a_passkey_says_so(visitor: Visitors) -> None:
    visit = with_device(visitor("phone", "en"))
    visit.go("/login?method=passkey")
    visit.page.locator("form[data-passkey] button").click()
    visit.page.get_by_text("Your device gave no passkey").wait_for()
    visit.look("login-passkey-none")


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_the_pages_of_ones_own_ways_in(visitor: Visitors, site: Site, device: Device, locale: str) -> None:
    visit = visitor(device, locale).log_in()
    visit.go(HERE).look("security")
    visit.page.locator(f"form[action$='{HERE}/app'] button").click()
    visit.page.locator(".qr svg").wait_for()
    visit.look("security-app")
    secret = "".join(visit.page.locator("main code").first.inner_text().split())
    visit.page.locator("input[name=code]").fill(pyotp.TOTP(secret).at(site.clock()))
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url(f"**{HERE}")
    visit.page.locator("form[action$='recovery-codes'] button").click()
    visit.page.locator(".codes li").first.wait_for()
    visit.look("security-codes")
    visit.go(f"{HERE}/phone").look("security-phone")
    visit.page.locator("input[name=phone]").fill("+8619900000088")
    visit.page.keyboard.press("Enter")
    visit.page.locator("input[name=code]").wait_for()
    visit.look("security-phone-code")
    visit.go("/login/second").look("second-step")
    site.clock.advance(timedelta(seconds=30))
    visit.page.locator("input[name=proof]").fill(pyotp.TOTP(secret).at(site.clock()))
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/account")


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_recovery_at_a_window(visitor: Visitors, site: Site, device: Device, locale: str) -> None:
    window = Window.open(site)
    ticket = window.ticket()
    person = visitor(device, locale)
    person.go("/recover").look("recover")
    person.page.locator("input[name=number]").fill("990101199001010019")
    person.page.locator("input[name=ticket]").fill(ticket)
    person.page.locator("input[name=phone]").fill("+8619900000044")
    person.page.keyboard.press("Enter")
    person.page.locator("input[name=code]").wait_for()
    person.look("recover-code")
    person.page.locator("input[name=code]").fill(site.gateway.last_code)
    person.page.keyboard.press("Enter")
    person.page.locator("a[href$='/login']").wait_for()
    person.look("recovered")


def test_the_clerks_desk(visitor: Visitors, site: Site) -> None:
    window = Window.open(site)
    window.ask()
    for device, locale in EVERYWHERE:
        clerk = visitor(device, locale).log_in("clerk.two", STAFF_PASSWORD)
        two_factors = window.second.http.cookies["sso_session"]
        clerk.page.context.add_cookies([{"name": "sso_session", "value": two_factors, "url": site.issuer}])
        clerk.go("/window/recovery").look("recovery-desk")


def test_somebody_without_a_second_proof_is_told_what_to_do(visitor: Visitors, site: Site) -> None:
    for device, locale in EVERYWHERE:
        visit = visitor(device, locale).log_in("operator", STAFF_PASSWORD)
        visit.go("/login/second").look("second-step-none")
