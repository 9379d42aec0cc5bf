"""Twenty broken messages for each channel: a clear problem that names the place, kept, visible, and without effect."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from adapters.kit.registry import registered
from hub.delivery import sign
from hub.ports import Splitting
from interlock.wiring import Hub
from tests.hub.railway import SECRET

CHANNELS = ("web", "app", "phone", "agents", "windows")
OTHER_SECRET = "whsec_" + "b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldC1vdGhlciE="
TEN_MEGABYTES = 10 * 1024 * 1024

Damage = Callable[[bytes], bytes]


def samples(channel: str, prefix: str = "") -> list[Path]:
    """Native samples of a channel, whole messages as they would be posted."""
    folder = registered()[channel].samples
    return sorted(p for p in folder.glob("*.native.*") if p.name.startswith("reject-") == (prefix == "reject-"))


def whole(channel: str) -> bytes:
    """A message that the channel's adapter takes."""
    adapter = registered()[channel].adapter
    for path in samples(channel):
        if "sale" in path.name or "hold" in path.name:
            raw = path.read_bytes()
            parts = adapter.split(raw) if channel == "windows" and isinstance(adapter, Splitting) else None
            return parts[0].raw if isinstance(parts, list | tuple) and parts else raw
    raise AssertionError(f"{channel} has no sample of a sale")


DAMAGES: dict[str, Damage] = {
    "nothing at all": lambda raw: b"",
    "a blank": lambda raw: b" ",
    "cut off after a tenth": lambda raw: raw[: len(raw) // 10],
    "cut off in the middle": lambda raw: raw[: len(raw) // 2],
    "cut off before the last bytes": lambda raw: raw[: len(raw) - max(4, len(raw) // 20)],
    "UTF-16": lambda raw: raw.decode("gb18030", "replace").encode("utf-16"),
    "a byte that no encoding has": lambda raw: raw[: len(raw) // 2] + b"\xff\xff\xff" + raw[len(raw) // 2 :],
    "zero bytes": lambda raw: bytes(len(raw)),
    "another format": lambda raw: b"%PDF-1.7 this is no message",
    "a picture": lambda raw: b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "reversed": lambda raw: raw[::-1],
    "a list": lambda raw: b"[" * 50_000 + b"]" * 50_000,
    "every digit a letter": lambda raw: bytes(ord("x") if 48 <= byte <= 57 else byte for byte in raw),
}


def broken(channel: str) -> Iterator[tuple[str, bytes]]:
    """At least eighteen broken messages: damaged bytes, and samples that the channel's adapter must refuse."""
    raw = whole(channel)
    for name, damage in DAMAGES.items():
        yield name, damage(raw)
    for path in samples(channel, "reject-"):
        yield path.name, path.read_bytes()


def post(client: TestClient, channel: str, message_id: str, body: bytes, secret: str = SECRET) -> dict[str, object]:
    headers = sign([secret], message_id, datetime.now(UTC), body)
    answer = client.post(f"/v1/channels/{channel}/messages", content=body, headers=headers)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, object] = answer.json()
    assert answer.status_code == problem["status"]
    assert 400 <= answer.status_code < 500, problem
    return problem


@pytest.mark.parametrize("channel", CHANNELS)
def test_broken_messages_get_a_clear_problem_and_change_nothing(hub: Hub, client: TestClient, channel: str) -> None:
    messages = list(broken(channel))
    assert len(messages) >= 18
    for place, (name, body) in enumerate(messages):
        problem = post(client, channel, f"bad-{place}", body)
        pointers = problem["pointers"]
        assert isinstance(pointers, list)
        assert pointers, f"{name}: the problem names no place: {problem}"
        assert pointers[0]["pointer"], name
        assert problem["remedy"], name
    with hub.pool.connection() as connection:
        kept = connection.execute(
            "SELECT count(*) FROM hub.messages WHERE channel = %s AND outcome = 'refused' AND code IS NOT NULL",
            (channel,),
        ).fetchone()
        assert kept == (len(messages),)
        for table in ("orders", "events", "tickets", "refs", "seats"):
            assert connection.execute(f"SELECT count(*) FROM hub.{table}").fetchone() == (0,)


@pytest.mark.parametrize("channel", CHANNELS)
def test_ten_megabytes_are_refused_unread_and_kept_by_their_head(hub: Hub, client: TestClient, channel: str) -> None:
    assert post(client, channel, "big-1", b"9" * TEN_MEGABYTES)["code"] == "message_too_large"
    with hub.pool.connection() as connection:
        (size,) = connection.execute("SELECT octet_length(raw_head) FROM hub.rejections").fetchone() or (0,)
    assert size < 10_000


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_wrong_signature_is_refused_kept_and_without_effect(hub: Hub, client: TestClient, channel: str) -> None:
    assert post(client, channel, "forged-1", whole(channel), secret=OTHER_SECRET)["code"] == "signature_invalid"
    with hub.pool.connection() as connection:
        kept = connection.execute("SELECT channel, message_id, code FROM hub.rejections").fetchall()
        assert kept == [(channel, "forged-1", "signature_invalid")]
        assert connection.execute("SELECT count(*) FROM hub.messages").fetchone() == (0,)
    honest = sign([SECRET], "forged-1", datetime.now(UTC), whole(channel))
    answer = client.post(f"/v1/channels/{channel}/messages", content=whole(channel), headers=honest)
    assert answer.json()["outcome"] in {"applied", "refused"}, "the forger must not have used up the id"


def test_an_old_signature_an_unsigned_message_and_a_missing_id_are_refused(client: TestClient) -> None:
    body = whole("web")
    stale = sign([SECRET], "m-1", datetime.now(UTC) - timedelta(minutes=6), body)
    codes = [
        client.post("/v1/channels/web/messages", content=body, headers=headers).json()["code"]
        for headers in (stale, {"webhook-id": "m-1"}, {})
    ]
    assert codes == ["signature_invalid", "unauthenticated", "unauthenticated"]


def test_a_channel_nobody_knows(client: TestClient) -> None:
    answer = client.post("/v1/channels/fax/messages", content=b"x", headers={"webhook-id": "1"})
    assert (answer.status_code, answer.json()["code"]) == (404, "channel_unknown")
