"""What a client is told, and what is on the ledger, when the database stops, stands still, or the client goes away."""

from __future__ import annotations

import base64
import json
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import psycopg
import pytest

from hub.api.limits import LimitOptions
from hub.store.checks import ledger_complaints
from interlock.database import migrate
from interlock.engines import PostgresOptions, start_postgres
from interlock.engines.postgres import PostgresEngine
from tests.processes.house import House, house
from tests.processes.traffic import Claim, native

SOLD_AT = datetime(2026, 5, 19, 4, 0, tzinfo=UTC)
DAY = date(2026, 8, 1)
SOON = 20.0
OPTIONS = PostgresOptions(fsync=False, shared_buffers="64MB")
# (method, path): every room of the house, and none that writes.
READ = (
    ("GET", "/v1/events"),
    ("GET", "/v1/orders?system=rail&value=EW03000000"),
    ("GET", "/metrics"),
    ("GET", "/readyz"),
    ("GET", "/console"),
)
WITHOUT_DATABASE = (
    "/healthz",
    "/v1/openapi.json",
    "/v1/schemas/1.0/order.json",
    "/sso/.well-known/openid-configuration",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[PostgresEngine]:
    """A PostgreSQL of this module's own, to be stopped; a short path, open to its account."""
    with tempfile.TemporaryDirectory(prefix="ilk-") as folder:
        started = start_postgres(Path(folder), OPTIONS)
        migrate(started.url)
        yield started
        started.stop()


@pytest.fixture(scope="module")
def one_door(engine: PostgresEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One process that is soon out of patience: a second for a connection, a second for a statement."""
    patience = {"database_wait_seconds": 1, "database_statement_seconds": 1}
    with house(tmp_path_factory.mktemp("house"), engine.url, "redis://127.0.0.1:1/0", 1, **patience) as opened:
        yield opened


@contextmanager
def stopped(engine: PostgresEngine) -> Iterator[None]:
    engine.stop()
    try:
        yield
    finally:
        start_postgres(engine.data_dir, OPTIONS)


def sale(number: int) -> Claim:
    return Claim(3_000_000 + number, "web", "tell", f"{number + 1}A", (0, 63), "01", DAY)


def send(house: House, claim: Claim) -> httpx.Response:
    call = house.claim(0, claim, native(claim, SOLD_AT))
    return httpx.post(house.url(0) + call.path, content=call.body, headers=call.headers, trust_env=False, timeout=30)


def outcome(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outcome"])


@pytest.fixture
def fair(one_door: House) -> House:
    """The same process, once it has found the database again after the storm of the test before."""
    began = time.monotonic()
    while send(one_door, sale(2)).status_code == 503 and time.monotonic() < began + SOON:
        time.sleep(0.1)
    return one_door


def known(house: House, claim: Claim) -> tuple[int, int]:
    """(messages with its id, orders with its number) on the ledger."""
    with psycopg.connect(house.database_url) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM hub.messages WHERE message_id = %s),"
            " (SELECT count(*) FROM hub.orders WHERE order_no = %s)",
            (claim.message_id, claim.order_no),
        ).fetchone()
        assert ledger_complaints(connection) == []
    assert found is not None
    return found


def waits(answer: httpx.Response) -> None:
    """503, in the form of every error, with the time after which to come again."""
    assert answer.status_code == 503, (answer.request.url, answer.text)
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["code"], body["status"]) == ("not_ready", 503)
    assert body["detail"]
    assert body["remedy"]


# --- the database is away --------------------------------------------------------------------------------------------


def test_while_the_database_is_away_everybody_is_asked_to_come_again(one_door: House, engine: PostgresEngine) -> None:
    house, claim = one_door, sale(0)
    bearer = {"authorization": f"Bearer {house.tokens['web']}"}
    credentials = {"grant_type": "client_credentials", "scope": "hub:messages"}
    with httpx.Client(base_url=house.url(0), trust_env=False, timeout=30, follow_redirects=False) as client:
        with stopped(engine):
            waits(send(house, claim))
            for _, path in READ[:3]:
                waits(client.get(path, headers=bearer))
            waits(client.post("/sso/token", data=credentials, auth=("channel-web", "x" * 40)))
            for path in ("/sso/authorize?client_id=web", "/sso/login", "/sso/signed-in", "/console", "/console/orders"):
                page = client.get(path, headers={"accept": "text/html", "accept-language": "en"})
                assert page.status_code in (200, 503), (path, page.text)  # a form that needs no database is shown
                assert page.headers["content-type"].startswith("text/html")
                assert page.status_code == 200 or int(page.headers["retry-after"]) >= 1, path
            assert client.get("/readyz").status_code == 503
            for path in WITHOUT_DATABASE:
                assert client.get(path).status_code == 200, path
        began = time.monotonic()
        while (answer := send(house, claim)).status_code == 503 and time.monotonic() < began + SOON:
            time.sleep(0.1)
        assert answer.json()["outcome"] in ("applied", "duplicate"), answer.text
        for method, path in READ:
            again = client.request(method, path, headers=bearer)
            assert again.status_code < 500, (path, again.text)
    assert known(house, claim) == (1, 1)


def test_pages_say_it_in_both_languages(one_door: House, engine: PostgresEngine) -> None:
    url = f"{one_door.url(0)}/sso/signed-in"
    cookie = {"sso_session": "x" * 43}
    with stopped(engine):
        for language, words in (("zh-CN", "登录服务暂时不可用"), ("en", "Sign-in is not available")):
            page = httpx.get(url, headers={"accept-language": language}, cookies=cookie, trust_env=False, timeout=30)
            assert page.status_code == 503
            assert words in page.text
            assert page.headers["content-language"] == language


# --- the database stands still ---------------------------------------------------------------------------------------


def test_a_database_that_stands_still_is_given_up_and_nothing_is_half_taken(fair: House) -> None:
    house, claim = fair, sale(1)
    with psycopg.connect(house.database_url) as blocker:
        blocker.execute("LOCK TABLE hub.events")
        began = time.monotonic()
        waits(send(house, claim))
        assert time.monotonic() - began < SOON
        bearer = {"authorization": f"Bearer {house.tokens['web']}"}
        waits(httpx.get(f"{house.url(0)}/v1/events", headers=bearer, trust_env=False, timeout=30))
        blocker.rollback()
    assert known(house, claim) == (0, 0)
    assert outcome(send(house, claim)) == "applied"
    assert outcome(send(house, claim)) == "duplicate"
    assert known(house, claim) == (1, 1)


# --- the client is slow, or goes away --------------------------------------------------------------------------------


def request(house: House, path: str, body: bytes, message_id: str, length: int | None = None) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {house.tokens['web']}\r\n"
        f"webhook-id: {message_id}\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


def heard(wire: socket.socket) -> bytes:
    """An answer with its body, which may come in two pieces."""
    answer = b""
    while not answer.endswith(b"}") and (part := wire.recv(65536)):
        answer += part
    return answer


def say(house: House, raw: bytes) -> None:
    """Say this and hang up."""
    with socket.create_connection(("127.0.0.1", house.ports[0])) as wire:
        wire.sendall(raw)


def until_known(house: House, claim: Claim) -> tuple[int, int]:
    deadline = time.monotonic() + SOON
    while known(house, claim) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.05)
    return known(house, claim)


def test_who_hangs_up_before_the_answer_has_been_heard(fair: House) -> None:
    house, claim = fair, sale(3)
    body = native(claim, SOLD_AT)
    say(house, request(house, "/v1/channels/web/messages", body, claim.message_id))
    assert until_known(house, claim) == (1, 1)
    again = send(house, claim).json()
    assert (again["outcome"], again["first_outcome"]) == ("duplicate", "applied")


def test_who_hangs_up_in_the_middle_has_said_nothing_and_may_say_it_whole(fair: House) -> None:
    house, claim = fair, sale(4)
    body = native(claim, SOLD_AT)
    for part in (0, 1, len(body) // 2, len(body) - 1):
        path = "/v1/channels/web/messages"
        say(house, request(house, path, body[:part], claim.message_id, len(body)))
    assert outcome(send(house, claim)) == "applied", "the id was not used up"
    assert known(house, claim) == (1, 1)


def test_of_a_bulk_that_breaks_off_whole_lines_count_and_all_may_be_sent_again(fair: House) -> None:
    house, claims = fair, [sale(number) for number in range(5, 8)]
    lines = [_line(claim) for claim in claims]
    whole = b"".join(lines)
    path = "/v1/channels/web/messages/bulk"
    say(house, request(house, path, lines[0] + lines[1][:40], "-", len(whole)))
    answer = httpx.post(
        house.url(0) + path,
        content=whole,
        headers={"authorization": f"Bearer {house.tokens['web']}"},
        trust_env=False,
        timeout=30,
    )
    outcomes = [json.loads(line)["outcome"] for line in answer.content.splitlines()]
    assert set(outcomes) <= {"applied", "duplicate"}
    assert outcomes[1:] == ["applied", "applied"], "half a line is no message"
    assert [known(house, claim) for claim in claims] == [(1, 1)] * 3


def _line(claim: Claim) -> bytes:
    body = base64.b64encode(native(claim, SOLD_AT)).decode()
    return json.dumps({"id": claim.message_id, "body": body}).encode() + b"\n"


def test_a_body_that_stops_leaves_its_id_free(fair: House) -> None:
    """The limit of a message's body is 30 seconds; here only that what was begun is not taken meanwhile."""
    house, claim = fair, sale(9)
    body = native(claim, SOLD_AT)
    assert LimitOptions().body_seconds <= 30
    with socket.create_connection(("127.0.0.1", house.ports[0])) as wire:
        wire.sendall(request(house, "/v1/channels/web/messages", body[:-1], claim.message_id, len(body)))
        time.sleep(0.2)
        assert known(house, claim) == (0, 0)
        assert outcome(send(house, claim)) == "applied"
        wire.sendall(body[-1:])
        assert b'"duplicate"' in heard(wire)
    assert known(house, claim) == (1, 1)
