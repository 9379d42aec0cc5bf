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


@dataclass(frozen=True, slots=True)
class Remembered:
    """What stays of a message that cannot be opened any more: what it said, people sealed, and its bytes' digest."""

    observation: Observation
    digest: bytes


@dataclass(frozen=True)
class Receipt:
    """Native bytes with who sent them, under which id, and when they came in (business clock).

    ``within_hours``: whether it came in while the channel may ask; a tell is taken at any hour.
    ``remembered``: only in a replay, of a message that names somebody who was erased; ``raw`` is then as it was sealed.
    """

    channel: str
    message_id: str
    raw: bytes
    source: Source
    received_at: datetime
    within_hours: bool = True
    remembered: Remembered | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.channel, self.message_id)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the bytes: what "the same message" means."""
        return self.remembered.digest if self.remembered else hashlib.sha256(self.raw).digest()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A receipt and what its adapter made of it, as yet in clear."""

    receipt: Receipt
    result: Observation | Rejection
