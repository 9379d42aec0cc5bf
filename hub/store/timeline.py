"""One order's timeline across channels: received -> decided -> event -> each delivery attempt."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store import deliveries


def timeline(connection: Connection[TupleRow], order_id: UUID) -> list[dict[str, Any]]:
    """Entries ``{at, kind: message|event|delivery, ...}`` in order of time; nothing personal in them."""
    entries = [*_messages(connection, order_id), *_events(connection, order_id), *_deliveries(connection, order_id)]
    entries.sort(key=lambda entry: (entry["sequence"] or 0, _RANK[entry["kind"]], entry["at"]))
    return entries


_RANK = {"message": 0, "event": 1, "delivery": 2}


def _messages(connection: Connection[TupleRow], order_id: UUID) -> list[dict[str, Any]]:
    rows = connection.execute(
        """SELECT m.position, m.channel, m.message_id, m.source, m.received_at, m.occurred_at, m.outcome, m.code,
                  m.arrival, m.sequence, m.answer, octet_length(m.raw),
                  (SELECT count(*) FROM hub.repeats r WHERE (r.channel, r.message_id) = (m.channel, m.message_id))
           FROM hub.messages m WHERE m.order_id = %s ORDER BY m.position""",
        (order_id,),
    )
    return [
        {
            "kind": "message",
            "at": received_at.isoformat(),
            "position": position,
            "channel": channel,
            "message_id": message_id,
            "source": source,
            "occurred_at": occurred_at.isoformat() if occurred_at else None,
            "outcome": outcome,
            "code": code,
            "arrival": arrival,
            "sequence": sequence,
            "facts": answer.get("facts", []),
            "losses": answer.get("losses", []),
            "disputes": answer.get("disputes", []),
            "detail": answer.get("detail"),
            "size_bytes": size,
            "repeats": repeats,
        }
        for (
            position,
            channel,
            message_id,
            source,
            received_at,
            occurred_at,
            outcome,
            code,
            arrival,
            sequence,
            answer,
            size,
            repeats,
        ) in rows
    ]


def _events(connection: Connection[TupleRow], order_id: UUID) -> list[dict[str, Any]]:
    rows = connection.execute(
        """SELECT position, event_id, sequence, type, origin, recorded_at, postings FROM hub.events
           WHERE order_id = %s ORDER BY sequence""",
        (order_id,),
    )
    return [
        {
            "kind": "event",
            "at": recorded_at.isoformat(),
            "position": position,
            "event_id": str(event_id),
            "sequence": sequence,
            "type": kind,
            "channel": origin,
            "postings": [{"account": p[0], "amount": p[1], "currency": p[2], "fact": p[3]} for p in postings],
        }
        for position, event_id, sequence, kind, origin, recorded_at, postings in rows
    ]


def _deliveries(connection: Connection[TupleRow], order_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "kind": "delivery",
            "at": attempt.started_at.isoformat(),
            "sequence": sequence,
            "channel": attempt.channel,
            "attempt": attempt.attempt,
            "outcome": attempt.outcome,
            "status": attempt.status,
            "response": attempt.response,
            "duration_ms": round(attempt.duration_ms, 1),
            "delay_ms": round(attempt.delay_ms, 1),
            "losses": attempt.losses,
        }
        for attempt, sequence in deliveries.of_order(connection, order_id)
    ]
