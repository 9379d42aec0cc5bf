"""What operators look after: dead letters and dropped files."""

from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """Which deliveries; ``event`` and ``of`` (its channel) name the last one that was seen."""

    channel: str | None = None
    state: str | None = None
    type: str | None = None
    error: str | None = None
    event: int = 0
    of: str = ""
    limit: int = 50


def exceptions(connection: Connection[TupleRow], wanted: ExceptionFilter) -> list[dict[str, Any]]:
    """Deliveries that did not go through, oldest event first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT x.channel, x.event, x.order_id::text AS order_id, o.order_no, x.state, x.attempts, x.lane,
                      x.next_attempt_at, x.last_error, e.type, e.sequence, e.recorded_at
               FROM hub.delivery_exceptions x JOIN hub.events e ON e.position = x.event
               LEFT JOIN hub.orders o ON o.order_id = x.order_id
               WHERE (%(channel)s::text IS NULL OR x.channel = %(channel)s)
                 AND (%(state)s::text IS NULL OR x.state = %(state)s)
                 AND (%(type)s::text IS NULL OR e.type = %(type)s)
                 AND (%(error)s::text IS NULL OR strpos(lower(x.last_error), lower(%(error)s)) > 0)
                 AND (x.event, x.channel) > (%(event)s, %(of)s)
               ORDER BY x.event, x.channel LIMIT %(limit)s""",
            asdict(wanted),
        ).fetchall()


def event_types(connection: Connection[TupleRow]) -> list[str]:
    """Types of the events whose delivery did not go through."""
    rows = connection.execute(
        """SELECT DISTINCT e.type FROM hub.delivery_exceptions x JOIN hub.events e ON e.position = x.event ORDER BY 1"""
    )
    return [kind for (kind,) in rows]


def dropped_files(
    connection: Connection[TupleRow], channel: str | None, outcome: str | None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Dropped files, the newest first; ``before`` is the position of the last one that was seen."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT position, channel, name, encode(digest, 'hex') AS sha256, size_bytes, outcome, messages, problem,
                      received_at
               FROM hub.files
               WHERE (%(channel)s::text IS NULL OR channel = %(channel)s)
                 AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
                 AND (%(before)s::bigint IS NULL OR position < %(before)s)
               ORDER BY position DESC LIMIT %(limit)s""",
            {"channel": channel, "outcome": outcome, "before": before, "limit": limit},
        ).fetchall()
