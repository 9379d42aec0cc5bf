"""The call centre's connection: reserves by call, cancels and refunds; its holds are paid and collected elsewhere."""

from typing import get_args

from hub.ports import Profile
from schemas.events import INTERNAL_TYPES, EventType

PROFILE = Profile(
    channel="phone",
    name_zh="电话订票",
    name_en="call centre",
    media_type="text/xml",
    encoding="GB18030",
    asks=frozenset({"hold"}),
    tells=frozenset({"hold", "sell", "pay", "cancel", "change", "change_destination", "refund", "void", "collect"}),
    subscribes=frozenset(get_args(EventType)) - INTERNAL_TYPES,
    scope="all",
    states=frozenset({"held", "expired", "cancelled", "issued", "changed", "refunded", "voided"}),
    max_message_bytes=256_000,
    ignores={
        "MessageId": "a matter of transport: the request to the hub has an id of its own",
        "BookedAt": "when it was held: an issued ticket does not imply that it was held",
        "PickupDeadline": "how long it was held: an issued ticket does not imply that it was held",
    },
)
