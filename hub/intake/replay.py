"""Replay of everything: the messages of one ledger, taken again by an empty one, must make the same ledger.

Messages are taken in the order in which they came, with the business time at which they came, by the same door. Who
of two racing orders got a seat may come out the other way; the digest leaves that out. A message that names somebody
who was erased cannot be opened: it is taken by what is remembered of it.

Shuffled, they are taken in an order of chance, which one seed makes the same every time: order of arrival must not
matter. What was asked and granted is told then, for what a rule refuses depends on what it knows; what was refused
changed nothing and is left out.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake import freed
from hub.intake.intake import Intake
from hub.intake.receipts import Receipt, Remembered
from hub.ledger import HUB
from hub.ports import Adapter, Formatted
from hub.store.remembered import Opened, opened
from hub.store.seal import Seal
from schemas.events import OrderEvent
from schemas.model import altered
from schemas.observation import Observation, Rejection
from schemas.order import Order

BATCH = 200


class Replayed(NamedTuple):
    """How many messages were taken, how many of them by what is remembered, and how many could not be read at all.

    The last ones had been refused because nobody understood them, and changed nothing then either.
    """

    messages: int
    erased: int
    unreadable: int


class ReplayRefused(Exception):
    """The ledger that should take the messages is not empty: this would add to somebody's books."""


def copy_reference_data(source: Connection[TupleRow], target: Connection[TupleRow]) -> None:
    """The timetable, the channels and the people, by which messages are decided; ``ReplayRefused`` on a used ledger.

    Channels come without endpoints: a replayed ledger tells nobody.
    """
    row = target.execute("SELECT EXISTS (SELECT FROM hub.messages) OR EXISTS (SELECT FROM hub.orders)").fetchone()
    if row is None or row[0]:
        raise ReplayRefused("the target has messages already")
    for table, columns in (
        ("trains", "train_code, valid_from, valid_to, train_no, stops"),
        ("channels", "channel, adapter, code_tables, created_at"),
        # People keep their pseudonyms: what is remembered of erased messages names others who are not erased.
        ("subjects", "subject, blind, key, created_at, erased_at"),
        ("erased_messages", "channel, message_id, observation, contract"),
    ):
        with (
            source.cursor().copy(f"COPY (SELECT {columns} FROM hub.{table}) TO STDOUT") as out,
            target.cursor().copy(f"COPY hub.{table} ({columns}) FROM STDIN") as into,
        ):
            for data in out:
                into.write(data)


def count(source: Connection[TupleRow], shuffle: int | None = None) -> int:
    """How many messages there are to take."""
    which = f"WHERE {_HAPPENED}" if shuffle is not None else ""
    row = source.execute(f"SELECT count(*) FROM hub.messages {which}").fetchone()
    return int(row[0]) if row else 0


_HAPPENED = f"outcome <> 'refused' AND NOT (channel = '{HUB}' AND starts_with(message_id, '{freed.MESSAGE}/'))"
"""What is taken in an order of chance: not what the hub itself said of seats that came free in the other order."""


class AsTold:
    """A channel's adapter for a shuffled replay: what it asked for and was granted, it tells."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.profile = adapter.profile

    def parse(self, raw: bytes) -> Observation | Rejection:
        observed = self._adapter.parse(raw)
        return told(observed) if isinstance(observed, Observation) else observed

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return self._adapter.format(event, order)


def told(observation: Observation) -> Observation:
    """The same as something that has happened."""
    return altered(observation, {"mode": "tell"})


def replay(
    source: Connection[TupleRow],
    seal: Seal,
    intake: Intake,
    taken: Callable[[int], None] = lambda number: None,
    shuffle: int | None = None,
) -> Replayed:
    """Take every message of ``source`` into ``intake``; ``taken`` is told after each batch how many.

    ``shuffle``: the seed of an order of chance; ``intake`` must have its adapters ``AsTold`` then.
    """
    done = Replayed(0, 0, 0)
    for batch, unreadable in _receipts(source, seal, shuffle):
        intake.take(batch)
        erased = sum(receipt.remembered is not None for receipt in batch)
        done = Replayed(done.messages + len(batch), done.erased + erased, done.unreadable + unreadable)
        taken(len(batch) + unreadable)
    return done


_COLUMNS = "SELECT channel, message_id, raw, digest, source, received_at, code FROM hub.messages"


def _receipts(source: Connection[TupleRow], seal: Seal, shuffle: int | None) -> Iterator[tuple[list[Receipt], int]]:
    """Batches of messages in order of arrival or of chance, and how many of each stretch cannot be read at all."""
    with source.cursor(name="every_message") as cursor:
        if shuffle is None:
            cursor.execute(f"{_COLUMNS} ORDER BY position")
        else:
            chance = "ORDER BY hashtextextended(channel || '/' || message_id, %s), position"
            cursor.execute(f"{_COLUMNS} WHERE {_HAPPENED} {chance}", (shuffle,))
        while rows := cursor.fetchmany(BATCH):
            read = opened(source, seal, [(row[0], row[1], bytes(row[2])) for row in rows])
            receipts = [_receipt(row, found, shuffle is not None) for row, found in zip(rows, read, strict=True)]
            batch = [receipt for receipt in receipts if receipt is not None]
            yield batch, len(rows) - len(batch)


def _receipt(row: TupleRow, found: Opened, as_told: bool) -> Receipt | None:
    channel, message_id, raw, digest, origin, received_at, code = row
    # The hours of a connection may be others today: what they refused then is refused again.
    within_hours = code != "outside_operating_hours"
    if found.raw is not None:
        return Receipt(channel, message_id, found.raw, origin, received_at, within_hours)
    if found.remembered is None:
        return None
    kept = Remembered(told(found.remembered) if as_told else found.remembered, bytes(digest))
    return Receipt(channel, message_id, bytes(raw), origin, received_at, within_hours, kept)
