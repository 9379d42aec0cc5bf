"""Which order each message is about: found by its names, or new; orders that a message shows to be one are joined."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake.decide import Work
from hub.intake.joining import Gathered, Part, Reference, gather, key, numbers_of, unite
from hub.intake.receipts import Receipt
from hub.store import merging, orders
from hub.store.orders import Stored
from schemas.observation import IDENTIFYING, Observation

Known = Mapping[Reference, UUID]
"""name -> the stored order that it is bound to (:func:`hub.store.orders.read_references`)."""


class Entangled(Exception):
    """The message at ``place`` of a batch may be about several orders: it is taken alone, after those before it."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


def find(
    connection: Connection[TupleRow],
    messages: Sequence[tuple[Receipt, Observation]],
    known: Known,
    new_id: Callable[[], UUID],
) -> list[Work]:
    """The order that each message is about, locked and read, or begun; the works stand in the order of the messages.

    Raises ``Entangled`` for a batch in which a message may be about several orders. A message that comes alone joins
    them. Raises ``SerializationFailure`` when somebody joined one of these orders to another one at this moment.
    """
    bound = _bound([observation for _, observation in messages], known, new_id)
    if bound is None:
        return [_alone(connection, *messages[0], known, new_id)]
    stored = _read(connection, set(bound) & set(known.values()))
    works: dict[UUID, Work] = {}
    for order_id, (_, observation) in zip(bound, messages, strict=True):
        if order_id not in works:
            works[order_id] = Work.on(order_id, observation.references[0].value, stored.get(order_id))
    return [works[order_id] for order_id in bound]


def bind(connection: Connection[TupleRow], works: Sequence[Work], known: Known) -> None:
    """Bind names that are new; those of a refused ask never become anybody's."""
    rows = {
        key(claim): work.order_id
        for work in works
        for decision in work.decisions
        if decision.outcome != "refused"
        for claim in decision.observation.references
    }
    orders.insert_references(connection, [(*name, order_id) for name, order_id in rows.items() if name not in known])


def _bound(observations: Sequence[Observation], known: Known, new_id: Callable[[], UUID]) -> list[UUID] | None:
    """The order of each observation, stored or new, where its names leave no doubt; None for one that is to be weighed.

    Raises ``Entangled`` for doubt within a batch.
    """
    fresh: dict[Reference, UUID] = {}
    result: list[UUID] = []
    for place, observation in enumerate(observations):
        names = [key(claim) for claim in observation.references]
        found = {name: order_id for name in names if (order_id := known.get(name) or fresh.get(name)) is not None}
        if (found or len(names) > 1) and _doubtful(observation, found):
            if len(observations) > 1:
                raise Entangled(place)
            return None
        order_id = next(iter(found.values())) if found else new_id()
        for name in names:
            if name not in found:
                fresh[name] = order_id
        result.append(order_id)
    return result


def _doubtful(observation: Observation, found: Known) -> bool:
    """Whether names lead to several orders, or what was found may be another order than the message means."""
    if len(set(found.values())) > 1:
        return True
    numbers = numbers_of(observation.references)
    if numbers:
        return len(numbers) > 1 or (bool(found) and numbers[0] not in found)
    if not found:
        return False
    strong = [key(claim) for claim in observation.references if claim.kind in IDENTIFYING]
    return bool(strong) and not any(name in found for name in strong)


def _alone(
    connection: Connection[TupleRow],
    receipt: Receipt,
    observation: Observation,
    known: Known,
    new_id: Callable[[], UUID],
) -> Work:
    """The work on one message whose names lead to stored orders: one of them, several as one, or none of them."""
    merging.lock(connection, known.values())
    found = gather(observation.references, known, merging.names(connection, known.values()))
    stored = _read(connection, found.orders)
    work = _joined(receipt, observation, found, stored) or Work.on(
        found.orders[0] if found.orders else new_id(),
        observation.references[0].value,
        stored.get(found.orders[0]) if found.orders else None,
    )
    if found.clashing:
        holders = {holder for holder in found.clashing.values() if holder is not None}
        work.clashing = found.clashing
        work.called = orders.numbers(connection, holders)
    return work


def _joined(receipt: Receipt, observation: Observation, found: Gathered, stored: Mapping[UUID, Stored]) -> Work | None:
    """The work on several orders as one, the elder's; None where there is one at most."""
    if len(found.orders) < 2:
        return None
    # Ids are UUIDv7: they rise with the time at which the hub first heard of an order.
    elder, *younger = (Part.of(order_id, stored[order_id]) for order_id in sorted(found.orders))
    work = Work.on(elder.order_id, elder.stored.order_no, elder.stored)
    recorded = [at for part in (elder, *younger) if (at := part.stored.document.recorded_at) is not None]
    message = f"{receipt.channel}/{receipt.message_id}"
    work.unite(unite(elder, younger, max(receipt.received_at, *recorded), message))
    return work


def _read(connection: Connection[TupleRow], order_ids: Sequence[UUID] | set[UUID]) -> dict[UUID, Stored]:
    """These stored orders, held until the transaction ends."""
    stored = orders.read_to_write(connection, order_ids)
    if len(stored) < len(set(order_ids)):
        raise psycopg.errors.SerializationFailure("an order was joined to another one at this moment")
    return stored
