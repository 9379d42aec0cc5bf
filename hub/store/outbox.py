"""The event log as one channel's queue: what comes next in a lane, and what stands before an order's next event.

    live   what is told at once, in the order of the log
    bulk   events of files and mass uploads; offered in the room that live events leave, never ahead of their cursor

Within an order no lane overtakes the other: a live event behind a bulk event that is still to come waits for it. What
happened before a channel subscribed is of the bulk lane for it, whatever lane it came in (``Wanted.history``).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

Cursor = tuple[str, int]
"""(transaction id, position): how far the log has been read."""

LAST_POSITION = 2**63 - 1
"""A position behind every event of a transaction."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a channel is told: these types of event, unless it caused them itself.

    ``history``: events of transactions up to this one were there before the channel subscribed; ``"0"``: none.
    """

    channel: str
    types: Sequence[str]
    history: str = "0"

    def in_history(self, cursor: Cursor) -> bool:
        """Whether a bulk cursor still has history to read."""
        return (int(cursor[0]), cursor[1]) < (int(self.history), LAST_POSITION) and self.history != "0"

    def aside_until(self, bulk: Cursor, live: Cursor) -> Cursor:
        """How far the bulk lane can be read in one go: to the end of the history, or to the live cursor."""
        return (self.history, LAST_POSITION) if self.in_history(bulk) else live


@dataclass(frozen=True, slots=True)
class Ahead:
    """A stretch of the log. ``chosen``: (cursor, order) of wanted events; ``end``: how far it was read.

    ``whole``: there was more of the log to read; ``bulk``: events of the bulk lane lie in this stretch.
    """

    chosen: list[tuple[Cursor, UUID]]
    end: Cursor
    whole: bool
    bulk: bool

    def cut(self, limit: int) -> "Ahead":
        """As far as the first ``limit`` wanted events."""
        if len(self.chosen) <= limit:
            return self
        return Ahead(self.chosen[:limit], self.chosen[limit - 1][0], True, self.bulk)

    def cut_each(self, most: int) -> "Ahead":
        """As far as no order has more than ``most`` wanted events: one order's are told one after another."""
        told: Counter[UUID] = Counter()
        for place, (_, order_id) in enumerate(self.chosen):
            told[order_id] += 1
            if told[order_id] > most:
                return self.cut(place)
        return self


def waiting(connection: Connection[TupleRow], now: datetime) -> list[str]:
    """The channels for which something can be done at ``now`` (wall clock), by a look at the head of each queue.

    One whose bucket of tokens is empty is among them all the same: its drain finds out.
    """
    rows = connection.execute(
        """SELECT c.channel FROM hub.channels c
           WHERE c.endpoint IS NOT NULL AND c.state <> 'paused' AND (c.retry_at IS NULL OR c.retry_at <= %(now)s)
             AND (c.state = 'active' AND (c.breaker_until IS NULL OR c.breaker_until <= %(now)s) AND (
                    EXISTS (SELECT FROM hub.events e
                            WHERE (e.txid, e.position) > (c.cursor_txid, c.cursor_position)
                              AND e.txid < pg_snapshot_xmin(pg_current_snapshot()))
                    OR (c.bulk_txid, c.bulk_position) <> (c.cursor_txid, c.cursor_position))
                  OR EXISTS (SELECT FROM hub.delivery_exceptions x
                             WHERE x.channel = c.channel AND x.state = 'waiting' AND x.next_attempt_at <= %(now)s)
                  OR EXISTS (SELECT FROM hub.replays r WHERE r.channel = c.channel AND r.finished_at IS NULL))
           ORDER BY c.channel""",
        {"now": now},
    )
    return [channel for (channel,) in rows]


def live(connection: Connection[TupleRow], after: Cursor, wanted: Wanted, scan: int) -> Ahead:
    """The next ``scan`` events behind the commit barrier (see ``hub.store.events``), and which of them are wanted."""
    return _read(
        connection,
        """SELECT txid, position, order_id, lane,
                  lane = 'live' AND type = ANY(%(types)s) AND origin <> %(channel)s AS chosen
           FROM hub.events
           WHERE (txid, position) > (%(txid)s::xid8, %(position)s) AND txid < pg_snapshot_xmin(pg_current_snapshot())
           ORDER BY txid, position LIMIT %(scan)s""",
        {"txid": after[0], "position": after[1], "types": list(wanted.types), "channel": wanted.channel, "scan": scan},
        after,
    )


def stretch(connection: Connection[TupleRow], after: Cursor, types: Sequence[str], scan: int) -> Ahead:
    """The next ``scan`` events of both lanes behind the commit barrier, for who pulls; chosen: of ``types``."""
    connection.execute("SET LOCAL enable_bitmapscan = off")  # for the reason that the pump has
    return _read(
        connection,
        """SELECT txid, position, order_id, lane, type = ANY(%(types)s) AS chosen
           FROM hub.events
           WHERE (txid, position) > (%(txid)s::xid8, %(position)s) AND txid < pg_snapshot_xmin(pg_current_snapshot())
           ORDER BY txid, position LIMIT %(scan)s""",
        {"txid": after[0], "position": after[1], "types": list(types), "scan": scan},
        after,
    )


def bulk(connection: Connection[TupleRow], after: Cursor, until: Cursor, wanted: Wanted, scan: int) -> Ahead:
    """The same of the bulk lane, as far as ``until`` (``Wanted.aside_until``)."""
    lane: LiteralString = "" if wanted.in_history(after) else "lane = 'bulk' AND "
    return _read(
        connection,
        f"""SELECT txid, position, order_id, lane, type = ANY(%(types)s) AND origin <> %(channel)s AS chosen
           FROM hub.events
           WHERE {lane}(txid, position) > (%(txid)s::xid8, %(position)s)
             AND (txid, position) <= (%(last_txid)s::xid8, %(last_position)s)
           ORDER BY txid, position LIMIT %(scan)s""",
        {
            "txid": after[0],
            "position": after[1],
            "last_txid": until[0],
            "last_position": until[1],
            "types": list(wanted.types),
            "channel": wanted.channel,
            "scan": scan,
        },
        after,
    )


def _read(connection: Connection[TupleRow], stretch: str, values: dict[str, object], after: Cursor) -> Ahead:
    rows = connection.execute(
        f"""WITH seen AS MATERIALIZED ({stretch}),
                 figures AS (SELECT count(*) AS read, coalesce(bool_or(lane = 'bulk'), false) AS bulk FROM seen),
                 last AS (SELECT txid, position FROM seen ORDER BY txid DESC, position DESC LIMIT 1)
            SELECT s.txid::text, s.position, s.order_id, s.chosen, f.read, f.bulk
            FROM seen s, figures f, last l
            WHERE s.chosen OR (s.txid, s.position) = (l.txid, l.position) ORDER BY s.txid, s.position""".encode(),
        values,
    ).fetchall()
    if not rows:
        return Ahead([], after, False, False)
    chosen = [((txid, position), order_id) for txid, position, order_id, is_chosen, _, _ in rows if is_chosen]
    return Ahead(chosen, (rows[-1][0], rows[-1][1]), rows[0][4] == values["scan"], rows[0][5])


def bulk_before(
    connection: Connection[TupleRow], after: Cursor, wanted: Wanted, order_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """order -> position of its first wanted bulk event that has not been offered yet."""
    in_lane = "(e.lane = 'bulk' OR e.txid <= %(history)s::xid8)" if wanted.in_history(after) else "e.lane = 'bulk'"
    # Order by order through the index of its own events (OFFSET 0 sees to that), never through all that wait.
    rows = connection.execute(
        f"""SELECT asked.id, first.position
           FROM unnest(%(ids)s::uuid[]) AS asked (id)
           CROSS JOIN LATERAL (
               SELECT e.position FROM (SELECT * FROM hub.events WHERE order_id = asked.id OFFSET 0) AS e
               WHERE {in_lane} AND (e.txid, e.position) > (%(txid)s::xid8, %(at)s)
                 AND e.type = ANY(%(types)s) AND e.origin <> %(channel)s
               ORDER BY e.sequence LIMIT 1) AS first""",
        {
            "txid": after[0],
            "at": after[1],
            "ids": list(order_ids),
            "types": list(wanted.types),
            "channel": wanted.channel,
            "history": wanted.history,
        },
    )
    return {order_id: int(position) for order_id, position in rows}


def taken_part(connection: Connection[TupleRow], channel: str, order_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these orders in which the channel took part; one that was joined is the order that it is part of."""
    rows = connection.execute(
        """SELECT asked.id FROM unnest(%s::uuid[]) AS asked (id)
           LEFT JOIN hub.aliases a ON a.order_id = asked.id
           JOIN hub.orders o ON o.order_id = coalesce(a.into_id, asked.id)
           WHERE %s = ANY(o.witnesses) OR o.channel = %s""",
        (list(order_ids), channel, channel),
    )
    return {order_id for (order_id,) in rows}
