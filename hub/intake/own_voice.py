"""The hub's own acts come in through the same door: observations as JSON, from a pseudo-channel.

So an expired hold, an accepted difference or a settled dispute has a message, an outcome and a place in the timeline
like everything else, and a replay of all messages says the same.

    {"contract": "1.1", "observation": {...}}

Messages are kept for ever, so each says under which version of the contract it was written, and is upcast when it is
read by a later one. Under 1.0 the observation stood alone.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from hub.intake.receipts import Receipt, Source
from hub.ports import Formatted, Profile
from schemas.events import OrderEvent
from schemas.facts import Fact, PointOfSale
from schemas.model import SCHEMA_VERSION
from schemas.observation import Observation, ReferenceClaim, Rejection
from schemas.order import Order
from schemas.upcasting import VersionUnknown, upcast

_ZONE = ZoneInfo("Asia/Shanghai")
_BEFORE_THERE_WERE_VERSIONS = "1.0"


class OwnVoice:
    """An adapter whose native form is the canonical one: ``hub`` for our clockwork, ``reconciliation`` for finance."""

    def __init__(self, name: str, name_zh: str, name_en: str) -> None:
        self.profile = Profile(
            channel=name, name_zh=name_zh, name_en=name_en, media_type="application/json", encoding="utf-8"
        )

    def parse(self, raw: bytes) -> Observation | Rejection:
        try:
            return heard(raw)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = "/" + "/".join(str(part) for part in first["loc"])
            return Rejection(code="message_malformed", detail=first["msg"][:200], pointer=place[:200])
        except VersionUnknown as error:
            return Rejection(code="message_malformed", detail=str(error)[:200], pointer="/contract")

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return None


def spoken(observation: Observation) -> bytes:
    """An observation as our own message."""
    head = f'{{"contract":"{SCHEMA_VERSION}","observation":'.encode()
    return head + observation.model_dump_json(exclude_none=True).encode() + b"}"


def heard(raw: bytes) -> Observation:
    """The observation of a message of our own, of today or of an earlier version of the contract.

    Raises ``pydantic.ValidationError`` for what is none, ``VersionUnknown`` for one of a later version than ours.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return Observation.model_validate_json(raw)  # for its words on what is wrong
    if not isinstance(value, dict) or "contract" not in value:
        written, said = _BEFORE_THERE_WERE_VERSIONS, value
    else:
        written, said = str(value["contract"]), value.get("observation")
    return Observation.model_validate_json(json.dumps(upcast(said, written)))


def own_receipt(
    speaker: str,
    source: Source,
    message_id: str,
    name: ReferenceClaim,
    facts: Sequence[Fact],
    at: datetime,
    now: datetime,
    mode: Literal["ask", "tell"] = "tell",
) -> Receipt:
    """A message of our own about the order of this name; ``at`` is when it happened, ``now`` when we say so."""
    observation = Observation(
        mode=mode,
        references=(name,),
        occurred_at=at,
        business_date=at.astimezone(_ZONE).date(),
        point_of_sale=PointOfSale(channel=speaker),
        facts=tuple(facts),
    )
    return Receipt(speaker, message_id, spoken(observation), source, now)
