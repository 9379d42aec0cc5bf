"""The station windows' connection: whole shifts of transactions in fixed-width files, deliveries as small documents."""

from datetime import timedelta
from typing import get_args

from hub.ports import Profile
from schemas.events import INTERNAL_TYPES, EventType

PROFILE = Profile(
    channel="windows",
    name_zh="车站窗口",
    name_en="station windows",
    media_type="text/plain",
    encoding="GB18030",
    tells=frozenset(
        {
            "sell",
            "pay",
            "cancel",
            "change",
            "change_destination",
            "refund",
            "void",
            "release",
            "collect",
            "print",
            "invoice",
        }
    ),
    subscribes=frozenset(get_args(EventType)) - INTERNAL_TYPES,
    scope="all",
    states=frozenset({"held", "expired", "cancelled", "issued", "changed", "refunded", "voided", "released"}),
    max_message_bytes=256_000,
    late_after=timedelta(hours=12),
    arrival="file",
    ignores={
        "*FH/kind": "a day extract and a notice say the same; a shift's own file also names its transaction",
        "running": "in a day extract it only holds the records of one transaction together; in a shift it makes the id",
    },
)
