"""What a channel is told about an event: its own native form, or the canonical order as a CloudEvent.

Orders are folded once per version and kept for a while: five channels are told of the same one within a second.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from uuid import UUID

from hub.delivery.envelope import enveloped
from hub.intake.intake import Pool
from hub.ledger import fold, read_document
from hub.ports import Adapter, Formatted
from hub.store import orders, subjects
from hub.store.channels import Channel
from hub.store.events import Logged
from hub.store.seal import Seal
from hub.store.subject_keys import subjects_in
from schemas.order import Order
from schemas.personal import convert_sealed, masked_numbers

ORDERS_KEPT = 500
"""A page of each channel and a little: about 10 MB. More only fills memory, as nobody is told the same so late."""


class Speaker:
    """Says events in a channel's form. One for a process; a drain at a time uses one page of orders of it."""

    def __init__(self, pool: Pool, seal: Seal, public_url: str) -> None:
        self._pool, self._seal, self._public_url = pool, seal, public_url
        self._kept: OrderedDict[tuple[UUID, int], Order] = OrderedDict()
        self._epoch = -1

    def to(self, channel: Channel, adapter: Adapter, order_ids: Iterable[UUID]) -> Callable[[Logged], Formatted | None]:
        """The form of this channel over the orders as they stand now.

        A native form needs clear document numbers; a CloudEvent has them only where the connection is allowed them.
        """
        the_orders = self._orders(set(order_ids))
        if channel.form == "native":
            return lambda logged: adapter.format(logged.event, the_orders[logged.event.order_id])

        def envelope(logged: Logged) -> Formatted:
            order = the_orders[logged.event.order_id]
            return enveloped(self._public_url, logged.event, order if channel.personal_data else masked_numbers(order))

        return envelope

    def _orders(self, order_ids: set[UUID]) -> dict[UUID, Order]:
        """These orders in clear, those of erased people as ``erased``."""
        with self._pool.connection() as connection:
            epoch = subjects.epoch(connection)
            if epoch != self._epoch:  # somebody was erased: what was opened before must not be said again
                self._kept.clear()
                self._epoch = epoch
            stored = orders.read_texts(connection, order_ids)
            fresh = {order_id: row for order_id, row in stored.items() if (order_id, row[0]) not in self._kept}
            named = {subject for _, text, _ in fresh.values() for subject in subjects_in(text)}
            convert = subjects.opening(self._seal, subjects.keys_of(connection, self._seal, named))
        for order_id, (version, text, contract) in fresh.items():
            self._kept[order_id, version] = convert_sealed(fold(read_document(text, contract)), convert)
        found = {order_id: self._kept[order_id, row[0]] for order_id, row in stored.items()}
        while len(self._kept) > ORDERS_KEPT:
            self._kept.popitem(last=False)
        return found
