"""web and app: authorization code with PKCE (OpenID Connect Core 3.1, RFC 7636, RFC 8252, RFC 9207).

GET /login      to the provider
GET /callback   back from it: the code is redeemed, the ID token checked, a session of this channel begins
GET /mine       who is logged in here, and his orders across all channels, from the hub
POST /renew     the app: new tokens for the refresh token, bound to the app's key (RFC 9449)
GET /leave      logs out at the provider, and so everywhere (RP-Initiated Logout 1.0)
GET /goodbye    afterwards
"""

import html
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from simulators.login.desk import HTTP, SCOPE, Desk, page, refused
from simulators.login.proofs import Pkce
from simulators.login.provider import LoginRefused
from simulators.login.sessions import Guest

WAITING_MAX = 1000


@dataclass(frozen=True, slots=True)
class _Begun:
    """A login that somebody has begun; ``browser`` is in that browser's cookie, so that nobody can finish another's."""

    pkce: Pkce
    nonce: str
    browser: str


class BrowserLogin:
    """``how`` is said of the sessions; ``scope``: what is asked for."""

    def __init__(self, desk: Desk, how: str, scope: str = SCOPE) -> None:
        self._desk, self._how, self._scope = desk, how, scope
        self._cookie, self._login_cookie = f"{desk.channel}_session", f"{desk.channel}_login"
        self._begun: dict[str, _Begun] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/login", self.login),
            web.get("/callback", self.callback),
            web.get("/mine", self.mine),
            web.post("/renew", self.renew),
            web.get("/leave", self.leave),
            web.get("/goodbye", self.goodbye),
        ]

    async def login(self, request: web.Request) -> web.Response:
        http = request.config_dict[HTTP]
        begun = _Begun(Pkce.fresh(), secrets.token_urlsafe(16), secrets.token_urlsafe(16))
        state = secrets.token_urlsafe(16)
        while len(self._begun) >= WAITING_MAX:
            del self._begun[next(iter(self._begun))]
        self._begun[state] = begun
        question = {
            "response_type": "code",
            "client_id": self._desk.provider.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._scope,
            "resource": self._desk.audience,
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": begun.pkce.challenge,
            "code_challenge_method": "S256",
        }
        metadata = await self._desk.provider.metadata(http)
        answer = web.Response(
            status=303, headers={"location": f"{metadata['authorization_endpoint']}?{urlencode(question)}"}
        )
        answer.set_cookie(self._login_cookie, begun.browser, max_age=900, httponly=True, samesite="Lax")
        return answer

    async def callback(self, request: web.Request) -> web.Response:
        begun = self._begun.pop(request.query.get("state", ""), None)
        try:
            if begun is None or request.cookies.get(self._login_cookie) != begun.browser:
                raise LoginRefused("state_unknown", "begin again")
            if request.query.get("iss") != self._desk.provider.issuer:  # RFC 9207
                raise LoginRefused("issuer_mismatch")
            if "code" not in request.query:
                raise LoginRefused(request.query.get("error", "no_code"))
            guest = await self._redeem(request, request.query["code"], begun)
        except LoginRefused as error:
            return refused(error)
        answer = web.Response(status=303, headers={"location": "/mine"})
        answer.del_cookie(self._login_cookie)
        answer.set_cookie(self._cookie, guest.key, httponly=True, samesite="Lax")
        return answer

    async def _redeem(self, request: web.Request, code: str, begun: _Begun) -> Guest:
        http, desk = request.config_dict[HTTP], self._desk
        tokens = await desk.provider.tokens(
            http,
            grant_type="authorization_code",
            code=code,
            redirect_uri=self._redirect_uri,
            code_verifier=begun.pkce.verifier,
        )
        return await desk.welcome(http, self._how, tokens, begun.nonce)

    def guest(self, request: web.Request) -> Guest | None:
        """Who is logged in here, in the browser that asks."""
        return self._desk.sessions.of(request.cookies.get(self._cookie))

    async def mine(self, request: web.Request) -> web.Response:
        guest = self.guest(request)
        if guest is None:
            return web.Response(status=303, headers={"location": "/login"})
        status, orders = await self._desk.own_orders(request.config_dict[HTTP], guest)
        if "text/html" not in request.headers.get("accept", ""):
            shown = {"name": guest.name, "sid": guest.sid, "hub": status, "orders": orders}
            return web.json_response(shown, headers={"cache-control": "no-store"})
        sellers = ", ".join(f"{order['channel']}" for order in orders) or "-"
        return page(
            f"{self._desk.channel}",
            f"{html.escape(guest.name)}，您好 / hello",
            f"订单 / orders: {len(orders)} ({sellers})",
            f'<a href="{self._desk.hub}/me">我的行程 / my journeys</a>',
            '<a href="/leave">退出登录 / sign out</a>',
        )

    async def renew(self, request: web.Request) -> web.Response:
        guest, http = self.guest(request), request.config_dict[HTTP]
        if guest is None or guest.refresh_token is None:
            return refused(LoginRefused("no_session"), 401)
        try:
            tokens = await self._desk.provider.tokens(
                http, grant_type="refresh_token", refresh_token=guest.refresh_token
            )
            claims = await self._desk.provider.id_claims(http, str(tokens["id_token"]))
            if (claims["sub"], claims.get("sid")) != (guest.sub, guest.sid):
                raise LoginRefused("id_token_of_somebody_else")
        except LoginRefused as error:
            return refused(error, 401)
        self._desk.sessions.begin(self._how, {**claims, "name": guest.name}, tokens, guest.key)
        return web.json_response({"sid": guest.sid, "token_type": tokens["token_type"]})

    async def leave(self, request: web.Request) -> web.Response:
        guest = self.guest(request)
        metadata = await self._desk.provider.metadata(request.config_dict[HTTP])
        question = {
            "client_id": self._desk.provider.client_id,
            "post_logout_redirect_uri": f"{self._desk.home}/goodbye",
        }
        if guest is not None:
            question["id_token_hint"] = guest.id_token or ""
            self._desk.sessions.open.pop(guest.key, None)
        answer = web.Response(
            status=303, headers={"location": f"{metadata['end_session_endpoint']}?{urlencode(question)}"}
        )
        answer.del_cookie(self._cookie)
        return answer

    async def goodbye(self, _request: web.Request) -> web.Response:
        return page(self._desk.channel, "已退出登录 / signed out")

    @property
    def _redirect_uri(self) -> str:
        return f"{self._desk.home}/callback"
