"""What must be true between the tables of the ledger, each as a question in SQL that finds what is not.

The events are the truth and the messages their cause; everything else stands in for them. Given one moment
(REPEATABLE READ) an answer is never a false alarm.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from schemas.states import valid_states


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is not as it must be: which check, where, and what stands there."""

    check: str
    subject: str
    found: str


def events_follow_one_another(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """Every order's events are numbered 1, 2, 3 ... in the order in which readers of the log meet them."""
    for order_id, count, first, last in connection.execute(
        """SELECT order_id, count(*), min(sequence), max(sequence) FROM hub.events
           GROUP BY order_id HAVING min(sequence) <> 1 OR max(sequence) <> count(*) ORDER BY order_id"""
    ):
        yield Complaint("events", f"order {order_id}", f"{count} events from {first} to {last}")
    for order_id, sequence in connection.execute(
        """SELECT order_id, sequence FROM (
               SELECT order_id, sequence, (txid, position) < lag((txid, position)) OVER each AS turned FROM hub.events
               WINDOW each AS (PARTITION BY order_id ORDER BY sequence)) AS neighbours
           WHERE turned ORDER BY 1, 2"""
    ):
        yield Complaint("events", f"order {order_id} event {sequence}", "stands in the log before the one it follows")


def orders_are_where_their_events_end(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """An order counts as many events as it has; events are of an order that is there, or that was joined to one."""
    for order_id, counted, last, joined in connection.execute(
        """SELECT coalesce(o.order_id, e.order_id), o.sequence, e.last, a.order_id IS NOT NULL
           FROM hub.orders o
           FULL JOIN (SELECT order_id, max(sequence) AS last FROM hub.events GROUP BY order_id) e USING (order_id)
           LEFT JOIN hub.aliases a ON a.order_id = coalesce(o.order_id, e.order_id)
           WHERE (o.sequence IS DISTINCT FROM e.last AND NOT (o.order_id IS NULL AND a.order_id IS NOT NULL))
              OR (o.order_id IS NOT NULL AND a.order_id IS NOT NULL)
           ORDER BY 1"""
    ):
        found = "is there, and joined to another one" if joined else f"counts {counted} events, the log has {last}"
        yield Complaint("sequences", f"order {order_id}", found)
    for order_id, into in connection.execute(
        """SELECT a.order_id, a.into_id FROM hub.aliases a LEFT JOIN hub.orders o ON o.order_id = a.into_id
           WHERE o.order_id IS NULL ORDER BY 1"""
    ):
        yield Complaint("sequences", f"order {order_id}", f"is joined to {into}, which is not there")


def messages_and_events_agree(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """Every event was caused by a message that is kept; every message led where its row and its answer say."""
    for order_id, sequence, origin, message_id in connection.execute(
        """SELECT e.order_id, e.sequence, e.origin, e.message_id FROM hub.events e
           LEFT JOIN hub.messages m ON m.channel = e.origin AND m.message_id = e.message_id
           WHERE e.message_id IS NOT NULL AND (m.position IS NULL OR m.outcome = 'refused') ORDER BY e.position"""
    ):
        yield Complaint("messages", f"order {order_id} event {sequence}", f"no such message: {origin}/{message_id}")
    for channel, message_id, outcome, order_id, sequence in connection.execute(
        """SELECT m.channel, m.message_id, m.outcome, m.order_id, m.sequence FROM hub.messages m
           LEFT JOIN hub.events e ON e.order_id = m.order_id AND e.sequence = m.sequence
               AND e.origin = m.channel AND e.message_id = m.message_id
           WHERE (m.sequence IS NOT NULL AND e.position IS NULL)
              OR (m.sequence IS NULL AND m.outcome IN ('applied', 'disputed'))
              OR (m.sequence IS NOT NULL AND m.outcome = 'refused')
              OR (m.outcome <> 'refused'
                  AND NOT EXISTS (SELECT FROM hub.orders o WHERE o.order_id = m.order_id)
                  AND NOT EXISTS (SELECT FROM hub.aliases a WHERE a.order_id = m.order_id))
           ORDER BY m.position"""
    ):
        found = f"{outcome}, but order {order_id} has no event {sequence} of it"
        yield Complaint("messages", f"{channel}/{message_id}", found)
    for channel, message_id, outcome, told in connection.execute(
        """SELECT channel, message_id, outcome, answer->>'outcome' FROM hub.messages
           WHERE outcome IS DISTINCT FROM answer->>'outcome' ORDER BY position"""
    ):
        yield Complaint("messages", f"{channel}/{message_id}", f"kept as {outcome}, answered {told}")
    for channel, message_id in connection.execute(
        """SELECT DISTINCT r.channel, r.message_id FROM hub.repeats r
           LEFT JOIN hub.messages m USING (channel, message_id)
           WHERE m.position IS NULL ORDER BY 1, 2"""
    ):
        yield Complaint("messages", f"{channel}/{message_id}", "came again, but never for the first time")


def only_valid_tickets_hold_seats(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """A ticket that holds a seat is valid, of an order that is there, and says which seat on which legs."""
    rows = connection.execute(
        """SELECT t.ticket_no, t.state, o.order_id IS NULL, t.holds_seat FROM hub.tickets t
           LEFT JOIN hub.orders o USING (order_id)
           WHERE o.order_id IS NULL OR t.holds_seat AND (t.state <> ALL(%s) OR t.legs = 0
               OR num_nulls(t.service_date, t.train, t.coach, t.seat) > 0) ORDER BY t.ticket_no""",
        (sorted(valid_states()),),
    )
    for ticket_no, state, orphan, _ in rows:
        yield Complaint("holders", f"ticket {ticket_no}", "of no order" if orphan else f"{state}, and holds a seat")


def nobody_is_told_his_own_news(connection: Connection[TupleRow]) -> Iterator[Complaint]:
    """An event never goes to the channel that it came from, and the room for backfills is not read ahead of the log."""
    for channel, event in connection.execute(
        """SELECT d.channel, d.event FROM hub.deliveries d JOIN hub.events e ON e.position = d.event
           WHERE d.channel = e.origin ORDER BY d.position"""
    ):
        yield Complaint("deliveries", f"{channel} event {event}", "went back to the channel it came from")
    for channel, event in connection.execute(
        """SELECT x.channel, x.event FROM hub.delivery_exceptions x LEFT JOIN hub.events e ON e.position = x.event
           WHERE e.position IS NULL ORDER BY 1, 2"""
    ):
        yield Complaint("deliveries", f"{channel} event {event}", "waits to be told, but there is no such event")
    for (channel,) in connection.execute(
        """SELECT channel FROM hub.channels
           WHERE (bulk_txid, bulk_position) > (cursor_txid, cursor_position) ORDER BY 1"""
    ):
        yield Complaint("deliveries", f"channel {channel}", "its bulk lane is ahead of its live lane")
