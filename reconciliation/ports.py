"""What reconciliation asks of the house around it. The composition root answers these; tests answer them with doubles
of *other* systems only.

    Ledger        the hub's orders of a day as rows, out of one snapshot
    Channels      a channel's day extract and how to read it
    Statements    the processors' files
    Corrections   the three ways in which a difference is set right
    Spread        how the pieces of a run are done: here, or by Celery's workers
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from mmap import mmap
from pathlib import Path
from typing import Protocol

from hub.ports import Part, Table
from reconciliation.datasets import Dataset
from schemas.facts import Adjusted, Fact
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


@dataclass(frozen=True, slots=True)
class HubDay:
    """Orders of the ledger as rows. ``adjusted``: the differences that were accepted on them; ``rivals``: order numbers
    of other tickets that hold a seat which one of these orders was sold too."""

    dataset: Dataset
    adjusted: tuple[Adjusted, ...] = ()
    rivals: frozenset[str] = frozenset()


class LedgerSnapshot(Protocol):
    """The ledger at one instant, as seen on one business date."""

    def export(self, root: Path, width: int | None = None) -> HubDay:
        """Every order on which anything was stated for the date, in a dataset below ``root``."""
        ...

    def export_orders(self, order_nos: Iterable[str], root: Path, width: int | None = None) -> HubDay:
        """Those of these rail order numbers that the hub knows: other systems speak of them."""
        ...


class Ledger(Protocol):
    """The hub's truth."""

    def snapshot(self, business_date: date) -> AbstractContextManager[LedgerSnapshot]:
        """What all exports of a run are taken from: one consistent snapshot."""
        ...


class Channels(Protocol):
    """The channels' extracts, through their adapters."""

    def extract(self, channel: str, business_date: date) -> bytes | Path:
        """The native bytes, or the file of a big one; raises SourceMissing when the channel cannot give them."""
        ...

    def split(self, channel: str, raw: bytes) -> Sequence[Part] | Rejection:
        """The extract's messages, or why the whole document is refused."""
        ...

    def parse(self, channel: str, raw: bytes) -> Observation | Rejection: ...

    def table(self, channel: str, raw: bytes | mmap) -> Table | Rejection | None:
        """The extract by columns (``hub.ports.Tabular``); None for a channel whose messages are read one by one."""
        ...

    def persons(self, documents: Sequence[str]) -> list[str]:
        """``type|number`` -> the hub's keyed index of that document, ``type|`` and 32 hexadecimal digits."""
        ...


class Statements(Protocol):
    """The processors' files as they came: (name, bytes or where they lie), every file that may hold lines of the
    date."""

    def files(self, processor: str, business_date: date) -> Iterable[tuple[str, bytes | Path]]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a correction; ``word`` is the hub's: applied, witnessed, duplicate, disputed, refused, queued.

    ``facts``: identities of the facts that stand because of it, so that an undo can withdraw exactly these."""

    done: bool
    word: str
    detail: str = ""
    facts: tuple[str, ...] = ()


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

    def state(self, order_no: str, message_id: str, facts: Sequence[Fact], at: datetime) -> Outcome:
        """Facts of an order in reconciliation's own voice: what a processor's line attests, a refund that is wanted."""
        ...

    def withdraw(self, order_no: str, facts: Sequence[str], act: str, reason: str) -> Outcome:
        """The facts of these identities no longer stand; those that do not stand now are left as they are. ``act`` is
        the id of what was decided: the same again is a duplicate."""
        ...

    def restore(self, order_no: str, facts: Sequence[str], act: str, reason: str) -> Outcome:
        """The opposite: those that were withdrawn stand again, and are the outcome's ``facts``."""
        ...


Spread = Callable[[str, Callable[[], None]], None]
"""(run, watch): has every piece of the run done (``runs.pieces.take_piece``) and returns when none is open. It calls
``watch`` now and then; what that raises ends the run."""
