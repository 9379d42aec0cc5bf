"""Orders as channels of words tell them: one document per order, Chinese names, amounts in yuan (phone, agents).

A channel declares a :class:`Wording`: what it calls every field, and the few forms in which it differs (a seat, a
time, an amount). From that one table come the reading and the writing, so the two directions cannot drift apart.
"""

from adapters.kit.words.names import Meaning, OrderNames, OverrideNames, PickupNames, TicketNames, Wording
from adapters.kit.words.reading import read_order
from adapters.kit.words.writing import Writer

__all__ = [
    "Meaning",
    "OrderNames",
    "OverrideNames",
    "PickupNames",
    "TicketNames",
    "Wording",
    "Writer",
    "read_order",
]
