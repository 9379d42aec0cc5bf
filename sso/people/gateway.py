"""Codes and notices to phones through an HTTP gateway: one signed POST each (Standard Webhooks), answered by 2xx.

The body is JSON: `{"kind": "code", "phone", "code", "purpose", "locale"}` or `{"kind": "notice", "phone", "notice",
"text", "locale"}`. `webhook-id` is new for every message, so that a gateway that hears one twice sends one. Neither
number nor code nor the gateway's words come into a log or an error: what is raised names the kind of failure only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from standardwebhooks import Webhook

from sso.ports import Clock, Minter


class GatewayFailed(OSError):
    """The gateway did not take the message; nobody knows whether it would have, sent again."""


class GatewayRefused(GatewayFailed):
    """The gateway will not take this message (a 4xx answer): its settings or the number are wrong."""


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Where the gateway is. `secret`: the key of the signature, base64, with or without `whsec_` before it.

    timeout_s: for the whole answer; a person waits for it.
    """

    url: str
    secret: str
    timeout_s: float = 5.0

    def __repr__(self) -> str:
        return f"GatewayOptions({self.url!r}, ********)"


class HttpSender:
    """A `CodeSender` and `NoticeSender`. Follows no redirect and uses no proxy of the environment."""

    def __init__(self, options: GatewayOptions, clock: Clock, mint: Minter) -> None:
        self._options, self._clock, self._mint = options, clock, mint
        self._signature = Webhook(options.secret)

    def send(self, phone: str, code: str, locale: str, purpose: str) -> None:
        """Hand a code to the gateway, once. Raises GatewayFailed (an OSError) or GatewayRefused."""
        self._post({"kind": "code", "phone": phone, "code": code, "purpose": purpose, "locale": locale})

    def tell(self, phone: str, kind: str, text: str, locale: str) -> None:
        """Hand a notice to the gateway. Raises GatewayFailed (an OSError) or GatewayRefused."""
        self._post({"kind": "notice", "phone": phone, "notice": kind, "text": text, "locale": locale})

    def _post(self, message: Mapping[str, str]) -> None:
        body, now, message_id = json.dumps(message, ensure_ascii=False), self._clock(), f"msg_{self._mint.identifier()}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signature.sign(message_id, now, body),
        }
        try:
            with (
                httpx.Client(timeout=self._options.timeout_s, follow_redirects=False, trust_env=False) as client,
                client.stream("POST", self._options.url, content=body.encode(), headers=headers) as response,
            ):
                status = response.status_code
        except httpx.HTTPError as error:
            raise GatewayFailed(f"no answer from the gateway: {type(error).__name__}") from None
        if 400 <= status < 500 and status not in (408, 429):
            raise GatewayRefused(f"the gateway refused with {status}")
        if not 200 <= status < 300:
            raise GatewayFailed(f"the gateway answered {status}")
