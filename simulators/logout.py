"""The receiving side of OpenID Connect back-channel logout 1.0: a channel learns that a session is over.

A logout token is a signed JWT with ``events`` and ``sid`` or ``sub``, and without a nonce (section 2.4 and 2.6).
"""

from typing import Any

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

EVENT = "http://schemas.openid.net/event/backchannel-logout"
ALGORITHMS = ["ES256", "RS256"]


class LogoutReceiver:
    """Checks logout tokens of one client against the provider's published keys, and keeps what they said."""

    def __init__(self, hub_url: str, client_id: str) -> None:
        self._issuer = f"{hub_url}/sso"
        self._client_id = client_id
        self.received: list[dict[str, str]] = []

    async def receive(self, token: str, http: aiohttp.ClientSession) -> str | None:
        """Take a token; answers why it is refused, or None."""
        async with http.get(f"{self._issuer}/.well-known/openid-configuration") as response:
            metadata: dict[str, Any] = await response.json()
        async with http.get(metadata["jwks_uri"]) as response:
            keys = KeySet.import_key_set(await response.json())
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            return f"the token cannot be verified: {type(error).__name__}"
        told = claims.get("aud", [])
        audience = [told] if isinstance(told, str) else told
        if claims.get("iss") != self._issuer or self._client_id not in audience:
            return "the token is not for this client"
        if EVENT not in claims.get("events", {}) or "nonce" in claims or not (claims.get("sid") or claims.get("sub")):
            return "this is no logout token"
        self.received.append({"sid": str(claims.get("sid", "")), "sub": str(claims.get("sub", ""))})
        return None
