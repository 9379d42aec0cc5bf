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
from hub.store import orders
from hub.store.channels import Channel
from hub.store.events import Logged
from hub.store.seal import Seal
from schemas.order import Order
from schemas.personal import convert_sealed, masked_number

ORDERS_KEPT = 2000


class _Known:
    """An order as the ledger holds it, and as it reads once opened."""

    __slots__ = ("clear", "sealed")

    def __init__(self, sealed: Order) -> None:
        self.sealed = sealed
        self.clear: Order | None = None


class Speaker:
    """Says events in a channel's form. One for a process; a drain at a time uses one page of orders of it."""

    def __init__(self, pool: Pool, seal: Seal, public_url: str) -> None:
        self._pool, self._seal, self._public_url = pool, seal, public_url
        self._kept: OrderedDict[tuple[UUID, int], _Known] = OrderedDict()

    def to(self, channel: Channel, adapter: Adapter, order_ids: Iterable[UUID]) -> Callable[[Logged], Formatted | None]:
        """The form of this channel over the orders as they stand now.

        A native form needs clear document numbers; a CloudEvent has them only where the connection is allowed them.
        """
        the_orders = self._orders(set(order_ids))
        if channel.form == "native":
            return lambda logged: adapter.format(logged.event, self._clear(the_orders[logged.event.order_id]))

        def envelope(logged: Logged) -> Formatted:
            known = the_orders[logged.event.order_id]
            order = self._clear(known) if channel.personal_data else convert_sealed(known.sealed, masked_number)
            return enveloped(self._public_url, logged.event, order)

        return envelope

    def _clear(self, known: _Known) -> Order:
        if known.clear is None:
            known.clear = convert_sealed(known.sealed, self._seal.open)
        return known.clear

    def _orders(self, order_ids: set[UUID]) -> dict[UUID, _Known]:
        with self._pool.connection() as connection:
            stored = orders.read_texts(connection, order_ids)
        return {order_id: self._folded(order_id, *row) for order_id, row in stored.items()}

    def _folded(self, order_id: UUID, version: int, text: str, contract: str) -> _Known:
        known = self._kept.get((order_id, version))
        if known is None:
            known = self._kept[order_id, version] = _Known(fold(read_document(text, contract)))
            if len(self._kept) > ORDERS_KEPT:
                self._kept.popitem(last=False)
        return known
