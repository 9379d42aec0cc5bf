"""Limits that several API processes share: never exceeded, seldom asked for, and kept by each alone in bad weather."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import redis
from fastapi.testclient import TestClient
from pydantic import SecretStr

from hub.api.buckets import CHUNK_SECONDS, CHUNKS_PER_MINUTE, Buckets, Granted
from hub.store import channels
from interlock import leases
from interlock.engines import find_valkey, start_valkey
from interlock.leases import Leases
from interlock.settings import Settings
from interlock.web import build_app
from interlock.wiring import Hub, open_hub
from tests.api.people import bearer, tokens
from tests.hub.railway import SECRET

NOBODY = "redis://127.0.0.1:1/0"


class Shared:
    """A shared bucket that only empties, and counts how often it is asked."""

    def __init__(self, tokens: int) -> None:
        self.tokens, self.asked, self.away = tokens, 0, False

    async def lease(self, name: str, per_minute: int, wanted: int) -> Granted | None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            return None
        granted = min(wanted, self.tokens)
        self.tokens -= granted
        return Granted(granted, self.tokens)


async def test_a_process_asks_for_a_chunk_and_not_for_every_token() -> None:
    now, shared = [0.0], Shared(24_000)
    buckets = Buckets(shared.lease, lambda: now[0])
    for _ in range(1000):
        assert await buckets.take("a", 24_000, 1) == 1
    assert shared.asked == 1000 * CHUNKS_PER_MINUTE // 24_000
    assert await buckets.take("a", 24_000, 500) == 500, "as many at once as are wanted"


async def test_many_at_once_ask_once() -> None:
    shared = Shared(24_000)
    buckets = Buckets(shared.lease, lambda: 0.0)
    assert sum(await asyncio.gather(*(buckets.take("a", 24_000, 1) for _ in range(100)))) == 100
    assert shared.asked == 1


async def test_what_is_not_spent_in_time_is_forgotten_and_a_debt_is_not() -> None:
    now, shared = [0.0], Shared(1000)
    buckets = Buckets(shared.lease, lambda: now[0])
    await buckets.take("a", 2400, 1)
    assert shared.tokens == 990
    now[0] = CHUNK_SECONDS
    await buckets.take("a", 2400, 1)
    assert shared.tokens == 980
    assert await buckets.has_room("b", 2400)
    buckets.spend("b", 2400, 30)
    now[0] += CHUNK_SECONDS
    before = shared.tokens
    assert await buckets.has_room("b", 2400)
    assert before - shared.tokens == 10 + 20, "a chunk, and what is owed"


async def test_an_empty_bucket_is_not_asked_again_at_once() -> None:
    now, shared = [0.0], Shared(1)
    buckets = Buckets(shared.lease, lambda: now[0])
    assert [await buckets.take("a", 60, 1) for _ in range(50)] == [1] + [0] * 49
    assert shared.asked == 2
    assert 0 < buckets.wait("a", 60) <= 1
    shared.tokens, now[0] = 5, 0.3
    assert await buckets.take("a", 60, 1) == 1


async def test_while_nobody_answers_each_counts_for_itself() -> None:
    now, shared = [0.0], Shared(60)
    shared.away = True
    one, other = (Buckets(shared.lease, lambda: now[0]) for _ in range(2))
    assert [await one.take("a", 60, 100), await other.take("a", 60, 100)] == [60, 60]
    now[0] = 10.0
    assert await one.take("a", 60, 100) == 10
    shared.away = False
    assert await one.take("a", 60, 100) == 60


# --- in Valkey -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def leased(url: str) -> AsyncIterator[Leases]:
    opened = Leases(url)
    yield opened
    await opened.close()


async def test_two_processes_together_get_what_one_would(valkey_url: str) -> None:
    quota, wanted = 600, 1000
    async with leased(valkey_url) as here, leased(valkey_url) as there:
        began = time.monotonic()
        both = [Buckets(here), Buckets(there)]
        taken = sum(await asyncio.gather(*(both[n % 2].take("a", quota, 1) for n in range(wanted))))
        seconds = time.monotonic() - began
    assert quota <= taken <= quota + seconds * quota / 60 + 1
    with redis.Redis.from_url(valkey_url) as client:
        assert 0 < client.pttl(f"{leases.PREFIX}a") <= 120_000
        client.flushdb()
    async with leased(valkey_url) as here:
        assert await Buckets(here).take("a", quota, wanted) == quota, "losing it costs a window"


async def test_valkey_may_be_away_or_hang_and_comes_back(data_dir: Path) -> None:
    engine = start_valkey(data_dir)
    now = [0.0]
    lease = Leases(engine.url, lambda: now[0])
    assert await lease("a", 60, 1) == Granted(1, 59.0)
    engine.stop()
    assert await lease("a", 60, 1) is None
    now[0] = 0.5
    assert await lease("a", 60, 1) is None
    start_valkey(data_dir)
    now[0] = 2.0
    granted = await lease("a", 60, 1)
    assert granted is not None
    await lease.close()
    assert find_valkey(data_dir) is not None


@contextmanager
def deaf() -> Iterator[str]:
    """Something that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


async def test_one_that_hangs_holds_up_a_request_for_a_moment_only() -> None:
    with deaf() as url:
        async with leased(url) as lease:
            began = time.monotonic()
            assert await lease("a", 60, 1) is None
            assert [await lease("a", 60, 1) for _ in range(100)] == [None] * 100
            assert time.monotonic() - began < 4 * leases.PATIENCE_SECONDS


# --- at the door -----------------------------------------------------------------------------------------------------


@contextmanager
def site(hub: Hub, redis_url: str, strangers_per_minute: int = 6000) -> Iterator[TestClient]:
    """One API process of several: an application of its own over the same database."""
    settings = hub.settings.model_copy(
        update={"redis_url": SecretStr(redis_url), "strangers_per_minute": strangers_per_minute}
    )
    opened = open_hub(Settings.model_validate(settings.model_dump()), "test")
    with TestClient(build_app(opened), base_url=settings.public_url, raise_server_exceptions=False) as client:
        yield client


def limited(hub: Hub, quota: int) -> None:
    with hub.pool.connection() as connection:
        channels.register(connection, "web", None, SECRET, hub.seal, hub.clock())
        channels.configure(connection, "web", {"quota_per_minute": quota})


def taken(sites: list[TestClient], token: str, count: int) -> int:
    """How many of so many messages, sent to the one and the other, were not held up."""
    answers = [
        sites[n % len(sites)].post(
            "/v1/channels/web/messages", content=b"{}", headers=bearer(token, **{"webhook-id": f"m-{n}"})
        )
        for n in range(count)
    ]
    assert {answer.status_code for answer in answers} <= {422, 429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 429)
    return sum(answer.status_code != 429 for answer in answers)


def test_a_quota_is_one_for_all_processes_and_each_ones_own_without_valkey(hub: Hub, valkey_url: str) -> None:
    limited(hub, 10)
    with site(hub, valkey_url) as one, site(hub, valkey_url) as other:
        token = tokens(hub, one)["web"]
        assert 10 <= taken([one, other], token, 30) <= 12
    with site(hub, NOBODY) as one, site(hub, NOBODY) as other:
        assert 20 <= taken([one, other], token, 60) <= 24


def test_strangers_are_counted_over_all_processes(hub: Hub, valkey_url: str) -> None:
    with site(hub, valkey_url, 30) as one, site(hub, valkey_url, 30) as other:
        answers = [(one, other)[n % 2].get("/nothing").status_code for n in range(60)]
    assert 30 <= answers.count(404) <= 34
    assert answers.count(429) == 60 - answers.count(404)
