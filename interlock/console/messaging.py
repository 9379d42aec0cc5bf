"""Messages and what could not become one: lists for people (newest first, keyset), and one of them laid open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from hub.ports import Adapter
from hub.store.seal import Seal
from interlock.console.exhibit import exhibit


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages; ``before`` is the position of the last one that was seen."""

    channel: str | None = None
    outcome: str | None = None
    code: str | None = None
    arrival: str | None = None
    before: int | None = None
    limit: int = 50


def messages(connection: Connection[TupleRow], wanted: MessageFilter) -> list[dict[str, Any]]:
    """Messages with their answer's problem, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT m.position, m.channel, m.message_id, m.source, m.received_at, m.occurred_at, m.outcome, m.code,
                      m.arrival, m.order_id::text AS order_id, o.order_no, m.answer->>'detail' AS detail,
                      coalesce(m.answer->'pointers', '[]') AS pointers, m.answer->>'remedy' AS remedy,
                      coalesce(jsonb_array_length(m.answer->'facts'), 0) AS facts,
                      coalesce(jsonb_array_length(m.answer->'losses'), 0) AS losses, octet_length(m.raw) AS size_bytes
               FROM hub.messages m LEFT JOIN hub.orders o USING (order_id)
               WHERE (%(channel)s::text IS NULL OR m.channel = %(channel)s)
                 AND (%(outcome)s::text IS NULL OR m.outcome = %(outcome)s)
                 AND (%(code)s::text IS NULL OR m.code = %(code)s)
                 AND (%(arrival)s::text IS NULL OR m.arrival = %(arrival)s)
                 AND (%(before)s::bigint IS NULL OR m.position < %(before)s)
               ORDER BY m.position DESC LIMIT %(limit)s""",
            _parameters(wanted),
        ).fetchall()


def rejections(connection: Connection[TupleRow], wanted: MessageFilter) -> list[dict[str, Any]]:
    """What nobody vouched for, was too large, had no id, or used one again; newest first, in the form of messages."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT position, channel, message_id, 'http' AS source, received_at, NULL AS occurred_at,
                      'rejected' AS outcome, code, NULL AS arrival, NULL AS order_id, NULL AS order_no,
                      problem->>'detail' AS detail, coalesce(problem->'pointers', '[]') AS pointers,
                      problem->>'remedy' AS remedy, 0 AS facts, 0 AS losses, size_bytes
               FROM hub.rejections
               WHERE (%(channel)s::text IS NULL OR channel = %(channel)s)
                 AND (%(code)s::text IS NULL OR code = %(code)s)
                 AND (%(before)s::bigint IS NULL OR position < %(before)s)
               ORDER BY position DESC LIMIT %(limit)s""",
            _parameters(wanted),
        ).fetchall()


def _parameters(wanted: MessageFilter) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in MessageFilter.__slots__}


def position_of(connection: Connection[TupleRow], channel: str, message_id: str) -> int | None:
    """Where a message stands."""
    row = connection.execute(
        "SELECT position FROM hub.messages WHERE channel = %s AND message_id = %s", (channel, message_id)
    ).fetchone()
    return row[0] if row else None


_ONE = """
SELECT m.position, m.channel, m.message_id, m.source, m.media_type, m.received_at, m.occurred_at, m.committed_at,
       m.outcome, m.code, m.arrival, m.order_id::text AS order_id, o.order_no, m.sequence, m.answer,
       encode(m.digest, 'hex') AS sha256, m.raw,
       (SELECT count(*) FROM hub.repeats r WHERE (r.channel, r.message_id) = (m.channel, m.message_id)) AS repeats
FROM hub.messages m LEFT JOIN hub.orders o USING (order_id) WHERE m.position = %s"""

_ONE_REJECTED = """
SELECT position, channel, message_id, 'http' AS source, received_at, NULL AS occurred_at, 'rejected' AS outcome, code,
       NULL AS arrival, NULL AS order_id, NULL AS order_no, 0 AS repeats, size_bytes, problem AS answer,
       encode(digest, 'hex') AS sha256, raw_head AS raw
FROM hub.rejections WHERE position = %s"""


def message_shown(
    connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal, position: int
) -> dict[str, Any] | None:
    """One message with its native text beside the canonical reading, masked; None when there is none."""
    return _shown(connection, adapters, seal, _ONE, position)


def rejection_shown(
    connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal, position: int
) -> dict[str, Any] | None:
    """The kept head of what could not become a message, in the same form."""
    return _shown(connection, adapters, seal, _ONE_REJECTED, position)


def _shown(
    connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal, query: str, position: int
) -> dict[str, Any] | None:
    if not 0 < position < 2**63:
        return None
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query.encode(), (position,)).fetchone()
    if found is None:
        return None
    raw = seal.open_bytes(bytes(found.pop("raw")))
    # A channel whose adapter was taken out since then still has its messages.
    adapter = adapters.get(found["channel"])
    return found | {"exhibit": exhibit(adapter, raw).as_dict() if adapter else None}


def exhibits_of_order(
    connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal, order_id: str, limit: int
) -> dict[int, dict[str, Any]]:
    """position -> exhibit of an order's first ``limit`` messages."""
    rows = connection.execute(
        "SELECT position, channel, raw FROM hub.messages WHERE order_id = %s ORDER BY position LIMIT %s",
        (order_id, limit),
    )
    return {
        position: exhibit(adapters[channel], seal.open_bytes(bytes(raw))).as_dict()
        for position, channel, raw in rows
        if channel in adapters
    }
