"""A client that keeps connections busy: HTTP/1.1 over raw asyncio, so that it takes little of the CPU it shares."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast

from uvloop import run as run_loop


@dataclass(frozen=True, slots=True)
class Call:
    """One request: headers that differ, and the body."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """``seconds`` from first request to last answer; ``latencies`` in seconds, sorted; bad answers by status."""

    seconds: float
    latencies: list[float]
    refused: dict[int, int]

    def percentile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class _Connection(asyncio.Protocol):
    """One kept-alive connection that takes the next call when its answer is whole."""

    def __init__(self, calls: Iterator[Call], host: str, done: asyncio.Future[None], result: Result) -> None:
        self._calls, self._host, self._done, self._result = calls, host, done, result
        self._buffer = b""
        self._begun = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own, which is no subclass
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        call = next(self._calls, None)
        if call is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        headers = "".join(f"{name}: {value}\r\n" for name, value in call.headers.items())
        head = f"POST {call.path} HTTP/1.1\r\nhost: {self._host}\r\n{headers}content-length: {len(call.body)}\r\n\r\n"
        self._begun = perf_counter()
        self._transport.write(head.encode() + call.body)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._result.latencies.append(perf_counter() - self._begun)
        status = int(head[9:12])
        if status != 200:
            self._result.refused[status] = self._result.refused.get(status, 0) + 1
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError(f"the server closed the connection: {exc}"))


def play(port: int, calls: Sequence[Call], connections: int) -> Result:
    """Send all calls over ``connections`` connections, each the next one as soon as it is free."""
    return run_loop(_play(port, calls, connections))


async def _play(port: int, calls: Sequence[Call], connections: int) -> Result:
    loop = asyncio.get_running_loop()
    result = Result(0.0, [], {})
    following = iter(calls)
    done = [loop.create_future() for _ in range(connections)]
    begun = perf_counter()
    for future in done:
        await loop.create_connection(
            lambda future=future: _Connection(following, f"127.0.0.1:{port}", future, result),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    await asyncio.gather(*done)
    return Result(perf_counter() - begun, sorted(result.latencies), result.refused)
