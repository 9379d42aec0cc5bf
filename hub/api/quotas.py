"""How many messages a channel may send: a bucket for each channel, shared by all API processes.

Taken after the caller is known, so that a stranger cannot use up a channel's quota, and before anything is parsed. A
channel without a quota costs nothing here.
"""

import math

from hub.api.buckets import Buckets
from hub.store.channels import Channel
from schemas.problems import ProblemError, problem


class RateLimited(ProblemError):
    """The problem ``rate_limited``, with the seconds after which there is room again (``Retry-After``)."""

    def __init__(self, channel: Channel, seconds: float) -> None:
        super().__init__(problem("rate_limited", f"Channel {channel.channel} may send {channel.quota_per_minute}/min."))
        self.retry_after_seconds = max(1, math.ceil(seconds))


class Quotas:
    """Used in one event loop."""

    def __init__(self, buckets: Buckets | None = None) -> None:
        self._buckets = buckets or Buckets()

    async def take(self, channel: Channel) -> None:
        """Count one message. Raises ``RateLimited`` when there is no room for it."""
        quota = channel.quota_per_minute
        if quota is not None and await self.room(channel, 1) < 1:
            raise RateLimited(channel, self._buckets.wait(_name(channel), quota))

    async def room(self, channel: Channel, wanted: int) -> int:
        """Count as many of ``wanted`` messages as there is room for, and say how many."""
        quota = channel.quota_per_minute
        return wanted if quota is None else await self._buckets.take(_name(channel), quota, wanted)


def _name(channel: Channel) -> str:
    return f"quota:{channel.channel}"
