"""A station window and a call centre as the provider's tests need them: they ask, poll, and are approved on a phone."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pyotp

from sso import admin
from sso.admin import Registration
from sso.people import identities, real_names, totp
from tests.sso.harness import PASSWORD, STAFF_PASSWORD, Browser, Site

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"
WINDOW = ("windows", "secret-of-the-windows-0123456789abcdef")
CALLS = ("calls", "secret-of-the-call-centre-0123456789abcd")
DOCUMENT = {"name": "李未", "document_type": "resident_id", "number": "990101199001010019"}
INTERVAL = timedelta(seconds=5)
SCOPES = ["openid", "profile", "phone", "hub:orders"]


def register_window(site: Site, **more: Any) -> None:
    """The client of the station windows: device grant, refresh."""
    admin.register_client(
        site.provider,
        Registration(
            WINDOW[0],
            "车站窗口",
            "Station windows",
            SCOPES,
            **{"secret": WINDOW[1], "channel": "windows", "further_grants": [DEVICE_CODE, "refresh_token"], **more},
        ),
    )


def register_calls(site: Site, **more: Any) -> None:
    """The client of the call centre: CIBA by polling, refresh."""
    admin.register_client(
        site.provider,
        Registration(
            CALLS[0],
            "电话订票",
            "Phone booking",
            SCOPES,
            **{
                "secret": CALLS[1],
                "channel": "phone",
                "further_grants": [CIBA, "refresh_token"],
                "ciba_mode": "poll",
                **more,
            },
        ),
    )


@dataclass
class Asker:
    """A client that asks for somebody's approval. `auth` None: it does not prove itself."""

    site: Site
    auth: tuple[str, str] | None

    def post(self, path: str, **data: str) -> httpx.Response:
        with httpx.Client(trust_env=False) as client:
            return client.post(f"{self.site.issuer}{path}", data=data, auth=self.auth or httpx.USE_CLIENT_DEFAULT)

    def device(self, **more: str) -> dict[str, Any]:
        """Ask for a device code; the answer must be good."""
        answered = self.post("/device_authorization", **{"scope": "openid hub:orders", **more})
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    def call(self, **more: str) -> dict[str, Any]:
        """Ask for a caller's approval; the answer must be good."""
        answered = self.ask(**more)
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    def ask(self, **more: str) -> httpx.Response:
        """The same, whatever is answered. Without a hint it is liwei."""
        hint = {} if "id_token_hint" in more or "login_hint" in more else {"login_hint": "liwei"}
        return self.post("/backchannel_authentication", **{"scope": "openid hub:orders", **hint, **more})

    def poll(self, asked: dict[str, Any], **more: str) -> httpx.Response:
        """Ask for the tokens, an interval after the last time."""
        self.site.clock.advance(INTERVAL)
        return self.poll_now(asked, **more)

    def poll_now(self, asked: dict[str, Any], **more: str) -> httpx.Response:
        """Ask for the tokens at once."""
        if "device_code" in asked:
            data = {"grant_type": DEVICE_CODE, "device_code": asked["device_code"]}
        else:
            data = {"grant_type": CIBA, "auth_req_id": asked["auth_req_id"]}
        return self.post("/token", **{**data, **more})

    def error(self, asked: dict[str, Any], **more: str) -> str:
        """The error of a poll."""
        answered = self.poll(asked, **more)
        assert answered.status_code in (400, 401), answered.text
        return str(answered.json()["error"])

    def tokens(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The tokens of a poll that must succeed."""
        answered = self.poll(asked)
        assert answered.status_code == 200, answered.text
        return dict(answered.json())


def at_window(site: Site, **more: Any) -> Asker:
    """A registered window."""
    register_window(site, **more)
    return Asker(site, WINDOW if "secret" not in more else None)


def at_calls(site: Site, **more: Any) -> Asker:
    """A registered call centre."""
    register_calls(site, **more)
    return Asker(site, CALLS)


def signed_in(site: Site, login: str = "liwei", password: str = PASSWORD) -> Browser:
    """The person's own phone, logged in at the account pages."""
    browser = site.browser()
    done = browser.submit(browser.follow(browser.get("/account")), login=login, password=password)
    assert browser.follow(done).status_code == 200
    return browser


def person(site: Site, login: str) -> UUID:
    """The id of whoever has this login."""
    with site.provider.pool.connection() as connection:
        found = identities.by_login(connection, site.provider.cipher, login)
    assert found
    return found.identity_id


def furnish_desk(site: Site) -> tuple[UUID, pyotp.TOTP]:
    """Two clerks, one (`clerk`) with an authenticator app, and liwei's name confirmed by the other; the clerk's id."""
    provider, now = site.provider, site.clock()
    clerk_id = admin.create_staff(provider, "clerk", "窗口员", STAFF_PASSWORD, ["window"]).identity_id
    other_id = admin.create_staff(provider, "other.clerk", "窗口员乙", STAFF_PASSWORD, ["window"]).identity_id
    with provider.pool.connection() as connection:
        real_names.confirm_at_window(connection, provider, person(site, "liwei"), other_id, **DOCUMENT)
        secret = totp.begin(connection, provider.cipher, provider.mint, clerk_id, now)
        assert secret
        app = pyotp.TOTP(secret)
        assert totp.confirm(connection, provider.cipher, clerk_id, app.at(now), now)
    return clerk_id, app


def type_code(browser: Browser, code: str) -> httpx.Response:
    """Type a user code at /device."""
    return browser.submit(browser.get("/device"), user_code=code)


def approve_device(browser: Browser, code: str, decision: str = "approve") -> httpx.Response:
    """Type the code and decide."""
    return browser.submit(type_code(browser, code), decision=decision)


def approve_call(browser: Browser, decision: str = "approve") -> httpx.Response:
    """Decide the first request that waits."""
    return browser.submit(browser.get("/account/approvals"), decision=decision)


def plain(page: httpx.Response) -> str:
    """The text of a page."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page.text))
