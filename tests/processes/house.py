"""Several API processes over one database, as `interlock serve api` runs them, and a client that asks them at once."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from pydantic import SecretStr

from hub.store import channels, timetable
from interlock.settings import Settings
from interlock.wiring import open_hub, sign_on
from sso.admin import Demo, seed_demo
from tests.hub.railway import SECRET
from tests.processes import traffic

CHANNELS = ("web", "app", "phone", "agents", "windows")
CLIENT_SECRET = "a-secret-of-at-least-thirty-two-characters"
UP_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one of the processes (``door``)."""

    door: int
    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """What came back. ``status`` 0: nothing, the connection broke. Times are seconds of one monotonic clock."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]
    began: float
    ended: float

    @property
    def outcome(self) -> str:
        return str(self.body.get("outcome") or self.body.get("code", ""))


@dataclass
class House:
    """The processes, by door; the settings they share; a bearer token for each channel."""

    settings: Settings
    environment: dict[str, str]
    ports: list[int]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def database_url(self) -> str:
        return self.settings.engines().database_url

    def open(self, door: int) -> None:
        """Start the process behind this door, and wait until it is ready."""
        self.begin(door)
        self.wait(door)

    def begin(self, door: int) -> None:
        started = self._serve("api", "--port", str(self.ports[door]))
        if door < len(self.running):
            self.running[door] = started
        else:
            self.running.append(started)

    def _serve(self, *what: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "interlock", "serve", *what]
        with (self.settings.data_dir / "said").open("ab") as said:
            return subprocess.Popen(command, env=self.environment, stdout=said, stderr=said)

    @contextmanager
    def beside(self, *kinds: str) -> Iterator[None]:
        """Other processes of the installation (``worker``, ``beat``), until the block ends."""
        started = [self._serve(kind) for kind in kinds]
        try:
            yield
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(30)

    def wait(self, door: int) -> None:
        deadline = time.monotonic() + UP_SECONDS
        while time.monotonic() < deadline:
            if self.running[door].poll() is not None:
                said = (self.settings.data_dir / "said").read_text(encoding="utf-8", errors="replace")
                raise AssertionError(f"an API process ended at once: {said[-2000:]}")
            try:
                if httpx.get(f"{self.url(door)}/readyz", trust_env=False, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(f"the process behind door {door} is not ready after {UP_SECONDS:.0f} s")

    def url(self, door: int) -> str:
        return f"http://127.0.0.1:{self.ports[door]}"

    def kill(self, door: int) -> None:
        """As an out-of-memory killer would."""
        self.running[door].kill()
        self.running[door].wait()

    def token(self, client: str, scope: str = "hub:messages hub:orders") -> str:
        """A fresh access token of one of the house's clients, got from the first door."""
        answer = httpx.post(
            f"{self.url(0)}/sso/token",
            data={"grant_type": "client_credentials", "scope": scope},
            auth=(client, CLIENT_SECRET),
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def login(self) -> None:
        """Tokens for all channels; good for five minutes."""
        self.tokens = {name: self.token(f"channel-{name}") for name in CHANNELS}

    def message(self, door: int, channel: str, message_id: str, body: bytes) -> Call:
        headers = {"authorization": f"Bearer {self.tokens[channel]}", "webhook-id": message_id}
        return Call(door, f"/v1/channels/{channel}/messages", body, headers)

    def claim(self, door: int, claim: traffic.Claim, body: bytes) -> Call:
        return self.message(door, claim.channel, claim.message_id, body)

    def close(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(20)


class Crowd:
    """One client with many kept-alive connections to every door; ``async with``."""

    def __init__(self, house: House, connections: int = 64) -> None:
        self._house = house
        self._connections = connections

    async def __aenter__(self) -> Crowd:
        connector = aiohttp.TCPConnector(limit=self._connections)
        self._http = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def say(self, call: Call) -> Said:
        began = time.monotonic()
        url = self._house.url(call.door) + call.path
        try:
            async with self._http.post(url, data=call.body, headers=call.headers) as answer:
                body = await answer.json(content_type=None)
                return Said(answer.status, body, dict(answer.headers), began, time.monotonic())
        except (aiohttp.ClientError, ConnectionError):
            return Said(0, {}, {}, began, time.monotonic())

    async def at_once(self, calls: Iterable[Call]) -> list[Said]:
        return list(await asyncio.gather(*map(self.say, calls)))

    async def through(self, calls: Sequence[Call], lanes: int) -> list[Said]:
        """All of them in ``lanes`` lanes, each lane the next one when its last is answered; in the calls' order."""
        said: list[Said | None] = [None] * len(calls)
        waiting = iter(range(len(calls)))

        async def lane() -> None:
            for number in waiting:
                said[number] = await self.say(calls[number])

        await asyncio.gather(*(lane() for _ in range(lanes)))
        return [item for item in said if item is not None]


@contextmanager
def house(data_dir: Path, database_url: str, redis_url: str, doors: int = 2, **more: Any) -> Iterator[House]:
    """``doors`` processes over a migrated database, all channels connected, the long train in the timetable."""
    ports = [_free_port() for _ in range(doors)]
    settings = Settings(
        data_dir=data_dir,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        public_url=f"http://127.0.0.1:{ports[0]}",
        **more,
    )
    furnish(settings)
    opened = House(settings, _environment(settings, more), ports)
    try:
        for door in range(doors):
            opened.begin(door)
        for door in range(doors):
            opened.wait(door)
        opened.login()
        yield opened
    finally:
        opened.close()


def _environment(settings: Settings, more: Mapping[str, Any]) -> dict[str, str]:
    said = {"data_dir": settings.data_dir, "public_url": settings.public_url, **more}
    engines = settings.engines()
    said |= {"database_url": engines.database_url, "redis_url": engines.redis_url}
    return os.environ | {f"INTERLOCK_{name}".upper(): str(value) for name, value in said.items()}


def furnish(settings: Settings) -> None:
    """Channels with their clients, the train, and a client that may operate."""
    hub = open_hub(settings, "furnish")
    try:
        with hub.pool.connection() as connection:
            for name in CHANNELS:
                channels.register(connection, name, None, SECRET, hub.seal, hub.clock())
            timetable.load(connection, [traffic.train()])
        provider = sign_on(hub)
        seed_demo(provider, Demo(applications={}, channel_secrets=dict.fromkeys(CHANNELS, CLIENT_SECRET)))
    finally:
        hub.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
