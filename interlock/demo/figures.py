"""The day in figures, from the database alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

CHANNELS = ("web", "app", "phone", "agents", "windows")
OUTCOMES = ("applied", "witnessed", "duplicate", "disputed", "refused")


@dataclass(frozen=True, slots=True)
class Delivered:
    """Deliveries to one channel; delays of the first attempt in milliseconds, from commit to attempt."""

    channel: str
    delivered: int
    failed: int
    first_ms_p50: float
    first_ms_p99: float


@dataclass(frozen=True, slots=True)
class Figures:
    """``messages``: channel -> outcome -> count. ``refusals``: (channel, code, count)."""

    orders: int
    messages: Mapping[str, Mapping[str, int]]
    refusals: Sequence[tuple[str, str, int]]
    deliveries: Sequence[Delivered]
    runs: Sequence[Mapping[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return {
            "orders": self.orders,
            "messages": {channel: dict(counts) for channel, counts in self.messages.items()},
            "refusals": [{"channel": c, "code": code, "count": n} for c, code, n in self.refusals],
            "deliveries": [{name: getattr(d, name) for name in Delivered.__slots__} for d in self.deliveries],
            "runs": [dict(run) for run in self.runs],
        }


def figures(connection: Connection[TupleRow]) -> Figures:
    """Read them. An empty database gives zeros."""
    return Figures(
        orders=_one(connection, "SELECT count(*) FROM hub.orders"),
        messages=_messages(connection),
        refusals=_refusals(connection),
        deliveries=_deliveries(connection),
        runs=_runs(connection),
    )


def _one(connection: Connection[TupleRow], query: Any) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _messages(connection: Connection[TupleRow]) -> dict[str, dict[str, int]]:
    counts = {channel: dict.fromkeys(OUTCOMES, 0) for channel in CHANNELS}
    rows = connection.execute(
        """SELECT channel, outcome, count(*) FROM hub.messages WHERE source <> 'hub' GROUP BY 1, 2
           UNION ALL SELECT channel, 'duplicate', count(*) FROM hub.repeats GROUP BY 1
           UNION ALL SELECT channel, 'refused', count(*) FROM hub.rejections GROUP BY 1"""
    )
    for channel, outcome, count in rows:
        of_channel = counts.setdefault(channel, dict.fromkeys(OUTCOMES, 0))
        of_channel[outcome] += count
    return counts


def _refusals(connection: Connection[TupleRow]) -> list[tuple[str, str, int]]:
    rows = connection.execute(
        """SELECT channel, code, count(*) FROM (
               SELECT channel, code FROM hub.messages WHERE outcome = 'refused'
               UNION ALL SELECT channel, code FROM hub.rejections
               UNION ALL SELECT channel, 'file: ' || coalesce(problem->>'code', outcome) FROM hub.files
                   WHERE outcome <> 'accepted') AS refused
           GROUP BY 1, 2 ORDER BY 1, 2"""
    )
    return [(channel, code, count) for channel, code, count in rows]


def _deliveries(connection: Connection[TupleRow]) -> list[Delivered]:
    # The first attempt is the first of an event to a channel: what reconciliation pushes again later is not.
    rows = connection.execute(
        """WITH first AS (
               SELECT DISTINCT ON (channel, event) channel, delay_ms FROM hub.deliveries
               WHERE outcome <> 'not_expressible' ORDER BY channel, event, position)
           SELECT d.channel, d.delivered, d.failed, f.p50, f.p99
           FROM (SELECT channel, count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
                     count(*) FILTER (WHERE outcome = 'failed') AS failed
                 FROM hub.deliveries GROUP BY channel) AS d
           LEFT JOIN (SELECT channel, percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_ms) AS p50,
                          percentile_cont(0.99) WITHIN GROUP (ORDER BY delay_ms) AS p99
                      FROM first GROUP BY channel) AS f USING (channel)
           ORDER BY d.channel"""
    )
    return [Delivered(channel, ok, failed, p50 or 0.0, p99 or 0.0) for channel, ok, failed, p50, p99 in rows]


def _runs(connection: Connection[TupleRow]) -> list[dict[str, Any]]:
    rows = connection.execute(
        """SELECT definition, row_number() OVER (PARTITION BY definition ORDER BY finish_order NULLS LAST) AS run,
                  state, left_rows, right_rows, matched, break_count, reason FROM recon.runs
           ORDER BY definition, run"""
    )
    names = ("definition", "run", "state", "hub_rows", "other_rows", "matched", "breaks", "reason")
    return [dict(zip(names, row, strict=True)) for row in rows]
