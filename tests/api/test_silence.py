"""A small day through API, worker and command line, with everything logged; then a search for what nobody may read.

Not in a log, on a screen, in the audit, beside a delivery or in a problem: document numbers, telephones, names of
people, secrets, tokens, passwords.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from hub.delivery import sign
from hub.store import channels
from hub.store.concealing import without_echo, without_numbers
from interlock.celery_app import CeleryOptions, create_celery_app
from interlock.cli.main import app
from interlock.logs import DiscreetFormatter
from interlock.web import build_app
from interlock.wiring import Hub
from tests.api.people import CHANNEL_SECRET, People, bearer, tokens
from tests.api.test_bad_input import OTHER_SECRET, samples, whole
from tests.console.harness import PASSWORD, PUBLIC_URL, SECRET, connect_channels, open_test_hub, play_day

PRIVATE = {"name", "number", "phone"}


@contextmanager
def parrot() -> Iterator[str]:
    """A channel's endpoint that fails and repeats whatever it was sent: the worst of receivers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = b"500 cannot store: " + body
            self.send_response(500)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """What it logs is its own matter."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that any library or room says, in the form in which our processes write it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(DiscreetFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def hub(
    pool: Any, database_url: str, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", database_url)
    monkeypatch.setenv("INTERLOCK_REDIS_URL", valkey_url)
    monkeypatch.setenv("INTERLOCK_CLOCK_FILE", str(tmp_path / "clock"))
    monkeypatch.setenv("INTERLOCK_ALLOW_PRIVATE_CALLBACKS", "1")
    monkeypatch.setenv("COLUMNS", "250")
    opened = open_test_hub(tmp_path, database_url, valkey_url)
    yield opened
    opened.close()


def private_words(paths: list[Path]) -> set[str]:
    """The people in these samples: their names, numbers, telephones."""
    found: set[str] = set()

    def look(node: Any, within: str = "") -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in PRIVATE and isinstance(value, str) and within in ("passenger", "document", "purchaser"):
                    found.add(value)
                look(value, key)
        elif isinstance(node, list):
            for part in node:
                look(part, within)

    for path in paths:
        beside = path.with_name(path.name.split(".native.")[0] + ".canonical.json")
        if beside.exists():
            look(json.loads(beside.read_text(encoding="utf-8")))
    return found | {word.removeprefix("+86") for word in found}


def at_the_door(hub: Hub, client: TestClient, people: People) -> list[str]:
    """Sales of every channel, damaged ones, forgeries, a flood; every problem that was answered."""
    problems: list[str] = []

    def send(channel: str, message_id: str, raw: bytes, secret: str = SECRET) -> None:
        headers = sign([secret], message_id, datetime.now(UTC), raw)
        answer = client.post(f"/v1/channels/{channel}/messages", content=raw, headers=headers)
        if answer.status_code >= 400:
            problems.append(answer.text)

    for channel in ("web", "app", "phone", "agents", "windows"):
        good = whole(channel)
        send(channel, f"{channel}-1", good)
        send(channel, f"{channel}-1", good + b" ")
        send(channel, f"{channel}-2", good[: len(good) // 2])
        send(channel, f"{channel}-3", good, OTHER_SECRET)
        for path in samples(channel, "reject-"):
            send(channel, path.name, path.read_bytes())
        line = json.dumps({"id": "b-1", "body": base64.b64encode(good).decode()})
        if channel in ("web", "phone"):
            client.post(f"/v1/channels/{channel}/messages/bulk", content=line, headers=bearer(people[channel]))
    for address in ("/v1/events", "/v1/channels/web", "/v1/recon/runs", "/v1/orders?system=rail&value=1", "/console"):
        for who in ("operator", "web", "passenger"):
            answer = client.get(address, headers=bearer(people[who]), follow_redirects=False)
            if answer.status_code >= 400:
                problems.append(answer.text)
    client.post("/sso/token", data={"grant_type": "client_credentials"}, auth=("channel-web", OTHER_SECRET))
    client.get("/v1/events", headers=bearer(people["web"] + "x"))
    return problems


def at_work(hub: Hub) -> None:
    """Deliveries to a channel that repeats what it was sent, until they are given up; and a table that is away."""
    with parrot() as url, hub.pool.connection() as connection:
        for name in ("app", "windows", "agents"):
            channels.register(connection, name, url, SECRET, hub.seal, datetime.now(UTC))
        connection.commit()
        for name in ("app", "windows", "agents"):
            hub.pump.drain(name)
    try:
        with hub.pool.connection() as connection:
            connection.execute("INSERT INTO hub.refs SELECT * FROM hub.refs LIMIT 1")
    except Exception:
        logging.getLogger("interlock.test").exception("a row was refused")


def at_the_bench(private: str) -> None:
    """A Celery task that fails over somebody's number, as a worker writes it down: name, reason and arguments."""
    worker = create_celery_app(CeleryOptions("memory://", Path("unused")))

    @worker.task(name="interlock.fails")  # type: ignore[untyped-decorator]  # Celery's decorator has no types
    def fails(number: str) -> None:
        raise ValueError(f"{number} cannot be delivered")

    fails.apply(args=[private], throw=False)


def at_the_desk(url_with_a_secret: str) -> str:
    """An operator's commands, right and wrong, and what they print on either stream."""
    commands = (
        ("order", "show", "EW00000101"), ("order", "timeline", "EW00000101"), ("message", "list"),
        ("message", "show", "web/web-1", "--raw"), ("channel", "list"), ("channel", "show", "app"),
        ("deadletter", "list"), ("audit", "verify"), ("channel", "register", "web", "--secret", "hunter2-hunter2"),
        ("channel", "register", "web", "--endpoint", url_with_a_secret),
        ("channel", "configure", "web", "--endpoint", url_with_a_secret),
        ("channel", "rotate", "web", "--public-key", SECRET), ("channel", "test", "app"),
        ("channel", "pause", "web", "--reason", "990101199003070015 complains"), ("order", "show", "EW99999999"),
        ("message", "show", "web/nobody"), ("deadletter", "replay", "nobody"), ("message", "show", "web/web-bad"),
    )  # fmt: skip
    return "\n".join(CliRunner().invoke(app, list(words)).output for words in commands)


def kept(hub: Hub) -> Iterator[tuple[str, str]]:
    """What our tables say in clear beside the ledger itself."""
    for table in ("hub.audit", "hub.deliveries", "hub.delivery_exceptions", "hub.rejections", "hub.files", "sso.audit"):
        with hub.pool.connection() as connection:
            for (row,) in connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t").fetchall():
                yield table, row
    with hub.pool.connection() as connection:
        rows = connection.execute("SELECT answer::text FROM hub.messages WHERE outcome = 'refused'").fetchall()
    yield from (("hub.messages.answer", row[0]) for row in rows)


def test_nothing_personal_and_no_secret_is_logged_printed_or_kept_in_clear(
    hub: Hub, logged: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    play_day(hub)
    with TestClient(build_app(hub), base_url=PUBLIC_URL, raise_server_exceptions=False) as client:
        people = tokens(hub, client)
        problems = at_the_door(hub, client, people)
        at_work(hub)
        at_the_bench("990101199003070015")
        printed = at_the_desk(f"https://operator:{OTHER_SECRET}@web.example")
        stored = list(kept(hub))
        bearers = [people[name] for name in ("operator", "web", "phone", "passenger")]
        with hub.pool.connection() as connection:
            echoes = connection.execute("SELECT count(*) FROM hub.deliveries WHERE response <> ''").fetchone()
    out, err = capfd.readouterr()
    read = [path for channel in ("web", "app", "phone", "agents", "windows") for path in samples(channel)]
    words = private_words(read) | {"990101199003070015", "19900000001"}
    assert len(words) > 10
    secrets = {SECRET, SECRET.removeprefix("whsec_"), OTHER_SECRET, CHANNEL_SECRET, PASSWORD, "hunter2-hunter2"}
    secrets |= {*bearers, *(token.split(".")[2] for token in bearers)}
    places = [("log", logged.getvalue()), ("stdout", out), ("stderr", err), ("command line", printed), *stored]
    places += [("problem", text) for text in problems]
    assert len(logged.getvalue()) > 1000, "something was logged"
    assert "interlock.fails" in logged.getvalue(), "the worker says which task failed"
    assert echoes is not None
    assert echoes[0] > 0, "some deliveries were answered with what had been sent"
    assert len(problems) > 50
    found = {(place, word) for place, text in places for word in words | secrets if word in text}
    assert {item for item in found if not _names_at_the_desk(*item)} == set()


def _names_at_the_desk(place: str, word: str) -> bool:
    """An operator who looks an order up reads the passenger's name, as the window's clerk does; never a number."""
    return place == "command line" and not any(letter.isdigit() for letter in word)


def test_a_command_that_breaks_says_where_and_not_over_what(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A screen is kept and sent around as a log is."""
    connect_channels(hub)
    with hub.pool.connection() as connection:
        connection.execute("ALTER TABLE hub.audit ADD CONSTRAINT audit_is_full CHECK (subject <> 'web') NOT VALID")
    try:
        broken = CliRunner().invoke(app, ["channel", "configure", "web", "--endpoint", "https://hunter2.example"])
    finally:
        with hub.pool.connection() as connection:
            connection.execute("ALTER TABLE hub.audit DROP CONSTRAINT audit_is_full")
    said = broken.output + "".join(capfd.readouterr())
    assert broken.exit_code == 1
    assert "CheckViolation (its words are not logged)" in said
    assert "audit.py" in said
    assert "hunter2" not in said, "PostgreSQL names the values of a row that it refuses"


def test_a_setting_that_cannot_be_is_named_and_not_repeated(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTERLOCK_FIELD_KEY", "hunter2-hunter2")
    monkeypatch.setenv("INTERLOCK_PORT", "hunter2")
    refused = CliRunner().invoke(app, ["channel", "list"])
    said = refused.output + "".join(capfd.readouterr())
    assert refused.exit_code == 1
    assert "INTERLOCK_FIELD_KEY" in said
    assert "INTERLOCK_PORT" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot store 990101199003070015", "cannot store 990***************"),
        ("call +8619900000001 or 19900000001", "call +86*********** or 199********"),
        ("passport X00000071", "passport X00******"),
        (
            "order EW00000101105012A, 553.00 yuan, event 12345678",
            "order EW00000101105012A, 553.00 yuan, event 12345678",
        ),
    ],
)
def test_numbers_of_people_are_masked_in_any_text(text: str, shown: str) -> None:
    assert without_numbers(text) == shown


def test_an_echo_is_masked_and_the_channel_s_own_words_stay() -> None:
    sent = '{"name": "测试甲", "latin": "ZHANG", "document": "G1234567"}'.encode("gb18030")
    told = "500 Internal Server Error: 测试甲 ZHANG G1234567 \\u6d4b\\u8bd5\\u7532 is not known"
    assert without_echo(told, sent) == "500 Internal Server Error: *** ***** G12***** *** is not known"


def test_a_traceback_has_no_words_of_its_exceptions() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(DiscreetFormatter())
    log = logging.Logger("test")
    log.addHandler(handler)
    number, phone = "990101199003070015", "19900000001"
    try:
        try:
            int(f"{number}x")
        except ValueError as error:
            raise ExceptionGroup(f"of {phone}", [error]) from error
    except ExceptionGroup:
        log.exception("a message failed")
    said = written.getvalue()
    assert "a message failed" in said
    assert "builtins.ValueError" in said
    assert "test_silence.py" in said
    assert number not in said
    assert phone not in said
