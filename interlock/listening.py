"""Requests that never end, bounded where they are read, below the application.

uvicorn waits for a head as long as it takes and keeps what comes of it; after an early answer it reads the rest of the
body to its end. Here a head has ten seconds and 64 KiB, from the first byte of the connection on, and what is left of a
body has five seconds after its answer (at once would be a reset that takes the answer with it). Then it is closed.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from schemas.problems import PROBLEM_MEDIA_TYPE, problem

HEAD_BYTES_MAX = 64 * 1024
HEAD_SECONDS_MAX = 10.0
REST_SECONDS_MAX = 5.0


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 over one connection, with a bounded head and a bounded rest."""

    _head_bytes = 0
    _in_body = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._arm(HEAD_SECONDS_MAX)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_body or self._answering() or self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse("headers_too_large")
        elif self._timer is None:
            self._arm(HEAD_SECONDS_MAX)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so in the form of every other error."""
        self._say("query_invalid", msg)
        self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_body = True
        self._disarm()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._head_bytes = 0
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self.transport.is_closing():
            self._arm(REST_SECONDS_MAX)

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first head was read
        return cycle is not None and not cycle.response_complete

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._refuse, "request_timeout")

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, code: str) -> None:
        """Answer by hand, for no application was called, unless there was an answer already; and close."""
        self._disarm()
        if self.transport.is_closing():
            return
        if not self._in_body:
            self._say(code)
        self.transport.close()

    def _say(self, code: str, detail: str = "") -> None:
        found = problem(code, detail)
        body = found.model_dump_json().encode()
        head = (
            f"HTTP/1.1 {found.status} {found.title}\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
