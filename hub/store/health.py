"""How channels fare: figures for the console and the API, read from what is on disk anyway."""

from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

_CHANNELS = """
SELECT c.channel, c.endpoint, c.state, c.state_reason, c.breaker_until,
       coalesce(m.applied, 0) AS applied, coalesce(m.witnessed, 0) AS witnessed, coalesce(m.disputed, 0) AS disputed,
       coalesce(m.refused, 0) AS refused, coalesce(m.late, 0) AS late, coalesce(m.out_of_order, 0) AS out_of_order,
       coalesce(r.repeated, 0) AS repeated, m.last_received_at,
       coalesce(d.delivered, 0) AS delivered, coalesce(d.failed, 0) AS failed, d.delay_p50_ms, d.delay_p99_ms,
       coalesce(x.waiting, 0) AS waiting, coalesce(x.dead, 0) AS dead,
       (SELECT count(*) FROM hub.events e
        WHERE c.endpoint IS NOT NULL AND (e.txid, e.position) > (c.cursor_txid, c.cursor_position)) AS lag
FROM hub.channels c
LEFT JOIN (SELECT channel, count(*) FILTER (WHERE outcome = 'applied') AS applied,
                  count(*) FILTER (WHERE outcome = 'witnessed') AS witnessed,
                  count(*) FILTER (WHERE outcome = 'disputed') AS disputed,
                  count(*) FILTER (WHERE outcome = 'refused') AS refused,
                  count(*) FILTER (WHERE arrival = 'late') AS late,
                  count(*) FILTER (WHERE arrival = 'out_of_order') AS out_of_order,
                  max(received_at) FILTER (WHERE source NOT IN ('hub', 'reconciliation')) AS last_received_at
           FROM hub.messages GROUP BY channel) m USING (channel)
LEFT JOIN (SELECT channel, count(*) AS repeated FROM hub.repeats GROUP BY channel) r USING (channel)
LEFT JOIN (SELECT channel, count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
                  count(*) FILTER (WHERE outcome = 'failed') AS failed,
                  percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_ms)
                      FILTER (WHERE attempt = 1 AND lane = 'live') AS delay_p50_ms,
                  percentile_cont(0.99) WITHIN GROUP (ORDER BY delay_ms)
                      FILTER (WHERE attempt = 1 AND lane = 'live') AS delay_p99_ms
           FROM hub.deliveries WHERE lane <> 'replay' GROUP BY channel) d USING (channel)
LEFT JOIN (SELECT channel, count(*) FILTER (WHERE state <> 'dead') AS waiting,
                  count(*) FILTER (WHERE state = 'dead') AS dead
           FROM hub.delivery_exceptions GROUP BY channel) x USING (channel)
ORDER BY c.channel"""


def channels(connection: Connection[TupleRow]) -> list[dict[str, Any]]:
    """One row per channel: outcomes, deliveries, first-attempt delay, what waits, how far its cursor lags."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_CHANNELS).fetchall()


def undelivered(connection: Connection[TupleRow]) -> int:
    """Events not yet offered, and deliveries that wait: zero means that every channel knows everything."""
    row = connection.execute(
        """SELECT (SELECT coalesce(sum((SELECT count(*) FROM hub.events e
                     WHERE (e.txid, e.position) > (c.cursor_txid, c.cursor_position))), 0)
                   FROM hub.channels c WHERE c.state = 'active' AND c.endpoint IS NOT NULL)
                + (SELECT coalesce(sum((SELECT count(*) FROM hub.events e
                     WHERE (e.lane = 'bulk' OR e.txid <= c.history_txid)
                       AND (e.txid, e.position) > (c.bulk_txid, c.bulk_position)
                       AND (e.txid, e.position) <= (c.cursor_txid, c.cursor_position))), 0)
                   FROM hub.channels c WHERE c.state = 'active' AND c.endpoint IS NOT NULL)
                + (SELECT coalesce(sum(wanted - sent), 0) FROM hub.replays WHERE finished_at IS NULL)
                + (SELECT count(*) FROM hub.delivery_exceptions WHERE state <> 'dead')"""
    ).fetchone()
    return int(row[0]) if row else 0
