"""What a channel of words calls everything, and the forms in which it writes it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from adapters.kit.money_records import ChangeKind, MoneyWire
from adapters.kit.reading import Record
from adapters.kit.telling import Whole, Words
from adapters.kit.times import TimeForm
from schemas.codes import code_list
from schemas.facts import PointOfSale, Seat
from schemas.observation import ReferenceKind
from schemas.order import Order

Origin = Literal["sale", "change", "destination_change"]
Fields = dict[str, object]
"""Native names and values in the order of the wire; the channel's own ``format`` turns them into bytes."""


@dataclass(frozen=True, slots=True)
class OrderNames:
    """``own``: the channel's own numbers of an order, field -> kind of reference. ``sold_in`` is also a ticket's."""

    number: str
    revision: str
    sold_in: str
    held_at: str
    updated_at: str
    expires_at: str
    tickets: str
    payments: str
    refunds: str
    changes: str
    own: Mapping[str, ReferenceKind]


@dataclass(frozen=True, slots=True)
class TicketNames:
    """The fields of a ticket but its seat and arrival, which a :class:`Wording` reads and writes itself."""

    number: str
    status: str
    status_at: str
    issued_at: str
    origin: str
    replaces: str
    replaced_by: str
    refund: str
    name: str
    document_type: str
    document_no: str
    phone: str
    ticket_type: str
    train_no: str
    train_code: str
    service_date: str
    from_station: str
    to_station: str
    departs_at: str
    fare: str
    surcharge: str


@dataclass(frozen=True, slots=True)
class OverrideNames:
    """A member of staff set a rule aside: the fields of a refund or change that say so."""

    reason: str
    staff: str
    note: str


@dataclass(frozen=True, slots=True)
class PickupNames:
    """A collection of what was ordered here: the name of the records, and their fields."""

    records: str
    reference: str
    tickets: str
    at: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a status word or code says: our state, its words for people, and whether our state says less than it.

    ``kind``: by what sort of change the ticket was given up, where the status itself says so.
    """

    state: str
    zh: str
    en: str
    says_more: bool = False
    kind: ChangeKind | None = None


class Wording(ABC):
    """One connection's language; see the package. ``channel`` is the connection's name in the hub."""

    order: ClassVar[OrderNames]
    ticket: ClassVar[TicketNames]
    money: ClassVar[MoneyWire]
    override: ClassVar[OverrideNames | None] = None
    pickup: ClassVar[PickupNames | None] = None
    statuses: ClassVar[Mapping[str, Meaning]]
    origins: ClassVar[Mapping[str, Origin]]
    moment: ClassVar[TimeForm]
    day: ClassVar[TimeForm]
    precision: ClassVar[Literal["minute", "second"]]
    words: ClassVar[Words]
    """What this channel has words for beyond tickets, payments, refunds and changes."""
    desk: ClassVar[frozenset[str]]
    """The details of a point of sale that it has fields for."""
    of_train: ClassVar[tuple[str, ...]]
    """The fields that say which train, from where to where, and when."""
    of_seat: ClassVar[tuple[str, ...]]
    """The fields that say which seat, see :meth:`seat`."""
    example: ClassVar[str]
    """An order number of this channel, to show in a refusal."""
    column: ClassVar[str]
    """The column of the code lists; a connection's own tables are asked before it."""

    def __init__(self, channel: str, tables: Mapping[str, Mapping[str, str]]) -> None:
        self.channel = channel
        self.tables = tables

    # -- reading ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def seat(self, row: Record) -> Seat:
        """The seat, refused at its field when it is none."""

    @abstractmethod
    def arrival(self, row: Record, departs: datetime) -> datetime | None:
        """When the train arrives; None for what is no time (the field ``arrives`` is then refused)."""

    @property
    @abstractmethod
    def arrives(self) -> str:
        """The field at which an impossible arrival is refused."""

    @abstractmethod
    def seller(self, order: Record) -> PointOfSale:
        """Who speaks: this connection's point of sale."""

    @abstractmethod
    def check_order(self, order: Record, statuses: list[str]) -> None:
        """Fields of the order that repeat its tickets in other words: a contradiction becomes a loss."""

    # -- writing: amounts stay ``Money`` and moments ``datetime`` until the channel's ``format`` renders them ---------

    def native(self, name: str, code: str) -> str | None:
        """The channel's spelling of our code; None when it has none."""
        return code_list(name).write(self.column, code, self.tables.get(name))

    @abstractmethod
    def code(self, name: str, native: str | None) -> object:
        """A code as a value of the wire; for None what the channel writes for unknown."""

    @abstractmethod
    def arrival_fields(self, departs: datetime, arrives: datetime) -> Fields:
        """The inverse of :meth:`arrival`; both times are local."""

    @abstractmethod
    def seat_fields(self, seat: Seat, seat_class: object) -> Fields:
        """The inverse of :meth:`seat`."""

    @abstractmethod
    def status(self, whole: Whole) -> tuple[str, bool]:
        """The status to write, and whether it says all of the ticket's state."""

    @abstractmethod
    def order_fields(self, order: Order, told: list[tuple[Whole, str]]) -> Fields:
        """Fields of the order that only this channel has; ``told``: its tickets with the status written for each."""
