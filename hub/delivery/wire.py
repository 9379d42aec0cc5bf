"""POSTs to channels: the only network of this room. Many at once from one thread, over connections that are kept.

libcurl does the work: measured on one core, a POST costs 30 us of CPU with it and 140 to 165 with aiohttp (the same
bytes to the same sink).
"""

import io
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import certifi
import pycurl

from hub.delivery.guard import Guard
from hub.store.concealing import without_echo

RESPONSE_KEPT_BYTES = 300
_RESPONSE_READ_BYTES = 65_536
"""Of a longer answer the rest is not read: its status is known, its connection is closed."""
_IDLE_SECONDS = 4
"""Shorter than what servers keep an idle connection (five seconds and up), so that we seldom write to a closed one."""
_CONNECT_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 1.0
_CONNECTIONS_KEPT = 256

_UNSAID = ("Expect:", "Accept:", "User-Agent:")
"""Headers that libcurl would add by itself."""

Tag = TypeVar("Tag")
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Response:
    """What a channel answered. ``status`` is None when nobody did, then ``head`` says why.

    ``head`` is the beginning of its body as text; ``raw_headers`` are the lines of its header as they came.
    """

    status: int | None
    head: str
    duration_ms: float
    raw_headers: bytes = b""

    @property
    def delivered(self) -> bool:
        """2xx only; a redirect is a failure (Standard Webhooks)."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def headers(self) -> Headers:
        """(name in lower case, value); only of the answer itself, when interim answers (RFC 9110, 15.2) came first."""
        last = self.raw_headers.rstrip(b"\r\n").rpartition(b"\r\n\r\n")[2].decode("latin-1")
        pairs = (line.partition(":") for line in last.split("\r\n")[1:])
        return tuple((name.strip().lower(), value.strip()) for name, colon, value in pairs if colon)

    def header(self, name: str) -> str | None:
        """The value of a header, its name in lower case."""
        return next((value for key, value in self.headers if key == name), None)


class _Request(Generic[Tag]):
    """A handle of libcurl and what its requests leave behind, one after another. Without what libcurl would do by
    itself: follow, use a proxy of the environment, speak FTP."""

    __slots__ = ("body", "curl", "guard", "headers", "kept", "length", "tag", "url")

    tag: Tag

    def __init__(self, timeout_seconds: float, allow_private: bool) -> None:
        self.guard, self.headers = Guard(), io.BytesIO()
        self.url, self.body, self.kept, self.length = "", b"", b"", 0
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(timeout_seconds * 1000)))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, round(min(timeout_seconds, _CONNECT_SECONDS) * 1000)))
        curl.setopt(pycurl.MAXAGE_CONN, _IDLE_SECONDS)
        curl.setopt(pycurl.WRITEFUNCTION, self.take)
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.write)
        curl.setopt(pycurl.CAINFO, ssl.get_default_verify_paths().cafile or certifi.where())
        if not allow_private:
            curl.setopt(pycurl.OPENSOCKETFUNCTION, self.guard)

    def make(self, url: str, body: bytes, lines: list[str], tag: Tag) -> None:
        """Ready for its next POST."""
        self.tag, self.body, self.kept, self.length, self.guard.refused = tag, body, b"", 0, False
        self.headers.seek(0)
        self.headers.truncate()
        if url != self.url:
            self.curl.setopt(pycurl.URL, url)
            self.url = url
        self.curl.setopt(pycurl.HTTPHEADER, [*lines, *_UNSAID])
        self.curl.setopt(pycurl.POSTFIELDS, body)

    def take(self, part: bytes) -> int:
        """A part of the answer's body; less than it was ends a long one, which libcurl understands."""
        if self.length < RESPONSE_KEPT_BYTES:
            self.kept = (self.kept + part)[:RESPONSE_KEPT_BYTES]
        self.length += len(part)
        return len(part) if self.length <= _RESPONSE_READ_BYTES else 0

    def response(self, code: int, timeout_seconds: float) -> Response:
        """What came of it; ``code`` is libcurl's."""
        duration_ms = self.curl.getinfo(pycurl.TOTAL_TIME) * 1000
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        if not code or (code == pycurl.E_WRITE_ERROR and status):
            head = self.kept.decode("utf-8", "replace").replace("\0", "")
            return Response(status, without_echo(head, self.body), duration_ms, self.headers.getvalue())
        if self.guard.refused:
            return Response(None, "it has no public address", duration_ms)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return Response(None, f"no answer within {timeout_seconds:g} s", duration_ms)
        return Response(None, _REASONS.get(code, f"libcurl error {code}"), duration_ms)


class Wire(Generic[Tag]):
    """Starts POSTs and hands over their answers, each with the caller's tag. For one thread at a time."""

    def __init__(self, timeout_seconds: float, allow_private: bool) -> None:
        self._timeout = timeout_seconds
        self._allow_private = allow_private
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, _CONNECTIONS_KEPT)
        self._idle: list[_Request[Tag]] = []
        self._flying: dict[pycurl.Curl, _Request[Tag]] = {}

    @property
    def under_way(self) -> int:
        """Requests that were started and are not finished."""
        return len(self._flying)

    def start(self, url: str, body: bytes, headers: Mapping[str, str], tag: Tag) -> None:
        """Begin a POST. Raises ``ValueError`` for a header that would be two."""
        lines = _header_lines(headers)
        request = self._idle.pop() if self._idle else _Request[Tag](self._timeout, self._allow_private)
        request.make(url, body, lines, tag)
        self._flying[request.curl] = request
        self._multi.add_handle(request.curl)

    def finished(self) -> list[tuple[Tag, Response]]:
        """Wait until at least one answer is there. Nobody there is one without a status; empty: none was under way."""
        found: list[tuple[Tag, Response]] = []
        while self._flying:
            self._multi.perform()
            more = 1
            while more:
                more, well, failed = self._multi.info_read()
                found += [self._landed(curl, 0) for curl in well]
                found += [self._landed(curl, code) for curl, code, _ in failed]
            if found:
                break
            due_ms = self._multi.timeout()  # when libcurl has something to do by the clock; -1: nothing
            self._multi.select(min(due_ms / 1000, _LOOK_AGAIN_SECONDS) if due_ms >= 0 else _LOOK_AGAIN_SECONDS)
        return found

    def post(self, url: str, body: bytes, headers: Mapping[str, str], tag: Tag) -> Response:
        """One alone, and wait for it."""
        self.start(url, body, headers, tag)
        ((_, response),) = self.finished()
        return response

    def close(self) -> None:
        """Give up what is under way, and the connections."""
        for curl in self._flying:
            self._multi.remove_handle(curl)
        self._flying.clear()
        self._multi.close()

    def _landed(self, curl: pycurl.Curl, code: int) -> tuple[Tag, Response]:
        request = self._flying.pop(curl)
        self._multi.remove_handle(curl)
        tag, response = request.tag, request.response(code, self._timeout)
        self._idle.append(request)
        return tag, response


_REASONS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "its name leads nowhere",
    pycurl.E_COULDNT_CONNECT: "nobody listens there",
    pycurl.E_GOT_NOTHING: "the connection was closed without an answer",
    pycurl.E_RECV_ERROR: "the connection broke while its answer was awaited",
    pycurl.E_SEND_ERROR: "the connection broke while it was told",
    pycurl.E_PARTIAL_FILE: "its answer ended too soon",
    pycurl.E_SSL_CONNECT_ERROR: "no TLS connection could be made",
    pycurl.E_SSL_CACERT: "its TLS certificate is not one to trust",
    pycurl.E_UNSUPPORTED_PROTOCOL: "what it answered is not HTTP",
    pycurl.E_URL_MALFORMAT: "its address is malformed",
}
"""libcurl's errors in our words; its own would name addresses."""


class Wires(Generic[Tag]):
    """The wires of one process, one for each thread that is sending; kept between drains, so that connections are."""

    def __init__(self, timeout_seconds: float, allow_private: bool) -> None:
        self._terms = (timeout_seconds, allow_private)
        self._kept: list[Wire[Tag]] = []
        self._lock = threading.Lock()

    @contextmanager
    def lent(self) -> Iterator[Wire[Tag]]:
        """A wire with nothing under way. After an exception it is not used again."""
        with self._lock:
            wire = self._kept.pop() if self._kept else Wire[Tag](*self._terms)
        try:
            yield wire
        except BaseException:
            wire.close()
            raise
        with self._lock:
            self._kept.append(wire)


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float, allow_private: bool) -> Response:
    """One POST over a connection of its own."""
    wire: Wire[None] = Wire(timeout_seconds, allow_private)
    try:
        return wire.post(url, body, headers, None)
    finally:
        wire.close()


def _header_lines(headers: Mapping[str, str]) -> list[str]:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("a header is one line")
    return lines
