"""Codes and notices to phones through an HTTP gateway: one signed POST each (`signed_post`), answered by 2xx.

The body is JSON: `{"kind": "code", "phone", "code", "purpose", "locale"}` or `{"kind": "notice", "phone", "notice",
"text", "locale"}`. `webhook-id` is new for every message, so that a gateway that hears one twice sends one. Neither
number nor code nor the gateway's words come into a log or an error: what is raised names the kind of failure only.
"""

from collections.abc import Mapping

from sso.signed_post import ServiceFailed, SignedPost


class GatewayFailed(OSError):
    """The gateway did not take the message; nobody knows whether it would have, sent again."""


class GatewayRefused(GatewayFailed):
    """The gateway will not take this message (a 4xx answer): its settings or the number are wrong."""


class HttpSender:
    """A `CodeSender` and `NoticeSender`."""

    def __init__(self, post: SignedPost) -> None:
        self._post_signed = post

    def send(self, phone: str, code: str, locale: str, purpose: str) -> None:
        """Hand a code to the gateway, once. Raises GatewayFailed (an OSError) or GatewayRefused."""
        self._post({"kind": "code", "phone": phone, "code": code, "purpose": purpose, "locale": locale})

    def tell(self, phone: str, kind: str, text: str, locale: str) -> None:
        """Hand a notice to the gateway. Raises GatewayFailed (an OSError) or GatewayRefused."""
        self._post({"kind": "notice", "phone": phone, "notice": kind, "text": text, "locale": locale})

    def _post(self, message: Mapping[str, str]) -> None:
        try:
            status, _ = self._post_signed(message)
        except ServiceFailed as error:
            raise GatewayFailed(f"the gateway: {error}") from None
        if 400 <= status < 500 and status not in (408, 429):
            raise GatewayRefused(f"the gateway refused with {status}")
        if not 200 <= status < 300:
            raise GatewayFailed(f"the gateway answered {status}")
