"""The endpoints of the tests' own relying parties: logout, notification, keys. One real server for all of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request that came in; names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Relying:
    """`answers`: status, body and Location by path; 200 and nothing where a test said nothing."""

    arrived: list[Arrived] = field(default_factory=list)
    answers: dict[str, tuple[int, str, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                outer.arrived.append(
                    Arrived(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                )
                status, text, location = outer.answers.get(self.path, (200, "", None))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                if text:
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: what arrived is what the test looks at."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def at(self, path: str) -> list[Arrived]:
        return [each for each in self.arrived if each.path == path]

    def forget(self) -> None:
        self.arrived.clear()
        self.answers.clear()


def patient(found: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What `found` answers once it answers something; it is asked again and again."""
    until = time.monotonic() + seconds
    while not (answer := found()) and time.monotonic() < until:
        time.sleep(0.02)
    return answer
