"""The app channel: facts about its connection."""

from datetime import timedelta
from typing import get_args

from hub.ports import Profile
from schemas.events import INTERNAL_TYPES, EventType

_ENVELOPE = "the message's own: the transport's message id and update_time count"
_LABEL = "the name of a code or of a station that another field gives"

PROFILE = Profile(
    channel="app",
    name_zh="手机客户端",
    name_en="mobile app",
    media_type="application/json",
    encoding="utf-8",
    asks=frozenset({"hold"}),
    tells=frozenset(
        {
            "hold",
            "sell",
            "pay",
            "cancel",
            "change",
            "change_destination",
            "refund",
            "waitlist",
            "invoice",
            "print",
            "check_in",
            "enter",
            "exit",
            "void",
        }
    ),
    subscribes=frozenset(get_args(EventType)) - INTERNAL_TYPES,
    scope="all",
    states=frozenset(
        {"held", "expired", "cancelled", "issued", "checked_in", "entered", "used", "voided", "changed", "refunded"}
    ),
    hold_minutes=30,
    max_message_bytes=256_000,
    late_after=timedelta(minutes=30),
    arrival="push",
    ignores={
        "msg_id": _ENVELOPE,
        "sent_at": _ENVELOPE,
        "act": "says what came last; the snapshot says everything that happened",
        "order_date": "when the order was begun: every ticket carries its own times",
        "ticket_type_name": _LABEL,
        "seat_type_name": _LABEL,
        "/records/*/status_name": _LABEL,
        "passenger_id_type_name": _LABEL,
        "from_station_name": _LABEL,
        "to_station_name": _LABEL,
        "seat_name": _LABEL,
        "/reserves/*/status_name": _LABEL,
        "passenger_id_name": _LABEL,
    },
)
