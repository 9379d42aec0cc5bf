"""agents: the company's clerk acts for a passenger who has agreed to it (RFC 8693, token exchange).

GET  /login, /callback ...   the passenger at the company's site, and the clerk at the company's desk, each as
                             themselves (code with PKCE, see ``browser``)
POST /acts                   {"passenger": key, "clerk": key}: a token in which the clerk acts for the passenger

The token that comes out names both. It cannot be refreshed, lives for minutes, and ends when the passenger withdraws
consent, the clerk leaves, or either of them logs out.
"""

from aiohttp import web

from simulators.login.browser import BrowserLogin
from simulators.login.desk import HTTP, Desk, refused
from simulators.login.provider import LoginRefused
from simulators.login.sessions import Guest

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class AgentLogin(BrowserLogin):
    """The desk of an agents' company."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "code")

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.post("/acts", self.act)]

    async def act(self, request: web.Request) -> web.Response:
        http, desk, told = request.config_dict[HTTP], self._desk, await request.json()
        passenger, clerk = (self._named(str(told.get(who, ""))) for who in ("passenger", "clerk"))
        if passenger is None or clerk is None:
            return refused(LoginRefused("nobody_here"), 404)
        try:
            tokens = await desk.provider.tokens(
                http,
                grant_type=GRANT_TYPE,
                subject_token=passenger.access_token,
                subject_token_type=ACCESS_TOKEN,
                actor_token=clerk.access_token,
                actor_token_type=ACCESS_TOKEN,
                resource=desk.resource,
                scope="hub:orders",
            )
        except LoginRefused as error:
            return refused(error, 403)
        claims = {"sub": passenger.sub, "sid": passenger.sid, "name": passenger.name}
        guest = desk.sessions.begin("exchange", claims, tokens)
        guest.actor = clerk.name
        status, orders = await desk.own_orders(http, guest)
        return web.json_response(
            {
                "for": guest.name,
                "by": guest.actor,
                "hub": status,
                "orders": orders,
                "expires_in": tokens.get("expires_in"),
                "refresh": "refresh_token" in tokens,
            }
        )

    def _named(self, key: str) -> Guest | None:
        """The guest whose key begins so: the director knows the first letters only."""
        found = [guest for guest in self._desk.sessions.open.values() if key and guest.key.startswith(key)]
        return found[0] if len(found) == 1 else None
