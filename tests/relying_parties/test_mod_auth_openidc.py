"""mod_auth_openidc (Debian), an independent relying party, in front of a page that only people who log in may see."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.conformance import control
from tests.conformance.browser import Browser
from tests.conformance.parties import PASSENGER
from tests.conformance.subject import Subject
from tests.relying_parties import apache

FLOWS = ("code", "userinfo", "refresh", "rp_logout", "backchannel_logout")


@pytest.fixture(scope="module")
def site(provider: Subject, apache_port: int) -> Iterator[str]:
    """Apache's address."""
    control.need(apache.missing())
    with (
        tempfile.TemporaryDirectory(prefix="ilk-") as folder,
        apache.running(Path(folder), apache_port, provider.issuer) as address,
    ):
        yield address


def visit(browser: Browser, site: str, path: str) -> httpx.Response:
    """Open a page of Apache's and go wherever it sends the browser, through the login if there is one."""
    response = browser.http.get(f"{site}{path}")
    while response.is_redirect:
        address = response.headers["location"]
        if address.startswith(f"{browser.origin}/"):
            outcome = browser.agree(browser.open(address))
            address = outcome.sent_to or ""
            if not address:
                return outcome.response
        response = browser.http.get(address)
    return response


def info(browser: Browser, site: str, more: str = "") -> dict[str, Any]:
    """What the module knows of this session."""
    return dict(browser.http.get(f"{site}/protected/callback?info=json{more}").json())


def code(subject: Subject, browser: Browser, site: str) -> None:
    assert info(browser, site)["id_token"]["aud"] == apache.CLIENT_ID


def userinfo(subject: Subject, browser: Browser, site: str) -> None:
    said = info(browser, site)
    assert said["userinfo"]["name"] == PASSENGER.name
    assert said["userinfo"]["sub"] == said["id_token"]["sub"]


def refresh(subject: Subject, browser: Browser, site: str) -> None:
    before = info(browser, site)
    after = info(browser, site, "&access_token_refresh_interval=0")
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]


def rp_logout(subject: Subject, browser: Browser, site: str) -> None:
    left = visit(browser, site, f"/protected/callback?logout={quote(f'{site}/bye', safe='')}")
    assert left.text == "bye"
    assert browser.http.get(f"{site}/protected/").is_redirect


def backchannel_logout(subject: Subject, browser: Browser, site: str) -> None:
    outcome = browser.open(subject.endpoint("end_session_endpoint"))
    assert browser.http.get(f"{site}/protected/").status_code == 200
    browser.agree(outcome)
    subject.deliver()
    assert browser.http.get(f"{site}/protected/").is_redirect, "the module was told and forgot the session"


PLAYED: dict[str, Callable[[Subject, Browser, str], None]] = {
    play.__name__: play for play in (code, userinfo, refresh, rp_logout, backchannel_logout)
}


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(subject: Subject, site: str, flow: str) -> None:
    browser = subject.browser()
    assert visit(browser, site, "/protected/").text == "protected page"
    PLAYED[flow](subject, browser, site)
