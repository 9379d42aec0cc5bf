"""The receiving side of OpenID Connect back-channel logout 1.0: a channel learns that a session is over.

A logout token is a signed JWT with ``events`` and ``sid`` or ``sub``, and without a nonce (section 2.4 and 2.6).
"""

import time
from collections.abc import Callable

import aiohttp

from simulators.login.provider import LEEWAY_SECONDS, LoginRefused, ProviderClient
from simulators.login.sessions import Sessions

EVENT = "http://schemas.openid.net/event/backchannel-logout"


class LogoutReceiver:
    """Checks logout tokens of one client against the provider's published keys, and ends the sessions they name.

    ``is_open``: while it is False the channel is down for the provider and answers 503.
    """

    def __init__(self, provider: ProviderClient, sessions: Sessions, clock: Callable[[], float] = time.time) -> None:
        self._provider, self._sessions, self._clock = provider, sessions, clock
        self.is_open = True
        self.turned_away = 0
        self.received: list[dict[str, str]] = []
        self._seen: set[str] = set()

    async def receive(self, token: str, http: aiohttp.ClientSession) -> str | None:
        """Take a token; answers why it is refused, or None. The same token again changes nothing."""
        try:
            claims = await self._provider.signed_claims(http, token)
        except LoginRefused as refused:
            return f"the token cannot be verified: {refused.error}"
        told = claims.get("aud", [])
        audience = [told] if isinstance(told, str) else told
        if self._provider.client_id not in audience:
            return "the token is not for this client"
        if EVENT not in claims.get("events", {}) or "nonce" in claims or not (claims.get("sid") or claims.get("sub")):
            return "this is no logout token"
        if int(claims.get("exp", 0)) <= self._clock() - LEEWAY_SECONDS:
            return "the token has expired"
        jti = str(claims.get("jti", ""))
        if jti not in self._seen:
            self._seen.add(jti)
            sid, sub = str(claims.get("sid", "")), str(claims.get("sub", ""))
            self._sessions.end(sid, sub)
            self.received.append({"sid": sid, "sub": sub})
        return None
