"""What every channel's login has: its client at the provider, its sessions, its way to the hub's orders."""

from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from aiohttp import web

from simulators.login.provider import LoginRefused, ProviderClient
from simulators.login.sessions import Guest, Sessions

SCOPE = "openid profile hub:orders"
HTTP = web.AppKey("http", aiohttp.ClientSession)
"""The connections of a channel's server, as its handlers find them."""


@dataclass(frozen=True, slots=True)
class Desk:
    """``home``: how people's browsers reach this channel, without a slash at the end. ``hub``: the hub's URL.

    ``audience``: the resource (RFC 8707) for which this channel wants people's tokens.
    """

    channel: str
    home: str
    hub: str
    provider: ProviderClient
    sessions: Sessions
    audience: str

    @property
    def resource(self) -> str:
        """The hub API as tokens name it (RFC 8707)."""
        return f"{self.hub}/v1"

    async def own_orders(self, http: aiohttp.ClientSession, guest: Guest) -> tuple[int, list[dict[str, Any]]]:
        """The hub's status and the passenger's orders, whichever channel sold them."""
        url = f"{self.resource}/me/orders"
        async with http.get(url, headers=self.provider.authorization("GET", url, guest.access_token)) as response:
            told = await response.json(content_type=None)
        if response.status != 200:
            return response.status, []
        return 200, [{"channel": order["channel"], "order_id": order["order_id"]} for order in told]

    async def welcome(
        self,
        http: aiohttp.ClientSession,
        how: str,
        tokens: dict[str, Any],
        nonce: str | None = None,
        key: str | None = None,
    ) -> Guest:
        """A session for whoever the ID token among ``tokens`` names. Raises LoginRefused when it does not hold."""
        claims = await self.provider.id_claims(http, str(tokens.get("id_token", "")), nonce)
        person = await self.provider.person(http, str(tokens["access_token"]), str(claims["sub"]))
        return self.sessions.begin(how, {**person, **claims}, tokens, key)


class Login(Protocol):
    """One channel's way of logging people in: its addresses."""

    def routes(self) -> list[web.RouteDef]: ...


def refused(error: LoginRefused, status: int = 400) -> web.Response:
    """The answer to who asked for a login that was not given."""
    return web.json_response({"error": error.error, "error_description": str(error)}, status=status)


def page(title: str, *lines: str) -> web.Response:
    """A page of a channel that has no designer."""
    body = "".join(f"<p>{line}</p>" for line in lines)
    html = (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><h1>{title}</h1>{body}</html>"
    )
    return web.Response(text=html, content_type="text/html", headers={"cache-control": "no-store"})
