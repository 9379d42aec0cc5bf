"""An application behind real sockets: uvicorn as `interlock serve api` runs it, on a free port of 127.0.0.1."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from interlock.listening import BoundedProtocol


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
