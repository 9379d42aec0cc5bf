"""The app channel: facts about its connection."""

from datetime import timedelta
from typing import get_args

from hub.ports import Profile
from schemas.events import INTERNAL_TYPES, EventType

PROFILE = Profile(
    channel="app",
    name_zh="手机客户端",
    name_en="mobile app",
    media_type="application/json",
    encoding="utf-8",
    asks=frozenset({"hold"}),
    tells=frozenset({"sell", "pay", "cancel", "change", "refund", "enter", "exit"}),
    subscribes=frozenset(get_args(EventType)) - INTERNAL_TYPES,
    scope="all",
    states=frozenset(
        {"held", "expired", "cancelled", "issued", "checked_in", "entered", "used", "voided", "changed", "refunded"}
    ),
    hold_minutes=30,
    max_message_bytes=256_000,
    late_after=timedelta(minutes=30),
    arrival="push",
)
