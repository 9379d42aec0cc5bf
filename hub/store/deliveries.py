"""What was told to whom: every attempt, and the exceptions that wait, queue behind one that waits, or are dead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row


@dataclass(frozen=True, slots=True)
class Attempt:
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


_COLUMNS = "channel, event, order_id, state, attempts, next_attempt_at, last_error"


def record(connection: Connection[TupleRow], attempts: Sequence[Attempt]) -> None:
    if attempts:
        with connection.cursor() as cursor:
            cursor.executemany(
                """INSERT INTO hub.deliveries (channel, event, order_id, attempt, outcome, status, response, losses,
                       started_at, duration_ms, delay_ms) VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s)""",
                [
                    (
                        a.channel,
                        a.event,
                        a.order_id,
                        a.attempt,
                        a.outcome,
                        a.status,
                        a.response,
                        a.losses,
                        a.started_at,
                        a.duration_ms,
                        a.delay_ms,
                    )
                    for a in attempts
                ],
            )


def set_aside(connection: Connection[TupleRow], rows: Sequence[Exceptional]) -> None:
    """Remember what did not go through."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                f"""INSERT INTO hub.delivery_exceptions ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)
                    ON CONFLICT (channel, event) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
                        next_attempt_at = excluded.next_attempt_at, last_error = excluded.last_error""",
                [(r.channel, r.event, r.order_id, r.state, r.attempts, r.next_attempt_at, r.last_error) for r in rows],
            )


def blocked_orders(connection: Connection[TupleRow], channel: str, order_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these orders for which something waits: what comes now must queue behind it."""
    rows = connection.execute(
        """SELECT DISTINCT order_id FROM hub.delivery_exceptions
           WHERE channel = %s AND order_id = ANY(%s) AND state <> 'dead'""",
        (channel, list(order_ids)),
    )
    return {order_id for (order_id,) in rows}


def due(connection: Connection[TupleRow], channel: str, now: datetime, limit: int) -> list[Exceptional]:
    """The heads that may be tried again, and everything queued behind them, in order within each order."""
    with connection.cursor(row_factory=class_row(Exceptional)) as cursor:
        return cursor.execute(
            f"""SELECT {_COLUMNS} FROM hub.delivery_exceptions
                WHERE channel = %s AND state <> 'dead' AND order_id IN (
                    SELECT order_id FROM hub.delivery_exceptions
                    WHERE channel = %s AND state = 'waiting' AND next_attempt_at <= %s
                    ORDER BY next_attempt_at LIMIT %s)
                ORDER BY order_id, event""",
            (channel, channel, now, limit),
        ).fetchall()


def settle(connection: Connection[TupleRow], channel: str, positions: Sequence[int]) -> None:
    """These went through."""
    if positions:
        connection.execute(
            "DELETE FROM hub.delivery_exceptions WHERE channel = %s AND event = ANY(%s)", (channel, list(positions))
        )


def promote(connection: Connection[TupleRow], channel: str, now: datetime) -> None:
    """Where the head of an order's queue died, the next one in it becomes the head."""
    connection.execute(
        """UPDATE hub.delivery_exceptions SET state = 'waiting', next_attempt_at = %s
           WHERE channel = %s AND event IN (
               SELECT min(event) FROM hub.delivery_exceptions
               WHERE channel = %s AND state <> 'dead' GROUP BY order_id HAVING bool_and(state = 'behind'))""",
        (now, channel, channel),
    )


def dead(connection: Connection[TupleRow], channel: str | None, limit: int) -> list[Exceptional]:
    """Dead letters, oldest first."""
    with connection.cursor(row_factory=class_row(Exceptional)) as cursor:
        return cursor.execute(
            f"""SELECT {_COLUMNS} FROM hub.delivery_exceptions
                WHERE state = 'dead' AND channel = coalesce(%s, channel) ORDER BY event LIMIT %s""",
            (channel, limit),
        ).fetchall()


def revive(connection: Connection[TupleRow], channel: str, event: int | None, now: datetime) -> int:
    """Try a dead letter again, or all of a channel; returns how many."""
    return connection.execute(
        """UPDATE hub.delivery_exceptions SET state = 'waiting', attempts = 0, next_attempt_at = %s
           WHERE channel = %s AND state = 'dead' AND event = coalesce(%s, event)""",
        (now, channel, event),
    ).rowcount


def again(connection: Connection[TupleRow], channel: str, order_id: UUID, now: datetime) -> int | None:
    """Queue the order's latest deliverable event to the channel once more; its position, or None if there is none."""
    row = connection.execute(
        """INSERT INTO hub.delivery_exceptions (channel, event, order_id, state, attempts, next_attempt_at, last_error)
           SELECT %s, max(position), order_id, 'waiting', 0, %s, 'pushed again by reconciliation'
           FROM hub.events WHERE order_id = %s AND type NOT IN ('order.witnessed', 'order.adjusted')
           GROUP BY order_id
           ON CONFLICT (channel, event) DO UPDATE SET state = 'waiting', attempts = 0,
               next_attempt_at = excluded.next_attempt_at
           RETURNING event""",
        (channel, now, order_id),
    ).fetchone()
    return row[0] if row else None


def of_order(connection: Connection[TupleRow], order_id: UUID) -> list[tuple[Attempt, int]]:
    """Every attempt about an order with its event's sequence."""
    rows = connection.execute(
        """SELECT d.channel, d.event, d.order_id, d.attempt, d.outcome, d.status, d.response, d.losses::text,
                  d.started_at, d.duration_ms, d.delay_ms, e.sequence
           FROM hub.deliveries d JOIN hub.events e ON e.position = d.event
           WHERE d.order_id = %s ORDER BY d.position""",
        (order_id,),
    )
    return [(Attempt(*row[:-1]), row[-1]) for row in rows]
