"""The board: every channel with its lamp, flow and health, what is open, and the day's runs.

The figures are counted over whole tables, so a process reads them at most every two seconds, however many look on.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from hub.ports import Adapter
from hub.store import health
from interlock.console import reconciling
from interlock.console.spark import sparkline
from interlock.database import Pool
from schemas.codes import code_list

FRESH_SECONDS = 2.0
HOURS = 24
_RANK = {row["code"]: rank for rank, row in enumerate(code_list("sales_channel").rows)}
DISPUTES_SHOWN = 8


class Board:
    """Reads the board. ``clock`` is the business clock, ``wall`` the one by which deliveries go."""

    def __init__(
        self,
        pool: Pool,
        adapters: Mapping[str, Adapter],
        clock: Callable[[], datetime],
        wall: Callable[[], datetime],
    ) -> None:
        self._pool, self._adapters, self._clock, self._wall = pool, adapters, clock, wall
        self._lock = threading.Lock()
        self._read_at = -FRESH_SECONDS
        self._pause = FRESH_SECONDS
        self._view: dict[str, Any] = {}

    def view(self) -> dict[str, Any]:
        """The board, at most a few seconds old; a big ledger is read less often, for a tenth of the time at most."""
        with self._lock:
            started = time.monotonic()
            if not self._view or started - self._read_at > self._pause:
                with self._pool.connection() as connection:
                    self._view = self._read(connection)
                self._read_at = time.monotonic()
                self._pause = max(FRESH_SECONDS, 10 * (self._read_at - started))
            return self._view

    def forget(self) -> None:
        """Read anew next time: somebody has just changed something and wants to see it."""
        with self._lock:
            self._view = {}

    def _read(self, connection: Connection[TupleRow]) -> dict[str, Any]:
        rows = sorted(
            health.channels(connection), key=lambda row: (_RANK.get(row["channel"], len(_RANK)), row["channel"])
        )
        hours = _hours(connection)
        day = reconciling.latest_date(connection)
        last = max((hour for of in hours.values() for hour in of), default=None)
        channels = [self._channel(row) | {"hours": _series(hours.get(row["channel"], {}), last)} for row in rows]
        return {
            "now": self._clock(),
            "channels": channels,
            "hours_to": last,
            "totals": _totals(channels),
            "orders": _count(connection, "SELECT count(*) FROM hub.orders"),
            "rejections": _count(connection, "SELECT count(*) FROM hub.rejections"),
            "open_disputes": _count(connection, "SELECT count(*) FROM hub.disputes WHERE state = 'open'"),
            "disputes": _disputes(connection),
            "run_date": day,
            "runs": reconciling.latest_runs(connection, day) if day else [],
        }

    def _channel(self, row: dict[str, Any]) -> dict[str, Any]:
        profile = self._adapters[row["channel"]].profile if row["channel"] in self._adapters else None
        breaker_open = row["breaker_until"] is not None and row["breaker_until"] > self._wall()
        lamp, why = _lamp(row, breaker_open)
        if row["endpoint"] is None:
            row = row | {"lag": 0}
        return row | {
            "name_zh": profile.name_zh if profile else row["channel"],
            "name_en": profile.name_en if profile else row["channel"],
            "arrival": profile.arrival if profile else None,
            "media_type": profile.media_type if profile else None,
            "breaker_open": breaker_open,
            "lamp": lamp,
            "why": why,
        }


def _lamp(row: Mapping[str, Any], breaker_open: bool) -> tuple[str, str]:
    """(colour, word of ``words``): red = somebody must act, amber = look here, green = clear, off = never heard."""
    if row["state"] == "disabled":
        return "red", "why_disabled"
    if row["dead"]:
        return "red", "why_dead"
    if breaker_open:
        return "red", "why_breaker"
    if row["state"] != "active":
        return "amber", "why_paused"
    if row["waiting"]:
        return "amber", "why_waiting"
    if row["last_received_at"] is None:
        return "off", "why_silent"
    return "green", "why_clear"


def _totals(channels: list[dict[str, Any]]) -> dict[str, int]:
    names = ("applied", "witnessed", "repeated", "disputed", "refused", "delivered", "failed", "waiting", "dead")
    return {name: sum(channel[name] for channel in channels) for name in names}


def _count(connection: Connection[TupleRow], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _hours(connection: Connection[TupleRow]) -> dict[str, dict[datetime, int]]:
    """channel -> hour of the business clock -> messages of its own, for the last 24 hours in which any came."""
    rows = connection.execute(
        """WITH own AS (SELECT channel, received_at FROM hub.messages WHERE source NOT IN ('hub', 'reconciliation'))
           SELECT channel, date_trunc('hour', received_at), count(*) FROM own
           WHERE received_at > (SELECT max(received_at) FROM own) - interval '24 hours'
           GROUP BY 1, 2"""
    )
    found: dict[str, dict[datetime, int]] = {}
    for channel, hour, count in rows:
        found.setdefault(channel, {})[hour.astimezone(UTC)] = count
    return found


def _series(hours: Mapping[datetime, int], last: datetime | None) -> list[int]:
    if last is None:
        return [0] * HOURS
    return [hours.get(last - timedelta(hours=back), 0) for back in range(HOURS - 1, -1, -1)]


def drawn(view: dict[str, Any]) -> dict[str, Any]:
    """The board with each channel's flow as SVG, on one time axis, each on a scale of its own."""
    return view | {"channels": [c | {"spark": sparkline(c["hours"], c["name_en"])} for c in view["channels"]]}


def _disputes(connection: Connection[TupleRow]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT d.order_id::text AS order_id, o.order_no, d.dispute_id, d.kind, d.subject, d.opened_at
               FROM hub.disputes d JOIN hub.orders o USING (order_id)
               WHERE d.state = 'open' ORDER BY d.opened_at DESC, d.dispute_id LIMIT %s""",
            (DISPUTES_SHOWN,),
        ).fetchall()
