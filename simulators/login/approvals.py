"""Logins that the passenger approves on their own phone: what a window (RFC 8628) and a clerk (CIBA) have in common.

The channel holds a secret, polls with it no faster than it was told, and gets tokens, a refusal or nothing yet.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from aiohttp import web

from simulators.login.desk import HTTP, Desk
from simulators.login.provider import LoginRefused
from simulators.login.sessions import Guest

SLOW_DOWN_SECONDS = 5.0
State = Literal["waiting", "approved", "refused", "expired"]
_OVER: dict[str, State] = {"access_denied": "refused", "expired_token": "expired"}


@dataclass(slots=True)
class Asked:
    """One login that was asked for. ``grant`` holds the secret that the channel polls with; ``shown`` may be seen."""

    grant: dict[str, str]
    shown: dict[str, Any]
    interval: float
    next_poll: float
    state: State = "waiting"
    guest: Guest | None = None
    key: str = field(default_factory=lambda: secrets.token_urlsafe(8))


class Approvals:
    """The logins that wait. ``seconds`` counts time for polling."""

    def __init__(self, desk: Desk, how: str, seconds: Callable[[], float] = time.monotonic) -> None:
        self._desk, self._how, self._seconds = desk, how, seconds
        self.asked: dict[str, Asked] = {}

    def begin(self, grant: dict[str, str], told: dict[str, Any], shown: dict[str, Any]) -> Asked:
        """Note a login. ``grant``: the token request that redeems it; ``told``: the provider's answer."""
        asked = Asked(grant, shown, float(told.get("interval", 5)), self._seconds())
        self.asked[asked.key] = asked
        return asked

    async def look(self, http: aiohttp.ClientSession, asked: Asked, *, pinged: bool = False) -> dict[str, Any]:
        """How a login stands; asks the provider when it is time to, or when it has called (``pinged``)."""
        if asked.state == "waiting" and (pinged or self._seconds() >= asked.next_poll):
            asked.next_poll = self._seconds() + asked.interval
            try:
                tokens = await self._desk.provider.tokens(http, **asked.grant)
                asked.guest = await self._desk.welcome(http, self._how, tokens, key=asked.key)
                asked.state = "approved"
            except LoginRefused as error:
                if error.error == "slow_down":
                    asked.interval += SLOW_DOWN_SECONDS
                elif error.error != "authorization_pending":
                    asked.state = _OVER.get(error.error, "refused")
                    asked.shown["error"] = error.error
        who = {"name": asked.guest.name, "sid": asked.guest.sid} if asked.guest is not None else {}
        return {"key": asked.key, "state": asked.state, **asked.shown, **who}

    async def orders(self, request: web.Request) -> web.Response:
        """The orders of who was logged in so, as the hub gives them for this session's token now."""
        asked = self.known(request)
        if asked.guest is None:
            return web.json_response({"hub": None, "orders": []}, status=409)
        status, orders = await self._desk.own_orders(request.config_dict[HTTP], asked.guest)
        return web.json_response({"hub": status, "orders": orders})

    def known(self, request: web.Request) -> Asked:
        """The login that the address names."""
        asked = self.asked.get(request.match_info["key"])
        if asked is None:
            raise web.HTTPNotFound
        return asked
