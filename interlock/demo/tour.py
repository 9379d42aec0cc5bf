"""The login tour: one passenger, two channels, one login, one logout. Played over HTTP as a browser would.

web channel: password at the provider. app channel: nothing typed again. Then a call to the hub with the token, then one
logout that ends both. Sources: OpenID Connect Core 1.0, RFC 7636 (PKCE), RP-Initiated and Back-Channel Logout 1.0.
"""

import base64
import hashlib
import html
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from interlock.demo.stage import PASSENGER_LOGIN, PASSENGER_PASSWORD, Stage, goodbye_uri, redirect_uri

LOGOUT_SECONDS = 60.0
REDIRECTS_MAX = 10


class TourFailed(Exception):
    """A step of the tour did not go as it should; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done and what came of it."""

    what: str
    outcome: str


class Tour:
    """``logouts(channel)`` answers the sessions that the channel has been told are over."""

    def __init__(self, stage: Stage, logouts: Callable[[str], list[dict[str, str]]]) -> None:
        self._hub = stage.simulation.hub_url
        self._ports = {name: access.port for name, access in stage.simulation.channels.items()}
        self._logouts = logouts
        self._browser = httpx.Client(follow_redirects=False, trust_env=False, headers={"accept-language": "zh-CN"})

    def take(self) -> list[Step]:
        """The whole tour. Raises TourFailed."""
        with self._browser:
            web = self._tokens("web", typing=True)
            steps = [Step("web 网站: password typed", f"logged in as {self._name(web)}")]
            app = self._tokens("app", typing=False)
            steps.append(Step("app 手机: nothing typed", f"logged in as {self._name(app)}, the same session"))
            steps.append(Step("hub API with the app's token", self._own_orders(app["access_token"])))
            self._log_out(web["id_token"])
            ended = self._await_logouts()
            steps.append(Step("one logout at web", f"ended {' and '.join(ended)} (back-channel)"))
            steps.append(Step("hub API with the same token", self._refused(app["access_token"])))
            return steps

    def _tokens(self, client: str, *, typing: bool) -> dict[str, Any]:
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": redirect_uri(self._ports[client]),
            "scope": "openid profile hub:orders",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        answer = self._follow(self._browser.get(f"{self._hub}/sso/authorize", params=parameters))
        if answer.status_code == 200:
            if not typing:
                raise TourFailed(f"{client} was asked to log in again")
            answer = self._follow(self._submit(answer, login=PASSENGER_LOGIN, password=PASSENGER_PASSWORD))
        elif typing:
            raise TourFailed(f"{client} was not asked to log in: {answer.status_code}")
        told = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
        if told.get("state") != parameters["state"] or "code" not in told:
            raise TourFailed(f"{client} got no code: {answer.status_code} {told}")
        form = {
            "grant_type": "authorization_code",
            "client_id": client,
            "code": told["code"],
            "redirect_uri": parameters["redirect_uri"],
            "code_verifier": verifier,
        }
        redeemed = self._browser.post(f"{self._hub}/sso/token", data=form)
        if not redeemed.is_success:
            raise TourFailed(f"{client} could not redeem its code: {redeemed.text}")
        return dict(redeemed.json())

    def _follow(self, response: httpx.Response) -> httpx.Response:
        """Go where the provider sends the browser, up to the door of the client."""
        for _ in range(REDIRECTS_MAX):
            target = urljoin(str(response.url), response.headers.get("location", ""))
            if response.status_code not in (302, 303) or not target.startswith(f"{self._hub}/sso"):
                return response
            response = self._browser.get(target)
        raise TourFailed("the provider redirects without end")

    def _submit(self, page: httpx.Response, **typed: str) -> httpx.Response:
        form = re.search(r'<form method="post" action="([^"]+)".*?</form>', page.text, re.DOTALL)
        if form is None:
            raise TourFailed("the login page has no form")
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
        fields = {name: html.unescape(value) for name, value in hidden} | typed
        return self._browser.post(urljoin(str(page.url), html.unescape(form[1])), data=fields)

    def _name(self, tokens: dict[str, Any]) -> str:
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        told = self._browser.get(f"{self._hub}/sso/userinfo", headers=headers)
        if not told.is_success:
            raise TourFailed(f"userinfo refuses the token: {told.status_code} {told.text}")
        return str(told.json().get("name"))

    def _own_orders(self, token: str) -> str:
        """The passenger's orders, whichever channel sold them: known by the phone number."""
        answer = self._ask(token)
        if not answer.is_success:
            raise TourFailed(f"the hub does not take the token: {answer.status_code} {answer.text}")
        sellers = sorted(str(order["channel"]) for order in answer.json())
        if sellers != ["web", "windows"]:
            raise TourFailed(f"the passenger should see an order of web and one of windows, sees {sellers}")
        return f"sees own orders of {' and '.join(sellers)}"

    def _refused(self, token: str) -> str:
        answer = self._ask(token)
        if answer.status_code != 401:
            raise TourFailed(f"after the logout the hub still answers {answer.status_code}")
        return "refused (401)"

    def _ask(self, token: str) -> httpx.Response:
        return self._browser.get(f"{self._hub}/v1/me/orders", headers={"authorization": f"Bearer {token}"})

    def _log_out(self, id_token: str) -> None:
        query = {"id_token_hint": id_token, "post_logout_redirect_uri": goodbye_uri(self._ports["web"])}
        answer = self._follow(self._browser.get(f"{self._hub}/sso/logout", params=query))
        if answer.status_code == 200:
            answer = self._follow(self._submit(answer))
        if not answer.headers.get("location", "").startswith(goodbye_uri(self._ports["web"])):
            raise TourFailed(f"the logout did not end at the channel: {answer.status_code}")

    def _await_logouts(self) -> list[str]:
        deadline = time.monotonic() + LOGOUT_SECONDS
        while True:
            ended = [channel for channel in ("web", "app") if self._logouts(channel)]
            if len(ended) == 2:
                return ended
            if time.monotonic() > deadline:
                raise TourFailed(f"only {ended} heard of the logout within {LOGOUT_SECONDS:.0f} s")
            time.sleep(0.3)
