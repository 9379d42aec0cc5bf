"""The five channels log a passenger in: their own clients against the whole application, each behind a real server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from aiohttp import web
from pydantic import SecretStr

from interlock.clock import FileClock
from interlock.database import Pool
from interlock.demo.clients import new_login_key, register_logins
from interlock.demo.stage import (
    AGENT_LOGIN,
    AGENT_NAME,
    PASSENGER_LOGIN,
    PASSENGER_PASSWORD,
    STAFF_PASSWORD,
    free_ports,
)
from interlock.demo.tour import Tour
from interlock.demo.tree import grown
from interlock.settings import Settings
from interlock.web import build_app
from interlock.wiring import Hub, open_hub, sign_on
from simulators.channel import ChannelServer
from simulators.configuration import ChannelAccess, Simulation
from simulators.journeys import ACCOUNT_NAME, ACCOUNT_PHONE
from simulators.plan import CHANNELS
from sso import Provider, clerks, logout
from sso.admin import Demo, DemoPerson, seed_demo
from tests.console.harness import MORNING, SECRET, play_day

DAY = date(2026, 1, 11)


class Channels:
    """Five channel systems on one event loop in a thread of its own."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.servers: dict[str, ChannelServer] = {}
        self._loop = asyncio.new_event_loop()
        self._runners: list[web.AppRunner] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(60)

    async def _open(self) -> None:
        for channel, access in self.simulation.channels.items():
            self.servers[channel] = ChannelServer(channel, self.simulation)
            runner = web.AppRunner(self.servers[channel].application(), shutdown_timeout=0.2)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", access.port).start()
            self._runners.append(runner)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _shut(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    def home(self, channel: str) -> str:
        return f"http://127.0.0.1:{self.simulation.channels[channel].port}"

    def state(self, channel: str) -> dict[str, Any]:
        return dict(httpx.get(f"{self.home(channel)}/state", trust_env=False).json())


class Teller:
    """What beat and a worker do in an installation: logout tokens and pings go out, again and again."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Teller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        provider = self._provider
        while not self._end.wait(0.2):
            logout.deliver_logout_tokens(
                provider.pool, provider.clock, logout.http_send, tokens=provider.tokens, options=provider.options
            )


@pytest.fixture
def hub(pool: Pool, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Hub]:
    """The whole application behind a real server, after a small day."""
    FileClock(tmp_path / "clock", MORNING).close()
    (port,) = free_ports(1)
    settings = Settings(
        data_dir=tmp_path,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(valkey_url),
        public_url=f"http://127.0.0.1:{port}",
        clock_file=tmp_path / "clock",
        allow_private_callbacks=True,
    )
    opened = open_hub(settings, "test")
    server = uvicorn.Server(uvicorn.Config(build_app(opened), host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    play_day(opened)
    yield opened
    server.should_exit = True
    thread.join()


@pytest.fixture
def provider(hub: Hub) -> Provider:
    return sign_on(hub)


@pytest.fixture
def channels(hub: Hub, provider: Provider, tmp_path: Path) -> Iterator[Channels]:
    access = {
        name: ChannelAccess(port, f"{name}-secret-of-the-test-0123456789abcdef", SECRET, new_login_key(name))
        for name, port in zip(CHANNELS, free_ports(len(CHANNELS)), strict=True)
    }
    simulation = Simulation(1, 100, DAY, hub.settings.public_url, tmp_path, access, 1)
    people = (
        DemoPerson(PASSENGER_LOGIN, ACCOUNT_NAME, PASSENGER_PASSWORD, phone=ACCOUNT_PHONE),
        DemoPerson(AGENT_LOGIN, AGENT_NAME, STAFF_PASSWORD),
    )
    seed_demo(provider, Demo({}, {}, people))
    register_logins(provider, simulation)
    clerks.employ(provider, "agents", AGENT_LOGIN)
    running = Channels(simulation)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_one_tree_over_five_channels_and_one_logout(channels: Channels, provider: Provider) -> None:
    with Teller(provider):
        tour = Tour(channels.simulation, lambda: grown(provider, PASSENGER_LOGIN), channels.state, ["web", "web"]).take()
    assert [step.what.split()[0] for step in tour][:5] == ["web", "app", "windows", "phone", "agents"]
    assert tour[-1].what == "phone is up again"
    assert grown(provider, PASSENGER_LOGIN) == []
