"""An application behind real sockets: uvicorn as `interlock serve api` runs it, on a free port of 127.0.0.1."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from interlock.clock import FileClock
from interlock.listening import BoundedProtocol
from interlock.settings import Settings
from interlock.web import build_app
from interlock.wiring import Hub, open_hub
from tests.console.harness import MORNING, play_day


@contextmanager
def serving(app: FastAPI, protocol: type[BoundedProtocol] = BoundedProtocol) -> Iterator[int]:
    """The port, until the block ends."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, http=protocol, log_config=None, proxy_headers=False)
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def served(data_dir: Path, database_url: str, valkey_url: str, host: str = "127.0.0.1") -> Iterator[Hub]:
    """The whole application, after a small day, at ``host`` and a free port: at its own public URL."""
    FileClock(data_dir / "clock", MORNING).close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        data_dir=data_dir,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(valkey_url),
        public_url=f"http://{host}:{port}",
        clock_file=data_dir / "clock",
        allow_private_callbacks=True,
    )
    hub = open_hub(settings, "test")
    server = uvicorn.Server(uvicorn.Config(build_app(hub), host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    play_day(hub)
    try:
        yield hub
    finally:
        server.should_exit = True
        thread.join()  # the application closes its hub
