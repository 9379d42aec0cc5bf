"""Orders for people: the latest ones, one of them now or as it was, and its story across channels."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from hub.ledger import Document, fold, rebuild
from hub.ports import Adapter
from hub.store import events, merging, orders, subjects
from hub.store.seal import Seal
from hub.store.timeline import timeline
from interlock.console.messaging import exhibits_of_order
from schemas.order import Order
from schemas.personal import masked

EXHIBITS_MAX = 40


class Found(NamedTuple):
    """An order, its people sealed, and the facts that it is the fold of."""

    order: Order
    document: Document

    def shown(self, connection: Connection[TupleRow], seal: Seal, clear: bool = False) -> Order:
        """Names, numbers and telephones masked; ``clear`` for whoever has a right to them. Of erased people neither."""
        order = subjects.opened_one(connection, seal, self.order)
        return order if clear else masked(order)


def order_at(
    connection: Connection[TupleRow], order_id: UUID, as_of: datetime | None, recorded_as_of: datetime | None
) -> Found | None:
    """The order by what had happened at ``as_of`` and by what we knew at ``recorded_as_of``; None if nothing yet."""
    stored = orders.read(connection, [order_id]).get(order_id)
    if stored is None:
        return None
    document = stored.document
    if recorded_as_of is not None:
        order_id = merging.id_at(connection, order_id, recorded_as_of)
        document = rebuild(order_id, document.references, events.said(connection, order_id, recorded_as_of))
    if as_of is not None:
        document = document.as_of(as_of)
    return Found(fold(document), document) if document.facts else None


_ROW = """o.order_id::text AS order_id, o.order_no, o.channel, o.business_date, o.fulfilment, o.payment, o.refund,
    o.dispute, o.complete, o.version, o.updated_at, o.witnesses,
    (SELECT count(*) FROM hub.tickets t WHERE t.order_id = o.order_id) AS tickets,
    (SELECT sum(fare_amount) FROM hub.tickets t WHERE t.order_id = o.order_id)::bigint AS fares"""


def latest(connection: Connection[TupleRow], before: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Orders, the newest first (ids are UUIDv7: they rise with time)."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"""SELECT {_ROW} FROM hub.orders o WHERE (%(before)s::uuid IS NULL OR o.order_id < %(before)s)
                ORDER BY o.order_id DESC LIMIT %(limit)s""",
            {"before": before, "limit": limit},
        ).fetchall()


def rows_of(connection: Connection[TupleRow], order_ids: list[UUID]) -> list[dict[str, Any]]:
    """These orders, in the form of :func:`latest`."""
    with connection.cursor(row_factory=dict_row) as cursor:
        query = f"SELECT {_ROW} FROM hub.orders o WHERE o.order_id = ANY(%s) ORDER BY o.order_id DESC"
        return cursor.execute(query, (order_ids,)).fetchall()


def facts_and_witnesses(document: Document) -> list[dict[str, Any]]:
    """Every fact in order of time with who attests it: what the order is made of."""
    rows = []
    for identity, said in document.facts.items():
        at = min(statement.fact.occurred_at for statement in said.values())
        name, _, subject = identity.partition("|")
        rows.append({"fact": name, "subject": subject, "at": at.isoformat(), "witnesses": sorted(said)})
    return sorted(rows, key=lambda row: (row["at"], row["fact"], row["subject"]))


def balances(connection: Connection[TupleRow], order_id: UUID) -> list[dict[str, Any]]:
    """account -> balance in fen over all events of the order; their sum is zero."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT p.line->>0 AS account, p.line->>2 AS currency, sum((p.line->>1)::bigint)::bigint AS amount
               FROM hub.events e, jsonb_array_elements(e.postings) AS p (line)
               WHERE e.order_id = %s GROUP BY 1, 2 ORDER BY 1, 2""",
            (order_id,),
        ).fetchall()


def story(
    connection: Connection[TupleRow], adapters: Mapping[str, Adapter], seal: Seal, order_id: UUID
) -> list[dict[str, Any]]:
    """Steps in order of arrival: a message as received and read, what was decided, its event, its deliveries."""
    shown = exhibits_of_order(connection, adapters, seal, merging.family(connection, order_id), EXHIBITS_MAX)
    told = steps(timeline(connection, order_id))
    return [step | {"exhibit": shown.get(step["message"]["position"])} for step in told]


def steps(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Timeline entries grouped by the message that caused them, in order of arrival."""
    caused = {_step(entry): entry for entry in entries if entry["kind"] == "event"}
    told: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for entry in entries:
        if entry["kind"] == "delivery":
            told.setdefault(_step(entry), []).append(entry)
    received = sorted((e for e in entries if e["kind"] == "message"), key=lambda e: e["position"])
    return [{"message": m, "event": caused.get(_step(m)), "deliveries": told.get(_step(m), [])} for m in received]


def _step(entry: dict[str, Any]) -> tuple[str, int]:
    """A sequence counts within one id; an order that others were joined to has several."""
    return (entry["order_id"], entry["sequence"])


def waiting(connection: Connection[TupleRow], order_id: UUID) -> list[dict[str, Any]]:
    """Deliveries about this order that wait, queue behind one that waits, or are dead."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT x.channel, x.event, x.state, x.attempts, x.next_attempt_at, x.last_error, e.sequence
               FROM hub.delivery_exceptions x JOIN hub.events e ON e.position = x.event
               WHERE x.order_id = ANY(%s) ORDER BY x.event, x.channel""",
            (merging.family(connection, order_id),),
        ).fetchall()
