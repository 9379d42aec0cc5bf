"""The clients of one process: an event loop in a thread of its own, and connections that outlive a drain.

A drain is called and returns; its connections must not be made anew each time (an eighth of a drain went into that),
and somebody must notice when the other side closes one: so the loop runs on between drains.
"""

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from hub.delivery.sender import Client

Result = TypeVar("Result")

CLIENTS_KEPT = 100


class Clients:
    """Safe to use from several threads. The loop starts with the first use, so that no thread crosses a fork."""

    def __init__(self, timeout_seconds: float, allow_private: bool) -> None:
        self._timeout = timeout_seconds
        self._allow_private = allow_private
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do ``work`` in the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._running()).result()

    async def to(self, url: str) -> Client:
        """The client for one address; for use inside the loop."""
        client = self._clients.get(url)
        if client is None:
            if len(self._clients) >= CLIENTS_KEPT:
                await self._clients.pop(next(iter(self._clients))).close()
            client = self._clients[url] = Client(url, self._timeout, self._allow_private)
        return client

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = uvloop.new_event_loop()
                threading.Thread(target=_serve, args=(loop,), name="deliveries", daemon=True).start()
                weakref.finalize(self, _stop, loop, self._clients)
                self._loop = loop
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()


def _stop(loop: asyncio.AbstractEventLoop, clients: dict[str, Client]) -> None:
    async def end() -> None:
        for client in clients.values():
            await client.close()
        loop.stop()

    if not loop.is_closed():
        asyncio.run_coroutine_threadsafe(end(), loop)
