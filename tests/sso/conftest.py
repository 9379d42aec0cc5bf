"""The provider, listening on a free port of 127.0.0.1, with real PostgreSQL and the demo's clients and people."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from interlock.clock import SetClock
from interlock.database import Pool
from sso.options import Argon2Options
from tests.sso.harness import Listener, Receiver, Site, running


@pytest.fixture(scope="session")
def argon2_options() -> Argon2Options:
    """The smallest cost argon2 allows: these tests are about everything but its slowness."""
    return Argon2Options(memory_kib=8, passes=1, lanes=1)


class BackChannel:
    """Where clients are told of logouts: one real HTTP server for the run, what it was posted is each test's own."""

    def __init__(self) -> None:
        self.received: dict[str, Receiver] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver = outer.received[self.path.removeprefix("/")]
                receiver.tokens += parse_qs(body).get("logout_token", [])
                self.send_response(receiver.next_answer())
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the tokens are what the test looks at."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def fresh(self) -> dict[str, Receiver]:
        address = f"http://127.0.0.1:{self.server.server_port}"
        self.received = {name: Receiver(f"{address}/{name}") for name in ("web", "app")}
        return self.received


@pytest.fixture(scope="session")
def back_channel() -> Iterator[BackChannel]:
    """The clients' back-channel endpoints."""
    running = BackChannel()
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


@pytest.fixture
def receivers(back_channel: BackChannel) -> dict[str, Receiver]:
    """What the clients `web` and `app` are told in this test."""
    return back_channel.fresh()


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    """The provider's HTTP server."""
    started = Listener()
    started.start()
    yield started
    started.stop()


@pytest.fixture
def site(
    listener: Listener, pool: Pool, clock: SetClock, receivers: dict[str, Receiver], argon2_options: Argon2Options
) -> Iterator[Site]:
    """A provider with the demo's clients and people, listening."""
    with running(listener, pool, clock, receivers, argon2_options) as started:
        yield started
