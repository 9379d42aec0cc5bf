"""A client that keeps connections busy. A connection's next request may depend on its last answer (refresh tokens)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from uvloop import run as run_loop


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `body` is a form where there is one."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def wire(self, host: str) -> bytes:
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        if self.body:
            headers += f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(self.body)}\r\n"
        return f"{self.method} {self.path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n".encode() + self.body


class Talker(Protocol):
    """One connection's side of the talk."""

    def __call__(self, last: bytes | None) -> Call:
        """The next request; `last` is the body of the last answer, None before the first."""


@dataclass
class Result:
    """What came back: seconds of each request, and how many answers had another status than was wanted."""

    latencies: list[float] = field(default_factory=list)
    wrong: int = 0

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def play(port: int, talkers: Sequence[Talker], seconds: float, wanted: int) -> Result:
    """Let every talker talk over a connection of its own for so long; answers of status `wanted` are good ones."""
    result = Result()

    async def everybody() -> None:
        until = perf_counter() + seconds
        await asyncio.gather(*(_talk(port, talker, until, wanted, result) for talker in talkers))

    run_loop(everybody())
    return result


async def _talk(port: int, talker: Talker, until: float, wanted: int, result: Result) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    last: bytes | None = None
    while perf_counter() < until:
        begun = perf_counter()
        writer.write(talker(last).wire(f"127.0.0.1:{port}"))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        last = await reader.readexactly(length)
        result.latencies.append(perf_counter() - begun)
        result.wrong += int(head[9:12]) != wanted
    writer.close()
    await writer.wait_closed()


def same(call: Call) -> Talker:
    """Always the same request."""
    return lambda last: call
