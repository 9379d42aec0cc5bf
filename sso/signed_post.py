"""A JSON message to a service of the operator's: one POST, signed by Standard Webhooks, no redirect, no proxy.

`webhook-id` is new for every message. Nothing of what is said or answered comes into a log or an error: what is raised
names the kind of failure only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from standardwebhooks import Webhook

from sso.fetching import authorities
from sso.ports import Clock, Minter

ANSWER_BYTES_MAX = 65_536


class ServiceFailed(OSError):
    """No answer, or one that says so; nobody knows whether the same message would be taken later."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Where the service is. `secret`: the key of the signature, base64, with or without `whsec_` before it.

    timeout_s: for each of connecting, sending and reading; a person waits for it.
    """

    url: str
    secret: str
    timeout_s: float = 5.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, ********)"


class SignedPost:
    """Posts messages to one service."""

    def __init__(self, options: ServiceOptions, clock: Clock, mint: Minter) -> None:
        self._options, self._clock, self._mint = options, clock, mint
        self._signature = Webhook(options.secret)

    def __call__(self, message: Mapping[str, str]) -> tuple[int, bytes]:
        """The status and the body of the answer. Raises ServiceFailed when there is none, or one beyond measure."""
        body, now, message_id = json.dumps(message, ensure_ascii=False), self._clock(), f"msg_{self._mint.identifier()}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signature.sign(message_id, now, body),
        }
        answer = bytearray()
        try:
            with (
                httpx.Client(
                    verify=authorities(), timeout=self._options.timeout_s, follow_redirects=False, trust_env=False
                ) as client,
                client.stream("POST", self._options.url, content=body.encode(), headers=headers) as response,
            ):
                for part in response.iter_bytes():
                    answer += part
                    if len(answer) > ANSWER_BYTES_MAX:
                        raise ServiceFailed("the answer is too long")
                return response.status_code, bytes(answer)
        except httpx.HTTPError as error:
            raise ServiceFailed(f"no answer: {type(error).__name__}") from None
