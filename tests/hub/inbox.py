"""A channel's inbox on loopback: a real HTTP server that remembers, fails on demand and checks signatures."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hub.delivery import verify
from tests.hub.railway import SECRET


@dataclass
class Inbox:
    """``failing``: a word in a body -> the status it gets. ``headers``: what every answer carries besides.

    ``requests`` has the headers of every attempt, in lower case; ``connections`` the ports they came from.
    """

    url: str = ""
    secrets: list[str] = field(default_factory=lambda: [SECRET])
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)
    received: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)

    def status(self, body: str) -> int:
        return next((code for word, code in self.failing.items() if word in body), 204)


@contextmanager
def open_inbox(encoding: str = "utf-8") -> Iterator[Inbox]:
    """A server on a free port of 127.0.0.1; ``encoding`` is of the bodies it is told."""
    inbox = Inbox()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            body = raw.decode(encoding)
            signed = verify(
                inbox.secrets,
                self.headers["webhook-id"],
                self.headers["webhook-timestamp"],
                self.headers["webhook-signature"],
                raw,
                datetime.now(UTC),
            )
            with lock:
                inbox.attempts.append(body)
                inbox.connections.add(self.client_address[1])
                inbox.requests.append({name.lower(): value for name, value in self.headers.items()})
                if not signed:
                    inbox.unsigned.append(body)
                status = inbox.status(body)
                if status < 300:
                    inbox.received.append(body)
            self.send_response(status)
            self.send_header("content-length", "0")
            for name, value in inbox.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Tests read what arrived, not a log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    inbox.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
