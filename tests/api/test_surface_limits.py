"""What one caller can do to the others: over real sockets, against the server as it is run."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from hub.api.buckets import Buckets
from hub.api.callers import BAD_PROOF_COST, Callers, TooManyRequests
from hub.api.limits import HEAD_BYTES_MAX, LimitOptions, Limits
from hub.api.router import install_problems
from hub.delivery import sign
from interlock import listening
from interlock.listening import BoundedProtocol
from interlock.web import build_app
from interlock.wiring import Hub
from tests.api.serving import serving
from tests.api.test_bad_input import OTHER_SECRET, whole
from tests.hub.railway import SECRET

PATIENCE = 20.0


class Impatient(BoundedProtocol):
    """The protocol with shorter times, so that a test need not wait."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An application that echoes, with small limits: 0.3 s for a head, 0.5 s for a body, 2 requests at once."""
    monkeypatch.setattr(listening, "HEAD_SECONDS_MAX", 0.3)
    monkeypatch.setattr(listening, "REST_SECONDS_MAX", 0.3)
    app = FastAPI()
    app.state.go_on = threading.Event()
    install_problems(app)
    options = LimitOptions(body_bytes=1000, messages_bytes=2000, body_seconds=0.5, slow_bytes=100)
    app.add_middleware(Limits, callers=Callers(at_once=2, strangers_per_minute=200), options=options)

    @app.post("/echo")
    async def echo(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    @app.post("/deaf")
    async def deaf() -> str:
        return "answered before the body was read"

    @app.get("/wait")
    def wait() -> str:
        app.state.go_on.wait(PATIENCE)
        return "done"

    @app.get("/go")
    async def go() -> None:
        app.state.go_on.set()

    with serving(app, Impatient) as opened:
        yield opened


def spoken(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Say these parts, then listen until the server closes or has answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
        for part in parts:
            wire.sendall(part)
            time.sleep(pause)
        return heard(wire)


def heard(wire: socket.socket) -> bytes:
    """One answer, by its length."""
    found = b""
    while b"\r\n\r\n" not in found:
        more = wire.recv(65536)
        if not more:
            return found
        found += more
    head, _, body = found.partition(b"\r\n\r\n")
    length = next(int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length"))
    while len(body) < length:
        body += wire.recv(65536)
    return head + b"\r\n\r\n" + body


def problem_of(raw: bytes) -> tuple[int, str]:
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, raw
    found: dict[str, Any] = json.loads(body)
    assert int(head.split()[1]) == found["status"]
    assert found["remedy"]
    return found["status"], found["code"]


HEAD = b"POST /echo HTTP/1.1\r\nhost: h\r\n"


def chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b"x" * size)


def test_a_body_over_the_limit_by_its_length_is_refused_before_it_is_sent(port: int) -> None:
    assert problem_of(spoken(port, HEAD + b"content-length: 1001\r\n\r\n")) == (413, "body_too_large")


def test_what_is_no_http_is_told_so(port: int) -> None:
    for said in (HEAD + b"content-length: 99999999999999999999999\r\n\r\n", b"\x16\x03\x01 hello\r\n\r\n"):
        assert problem_of(spoken(port, said)) == (400, "query_invalid")


def test_a_body_over_the_limit_in_chunks_without_a_length_is_refused_while_it_comes(port: int) -> None:
    head = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    assert problem_of(spoken(port, head, chunk(600), chunk(600))) == (413, "body_too_large")
    fits = spoken(port, head + chunk(500) + chunk(500) + b"0\r\n\r\n")
    assert fits.endswith(b'{"size":1000}')


def test_a_body_that_stops_or_trickles_is_timed_out(port: int) -> None:
    stopped = spoken(port, HEAD + b"content-length: 100\r\n\r\nhalf")
    assert problem_of(stopped) == (408, "request_timeout")
    assert b"connection: close" in stopped.lower()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
        wire.sendall(HEAD + b"content-length: 1000\r\n\r\n")
        wire.settimeout(0.05)
        said, began = b"", time.monotonic()
        while not said and time.monotonic() - began < PATIENCE:
            wire.sendall(b"x")
            try:
                said = wire.recv(65536)
            except TimeoutError:
                continue
    assert b"408" in said.split(b"\r\n")[0]


def test_a_body_that_comes_steadily_may_take_its_time(port: int) -> None:
    parts = [b"x" * 100] * 8
    said = spoken(port, HEAD + b"content-length: 800\r\n\r\n", *parts, pause=0.12)
    assert said.endswith(b'{"size":800}')


def test_what_is_left_of_a_body_after_its_answer_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
        wire.sendall(b"POST /deaf HTTP/1.1\r\nhost: h\r\ncontent-length: 900\r\n\r\nx")
        assert b"200" in heard(wire).split(b"\r\n")[0]
        assert wire.recv(1000) == b"", "the connection is closed"


def test_large_heads_are_refused_by_the_application_and_endless_ones_by_the_server(port: int) -> None:
    padding = b"x-padding: " + b"x" * HEAD_BYTES_MAX + b"\r\n"
    assert problem_of(spoken(port, HEAD + padding + b"\r\n")) == (431, "headers_too_large")
    many = b"".join(b"x-%d: 1\r\n" % number for number in range(120))
    assert problem_of(spoken(port, HEAD + many + b"\r\n")) == (431, "headers_too_large")
    endless = [b"x-%d: " % number + b"x" * 8000 + b"\r\n" for number in range(9)]
    assert problem_of(spoken(port, HEAD, *endless, pause=0.01)) == (431, "headers_too_large")


@pytest.mark.parametrize("said", [b"", b"\r\n", b"GET /go HTTP/1.1\r\nhost"])
def test_a_head_that_does_not_come_ends_the_connection(port: int, said: bytes) -> None:
    assert problem_of(spoken(port, said)) == (408, "request_timeout")


def test_a_second_head_that_does_not_come_ends_the_connection_too(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
        wire.sendall(HEAD + b"content-length: 2\r\n\r\nxx")
        assert heard(wire).endswith(b'{"size":2}')
        wire.sendall(b"POST /ec")
        assert problem_of(heard(wire)) == (408, "request_timeout")


def test_one_caller_has_only_so_many_requests_at_once(port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        waiting = [threading.Thread(target=httpx.get, args=(f"{url}/wait",), kwargs={"timeout": 60}) for _ in range(2)]
        for thread in waiting:
            thread.start()
        refused = client.get(f"{url}/nothing")
        while refused.status_code == 404:  # until both are inside
            time.sleep(0.05)
            refused = client.get(f"{url}/nothing")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert int(refused.headers["retry-after"]) >= 1
    # Whoever is inside is served to the end; then there is room again.
    del client
    release(port)
    for thread in waiting:
        thread.join()
    assert room_again(url)


def room_again(url: str) -> bool:
    """The place is free a moment after the answer has gone out: whoever reads it may be quicker."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if httpx.get(f"{url}/go", trust_env=False).status_code == 200:
            return True
        time.sleep(0.05)
    return False


def release(port: int) -> None:
    """The two inside are at the limit, so the word to go on comes from elsewhere: 127.0.0.2 is another caller."""
    with socket.socket() as wire:
        wire.settimeout(PATIENCE)
        wire.bind(("127.0.0.2", 0))
        wire.connect(("127.0.0.1", port))
        wire.sendall(b"GET /go HTTP/1.1\r\nhost: h\r\n\r\n")
        assert b"200" in heard(wire).split(b"\r\n")[0], "another caller is not held up"


def test_strangers_who_come_too_fast_are_told_when_to_come_again(port: int) -> None:
    url = f"http://127.0.0.1:{port}/nothing"
    with httpx.Client(trust_env=False) as client:
        answers = [client.get(url) for _ in range(260)]
    last = answers[-1]
    assert answers[0].status_code == 404
    assert (last.status_code, last.json()["code"]) == (429, "too_many_requests")
    assert int(last.headers["retry-after"]) >= 1


class TestCallers:
    async def test_a_bad_proof_costs_more_and_time_fills_the_bucket_again(self) -> None:
        now = [0.0]
        callers = Callers(strangers_per_minute=60, strangers=Buckets(clock=lambda: now[0]))
        for _ in range(60 // BAD_PROOF_COST):
            await callers.need_room("a")
            callers.spend("a", BAD_PROOF_COST)
        with pytest.raises(TooManyRequests) as refused:
            await callers.need_room("a")
        assert refused.value.retry_after_seconds == 1
        await callers.need_room("b")
        now[0] = 1.0
        await callers.need_room("a")

    def test_a_token_counts_by_itself_only_once_it_was_found_good(self) -> None:
        callers = Callers(at_once=1)
        assert callers.name("Bearer t", "a") == ("a", False)
        callers.vouch("t")
        name, proven = callers.name("Bearer t", "a")
        assert proven
        assert name != "a"
        callers.enter(name)
        with pytest.raises(TooManyRequests):
            callers.enter(name)
        callers.enter("a")
        callers.leave(name)
        callers.enter(name)


def test_a_forger_cannot_fill_the_house_and_holds_up_nobody(hub: Hub) -> None:
    """What strangers send is kept for the operator to see: but only so much of it, and the channel still gets in."""
    object.__setattr__(hub, "settings", hub.settings.model_copy(update={"strangers_per_minute": 100}))
    body = whole("web")
    limit = hub.adapters["web"].profile.max_message_bytes
    with TestClient(build_app(hub), base_url=hub.settings.public_url, raise_server_exceptions=False) as client:
        large = sign([OTHER_SECRET], "large", datetime.now(UTC), b"9" * (limit + 1))
        assert client.post("/v1/channels/web/messages", content=b"9" * (limit + 1), headers=large).status_code == 413

        def send(secret: str, message_id: str) -> httpx.Response:
            headers = sign([secret], message_id, datetime.now(UTC), body)
            return client.post("/v1/channels/web/messages", content=body, headers=headers)  # type: ignore[return-value]

        codes = [send(OTHER_SECRET, f"forged-{number}").json()["code"] for number in range(20)]
        assert codes[0] == "signature_invalid"
        assert codes[-1] == "too_many_requests"
        assert send(SECRET, "m-1").json()["outcome"] == "applied"
        with hub.pool.connection() as connection:
            kept = connection.execute("SELECT count(*) FROM hub.rejections").fetchone()
    assert kept is not None
    assert 10 <= kept[0] <= 12, "the large one counts as the forged ones do"
