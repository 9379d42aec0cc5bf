"""Replay of everything: the messages of one ledger, taken again by an empty one, must make the same ledger.

Messages are taken in the order in which they came, with the business time at which they came, by the same door. Who
of two racing orders got a seat may come out the other way; the digest leaves that out.
"""

from collections.abc import Callable, Iterator

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake.intake import Intake
from hub.intake.receipts import Receipt
from hub.store.seal import Seal

BATCH = 200


class ReplayRefused(Exception):
    """The ledger that should take the messages is not empty: this would add to somebody's books."""


def copy_reference_data(source: Connection[TupleRow], target: Connection[TupleRow]) -> None:
    """The timetable and the channels, which messages are decided by; raises ``ReplayRefused`` on a used ledger.

    Channels come without endpoints: a replayed ledger tells nobody.
    """
    row = target.execute("SELECT EXISTS (SELECT FROM hub.messages) OR EXISTS (SELECT FROM hub.orders)").fetchone()
    if row is None or row[0]:
        raise ReplayRefused("the target has messages already")
    for table, columns in (
        ("trains", "train_code, valid_from, valid_to, train_no, stops"),
        ("channels", "channel, adapter, code_tables, created_at"),
    ):
        with (
            source.cursor().copy(f"COPY (SELECT {columns} FROM hub.{table}) TO STDOUT") as out,
            target.cursor().copy(f"COPY hub.{table} ({columns}) FROM STDIN") as into,
        ):
            for data in out:
                into.write(data)


def count(source: Connection[TupleRow]) -> int:
    """How many messages there are to take."""
    row = source.execute("SELECT count(*) FROM hub.messages").fetchone()
    return int(row[0]) if row else 0


def replay(
    source: Connection[TupleRow], seal: Seal, intake: Intake, taken: Callable[[int], None] = lambda number: None
) -> int:
    """Take every message of ``source`` into ``intake``; ``taken`` is told after each batch how many. Returns all."""
    done = 0
    batch: list[Receipt] = []
    for receipt in _receipts(source, seal):
        batch.append(receipt)
        if len(batch) == BATCH:
            intake.take(batch)
            done += len(batch)
            taken(len(batch))
            batch = []
    if batch:
        intake.take(batch)
        taken(len(batch))
    return done + len(batch)


def _receipts(source: Connection[TupleRow], seal: Seal) -> Iterator[Receipt]:
    with source.cursor(name="every_message") as cursor:
        cursor.itersize = BATCH
        cursor.execute("SELECT channel, message_id, raw, source, received_at, code FROM hub.messages ORDER BY position")
        for channel, message_id, raw, origin, received_at, code in cursor:
            # The hours of a connection may be others today: what they refused then is refused again.
            within_hours = code != "outside_operating_hours"
            yield Receipt(channel, message_id, seal.open_bytes(bytes(raw)), origin, received_at, within_hours)
