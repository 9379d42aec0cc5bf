"""The shared count of what callers may still do, in Valkey: leased to API processes in chunks.

A script takes from a bucket and fills it for the time since, by the server's own clock, so that processes need not
agree on the time. A bucket that nobody touches for two minutes is full and forgotten. Losing all of it costs one
minute's worth per bucket; while Valkey is away each process counts for itself (``hub.api.buckets``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import redis.asyncio
from redis.exceptions import RedisError

from hub.api.buckets import Granted

log = logging.getLogger(__name__)

PREFIX = "interlock:bucket:"
PATIENCE_SECONDS = 0.25
AWAY_SECONDS = 1.0
_TAKE = """
local minute, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(kept[1]) or minute, tonumber(kept[2]) or now
level = math.min(minute, level + math.max(0, now - at) * minute / 60)
local granted = math.max(0, math.min(wanted, math.floor(level + 0.000001)))
level = level - granted
redis.call('HSET', KEYS[1], 'level', string.format('%.6f', level), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], 120000)
return {granted, string.format('%.6f', level)}
"""


class Leases:
    """A ``hub.api.buckets.Lease``, for one event loop. ``close`` it there."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
            url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        )
        self._take = self._client.register_script(_TAKE)
        self._clock = clock
        self._away_until = 0.0

    async def __call__(self, name: str, per_minute: int, wanted: int) -> Granted | None:
        """At most ``wanted`` tokens; None while Valkey does not answer, which is tried again after a second."""
        if self._clock() < self._away_until:
            return None
        try:
            tokens, left = await self._take(keys=[PREFIX + name], args=[per_minute, wanted])
        except (RedisError, OSError) as error:
            log.warning("limits are counted by this process alone, Valkey is away: %s", type(error).__name__)
            self._away_until = self._clock() + AWAY_SECONDS
            return None
        return Granted(int(tokens), float(left))

    async def close(self) -> None:
        await self._client.aclose()
