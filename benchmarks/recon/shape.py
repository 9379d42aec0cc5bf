"""What a world is made from: its size, its seed, how often each case stands in it, its dates."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from benchmarks.recon.cases import CASES
from reconciliation.rows import microseconds

ZONE = ZoneInfo("Asia/Shanghai")
ROWS_AN_ORDER = 2.54
"""1.5 tickets, a payment, and for one order in 25 a refund."""


@dataclass(frozen=True, slots=True)
class World:
    """``rows``: about so many rows in the hub's day. ``rate``: how many orders of each case, 0.001 = one in 1,000."""

    rows: int = 20_000
    seed: int = 1
    rate: float = 0.001
    day: date = date(2026, 1, 11)

    @property
    def period(self) -> int:
        period = round(1 / self.rate)
        if period < len(CASES):
            raise ValueError(f"rate {self.rate} leaves no room for {len(CASES)} cases: at most {1 / len(CASES):.4f}")
        return period

    @property
    def orders(self) -> int:
        return max(self.period, round(self.rows / ROWS_AN_ORDER))

    @property
    def eve(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def begin(self) -> int:
        """Midnight at the beginning of the day, in microseconds since 1970 UTC."""
        return microseconds(datetime.combine(self.day, datetime.min.time(), ZONE))
