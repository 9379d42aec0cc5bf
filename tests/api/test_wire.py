"""HTTP that no browser sends: over real sockets, against the whole application as it is served.

RFC 9112 section 6 (message body length), section 2.2 and 11.2 (request smuggling), RFC 9110 section 8.4 (content
codings). What can be read in two ways is not read at all: a proxy before us may have read it the other way.
"""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.delivery import sign
from interlock.web import build_app
from interlock.wiring import Hub
from tests.api.serving import serving
from tests.api.test_bad_input import whole
from tests.hub.railway import SECRET

PATIENCE = 20.0


@pytest.fixture
def port(hub: Hub) -> Iterator[int]:
    with serving(build_app(hub)) as number:
        yield number


def heard(wire: socket.socket) -> bytes:
    """Everything that comes until the other side closes, or nothing more comes for two seconds."""
    said = b""
    wire.settimeout(PATIENCE)
    while True:
        try:
            part = wire.recv(65536)
        except (TimeoutError, ConnectionResetError):
            return said
        if not part:
            return said
        said += part
        wire.settimeout(2.0)


def spoken(port: int, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
        wire.sendall(raw)
        return heard(wire)


def answers(said: bytes) -> list[int]:
    """The status of every answer on the connection."""
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


def problem_of(said: bytes) -> tuple[int, str]:
    """Status and code of the one answer, which is a problem document."""
    assert len(answers(said)) == 1, said
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower(), said
    found: dict[str, Any] = json.loads(body)
    assert found["remedy"]
    assert found["status"] == answers(said)[0]
    return found["status"], found["code"]


POST = b"POST /v1/channels/web/messages HTTP/1.1\r\nhost: h\r\n"
HIDDEN = b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n"


DOUBTFUL = (
    ("length and chunks", b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n", b"0\r\n\r\n" + HIDDEN),
    ("chunks and length", b"transfer-encoding: chunked\r\ncontent-length: 60\r\n\r\n", b"0\r\n\r\n" + HIDDEN),
    ("two lengths", b"content-length: 0\r\ncontent-length: 60\r\n\r\n", HIDDEN),
    ("two lengths in one field", b"content-length: 0, 60\r\n\r\n", HIDDEN),
    ("a length with a sign", b"content-length: +3\r\n\r\n", b"abc"),
    ("a length that is no number", b"content-length: 0x3\r\n\r\n", b"abc"),
    ("a negative length", b"content-length: -1\r\n\r\n", HIDDEN),
    ("chunked is not last", b"transfer-encoding: chunked, identity\r\n\r\n", b"0\r\n\r\n" + HIDDEN),
    ("an unknown transfer coding", b"transfer-encoding: xchunked\r\n\r\n", b"0\r\n\r\n" + HIDDEN),
    ("a blank before the colon", b"content-length : 60\r\n\r\n", HIDDEN),
    ("a folded field", b"x-a: 1\r\n content-length: 60\r\n\r\n", HIDDEN),
    ("a bare line feed in a field", b"x-a: 1\ncontent-length: 60\r\n\r\n", HIDDEN),
    ("a zero byte in a field", b"x-a: 1\x002\r\n\r\n", b""),
    ("a chunk size that is none", b"transfer-encoding: chunked\r\n\r\n", b"zz\r\nabc\r\n0\r\n\r\n"),
    ("a negative chunk size", b"transfer-encoding: chunked\r\n\r\n", b"-1\r\nabc\r\n0\r\n\r\n"),
    ("an enormous chunk size", b"transfer-encoding: chunked\r\n\r\n", b"ffffffffffffffffff\r\nabc\r\n"),
)


def test_what_can_be_read_in_two_ways_is_refused_and_hides_no_second_request(port: int) -> None:
    for name, head, body in DOUBTFUL:
        said = spoken(port, POST + head + body)
        assert len(answers(said)) == 1, (name, said)
        status, _ = problem_of(said)
        assert 400 <= status < 500, (name, said)


def test_a_second_request_behind_a_refused_one_is_not_answered(port: int) -> None:
    """Nothing after the point of doubt is read: the connection is closed."""
    said = spoken(port, POST + b"content-length: 0, 60\r\n\r\n" + HIDDEN * 3)
    assert len(answers(said)) == 1


def test_two_honest_requests_on_one_connection_are_both_answered(port: int) -> None:
    chunked = POST + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    last = HIDDEN.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert answers(spoken(port, chunked + last)) == [401, 200]


def test_a_compressed_body_is_refused_and_never_opened(port: int) -> None:
    """A bomb of ten megabytes that travels as ten kilobytes costs nobody any memory."""
    body = gzip.compress(bytes(10_000_000), mtime=0)
    head = b"POST %s HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-encoding: %s\r\ncontent-length: %d\r\n\r\n"
    one = b"/v1/channels/web/messages"
    asked = [(path, b"gzip") for path in (one, one + b"/bulk", b"/sso/token", b"/console/connect")]
    for path, coding in (*asked, (one, b"GZIP"), (one, b"br"), (one, b"gzip, identity")):
        said = spoken(port, head % (path, coding, len(body)) + body)
        assert problem_of(said) == (415, "body_compressed"), (path, coding)
        assert b"accept-encoding: identity" in said.lower()


def test_a_body_as_it_is_may_say_so(port: int) -> None:
    body = whole("web")
    signed = sign([SECRET], "m-1", datetime.now(UTC), body) | {"content-encoding": "identity"}
    fields = b"".join(f"{name}: {value}\r\n".encode() for name, value in signed.items())
    said = spoken(port, POST + fields + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    assert answers(said) == [200]


ODD = (
    b"/v1/channels/\xff\xfe/messages", b"/v1/channels/%ff%fe/messages", b"/v1/channels/%00/messages",
    b"/v1/channels/../web/messages", b"/v1/channels/web%2fmessages", b"/v1/orders/%c0%ae%c0%ae", b"/console/%ff",
    b"/console/orders/%00", b"/console/channels/%ff", b"/sso/%ff%00", b"/%", b"/%zz", b"//evil.example/console",
    b"/v1/problems/%0d%0ax-injected:%201", b"/console/static/..%2f..%2f..%2fetc%2fpasswd",
    b"/console/static/%2e%2e/router.py", b"/v1/schemas/1.0/..%2f..%2fproblems.csv.json", b"*", b"http://evil/healthz",
)  # fmt: skip


def test_an_address_that_no_browser_sends_gets_a_plain_answer(port: int) -> None:
    for path in ODD:
        said = spoken(port, b"GET " + path + b" HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        (status,) = answers(said)
        assert status < 500, said
        assert status != 200 or path == b"http://evil/healthz", said
        head = said.partition(b"\r\n\r\n")[0].lower()
        for never in (b"x-injected", b"location: //", b"location: http://evil"):
            assert never not in head, said
        assert b"root:" not in said


def test_deep_nesting_ends_no_process(port: int) -> None:
    """200,000 bytes of brackets: whatever reads JSON here has an end of its own."""
    for opening in (b"[", b'{"a":', b'[{"a":'):
        body = opening * (200_000 // len(opening))
        signed = sign([SECRET], f"deep-{len(opening)}", datetime.now(UTC), body)
        fields = b"".join(f"{name}: {value}\r\n".encode() for name, value in signed.items())
        said = spoken(port, POST + fields + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert problem_of(said) == (422, "message_malformed")


def test_methods_that_are_not_meant_for_us_are_refused(port: int) -> None:
    for line in (
        b"TRACE / HTTP/1.1",
        b"CONNECT 127.0.0.1:22 HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"GET / HTTP/3.0",
        b"get / HTTP/1.1",
    ):
        said = spoken(port, line + b"\r\nhost: h\r\nconnection: close\r\n\r\n")
        assert all(400 <= status < 500 for status in answers(said)), (line, said)
        assert b"x-forwarded" not in said


def test_a_host_that_is_not_ours_leads_nobody_away(port: int) -> None:
    """Links and redirects are made from the configured address, never from what the request claims."""
    head = b"GET /console HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: evil.example\r\nconnection: close\r\n\r\n"
    said = spoken(port, head)
    assert answers(said) == [303]
    assert b"evil.example" not in said
