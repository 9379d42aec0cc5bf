"""What was told to whom: every attempt, and the exceptions that wait, queue behind one that waits, or are dead.

Both say in which lane: ``live``, ``bulk`` or ``replay``. A replay stands before nobody: live events pass it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from hub.store.appending import INT4, INT8, JSONB, REAL, TEXT, TIMESTAMPTZ, UUIDS, Table, append
from hub.store.outbox import Wanted


class Attempt(NamedTuple):
    """One attempt. ``delay_ms``: from the event's commit to this attempt; ``event`` is its position in the log."""

    channel: str
    event: int
    order_id: UUID
    attempt: int
    outcome: str
    status: int | None
    response: str | None
    losses: str | None
    started_at: datetime
    duration_ms: float
    delay_ms: float
    lane: str = "live"


@dataclass(frozen=True, slots=True)
class Exceptional:
    """A delivery that did not go through yet, or never will."""

    channel: str
    event: int
    order_id: UUID
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    lane: str = "live"


_COLUMNS = "channel, event, order_id, state, attempts, next_attempt_at, last_error, lane"


_KINDS = (TEXT, INT8, UUIDS, INT4, TEXT, INT4, TEXT, JSONB, TIMESTAMPTZ, REAL, REAL, TEXT)
_DELIVERIES = Table("deliveries", dict(zip(Attempt._fields, _KINDS, strict=True)))


def record(connection: Connection[TupleRow], attempts: Sequence[Attempt]) -> None:
    """Append these attempts."""
    append(connection, _DELIVERIES, attempts)


def set_aside(connection: Connection[TupleRow], rows: Sequence[Exceptional]) -> None:
    """Remember what did not go through."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                f"""INSERT INTO hub.delivery_exceptions ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
                    ON CONFLICT (channel, event) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
                        next_attempt_at = excluded.next_attempt_at, lane = excluded.lane,
                        last_error = coalesce(excluded.last_error, delivery_exceptions.last_error)""",
                [
                    (r.channel, r.event, r.order_id, r.state, r.attempts, r.next_attempt_at, r.last_error, r.lane)
                    for r in rows
                ],
            )


def blocked_orders(connection: Connection[TupleRow], channel: str, order_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Those of these orders for which something waits, with its first event: what is later must queue behind it."""
    rows = connection.execute(
        """SELECT order_id, min(event) FROM hub.delivery_exceptions
           WHERE channel = %s AND order_id = ANY(%s) AND state <> 'dead' AND lane <> 'replay' GROUP BY order_id""",
        (channel, list(order_ids)),
    )
    return {order_id: int(event) for order_id, event in rows}


def due(
    connection: Connection[TupleRow], channel: str, now: datetime, limit: int, *, replay: bool = False
) -> list[Exceptional]:
    """The heads that may be tried again, and what is queued behind them, in order within each order; ``limit`` rows.

    ``replay``: those of replays, otherwise all others.
    """
    with connection.cursor(row_factory=class_row(Exceptional)) as cursor:
        return cursor.execute(
            f"""SELECT {_COLUMNS} FROM hub.delivery_exceptions
                WHERE channel = %(channel)s AND state <> 'dead' AND (lane = 'replay') = %(replay)s AND order_id IN (
                    SELECT order_id FROM hub.delivery_exceptions
                    WHERE channel = %(channel)s AND state = 'waiting' AND next_attempt_at <= %(now)s
                      AND (lane = 'replay') = %(replay)s
                    ORDER BY next_attempt_at LIMIT %(limit)s)
                ORDER BY order_id, event LIMIT %(limit)s""",
            {"channel": channel, "replay": replay, "now": now, "limit": limit},
        ).fetchall()


def under_way(connection: Connection[TupleRow], channel: str, events: Sequence[int]) -> set[int]:
    """Those of these events that will go out by themselves: a replay need not send them."""
    rows = connection.execute(
        """SELECT event FROM hub.delivery_exceptions
           WHERE channel = %s AND event = ANY(%s) AND state <> 'dead' AND lane <> 'replay'""",
        (channel, list(events)),
    )
    return {event for (event,) in rows}


def replays_waiting(connection: Connection[TupleRow], channel: str) -> int:
    """How many deliveries of replays did not go through yet."""
    row = connection.execute(
        "SELECT count(*) FROM hub.delivery_exceptions WHERE channel = %s AND state <> 'dead' AND lane = 'replay'",
        (channel,),
    ).fetchone()
    return int(row[0]) if row else 0


def settle(connection: Connection[TupleRow], channel: str, positions: Sequence[int]) -> None:
    """These went through."""
    if positions:
        connection.execute(
            "DELETE FROM hub.delivery_exceptions WHERE channel = %s AND event = ANY(%s)", (channel, list(positions))
        )


def promote(connection: Connection[TupleRow], wanted: Wanted, order_ids: Sequence[UUID] | None, now: datetime) -> None:
    """Where the head of these orders' queues (None: of all) is gone, the next one in it becomes the head.

    Not while an event of the bulk lane is still to come before it.
    """
    connection.execute(
        """UPDATE hub.delivery_exceptions x SET state = 'waiting', next_attempt_at = %(now)s
           FROM hub.channels c
           WHERE c.channel = x.channel AND x.channel = %(channel)s AND x.event IN (
               SELECT min(event) FROM hub.delivery_exceptions
               WHERE channel = %(channel)s AND state <> 'dead'
                 AND (%(ids)s::uuid[] IS NULL OR order_id = ANY(%(ids)s))
               GROUP BY order_id, lane = 'replay' HAVING bool_and(state = 'behind'))
           AND (x.lane = 'replay' OR NOT EXISTS (
               SELECT FROM (SELECT * FROM hub.events WHERE order_id = x.order_id OFFSET 0) e
               WHERE (e.lane = 'bulk' OR e.txid <= c.history_txid) AND e.position < x.event
                 AND e.type = ANY(%(types)s) AND e.origin <> x.channel
                 AND (e.txid, e.position) > (c.bulk_txid, c.bulk_position)))""",
        {"channel": wanted.channel, "types": list(wanted.types), "ids": order_ids, "now": now},
    )


@dataclass(frozen=True, slots=True)
class Letters:
    """Which dead letters: one event, or those that fit everything given. ``error``: part of what went wrong.

    ``since`` and ``until``: when the event was committed (wall clock).
    """

    event: int | None = None
    order_id: UUID | None = None
    event_types: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    error: str | None = None


def letters_shown(letters: Letters) -> dict[str, Any]:
    """What was asked for, for the audit chain."""
    found = {name: value for name, value in asdict(letters).items() if value is not None}
    return {name: value if isinstance(value, int | list | tuple) else str(value) for name, value in found.items()}


def dead(
    connection: Connection[TupleRow], channel: str | None, limit: int, letters: Letters | None = None
) -> list[Exceptional]:
    """Dead letters, oldest first."""
    with connection.cursor(row_factory=class_row(Exceptional)) as cursor:
        return cursor.execute(
            f"""SELECT {_prefixed(_COLUMNS)} {_DEAD} AND (%(channel)s::text IS NULL OR x.channel = %(channel)s)
                ORDER BY x.event, x.channel LIMIT %(limit)s""",
            _values(letters) | {"channel": channel, "limit": limit},
        ).fetchall()


def count_dead(connection: Connection[TupleRow], channel: str, letters: Letters) -> int:
    """How many dead letters of a channel these are."""
    row = connection.execute(
        f"SELECT count(*) {_DEAD} AND x.channel = %(channel)s", _values(letters) | {"channel": channel}
    ).fetchone()
    return int(row[0]) if row else 0


def revive(connection: Connection[TupleRow], channel: str, letters: Letters | int | None, now: datetime) -> int:
    """Try dead letters of a channel again, in the lane of replays; returns how many. An int is one event."""
    chosen = Letters(event=letters) if isinstance(letters, int) else letters
    return connection.execute(
        f"""UPDATE hub.delivery_exceptions SET state = 'waiting', attempts = 0, next_attempt_at = %(now)s,
                lane = 'replay'
            WHERE channel = %(channel)s AND event IN (SELECT x.event {_DEAD} AND x.channel = %(channel)s)
              AND state = 'dead'""",
        _values(chosen) | {"channel": channel, "now": now},
    ).rowcount


_DEAD = """FROM hub.delivery_exceptions x JOIN hub.events e ON e.position = x.event
    WHERE x.state = 'dead'
      AND (%(event)s::bigint IS NULL OR x.event = %(event)s)
      AND (%(order_id)s::uuid IS NULL OR x.order_id = %(order_id)s)
      AND (%(types)s::text[] IS NULL OR e.type = ANY(%(types)s))
      AND (%(since)s::timestamptz IS NULL OR e.committed_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR e.committed_at < %(until)s)
      AND (%(error)s::text IS NULL OR strpos(lower(x.last_error), lower(%(error)s)) > 0)"""


def _prefixed(columns: str) -> str:
    return ", ".join(f"x.{name.strip()}" for name in columns.split(","))


def _values(letters: Letters | None) -> dict[str, object]:
    chosen = letters or Letters()
    return {
        "event": chosen.event,
        "order_id": chosen.order_id,
        "types": list(chosen.event_types) if chosen.event_types is not None else None,
        "since": chosen.since,
        "until": chosen.until,
        "error": chosen.error,
    }


def again(connection: Connection[TupleRow], channel: str, order_id: UUID, now: datetime) -> int | None:
    """Queue the order's latest deliverable event to the channel once more; its position, or None if there is none."""
    row = connection.execute(
        """INSERT INTO hub.delivery_exceptions (channel, event, order_id, state, attempts, next_attempt_at, last_error)
           SELECT %s, max(position), order_id, 'waiting', 0, %s, 'pushed again by reconciliation'
           FROM hub.events WHERE order_id = %s AND type NOT IN ('order.witnessed', 'order.adjusted')
           GROUP BY order_id
           ON CONFLICT (channel, event) DO UPDATE SET state = 'waiting', attempts = 0, lane = 'live',
               next_attempt_at = excluded.next_attempt_at
           RETURNING event""",
        (channel, now, order_id),
    ).fetchone()
    return row[0] if row else None


def of_orders(connection: Connection[TupleRow], order_ids: Sequence[UUID]) -> list[tuple[Attempt, int]]:
    """Every attempt under these ids of an order, with its event's sequence."""
    rows = connection.execute(
        """SELECT d.channel, d.event, d.order_id, d.attempt, d.outcome, d.status, d.response, d.losses::text,
                  d.started_at, d.duration_ms, d.delay_ms, d.lane, e.sequence
           FROM hub.deliveries d JOIN hub.events e ON e.position = d.event
           WHERE d.order_id = ANY(%s) ORDER BY d.position""",
        (list(order_ids),),
    )
    return [(Attempt(*row[:-1]), row[-1]) for row in rows]
