"""A person at a real browser: what they see is looked at as they would, at the width of a telephone and of a desk."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Locator, Page, Request

from tests.sso.harness import Site

Device = Literal["phone", "desktop"]
WIDTHS: dict[Device, tuple[int, int]] = {"phone": (390, 844), "desktop": (1280, 800)}
AXE = Axe()
DESK_FRAMES = frozenset({"login", "account", "me-orders"})
"""One page of each frame that looks another way on a desk."""
STANDARDS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@dataclass
class Visit:
    """One browser with its own cookies, at one width, in one language.

    Everything a page must never do is noted while the visit goes on and asserted when the test ends: an error in the
    page, a request to anywhere but this machine.
    """

    site: Site
    page: Page
    device: Device
    locale: str
    pictures: Path | None
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Visit:
        """Open an address of the provider."""
        self.page.goto(self.site.issuer + path)
        return self

    def look(self, name: str) -> Visit:
        """See that the page on show is fit to be read here, and keep a picture of it when pictures were asked for.

        It has one heading, speaks the language of the visit, needs no sideways scrolling, and on a phone (the same
        markup everywhere, so looked into once) breaks no rule of WCAG 2.1 AA that a machine can check (axe-core).
        """
        if self.pictures is not None:
            self.pictures.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self.pictures / f"{name}-{self.device}-{self.locale}.png", full_page=True)
        assert self.page.locator("h1").count() == 1, f"{name}: one heading"
        assert self.page.locator("html").get_attribute("lang") == self.locale, f"{name}: its language"
        over = self.page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{name}: {over} px too wide for {self.device}"
        examined = self.device == "phone" or name in DESK_FRAMES
        broken = AXE.run(self.page, options=STANDARDS).response["violations"] if examined else []
        assert not broken, f"{name}: " + "; ".join(
            f"{each['help']} ({', '.join(str(node['target']) for node in each['nodes'])})" for each in broken
        )
        return self

    def field(self, label: str) -> Locator:
        """The field with this label."""
        return self.page.get_by_label(label, exact=True)

    def press(self, name: str) -> None:
        """Press the button or the link with this name, and wait for the page that follows."""
        button = self.page.get_by_role("button", name=name, exact=True)
        link = self.page.get_by_role("link", name=name, exact=True)
        button.or_(link).first.click()
        self.page.wait_for_load_state()

    def log_in(self, login: str = "liwei", password: str = "slow-train-to-lhasa") -> Visit:
        """Log in with a password on the provider's own page."""
        self.go("/login")
        self.page.locator("input[name=login]").fill(login)
        self.page.locator("input[name=password]").fill(password)
        self.page.locator("main form button[type=submit], main form button:not([type])").first.click()
        self.page.wait_for_load_state()
        return self

    def devtools(self) -> CDPSession:
        """The protocol by which Chromium's virtual authenticator is made."""
        return self.page.context.new_cdp_session(self.page)


class Visitors:
    """Opens visits, and asks each at the end what it had to complain of."""

    def __init__(self, browser: Browser, site: Site, pictures: Path | None) -> None:
        self._browser, self._site, self._pictures = browser, site, pictures
        self._open: list[tuple[BrowserContext, Visit]] = []

    def __call__(self, device: Device = "phone", locale: str = "en") -> Visit:
        """Somebody new: no cookies, this width, this language."""
        width, height = WIDTHS[device]
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            has_touch=device == "phone",
            reduced_motion="reduce",
            color_scheme="light",
        )
        context.set_default_timeout(8_000)
        visit = Visit(self._site, context.new_page(), device, locale, self._pictures)
        context.on("request", lambda request: _watch_request(visit, request))
        context.on("console", lambda message: _watch_console(visit, message))
        context.on("weberror", lambda error: visit.complaints.append(f"error in the page: {error.error}"))
        self._open.append((context, visit))
        return visit

    def close(self) -> list[str]:
        """Close every browser; answers what went wrong in any of them."""
        for context, _ in self._open:
            context.close()
        return list(itertools.chain.from_iterable(visit.complaints for _, visit in self._open))


def _watch_request(visit: Visit, request: Request) -> None:
    if urlsplit(request.url).hostname not in ("localhost", "127.0.0.1", None) and not request.is_navigation_request():
        visit.complaints.append(f"a page asked {urlsplit(request.url).hostname} for {request.resource_type}")


def _watch_console(visit: Visit, message: ConsoleMessage) -> None:
    # A 4xx answer to a form is shown in the console too; what it says to the person is the test's business.
    if message.type == "error" and "Failed to load resource" not in message.text:
        visit.complaints.append(f"console: {message.text}")
