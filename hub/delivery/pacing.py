"""How fast, and whether at all: a channel's bucket of tokens and its circuit breaker. Pure.

closed      deliveries flow; so many failures in a row open it
open        nobody is bothered until its time is over
half_open   exactly one delivery goes out: success closes the breaker, failure opens it for longer
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

RETRY_AFTER_MAX = timedelta(hours=24)

State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """``failures`` in a row while closed; ``openings`` in a row without a success between them."""

    failures: int = 0
    openings: int = 0
    until: datetime | None = None

    def state(self, now: datetime) -> State:
        if self.until is None:
            return "closed"
        return "open" if now < self.until else "half_open"

    def opened(self, now: datetime, first_seconds: float, last_seconds: float) -> "Breaker":
        """Open for ``first_seconds``, doubled for every opening before this one, at most ``last_seconds``."""
        seconds = min(first_seconds * 2.0 ** min(self.openings, 30), last_seconds)
        return Breaker(self.failures, self.openings + 1, now + timedelta(seconds=seconds))

    def counted(self, failures: int) -> "Breaker":
        """Closed, with so many failures since the last success."""
        return Breaker(failures, self.openings if failures else 0, None)


def blames_the_channel(status: int | None) -> bool:
    """Whether a failed attempt says that the channel is unwell; another 4xx speaks of the one message."""
    return status is None or status >= 500 or 300 <= status < 400 or status in (408, 429)


def allowance(rate_per_second: float | None, free_at: datetime | None, now: datetime, most: int) -> int:
    """How many may go out now: a bucket that holds one second's worth and is full at ``free_at``."""
    if rate_per_second is None:
        return most
    full = max(1.0, rate_per_second)
    missing = max(0.0, (free_at - now).total_seconds() * rate_per_second) if free_at else 0.0
    return min(most, int(full - missing + 1e-6))


def spent(rate_per_second: float | None, free_at: datetime | None, now: datetime, sent: int) -> datetime | None:
    """When the bucket is full again after ``sent`` more."""
    if rate_per_second is None:
        return None
    return max(free_at or now, now) + timedelta(seconds=sent / rate_per_second)


def quiet_until(status: int | None, retry_after: str | None, now: datetime, least_seconds: float) -> datetime | None:
    """Until when the whole channel asks for quiet: 429, and 503 with ``Retry-After`` (RFC 9110, 10.2.3)."""
    asked = _moment(retry_after, now) if retry_after else None
    if status == 429:
        return min(asked or now + timedelta(seconds=least_seconds), now + RETRY_AFTER_MAX)
    return min(asked, now + RETRY_AFTER_MAX) if status == 503 and asked else None


def _moment(value: str, now: datetime) -> datetime | None:
    """Seconds or an HTTP date; None for anything else."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return now + min(timedelta(seconds=int(text[:9])), RETRY_AFTER_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
