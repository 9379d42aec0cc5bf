"""The whole hub by one command, and every part of it killed: it comes back by itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from interlock.celery_app import SCHEDULE, CeleryOptions, create_celery_app, worker_answers
from interlock.engines import find_postgres, find_valkey
from interlock.engines.directory import DataDirectory
from interlock.supervisor import recorded_names

pytestmark = pytest.mark.system
STARTING_SECONDS = 120.0


class Hub:
    """A running `interlock up` with its own data directory and port."""

    def __init__(self, data_dir: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.data_dir = data_dir
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")} | {
            "INTERLOCK_DATA_DIR": str(data_dir),
            "INTERLOCK_PORT": str(self.port),
            "INTERLOCK_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
        }
        self.log = data_dir / "up.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "interlock", "up"], env=environment, stdout=log, stderr=log
            )

    def api_is_ready(self) -> bool:
        """Whether the API answers and can reach what it needs."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).is_success
        except httpx.TransportError:
            return False

    def worker_works(self) -> bool:
        """Whether a worker does a trial task."""
        valkey = find_valkey(self.data_dir)
        if valkey is None:
            return False
        app = create_celery_app(CeleryOptions(valkey.url, self.data_dir / "beat"), ())
        return worker_answers(app, valkey.url, timeout=2)

    def pid(self, name: str) -> int:
        """The recorded pid of a part, engines included."""
        path = self.data_dir / ("postgres/postmaster.pid" if name == "postgres" else f"run/{name}.pid")
        return int(path.read_text().split()[0])

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for `condition`, or fail with everything the hub has logged."""
        deadline = time.monotonic() + STARTING_SECONDS
        while not condition():
            logs = [self.log, *(self.data_dir / "logs").glob("*.log")]
            waiting = time.monotonic() < deadline and self.process.poll() is None
            assert waiting, f"{what}\n" + "\n".join(path.read_text()[-2000:] for path in logs)
            time.sleep(0.1)


@pytest.fixture
def hub(data_dir: Path) -> Iterator[Hub]:
    """A hub that is up; ended and cleared away afterwards."""
    started = Hub(data_dir)
    try:
        started.wait(lambda: b"Interlock is up" in started.log.read_bytes(), "the hub did not come up")
        yield started
    finally:
        started.process.kill()
        started.process.wait(10)
        environment = os.environ | {"INTERLOCK_DATA_DIR": str(data_dir)}
        subprocess.run([sys.executable, "-m", "interlock", "down"], env=environment, check=True, timeout=120)


def test_everything_killed_at_once_comes_back(hub: Hub) -> None:
    before = {name: hub.pid(name) for name in ("api", "worker", "beat", "valkey", "postgres")}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    hub.wait(lambda: find_postgres(hub.data_dir) is not None and hub.pid("postgres") != before["postgres"], "postgres")
    hub.wait(lambda: hub.pid("api") != before["api"] and hub.api_is_ready(), "the API did not come back")
    hub.wait(hub.worker_works, "the worker did not come back")
    assert {name for name, pid in before.items() if hub.pid(name) == pid} == set()
    hub.process.terminate()
    assert hub.process.wait(60) == 0
    assert find_postgres(hub.data_dir) is None
    assert find_valkey(hub.data_dir) is None
    assert recorded_names(DataDirectory.prepare(hub.data_dir)) == []


def test_every_task_on_the_timetable_exists(tmp_path: Path) -> None:
    app = create_celery_app(CeleryOptions("redis://127.0.0.1:1/0", tmp_path / "beat"))
    app.loader.import_default_modules()
    assert {task for _what, task, _seconds in SCHEDULE} <= set(app.tasks)
