"""Moments as people read them."""

from datetime import datetime
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")  # the railway's time, whatever the server's


def written(at: datetime) -> str:
    """Date and time of day in Beijing.

    >>> from datetime import UTC
    >>> written(datetime(2026, 3, 10, 17, 5, tzinfo=UTC))
    '2026-03-11 01:05'
    """
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
