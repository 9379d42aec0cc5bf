"""One order's timeline across channels: received -> decided -> event -> each delivery attempt."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store import deliveries, merging


def timeline(connection: Connection[TupleRow], order_id: UUID) -> list[dict[str, Any]]:
    """Entries ``{at, kind: message|event|delivery, order_id, sequence, ...}`` in order; nothing personal in them.

    Of an order that others were joined to, theirs come first, each under the id and the sequence it had.
    """
    ids = merging.family(connection, order_id)
    place = {str(part): number for number, part in enumerate([*ids[1:], ids[0]])}
    entries = [*_messages(connection, ids), *_events(connection, ids), *_deliveries(connection, ids)]
    entries.sort(key=lambda e: (place[e["order_id"]], e["sequence"] or 0, _RANK[e["kind"]], e["at"]))
    return entries


_RANK = {"message": 0, "event": 1, "delivery": 2}


def _messages(connection: Connection[TupleRow], ids: list[UUID]) -> list[dict[str, Any]]:
    rows = connection.execute(
        """SELECT m.position, m.channel, m.message_id, m.source, m.received_at, m.occurred_at, m.outcome, m.code,
                  m.arrival, m.sequence, m.answer, octet_length(m.raw),
                  (SELECT count(*) FROM hub.repeats r WHERE (r.channel, r.message_id) = (m.channel, m.message_id)),
                  m.order_id::text
           FROM hub.messages m WHERE m.order_id = ANY(%s) ORDER BY m.position""",
        (ids,),
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
            "order_id": order_id,
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
            order_id,
        ) in rows
    ]


def _events(connection: Connection[TupleRow], ids: list[UUID]) -> list[dict[str, Any]]:
    rows = connection.execute(
        """SELECT position, event_id, sequence, type, origin, recorded_at, postings, order_id::text
           FROM hub.events WHERE order_id = ANY(%s) ORDER BY sequence""",
        (ids,),
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
            "order_id": order_id,
        }
        for position, event_id, sequence, kind, origin, recorded_at, postings, order_id in rows
    ]


def _deliveries(connection: Connection[TupleRow], ids: list[UUID]) -> list[dict[str, Any]]:
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
            "order_id": str(attempt.order_id),
        }
        for attempt, sequence in deliveries.of_orders(connection, ids)
    ]
