"""What reconciliation asks of the house around it. The composition root answers these; tests answer them with doubles
of *other* systems only.

    Ledger        the hub's orders of a day, read in one go
    Channels      a channel's day extract and how to read it
    Statements    the processors' files
    Corrections   the three ways in which a difference is set right
    Spread        how bucket tasks are run: inline, or by Celery
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Protocol

from hub.ports import Part
from schemas.facts import Adjusted
from schemas.observation import Observation, Rejection
from schemas.order import Order


class SourceMissing(Exception):
    """An input is not there (yet): the channel does not answer, no file has come. Nothing is invented."""


@dataclass(frozen=True, slots=True)
class HubOrder:
    """One order of the ledger. ``touched``: channel -> keys (ticket numbers, ``processor|reference``) that it stated on
    the business date; ``adjusted``: the differences that were accepted; ``rivals``: order numbers of other tickets that
    hold a seat which this order was sold too. Made by ``sources.hub.hub_order``."""

    order: Order
    touched: Mapping[str, frozenset[str]]
    adjusted: tuple[Adjusted, ...] = ()
    rivals: frozenset[str] = frozenset()


class Ledger(Protocol):
    """The hub's truth. Both methods make their answer with ``sources.hub.hub_order(document, business_date)``."""

    def orders(self, business_date: date) -> Iterable[HubOrder]:
        """Every order on which anything was stated for that date; one consistent snapshot."""
        ...

    def orders_by_number(self, order_nos: Sequence[str], business_date: date) -> Iterable[HubOrder]:
        """Those of these rail order numbers that the hub knows: other systems speak of them."""
        ...


class Channels(Protocol):
    """The channels' extracts, through their adapters."""

    def extract(self, channel: str, business_date: date) -> bytes:
        """The native bytes; raises SourceMissing when the channel cannot give them."""
        ...

    def split(self, channel: str, raw: bytes) -> Sequence[Part] | Rejection:
        """The extract's messages, or why the whole document is refused."""
        ...

    def parse(self, channel: str, raw: bytes) -> Observation | Rejection: ...


class Statements(Protocol):
    """The processors' files as they came: (name, bytes), every file that may hold lines of the date."""

    def files(self, processor: str, business_date: date) -> Iterable[tuple[str, bytes]]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a correction; ``word`` is the hub's: applied, witnessed, duplicate, disputed, refused, queued."""

    done: bool
    word: str
    detail: str = ""


class Corrections(Protocol):
    """How a difference is set right: always through the hub's own doors. Calling twice with one id is harmless."""

    def post(self, channel: str, message_id: str, raw: bytes) -> Outcome:
        """Native bytes of an extract through hub intake, as that channel's message."""
        ...

    def redeliver(self, channel: str, order_no: str) -> Outcome:
        """The order's present state to the channel once more."""
        ...

    def adjust(self, order_no: str, fact: Adjusted) -> Outcome:
        """An accepted difference as a fact."""
        ...


@dataclass(frozen=True, slots=True)
class BucketTask:
    """One piece of a run's matching: buckets from ``bucket`` on, small enough for one worker. Plain JSON values."""

    run_id: str
    bucket: int
    definition: str
    business_date: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    memory_limit: str = "1GB"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "BucketTask":
        return cls(**{**value, "left": tuple(value["left"]), "right": tuple(value["right"])})


Spread = Callable[[Sequence[BucketTask]], None]
"""Runs every task (``runs.run_bucket``) and returns when all their results stand in ``recon.bucket_results``."""
