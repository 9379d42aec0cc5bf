"""What the intake's benchmarks play on: engines of their own, the floor and the hub as servers, a connected channel.

Everything runs as it does in service (``interlock serve ...``), each in a process of its own, and ends with the stage.
"""

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from benchmarks.intake import floor, traffic
from hub.store import channels
from hub.store import timetable as hub_timetable
from interlock.database import migrate
from interlock.engines import start_engines
from interlock.settings import Settings
from interlock.wiring import open_hub, sign_on
from schemas.timetable import timetable_document
from simulators import timetable
from sso.admin import Demo, seed_demo


@dataclass(frozen=True, slots=True)
class Stage:
    """The servers, listening; ``secret`` is the web channel's. ``processes``: by name, for who watches them."""

    floor_port: int
    hub_port: int
    secret: str
    processes: dict[str, int]

    def headers(self) -> dict[str, str]:
        """Of the web channel's messages; its token is good for five minutes."""
        token = _token(f"http://127.0.0.1:{self.hub_port}", self.secret)
        return {"authorization": f"Bearer {token}", "content-type": "application/json"}


@contextmanager
def stage(api_workers: int = 1, told: str | None = None) -> Iterator[Stage]:
    """Engines, a migrated database with the timetable, both servers with ``api_workers`` processes each.

    With ``told`` the phone channel is told at this address, and a worker and a beat run too, as in service.
    """
    with tempfile.TemporaryDirectory(prefix="ilk-bench-") as folder:
        engines = start_engines(Path(folder))
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            migrate(engines.database_url)
            floor_port, hub_port = _free_port(), _free_port()
            settings = Settings(
                data_dir=Path(folder),
                database_url=SecretStr(engines.database_url),
                redis_url=SecretStr(engines.redis_url),
                port=hub_port,
                public_url=f"http://127.0.0.1:{hub_port}",
            )
            secret = seed(settings, told)
            environment = os.environ | {
                floor.DATABASE: engines.database_url,
                "INTERLOCK_DATA_DIR": folder,
                "INTERLOCK_DATABASE_URL": engines.database_url,
                "INTERLOCK_REDIS_URL": engines.redis_url,
                "INTERLOCK_PORT": str(hub_port),
                "INTERLOCK_PUBLIC_URL": settings.public_url,
                "INTERLOCK_ALLOW_PRIVATE_CALLBACKS": "true",
            }

            def start(name: str, *command: str) -> None:
                running[name] = subprocess.Popen([sys.executable, "-m", *command], env=environment)

            many = ("--workers", str(api_workers))
            uvicorn = ("uvicorn", "--no-access-log", "--log-level", "warning", "--port", str(floor_port))
            start("floor", *uvicorn, *many, "benchmarks.intake.floor:application")
            start("api", "interlock", "serve", "api", *many)
            if told is not None:
                start("worker", "interlock", "serve", "worker")
                start("beat", "interlock", "serve", "beat")
            _wait(floor_port)
            _wait(hub_port)
            pids = {name: process.pid for name, process in running.items()}
            if engines.postgres is not None:
                pids["postgres"] = engines.postgres.pid
            yield Stage(floor_port, hub_port, secret, pids)
        finally:
            _end(list(running.values()))
            engines.stop()


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        process.wait()


def seed(settings: Settings, told: str | None = None) -> str:
    """The timetable, the web channel with its client, the phone channel at ``told``; returns the client's secret."""
    secret = secrets.token_urlsafe(32)
    hub = open_hub(settings, "bench")
    try:
        with hub.pool.connection() as connection:
            for channel, endpoint in [("web", None)] + ([("phone", told)] if told else []):
                signing = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
                channels.register(connection, channel, endpoint, signing, hub.seal, hub.clock())
            document = json.dumps(timetable.document(traffic.FIRST_DAY, days=traffic.DAYS))
            hub_timetable.load(connection, timetable_document.validate_json(document).trains)
        seed_demo(sign_on(hub), Demo(applications={}, channel_secrets={"web": secret}))
    finally:
        hub.close()
    return secret


def _token(hub_url: str, secret: str) -> str:
    basic = base64.b64encode(f"channel-web:{secret}".encode()).decode()
    request = urllib.request.Request(
        f"{hub_url}/sso/token",
        b"grant_type=client_credentials&scope=hub%3Amessages",
        {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded"},
    )
    with urllib.request.urlopen(request) as response:
        token: str = json.load(response)["access_token"]
    return token


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(port: int, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nobody listens on port {port} after {seconds:.0f} s")
