"""What the hub asks of a channel's adapter. Small ports: a channel implements those that it can, and no more.

    Adapter        every channel: what it is, how to read it, how to speak to it
    Connectable    a channel of many connections, each with its own code tables
    Splitting      a channel that sends many messages in one document (files, day extracts, bulk)
    Polled         a channel that has to be asked for news
    Extracting     a channel that can be asked for its whole day
    Tabular        a channel whose whole day can be read column by column, millions of rows at a time

``parse``, ``format`` and ``split`` are pure: no clock, no network, no state, no exception for bad input.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from mmap import mmap
from typing import Any, Literal, Protocol, runtime_checkable

from schemas.acts import Act as Act
from schemas.events import OrderEvent
from schemas.observation import Loss, Observation, Rejection
from schemas.order import Order


@dataclass(frozen=True, slots=True)
class Profile:
    """The facts about one channel's connection that rules, forms, the console and the docs are made from.

    ``media_type`` and ``encoding`` are of the native bytes. ``asks`` and ``tells`` are the acts it may send.
    ``subscribes`` are event types; ``scope`` ``own`` limits them to orders in which the channel took part.
    ``states`` are the ticket states it can express; reconciliation compares no finer than that.
    ``late_after``: a message older than this on arrival is reported as late. ``code_tables`` override the
    cross-walks for this connection: list name -> native -> our code. ``ignores``: native field (its name, or a path
    with ``*``) -> why no observation shows it; every other field is mapped or becomes a loss.
    """

    channel: str
    name_zh: str
    name_en: str
    media_type: str
    encoding: str
    zone: str = "Asia/Shanghai"
    asks: frozenset[Act] = frozenset()
    tells: frozenset[Act] = frozenset()
    subscribes: frozenset[str] = frozenset()
    scope: Literal["all", "own"] = "all"
    states: frozenset[str] = frozenset()
    hold_minutes: int = 30
    max_message_bytes: int = 1_000_000
    late_after: timedelta = timedelta(minutes=30)
    arrival: Literal["push", "poll", "file"] = "push"
    code_tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ignores: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a larger document: self-contained native bytes that ``parse`` reads without the rest.

    ``message_id`` is stable for the same business content position (so that the same file again is a duplicate);
    ``place`` says where it stood, for people: ``record 17``.
    """

    message_id: str
    raw: bytes
    place: str


@dataclass(frozen=True, slots=True)
class Formatted:
    """Native bytes for a channel, and what the channel's language could not say."""

    body: bytes
    content_type: str
    losses: tuple[Loss, ...] = ()


@runtime_checkable
class Adapter(Protocol):
    """A channel, read and spoken."""

    @property
    def profile(self) -> Profile: ...

    def parse(self, raw: bytes) -> Observation | Rejection:
        """The facts one native message implies. The hub records an observation and answers a rejection as a problem."""
        ...

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        """What the hub posts to the channel for one event; None when the channel's language has no word for it.

        ``order`` is the order as it stands after the event or later; document numbers and phones are clear.
        """
        ...


@runtime_checkable
class Connectable(Protocol):
    """A channel of which there are many connections: one wire, each with its own name and code tables."""

    def connected(self, profile: Profile) -> Adapter:
        """The adapter of one connection. ``profile`` is this adapter's with another ``channel`` and ``code_tables``."""
        ...


@runtime_checkable
class Splitting(Protocol):
    """A channel whose documents hold many messages."""

    def split(self, raw: bytes) -> Sequence[Part] | Rejection:
        """The messages of a file or day extract. A rejection refuses the whole document (wrong control totals)."""
        ...


@dataclass(frozen=True, slots=True)
class PollPage:
    """One answer to a poll: native messages with their ids, and the watermark to ask from next time."""

    parts: tuple[Part, ...]
    watermark: str


class ChannelUnavailable(Exception):
    """A channel that was asked did not answer as it should. The message says what it did, for the operator."""


@runtime_checkable
class Polled(Protocol):
    """A channel that has to be asked. The hub keeps the watermark and calls again until a page is empty.

    Raises ``ChannelUnavailable``; the hub asks again later.
    """

    def poll(self, endpoint: str, watermark: str | None) -> PollPage: ...


@runtime_checkable
class Extracting(Protocol):
    """A channel that hands out its day. Reconciliation keeps the bytes and splits them with ``split``.

    Raises ``ChannelUnavailable``; the day's run waits.
    """

    def extract(self, endpoint: str, business_date: date) -> bytes: ...


TABLE = (
    "key", "kind", "order_no", "at", "amount", "currency", "state", "seat", "replaces", "seller", "sold_on",
    "train_run", "leg_from", "leg_to", "leg_departs", "leg_arrives", "fee", "other_key", "document", "place",
)  # fmt: skip
"""The columns of a day read by columns: reconciliation's canonical row without what a channel cannot know, and with
``document`` (``type|number``, in clear; "" for none) where that has its keyed index."""


class Table(Protocol):
    """A day extract on its way to columns."""

    def batches(self) -> Iterator[Any]:
        """Arrow record batches of the columns ``TABLE``: the rows of the orders whose messages were proven simple."""
        ...

    @property
    def parts(self) -> Sequence[Part]:
        """All messages of all other orders, to be read one by one. Complete when ``batches`` has ended."""
        ...

    def parts_of(self, order_nos: Set[str]) -> Sequence[Part]:
        """The messages that may tell of these rail orders, in the order of the document: all that do, perhaps more."""
        ...


@runtime_checkable
class Tabular(Protocol):
    """A channel whose extract can be read by columns. The rows are those that ``split``, ``parse`` and the fold give:
    what an adapter cannot prove to be so, it leaves to them."""

    def table(self, raw: bytes | mmap) -> Table | Rejection:
        """The extract as a table, or the rejection that ``split`` gives."""
        ...
