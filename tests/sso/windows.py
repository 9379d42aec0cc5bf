"""A station window with two clerks who recover accounts, and a passenger whose name is confirmed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

import httpx

from sso import admin
from sso.people import real_names
from tests.sso.asking import DOCUMENT, person
from tests.sso.authenticator import SoftAuthenticator, asked_of
from tests.sso.harness import STAFF_PASSWORD, Browser, Site

OFFICE = "杭州东站 8 号窗口"


def with_passkey(site: Site, passkey: SoftAuthenticator) -> Browser:
    """A browser that a passkey has logged in: two factors at once."""
    browser = site.browser()
    page = browser.get("/login", method="passkey")
    assert browser.submit(page, credential=passkey.get(asked_of(page.text))).status_code == 303
    return browser


@dataclass
class Window:
    """Both clerks are logged in with two factors."""

    site: Site
    first: Browser
    second: Browser
    clerk_ids: list[UUID]

    @classmethod
    def open(cls, site: Site) -> Window:
        provider, now, clerk_ids, browsers = site.provider, site.clock(), [], []
        for name in ("clerk.one", "clerk.two"):
            clerk = admin.create_staff(provider, name, name, STAFF_PASSWORD, ["window"])
            passkey = SoftAuthenticator(provider.options.origin)
            with provider.pool.connection() as connection:
                passkey.belong_to(connection, clerk.identity_id, now)
            browsers.append(with_passkey(site, passkey))
            clerk_ids.append(clerk.identity_id)
        with provider.pool.connection() as connection:
            real_names.confirm_at_window(connection, provider, person(site, "liwei"), clerk_ids[0], **DOCUMENT)
        return cls(site, browsers[0], browsers[1], clerk_ids)

    def ask(self, **changes: str) -> httpx.Response:
        """The first clerk's form; a change replaces what is typed."""
        typed = {"office": OFFICE, **DOCUMENT, "compared": "yes", **changes}
        return self.first.submit(self.first.get("/window/recovery"), **typed)

    def confirm(self, browser: Browser | None = None, **changes: str) -> httpx.Response:
        """The second clerk's form for the recovery that waits."""
        clerk = browser or self.second
        page = clerk.get("/window/recovery").text
        waiting = self.site.one("SELECT recovery_id FROM sso.recovery ORDER BY asked_at DESC LIMIT 1")
        token = re.search(r'name="form_token" value="([^"]+)"', page)
        assert token
        document = {name: DOCUMENT[name] for name in ("document_type", "number")}
        typed = {"form_token": token[1], "recovery": str(waiting), **document, "compared": "yes", **changes}
        return clerk.post("/window/recovery/confirm", typed)

    def ticket(self) -> str:
        """Both clerks' part; the ticket."""
        assert self.ask().status_code == 200
        found = re.search(r"<code>([0-9]{5}-[0-9]{5})</code>", self.confirm().text)
        assert found
        return found[1]

    def begin(self, ticket: str, phone: str, **changes: str) -> tuple[Browser, httpx.Response]:
        """The person with the ticket in hand, at the first of their two forms."""
        browser = self.site.browser()
        typed = {name: DOCUMENT[name] for name in ("document_type", "number")} | {"ticket": ticket, "phone": phone}
        return browser, browser.submit(browser.get("/recover"), **typed | changes)

    def recover(self, phone: str, password: str = "") -> httpx.Response:
        """From the first clerk to the new password."""
        browser, page = self.begin(self.ticket(), phone)
        assert page.status_code == 200, page.text
        return browser.submit(page, code=self.site.gateway.last_code, password=password)
