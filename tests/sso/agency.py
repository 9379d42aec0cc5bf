"""An agents' company with two clerks, and what it and its passengers do in the tests."""

from __future__ import annotations

from typing import Any

import httpx

from sso import clerks
from sso.admin import Registration, create_passenger, create_staff, register_client
from tests.sso.harness import PASSWORD, Browser, Pkce, Site, answer

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
RESOURCE = "https://agency.interlock.test/api"
SECRET = "agency-secret-of-the-tests-0123456789abcdef"
CALLBACK = "https://agency.interlock.test/callback"
OTHER_PHONE = "+8619900000002"


class Agency:
    """The company `agency`; `wangfang` and `zhaolei` work there, `liwei` is a passenger, `sunyu` another one."""

    def __init__(self, site: Site, **more: Any) -> None:
        self.site = site
        self.register("agency", RESOURCE, **more)
        for login, name in (("wangfang", "王芳"), ("zhaolei", "赵磊")):
            create_staff(site.provider, login, name, PASSWORD, [])
            assert clerks.employ(site.provider, "agency", login)
        create_passenger(site.provider, "sunyu", "孙宇", PASSWORD, OTHER_PHONE)

    def register(self, client_id: str, resource: str | None, **more: Any) -> None:
        """A company that may act."""
        given: dict[str, Any] = {
            "client_id": client_id,
            "name_zh": "联程代售点",
            "name_en": "Liancheng Travel",
            "scopes": ["openid", "profile", "hub:orders"],
            "secret": SECRET,
            "redirect_uris": [f"https://{client_id}.interlock.test/callback"],
            "client_credentials": True,
            "further_grants": [EXCHANGE],
            "audiences": [resource] if resource else [],
            "resource": resource,
            "consent": "explicit",
            "may_act": True,
            "id_token_algorithm": "ES256",
        }
        register_client(self.site.provider, Registration(**{**given, **more}))

    def sent_to_log_in(self, login: str, browser: Browser | None = None, **more: str | None) -> httpx.Response:
        """The person has logged in for the agency: the consent page, or the answer when nothing is to be asked."""
        browser = browser or self.site.browser()
        page = browser.follow(browser.authorize("agency", **{"resource": RESOURCE, **more}))
        if 'name="login"' not in page.text:
            return page
        return browser.follow(browser.submit(page, login=login, password=PASSWORD))

    def code(self, login: str, browser: Browser | None = None, **more: str | None) -> str:
        """A code after the person has agreed to everything asked, for the `term` named."""
        browser, term = browser or self.site.browser(), more.pop("term", None) or "month"
        page = self.sent_to_log_in(login, browser, **more)
        if page.status_code == 200:
            page = browser.follow(browser.submit(page, answer="agree", term=term))
        return answer(page)["code"]

    def redeem(self, code: str) -> httpx.Response:
        data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return self.site.token({**data, "code_verifier": Pkce().verifier}, ("agency", SECRET))

    def tokens(self, login: str, browser: Browser | None = None, **more: str | None) -> dict[str, Any]:
        """What the agency gets when this person logs in there, as a passenger or as a clerk."""
        response = self.redeem(self.code(login, browser, **more))
        assert response.status_code == 200, response.text
        return dict(response.json())

    def own_token(self) -> str:
        """The company's own token."""
        data = {"grant_type": "client_credentials", "scope": "hub:orders", "resource": RESOURCE}
        response = self.site.token(data, ("agency", SECRET))
        assert response.status_code == 200, response.text
        return str(response.json()["access_token"])

    def exchange(self, subject: str | None, actor: str | None, **more: str) -> httpx.Response:
        """POST /token as the agency."""
        return self.exchange_as("agency", subject, actor, **more)

    def exchange_as(self, client_id: str, subject: str | None, actor: str | None, **more: str) -> httpx.Response:
        """POST /token as a company; None leaves a token out."""
        data = {"grant_type": EXCHANGE}
        for name, token in (("subject_token", subject), ("actor_token", actor)):
            if token is not None:
                data |= {name: token, f"{name}_type": ACCESS_TOKEN}
        return self.site.token({**data, **more}, (client_id, SECRET))

    def identity_id(self, login: str) -> str:
        return str(self.site.one("SELECT identity_id FROM sso.identity WHERE login_name = %s", login))
