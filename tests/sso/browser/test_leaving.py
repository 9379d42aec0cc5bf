"""Devices and sign-ins, and signing out, driven in Chromium."""

from __future__ import annotations

from uuid import UUID

import pytest

from sso import sessions
from sso.people import assurance
from tests.sso.browser.visit import Device, Visitors
from tests.sso.harness import Site

EVERYWHERE: list[tuple[Device, str]] = [("phone", "zh-CN"), ("desktop", "en")]


def beside(site: Site, parent_id: UUID, kind: str, client_id: str, place: str) -> None:
    """A window or a call that was approved in the person's session."""
    provider, now = site.provider, site.clock()
    identity_id = site.one("SELECT identity_id FROM sso.session WHERE session_id = %s", parent_id)
    with provider.pool.connection() as connection:
        opened = sessions.open_child(
            connection,
            parent_id,
            identity_id,
            kind,
            assurance.SINGLE_FACTOR,
            assurance.PASSWORD,
            now,
            place,
            now,
            provider.options,
            provider.mint,
        )
        sessions.join(connection, opened, client_id, now)


@pytest.mark.parametrize(("device", "locale"), EVERYWHERE)
def test_a_passenger_sees_where_they_are_signed_in_and_leaves(
    visitor: Visitors, site: Site, device: Device, locale: str
) -> None:
    visitor("desktop", "en").log_in()
    visit = visitor(device, locale).log_in()
    here = site.one("SELECT session_id FROM sso.session ORDER BY session_id DESC LIMIT 1")
    beside(site, here, "window", "app", "北京南站 3 号窗口" if locale == "zh-CN" else "Beijing South, window 3")
    beside(site, here, "call", "web", "12306 · 17")
    visit.go("/account").look("account")
    visit.go("/account/sessions").look("sessions")
    visit.page.locator(".branches .branches form button").first.click()
    visit.page.locator("[role=status]").wait_for()
    visit.look("sessions-one-ended")
    site.receivers["app"].answers = [503] * 3
    site.deliver_logouts()
    visit.go("/logout").look("logout-others")
    visit.page.locator("button[name=everywhere]").click()
    visit.page.wait_for_url("**/signed-out?receipt=*")
    visit.look("signed-out-waiting")
    site.deliver_logouts()
    visit.page.locator(".aside a").first.click()
    visit.page.locator(".tellings .delivered").first.wait_for()
    visit.look("signed-out-told")
    assert site.one("SELECT count(*) FROM sso.session WHERE ended_at IS NULL") == 0
