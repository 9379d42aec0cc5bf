"""How many messages a channel may send: a bucket for each channel, in this process's memory.

A bucket holds a minute's worth and fills evenly. Each API process has its own, so that the door asks nobody: with two
processes behind one address a channel may send up to twice its quota. Taken after the caller is known, so that a
stranger cannot use up a channel's quota, and before anything is parsed.
"""

import math
import threading
import time
from collections.abc import Callable

from hub.store.channels import Channel
from schemas.problems import ProblemError, problem


class RateLimited(ProblemError):
    """The problem ``rate_limited``, with the seconds after which there is room again (``Retry-After``)."""

    def __init__(self, channel: Channel, seconds: float) -> None:
        super().__init__(problem("rate_limited", f"Channel {channel.channel} may send {channel.quota_per_minute}/min."))
        self.retry_after_seconds = max(1, math.ceil(seconds))


class Quotas:
    """Safe to use from several threads. ``clock`` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, channel: Channel) -> None:
        """Count one message. Raises ``RateLimited`` when there is no room for it."""
        if self.room(channel, 1) < 1:
            raise RateLimited(channel, self._wait(channel))

    def room(self, channel: Channel, wanted: int) -> int:
        """Count as many of ``wanted`` messages as there is room for, and say how many."""
        quota = channel.quota_per_minute
        if quota is None:
            return wanted
        with self._lock:
            now = self._clock()
            left, since = self._buckets.get(channel.channel, (float(quota), now))
            left = min(float(quota), left + (now - since) * quota / 60)
            taken = min(wanted, int(left + 1e-9))
            self._buckets[channel.channel] = (left - taken, now)
        return taken

    def _wait(self, channel: Channel) -> float:
        left, _ = self._buckets[channel.channel]
        return (1 - left) * 60 / (channel.quota_per_minute or 60)
