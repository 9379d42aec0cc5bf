"""How a channel system speaks to the hub: over HTTP, as any stranger would.

A message is sent with the same id and the same bytes until the hub answers. No connection, 429 and 5xx are no answer:
wait and send again, for many minutes, so that a hub that is killed and comes back has lost nothing. Signatures are
those of Standard Webhooks (v1, HMAC-SHA256), both ways; tokens are OAuth 2.0 client credentials (RFC 6749, 4.4).
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

GIVE_UP_SECONDS = 900.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 3.0
RENEW_BEFORE_SECONDS = 60.0
TRIES_WITH_A_NEW_TOKEN = 3


class HubSilent(Exception):
    """The hub gave no answer for as long as we are ready to wait."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub said to one message: 2xx with an outcome, or a problem with a ``code``."""

    status: int
    body: dict[str, Any]

    @property
    def outcome(self) -> str:
        """applied, witnessed, duplicate, disputed; or ``refused`` for a problem."""
        return str(self.body.get("outcome", "refused")) if self.status < 400 else "refused"

    @property
    def code(self) -> str | None:
        return None if self.status < 400 else str(self.body.get("code", self.status))


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of ``webhook-signature``. ``secret`` is ``whsec_`` and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether one of the signatures fits. (The age is not judged: a replay changes nothing here.)"""
    expected = sign(secret, headers.get("webhook-id", ""), headers.get("webhook-timestamp", ""), body)
    return any(hmac.compare_digest(expected, one) for one in headers.get("webhook-signature", "").split())


@dataclass
class HubClient:
    """One channel's connection. ``bearer``: prove itself by a token, otherwise by signing every message.

    ``clock`` dates signatures and tokens: the real time, whatever day is played; ``seconds`` counts waiting.
    ``on_resend`` is told the id of a message that is sent again because there was no answer.
    """

    http: aiohttp.ClientSession
    hub_url: str
    channel: str
    client_secret: str
    secret: str
    bearer: bool
    on_resend: Callable[[str], None]
    clock: Callable[[], float] = time.time
    seconds: Callable[[], float] = time.monotonic
    _token: str = ""
    _renew_at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, message_id: str, body: bytes, content_type: str) -> Answer:
        """Send until there is an answer. Raises HubSilent after many minutes without one."""
        url = f"{self.hub_url}/v1/channels/{self.channel}/messages"
        started, wait, refusals = self.seconds(), FIRST_WAIT_SECONDS, 0
        while True:
            try:
                headers = {"webhook-id": message_id, "content-type": content_type}
                headers |= await self._proof(message_id, body)
                async with self.http.post(url, data=body, headers=headers) as response:
                    if response.status == 401 and self.bearer and refusals < TRIES_WITH_A_NEW_TOKEN:
                        # Perhaps the hub restarted with other keys, or the token ran out on the way.
                        refusals, self._renew_at = refusals + 1, 0.0
                        continue
                    if response.status < 500 and response.status != 429:
                        return Answer(response.status, await response.json(content_type=None))
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                # ValueError: half an answer, cut off while somebody pulled the plug; the next one is whole.
                last: object = error
            else:
                last = response.status
            self.on_resend(message_id)
            if self.seconds() - started > GIVE_UP_SECONDS:
                raise HubSilent(f"{message_id}: no answer for {GIVE_UP_SECONDS:.0f} s, last {last}")
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)

    async def _proof(self, message_id: str, body: bytes) -> dict[str, str]:
        if self.bearer:
            return {"authorization": f"Bearer {await self._valid_token()}"}
        timestamp = str(int(self.clock()))
        return {"webhook-timestamp": timestamp, "webhook-signature": sign(self.secret, message_id, timestamp, body)}

    async def _valid_token(self) -> str:
        async with self._lock:
            if self.clock() >= self._renew_at:
                form = {"grant_type": "client_credentials", "scope": "hub:messages"}
                basic = aiohttp.BasicAuth(f"channel-{self.channel}", self.client_secret)
                async with self.http.post(f"{self.hub_url}/sso/token", data=form, auth=basic) as response:
                    response.raise_for_status()
                    told = await response.json()
                self._token = str(told["access_token"])
                self._renew_at = self.clock() + max(5.0, float(told.get("expires_in", 120)) - RENEW_BEFORE_SECONDS)
            return self._token
