"""POSTs to one address: the only network of this room. Connections are kept, so a client outlives many drains.

Measured on one core: a POST costs 220 us of CPU with the library's defaults, 140 us with what a delivery has no use for
left out (cookies, decompression of the answer, headers that say nothing, a timer of the library's beside ours).
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from hub.delivery.guard import AddressForbidden, check_literal, connector
from hub.store.concealing import without_echo

RESPONSE_KEPT_BYTES = 300
_IDLE_SECONDS = 4.0
"""Shorter than what servers keep an idle connection (five seconds and up), so that we seldom write to a closed one."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a channel answered. ``status`` is None when nobody did, then ``head`` says why.

    ``head`` is the beginning of its body as text; names in ``headers`` are in lower case.
    """

    status: int | None
    head: str
    duration_ms: float
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def delivered(self) -> bool:
        """2xx only; a redirect is a failure (Standard Webhooks)."""
        return self.status is not None and 200 <= self.status < 300

    def header(self, name: str) -> str | None:
        """The value of a header, its name in lower case."""
        return next((value for key, value in self.headers if key == name), None)


class Client:
    """Posts to one address; made and used inside one event loop."""

    def __init__(self, url: str, timeout_seconds: float, allow_private: bool) -> None:
        self._forbidden = None if allow_private else _forbidden(url)
        self._url = URL(url)
        self._timeout = timeout_seconds
        self._session = aiohttp.ClientSession(
            connector=connector(allow_private, _IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            skip_auto_headers=("accept", "accept-encoding", "user-agent"),
        )

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Response:
        """Never raises for the network: nobody there is a response without a status."""
        started = time.perf_counter()
        if self._forbidden is not None:
            return Response(None, self._forbidden, 0.0)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(body, headers, started)
        except TimeoutError:
            return Response(None, f"no answer within {self._timeout:g} s", _since(started))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Response(None, _why(error), _since(started))

    async def close(self) -> None:
        await self._session.close()

    async def _exchange(self, body: bytes, headers: Mapping[str, str], started: float) -> Response:
        """Once more if a kept connection was closed at the very moment; a receiver knows the second by its id."""
        try:
            return await self._once(body, headers, started)
        except aiohttp.ServerDisconnectedError:
            return await self._once(body, headers, started)

    async def _once(self, body: bytes, headers: Mapping[str, str], started: float) -> Response:
        async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
            head = (await answer.content.read(RESPONSE_KEPT_BYTES)).decode("utf-8", "replace").replace("\0", "")
            head = without_echo(head, body)
            kept = tuple((name.lower(), value) for name, value in answer.headers.items())
            return Response(answer.status, head, _since(started), kept)


def _forbidden(url: str) -> str | None:
    try:
        check_literal(url)
    except AddressForbidden as error:
        return str(error)
    return None


def _why(error: Exception) -> str:
    """The error's own name and the system's words, without addresses of this machine."""
    text = getattr(error, "strerror", None) or ("" if isinstance(error, aiohttp.ClientConnectorError) else str(error))
    return f"{type(error).__name__}{f': {text}' if text else ''}"[:200]


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
