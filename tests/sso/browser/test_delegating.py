"""Consent and my agents, driven in Chromium: read, agreed to, looked at and taken back."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from sso import agents
from tests.sso.agency import CALLBACK, RESOURCE, Agency
from tests.sso.browser.visit import Device, Visitors
from tests.sso.harness import PASSWORD, Pkce, Site

EVERYWHERE: list[tuple[Device, str]] = [("phone", "zh-CN"), ("desktop", "en")]


def request(**more: str) -> str:
    """The agency's authorization request."""
    return "/authorize?" + urlencode(
        {
            "response_type": "code",
            "client_id": "agency",
            "redirect_uri": CALLBACK,
            "scope": "openid profile hub:orders",
            "code_challenge": Pkce().challenge,
            "code_challenge_method": "S256",
            "resource": RESOURCE,
            **more,
        }
    )


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_passenger_lets_an_agent_act_sees_what_it_did_and_takes_it_back(
    visitor: Visitors, site: Site, device: Device, locale: str
) -> None:
    agency, visit = Agency(site), visitor(device, locale)
    visit.page.route("https://agency.interlock.test/**", lambda route: route.fulfill(body="came back"))
    visit.go(request())
    visit.page.locator("input[name=login]").fill("liwei")
    visit.page.locator("input[name=password]").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.locator("input[name=term]").first.wait_for()
    visit.look("consent")
    visit.page.locator("input[name=term][value=day]").check()
    visit.page.locator("button[value=agree]").click()
    visit.page.get_by_text("came back").wait_for()
    with site.provider.pool.connection() as connection:
        for what, about in (
            ("token", None),
            ("orders_listed", None),
            ("order_read", "01890000-0000-7000-8000-0000000"),
        ):
            agents.record(
                connection,
                site.clock(),
                identity_id=site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'liwei'"),
                client_id="agency",
                actors=[agency.identity_id("wangfang"), "client:agency"],
                what=what,
                about=about,
            )
    visit.go("/account/agents").look("agents")
    assert visit.page.get_by_text("王芳").count() == 3
    visit.page.locator("section.held button").click()
    visit.page.locator("[role=status]").wait_for()
    visit.look("agents-taken-back")
    assert site.one("SELECT end_reason FROM sso.consent") == "revoked_by_person"


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_refusal_goes_back_to_the_client(visitor: Visitors, site: Site, device: Device, locale: str) -> None:
    agency, visit = Agency(site), visitor(device, locale)
    agency.register("agency", RESOURCE, may_act=False, client_credentials=False)
    visit.page.route("https://agency.interlock.test/**", lambda route: route.fulfill(body="came back"))
    visit.go(request())
    visit.page.locator("input[name=login]").fill("liwei")
    visit.page.locator("input[name=password]").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.locator("button[value=refuse]").wait_for()
    visit.look("consent-plain")
    visit.page.locator("button[value=refuse]").click()
    visit.page.get_by_text("came back").wait_for()
    assert "error=access_denied" in visit.page.url
    assert agency.site.one("SELECT count(*) FROM sso.consent") == 0
