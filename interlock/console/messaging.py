"""Messages and what could not become one: lists for people (newest first, keyset), and one of them laid open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from hub.ports import Adapter
from hub.store import remembered, subjects
from hub.store.seal import Seal
from hub.store.timeline import timeline
from interlock.console.exhibit import erased, exhibit
from schemas.personal import convert_sealed


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


@dataclass(frozen=True, slots=True)
class Reader:
    """Lays one message open. ``clear``: as it was received, for whoever has a right to that; else people masked."""

    connection: Connection[TupleRow]
    adapters: Mapping[str, Adapter]
    seal: Seal
    clear: bool = False

    def message(self, position: int) -> dict[str, Any] | None:
        """The message, its native text beside the canonical reading, and what it caused; None when there is none."""
        found = self._shown(_ONE, position)
        return found | self._caused(found) if found else None

    def rejection(self, position: int) -> dict[str, Any] | None:
        """The kept head of what could not become a message, in the same form; it caused nothing."""
        found = self._shown(_ONE_REJECTED, position)
        return found | {"event": None, "deliveries": []} if found else None

    def _shown(self, query: str, position: int) -> dict[str, Any] | None:
        if not 0 < position < 2**63:
            return None
        with self.connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(query.encode(), (position,)).fetchone()
        if found is None:
            return None
        one = (found["channel"], found["message_id"] or "", bytes(found.pop("raw")))
        (shown,) = exhibits(self.connection, self.adapters, self.seal, [one], self.clear)
        return found | {"exhibit": shown}

    def _caused(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The event that it made and that event's deliveries: from the order's timeline, as the order's page has it."""
        if found["order_id"] is None or found["sequence"] is None:
            return {"event": None, "deliveries": []}
        step = (found["order_id"], found["sequence"])
        entries = timeline(self.connection, UUID(found["order_id"]))
        told = [entry for entry in entries if (entry["order_id"], entry["sequence"]) == step]
        events = [entry for entry in told if entry["kind"] == "event"]
        return {
            "event": events[0] if events else None,
            "deliveries": [entry for entry in told if entry["kind"] == "delivery"],
        }


def exhibits_of_order(
    connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal, order_ids: list[UUID], limit: int
) -> dict[int, dict[str, Any]]:
    """position -> exhibit of the first ``limit`` messages under these ids of an order."""
    rows = connection.execute(
        """SELECT position, channel, message_id, raw FROM hub.messages WHERE order_id = ANY(%s)
           ORDER BY position LIMIT %s""",
        (order_ids, limit),
    ).fetchall()
    shown = exhibits(connection, adapters, seal, [(row[1], row[2], bytes(row[3])) for row in rows])
    return {row[0]: item for row, item in zip(rows, shown, strict=True) if item is not None}


def exhibits(
    connection: Connection[TupleRow],
    adapters: Mapping[str, Adapter],
    seal: Seal,
    sealed: Sequence[tuple[str, str, bytes]],
    clear: bool = False,
) -> list[dict[str, Any] | None]:
    """Messages (channel, message id, sealed bytes) laid open, in as few queries as for one.

    None for a channel whose adapter was taken out since then; one that names somebody who was erased shows what is
    remembered of it.
    """
    found = remembered.opened(connection, seal, sealed)
    said = [item.remembered for item in found if item.remembered is not None]
    convert = subjects.opener(connection, seal, said)
    result: list[dict[str, Any] | None] = []
    for (channel, _, raw), item in zip(sealed, found, strict=True):
        adapter = adapters.get(channel)
        if adapter is None:
            result.append(None)
        elif item.raw is not None:
            result.append(exhibit(adapter, item.raw, clear).as_dict())
        else:
            what = convert_sealed(item.remembered, convert) if item.remembered else None
            result.append(erased(adapter, what, len(raw), clear).as_dict())
    return result
