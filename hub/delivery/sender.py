"""One POST to a channel: the only network of this room."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

RESPONSE_KEPT_BYTES = 300


@dataclass(frozen=True, slots=True)
class Response:
    """What a channel answered. ``status`` is None when nobody did; ``retry_after`` in seconds."""

    status: int | None
    head: str
    duration_ms: float
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        """2xx only; a redirect is a failure (Standard Webhooks)."""
        return self.status is not None and 200 <= self.status < 300


async def post(
    session: aiohttp.ClientSession, url: str, body: bytes, content_type: str, headers: Mapping[str, str]
) -> Response:
    """Never raises for the network: nobody there is a response without a status."""
    started = time.perf_counter()
    try:
        async with session.post(
            url, data=body, headers={**headers, "content-type": content_type}, allow_redirects=False
        ) as answer:
            head = (await answer.content.read(RESPONSE_KEPT_BYTES)).decode("utf-8", "replace")
            status, retry_after = answer.status, _seconds(answer.headers.get("retry-after"))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Response(None, type(error).__name__, _since(started))
    return Response(status, head, _since(started), retry_after)


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isdigit() else None


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
