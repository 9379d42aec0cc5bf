"""The hub's own acts come in through the same door: observations as JSON, from a pseudo-channel.

So an expired hold, an accepted difference or a settled dispute has a message, an outcome and a place in the timeline
like everything else, and a replay of all messages says the same.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from hub.intake.receipts import Receipt, Source
from hub.ports import Formatted, Profile
from schemas.events import OrderEvent
from schemas.facts import Fact, PointOfSale
from schemas.observation import Observation, ReferenceClaim, Rejection
from schemas.order import Order

_ZONE = ZoneInfo("Asia/Shanghai")


class OwnVoice:
    """An adapter whose native form is the canonical one: ``hub`` for our clockwork, ``reconciliation`` for finance."""

    def __init__(self, name: str, name_zh: str, name_en: str) -> None:
        self.profile = Profile(
            channel=name, name_zh=name_zh, name_en=name_en, media_type="application/json", encoding="utf-8"
        )

    def parse(self, raw: bytes) -> Observation | Rejection:
        try:
            return Observation.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = "/" + "/".join(str(part) for part in first["loc"])
            return Rejection(code="message_malformed", detail=first["msg"][:200], pointer=place[:200])

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return None


def own_receipt(
    speaker: str, source: Source, message_id: str, order_no: str, facts: Sequence[Fact], at: datetime, now: datetime
) -> Receipt:
    """A message of our own about one order; ``at`` is when it happened, ``now`` when we say so."""
    observation = Observation(
        mode="tell",
        references=(ReferenceClaim(system="rail", kind="order", value=order_no),),
        occurred_at=at,
        business_date=at.astimezone(_ZONE).date(),
        point_of_sale=PointOfSale(channel=speaker),
        facts=tuple(facts),
    )
    return Receipt(speaker, message_id, observation.model_dump_json(exclude_none=True).encode(), source, now)
