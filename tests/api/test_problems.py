"""Every problem of the catalogue can be got, and is what the reference shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from interlock.documentation.reproducing import FOLDER
from interlock.web import build_app
from interlock.wiring import Hub
from schemas.problems import PROBLEM_MEDIA_TYPE, catalogue
from tests.api.people import tokens
from tests.api.reproducers import REPRODUCERS, Dropped, Scene, prepare
from tests.console.harness import PUBLIC_URL

_SHOWN = (
    "authorization", "webhook-id", "webhook-timestamp", "webhook-signature", "idempotency-key", "content-type",
    "content-encoding",
)  # fmt: skip
_ANSWERED = ("content-type", "accept-encoding", "retry-after", "allow", "connection")
_LINES_MAX = 40
_LINE_MAX = 118
_DIFFERS = (
    (
        re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        "01890000-0000-7000-8000-000000000000",
    ),
    (re.compile(r"Bearer \S+"), "Bearer $TOKEN"),
    (re.compile(r"v1,\S+"), "v1,$SIGNATURE"),
    (re.compile(r"(webhook-timestamp: )\d+"), r"\1$NOW"),
    (re.compile(r'("(?:received_at|taken_at|at)": ")[^"]+'), r"\1$NOW"),
)


@pytest.fixture
def scene(hub: Hub) -> Iterator[Scene]:
    prepare(hub)
    with TestClient(build_app(hub), base_url=PUBLIC_URL, raise_server_exceptions=False) as client:
        yield Scene(hub, client, tokens(hub, client))


def test_every_code_has_a_reproducer_and_a_page_and_no_other_has() -> None:
    assert set(REPRODUCERS) == set(catalogue())
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(catalogue())


@pytest.mark.parametrize("code", sorted(REPRODUCERS))
def test_the_problem_is_got_and_is_what_the_reference_shows(
    scene: Scene, code: str, request: pytest.FixtureRequest
) -> None:
    got = REPRODUCERS[code](scene)
    body = got.problem if isinstance(got, Dropped) else got.json()
    row = catalogue()[code]
    assert (body["code"], body["status"]) == (code, int(row["status"])), body
    assert (body["title"], body["remedy"], body["type"]) == (row["title"], row["remedy"], f"/v1/problems/{code}")
    assert body["detail"]
    if not isinstance(got, Dropped):
        assert got.status_code == body["status"]
        assert got.headers["content-type"] == PROBLEM_MEDIA_TYPE
        assert ("retry-after" in got.headers) == (got.status_code in (429, 503))
    text = dropped(got) if isinstance(got, Dropped) else exchange(got, scene)
    path = FOLDER / f"{code}.txt"
    if request.config.getoption("--write-golden"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def exchange(answer: httpx.Response, scene: Scene) -> str:
    """Request and answer as they went over the wire, less what differs every time."""
    asked = answer.request
    target = asked.url.raw_path.decode("ascii")
    heads = [f"{name}: {value}" for name in _SHOWN if (value := asked.headers.get(name))]
    head = "\n".join([f"{asked.method} {target}", *(_cut(_same(line)) for line in heads)])
    padding = [f"{name}: {_cut(value)}" for name, value in asked.headers.items() if name.startswith("x-")]
    told = [f"{name}: {value}" for name in _ANSWERED if (value := answer.headers.get(name))]
    parts = ["\n".join([head, *padding]), _readable(_content(asked), target, scene)]
    parts += ["\n".join([f"{answer.status_code} {answer.reason_phrase}".rstrip(), *told]), _pretty(answer.json())]
    return _same("\n\n".join(filter(None, parts)) + "\n")


def dropped(got: Dropped) -> str:
    """A file, where it was put, and the problem of its receipt."""
    file = "\n".join(_lines(got.raw.decode("gb18030")))
    parts = [f"drop/windows/{got.name}", file, f"{got.name}.receipt.json", _pretty({"problem": dict(got.problem)})]
    return _same("\n\n".join(parts) + "\n")


def _content(asked: httpx.Request) -> bytes:
    try:
        return asked.content
    except Exception:  # a streamed body is not kept; httpx and its successor each say so in their own way
        return b'{"form": '


def _readable(raw: bytes, target: str, scene: Scene) -> str:
    encoding = "utf-8"
    if found := re.match(r"/v1/channels/(\w+)/messages", target):
        adapter = scene.hub.adapters.get(found[1])
        encoding = adapter.profile.encoding if adapter else encoding
    text = raw.decode(encoding, "backslashreplace")
    try:
        text = _pretty(json.loads(text))
    except ValueError:
        text = text.strip()
    return "\n".join(_lines(text))


def _lines(text: str) -> list[str]:
    lines = [_cut(line.rstrip()) for line in text.splitlines()]
    return lines if len(lines) <= _LINES_MAX else [*lines[:_LINES_MAX], f"... ({len(lines) - _LINES_MAX} lines more)"]


def _cut(line: str) -> str:
    return line if len(line) <= _LINE_MAX else f"{line[:_LINE_MAX]}... ({len(line)} characters)"


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _same(text: str) -> str:
    for pattern, word in _DIFFERS:
        text = pattern.sub(word, text)
    return text
