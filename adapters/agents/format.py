"""An order -> the agents' JSON: a NOTIFY with the order as it stands, and what its codes cannot say."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from adapters.agents.wire import MOMENT
from adapters.agents.wording import AgentsWording
from adapters.kit.words import Writer
from adapters.kit.words.names import Fields
from hub.ports import Formatted, Profile
from schemas.events import OrderEvent
from schemas.money import Money
from schemas.order import Order

CONTENT_TYPE = "application/json"

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def formatter(profile: Profile, wording: AgentsWording) -> Callable[[OrderEvent, Order], Formatted | None]:
    """``format`` for one connection: its events and its code tables."""

    def write(event: OrderEvent, order: Order) -> Formatted | None:
        """A NOTIFY; None for an event agents have no use for, or an order without a rail order number."""
        number = order.reference("rail", "order")
        if event.type not in profile.subscribes or number is None:
            return None
        writer = Writer(wording)
        document = {"msgType": "NOTIFY", **writer.order(order, number)}
        return Formatted(_ENCODER.encode(_rendered(document)), CONTENT_TYPE, writer.losses.all())

    return write


def _rendered(fields: Fields) -> Fields:
    """Plain JSON: yuan as numbers, moments as two fields, absent and empty fields left out."""
    found: Fields = {}
    for name, value in fields.items():
        if isinstance(value, Money):
            found[name] = _yuan(value)
        elif isinstance(value, datetime):
            found[f"{name}Date"], found[f"{name}Time"] = MOMENT.write(value).split(" ")
        elif isinstance(value, list):
            found[name] = [_rendered(item) if isinstance(item, dict) else item for item in value]
        elif value is not None and value != "":
            found[name] = value
    return found


def _yuan(money: Money) -> Decimal:
    """553.0: a JSON number with one decimal where it is exact, else two."""
    return Decimal(money.amount).scaleb(-2).quantize(Decimal("0.1") if money.amount % 10 == 0 else Decimal("0.01"))
