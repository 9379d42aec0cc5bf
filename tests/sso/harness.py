"""The provider as strangers meet it: a real server on a free port of 127.0.0.1, real PostgreSQL, clients over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import uvicorn
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.types import ASGIApp, Receive, Scope, Send

from interlock.clock import SetClock
from interlock.database import Pool
from sso import admin, keys, logout
from sso.admin import Demo, DemoApplication, DemoPerson
from sso.api import application
from sso.logout import Drained
from sso.options import Argon2Options, SsoOptions
from sso.pages.words import say
from sso.people import notices
from sso.people.registers import Registers
from sso.provider import Provider

HUB = "https://hub.interlock.test/v1"
PHONE = "+8619900000001"
PASSWORD = "slow-train-to-lhasa"
STAFF_PASSWORD = "the-books-must-balance"
CHANNELS = ("web", "app", "phone", "agents", "windows")
SECRETS = {channel: f"{channel}-secret-of-the-demo-0123456789abcdef" for channel in CHANNELS}

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: a context with the world's authorities costs 20 ms for each client."""
SIGNING_KEYS: dict[str, ECKey | RSAKey] = {"ES256": ECKey.generate_key("P-256"), "RS256": RSAKey.generate_key(2048)}
"""The first keys of every site in this process: making one of RSA takes longer than most tests."""


class AesCipher:
    """AES-256-GCM and a keyed digest: what the composition root passes in, in its smallest form."""

    def __init__(self) -> None:
        self._cipher, self._key = AESGCM(AESGCM.generate_key(256)), os.urandom(32)

    def seal(self, clear: str) -> str:
        nonce = os.urandom(12)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, clear.encode(), None)).decode()

    def open(self, sealed: str) -> str:
        raw = base64.b64decode(sealed)
        return self._cipher.decrypt(raw[:12], raw[12:], None).decode()

    def blind(self, clear: str) -> str:
        return hmac.new(self._key, clear.encode(), hashlib.sha256).hexdigest()


@dataclass
class Gateway:
    """A code sender that keeps what it was given; `down` makes it fail like a gateway that nobody answers at."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    purposes: list[str] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    down: bool = False

    def send(self, phone: str, code: str, locale: str, purpose: str) -> None:
        if self.down:
            raise ConnectionError("gateway")
        self.sent.append((phone, code, locale))
        self.purposes.append(purpose)

    def tell(self, phone: str, kind: str, text: str, locale: str) -> None:
        if self.down:
            raise ConnectionError("gateway")
        self.told.append((phone, kind, text))

    def tell_due(self, site: Site) -> dict[str, int]:
        """What the task does that sends notices."""
        return notices.send_due(site.provider.pool, site.clock, site.provider.cipher, self, say)

    @property
    def last_code(self) -> str:
        return self.sent[-1][1]


@dataclass
class Receiver:
    """A client's back-channel logout endpoint: a real HTTP server that keeps what it is posted."""

    uri: str
    tokens: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def next_answer(self) -> int:
        return self.answers.pop(0) if self.answers else 200


@dataclass
class Site:
    """A running provider and everything a test wants to know about it."""

    provider: Provider
    clock: SetClock
    gateway: Gateway
    receivers: dict[str, Receiver]
    browsers: list[Browser] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return self.provider.options.issuer

    def browser(self, **headers: str) -> Browser:
        self.browsers.append(Browser(self, headers))
        return self.browsers[-1]

    def token(self, data: dict[str, str], auth: tuple[str, str] | None = None) -> httpx.Response:
        with httpx.Client(trust_env=False, verify=PLAIN) as client:
            if auth is not None:
                return client.post(f"{self.issuer}/token", data=data, auth=auth)
            return client.post(f"{self.issuer}/token", data=data)

    def deliver_logouts(self, send: Callable[[str, str], int] = logout.http_send) -> Drained:
        return logout.deliver_logout_tokens(
            self.provider.pool, self.clock, send, tokens=self.provider.tokens, options=self.provider.options
        )

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token, its signature checked against the published keys as any client would."""
        keys = KeySet.import_key_set(httpx.get(f"{self.issuer}/jwks", trust_env=False, verify=PLAIN).json())
        return dict(jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims)

    def one(self, query: str, *values: object) -> Any:
        """The first column of the first row of a query that the test spells out."""
        with self.provider.pool.connection() as connection:
            row = connection.execute(query, values).fetchone()
        return row[0] if row else None


@dataclass
class Pkce:
    verifier: str = "a-verifier-that-is-long-enough-for-rfc-7636-0123"

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class Browser:
    """A person's browser: keeps cookies, follows nothing by itself, fills the forms it is shown."""

    def __init__(self, site: Site, headers: dict[str, str]) -> None:
        self.site = site
        spoken = {"Accept-Language": "en", **headers}
        self.http = httpx.Client(follow_redirects=False, trust_env=False, verify=PLAIN, headers=spoken)

    def get(self, path: str, **parameters: str) -> httpx.Response:
        return self.http.get(self._url(path), params=parameters or None)

    def post(self, path: str, data: dict[str, str], **headers: str) -> httpx.Response:
        return self.http.post(self._url(path), data=data, headers=headers)

    def follow(self, response: httpx.Response) -> httpx.Response:
        """Follow redirects as long as they stay with the provider."""
        while response.status_code == 303 and response.headers["location"].startswith(self.site.issuer):
            response = self.http.get(response.headers["location"])
        return response

    def submit(self, page: httpx.Response, **typed: str) -> httpx.Response:
        """Fill in the first form of a page and send it."""
        action, fields = first_form(page.text)
        return self.http.post(action, data={**fields, **typed}, headers={"Origin": self.site.provider.options.origin})

    def authorize(self, client_id: str, **more: str | None) -> httpx.Response:
        """GET /authorize with good parameters, changed by `more` (None leaves one out)."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": f"https://{client_id}.interlock.test/callback",
            "scope": "openid profile hub:orders",
            "state": f"state-of-{client_id}",
            "nonce": "n-1",
            "code_challenge": Pkce().challenge,
            "code_challenge_method": "S256",
            **more,
        }
        return self.get("/authorize", **{name: value for name, value in parameters.items() if value is not None})

    def log_in(self, client_id: str, login: str = "liwei", password: str = PASSWORD, **more: str | None) -> str:
        """Authorize, type login and password, come back with the code."""
        page = self.follow(self.authorize(client_id, **more))
        return answer(self.follow(self.submit(page, login=login, password=password)))["code"]

    def redeem(self, client_id: str, code: str, **more: str) -> httpx.Response:
        return self.site.token(
            {
                "grant_type": "authorization_code",
                "client_id": client_id,
                "code": code,
                "redirect_uri": f"https://{client_id}.interlock.test/callback",
                "code_verifier": Pkce().verifier,
                **more,
            }
        )

    def tokens(self, client_id: str, **more: str | None) -> dict[str, Any]:
        """Log the passenger in at a client and redeem the code."""
        response = self.redeem(client_id, self.log_in(client_id, "liwei", PASSWORD, **more))
        assert response.status_code == 200, response.text
        return dict(response.json())

    def refresh(self, client_id: str, refresh_token: str, **more: str) -> httpx.Response:
        return self.site.token(
            {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": refresh_token, **more}
        )

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.site.issuer + path


def answer(response: httpx.Response) -> dict[str, str]:
    """The parameters of a redirect to a client."""
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def first_form(page: str) -> tuple[str, dict[str, str]]:
    """Action and hidden fields of the first form."""
    form = re.search(r"<form method=\"post\" action=\"([^\"]+)\".*?</form>", page, re.DOTALL)
    assert form, page
    hidden = re.findall(r"<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"", form[0])
    return html.unescape(form[1]), {name: html.unescape(value) for name, value in hidden}


class Listener:
    """One real HTTP server for the whole run; each test puts its own application behind it."""

    def __init__(self) -> None:
        self.app: ASGIApp = FastAPI()
        config = uvicorn.Config(
            self._call, host="127.0.0.1", port=0, interface="asgi3", log_config=None, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        socket = config.bind_socket()
        self.port: int = socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [socket]})

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@contextmanager
def running(
    listener: Listener,
    pool: Pool,
    clock: SetClock,
    receivers: dict[str, Receiver],
    argon2_options: Argon2Options,
    host: str = "127.0.0.1",
    registers: Registers | None = None,
) -> Iterator[Site]:
    """A provider with the demo's clients and people, behind the listener until the block ends.

    A passkey belongs to a name and not to an address (WebAuthn 5.1.3), so a test with one says `localhost`.
    """
    options = SsoOptions(
        issuer=f"http://{host}:{listener.port}/sso", hub_audience=HUB, secure_cookies=False, argon2=argon2_options
    )
    gateway = Gateway()
    provider = Provider.assemble(options, pool, clock, AesCipher(), gateway, registers=registers)
    with pool.connection() as connection:
        for algorithm, key in SIGNING_KEYS.items():
            keys.keep(connection, algorithm, key, provider.cipher, clock(), clock())
    admin.seed_demo(provider, demo(receivers))
    outer = FastAPI()
    outer.mount("/sso", application(provider))
    listener.app = outer
    site = Site(provider, clock, gateway, receivers)
    try:
        yield site
    finally:
        for browser in site.browsers:
            browser.http.close()


def demo(receivers: dict[str, Receiver]) -> Demo:
    return Demo(
        applications={
            name: DemoApplication(
                [f"https://{name}.interlock.test/callback"],
                [f"https://{name}.interlock.test/bye"],
                receivers[name].uri,
            )
            for name in ("web", "app")
        },
        channel_secrets=SECRETS,
        people=(
            DemoPerson("liwei", "李未", PASSWORD, phone=PHONE),
            DemoPerson("operator", "值班员", STAFF_PASSWORD, roles=("operator",)),
            DemoPerson("finance", "清算员", STAFF_PASSWORD, roles=("finance", "auditor")),
        ),
    )
