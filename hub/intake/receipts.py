"""A message on our side of the door, before anything is decided about it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from schemas.observation import Observation, Rejection

Source = Literal["http", "bulk", "file", "poll", "reconciliation", "hub", "console"]

BULK_SOURCES = frozenset({"bulk", "file"})
"""Sources that bring many at once: what they cause is told to other channels in the room that live sales leave."""

LIVE_SOURCES = frozenset({"http", "bulk"})
"""Sources in which the moment of arrival says something about the channel: only there is a message late."""


@dataclass(frozen=True)
class Receipt:
    """Native bytes with who sent them, under which id, and when they came in (business clock).

    ``within_hours``: whether it came in while the channel may ask; a tell is taken at any hour.
    """

    channel: str
    message_id: str
    raw: bytes
    source: Source
    received_at: datetime
    within_hours: bool = True

    @property
    def key(self) -> tuple[str, str]:
        return (self.channel, self.message_id)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the bytes: what "the same message" means."""
        return hashlib.sha256(self.raw).digest()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A receipt and what its adapter made of it, personal numbers sealed."""

    receipt: Receipt
    result: Observation | Rejection
