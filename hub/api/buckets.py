"""Buckets of tokens, one for each name: a minute's worth at most, filling evenly, shared by all API processes.

The shared count is kept where all processes ask (``Lease``), but not for every request: a process takes a chunk of
tokens, a quarter of a second's worth, and spends it by itself. What it has not spent after a second it forgets, for the
others have had the time to use it. So the limit is never exceeded, and a process that is hardly asked wastes little.

Without a ``Lease``, or while nobody answers there, each process counts for itself: with two of them the limit is
doubled, which is better than to send everybody away.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

CHUNKS_PER_MINUTE = 240
CHUNK_SECONDS = 1.0
ASK_AGAIN_SECONDS = 0.25
_NAMES_KEPT = 50_000


class Granted(NamedTuple):
    """``tokens`` that are the asking process's now, and what is ``left`` of the shared bucket, in tokens."""

    tokens: int
    left: float


Lease = Callable[[str, int, int], Awaitable[Granted | None]]
"""(name, tokens a minute, how many) -> at most so many; None when the place where they are counted does not answer."""


@dataclass(slots=True)
class _Bucket:
    """``own``: this process's own count and when it was right. ``leased``: tokens of the shared one, good ``until``."""

    own: float
    since: float
    leased: float = 0.0
    until: float = 0.0
    asked_in_vain: float = -math.inf
    shared_left: float = 0.0
    away: bool = False
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Buckets:
    """Used in one event loop. ``clock`` gives seconds that never go back."""

    def __init__(self, lease: Lease | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease, self._clock = lease, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    async def take(self, name: str, per_minute: int, wanted: int) -> int:
        """Take as many of ``wanted`` tokens as there are, and say how many."""
        bucket = await self._filled(name, per_minute, wanted)
        level = self._level(bucket)
        taken = max(0, min(wanted, int(level + 1e-9)))
        self._lower(bucket, per_minute, taken)
        return taken

    async def has_room(self, name: str, per_minute: int) -> bool:
        """Whether there is a token to be spent."""
        bucket = await self._filled(name, per_minute, 1)
        return self._level(bucket) >= 1

    def spend(self, name: str, per_minute: int, cost: int) -> None:
        """Take what turned out to be the cost; who owes more than a second's worth owes no more."""
        self._lower(self._of(name, per_minute), per_minute, cost)

    def wait(self, name: str, per_minute: int) -> float:
        """Seconds until there is a token again."""
        bucket = self._of(name, per_minute)
        left = self._level(bucket) if self._alone(bucket) else bucket.shared_left + min(0.0, bucket.leased)
        return max(0.0, 1 - left) * 60 / per_minute

    # -- one bucket ---------------------------------------------------------------------------------------------------

    async def _filled(self, name: str, per_minute: int, wanted: int) -> _Bucket:
        """The bucket, with tokens for so many if they are to be had."""
        bucket = self._of(name, per_minute)
        if self._lease is None:
            return bucket
        self._forget_old(bucket)
        if bucket.leased < wanted and self._may_ask(bucket):
            async with bucket.asking:
                self._forget_old(bucket)
                if bucket.leased < wanted and self._may_ask(bucket):
                    await self._ask(self._lease, bucket, name, per_minute, wanted)
        return bucket

    async def _ask(self, lease: Lease, bucket: _Bucket, name: str, per_minute: int, wanted: int) -> None:
        missing = max(per_minute // CHUNKS_PER_MINUTE, wanted) - int(min(0.0, bucket.leased) - 0.999)
        granted = await lease(name, per_minute, missing)
        now = self._clock()
        bucket.away = granted is None
        if granted is None:
            return
        bucket.leased += granted.tokens
        bucket.shared_left, bucket.until = granted.left, now + CHUNK_SECONDS
        bucket.asked_in_vain = now if granted.tokens < missing else -math.inf

    def _may_ask(self, bucket: _Bucket) -> bool:
        return self._clock() - bucket.asked_in_vain >= ASK_AGAIN_SECONDS

    def _forget_old(self, bucket: _Bucket) -> None:
        if bucket.leased > 0 and self._clock() >= bucket.until:
            bucket.leased = 0.0

    def _alone(self, bucket: _Bucket) -> bool:
        return self._lease is None or bucket.away

    def _level(self, bucket: _Bucket) -> float:
        return bucket.own if self._alone(bucket) else bucket.leased

    def _lower(self, bucket: _Bucket, per_minute: int, cost: int) -> None:
        debt = -per_minute / 60
        if self._alone(bucket):
            bucket.own = max(debt, bucket.own - cost)
        else:
            bucket.leased = max(debt, bucket.leased - cost)

    def _of(self, name: str, per_minute: int) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(float(per_minute), now)
            while len(self._buckets) > _NAMES_KEPT:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        bucket.own = min(float(per_minute), bucket.own + (now - bucket.since) * per_minute / 60)
        bucket.since = now
        return bucket
