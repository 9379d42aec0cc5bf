"""What a channel system believes: its own mutable order book. Amounts are integer fen, times aware datetimes.

Every simulated channel keeps one book, changes it by its own acts and by what the hub delivers, and writes its
day extract from it. Codes (seat class, ticket type, document type, methods) are the canonical ones of ``schemas``;
a channel's ``codec`` turns them into its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

TicketState = Literal["held", "expired", "cancelled", "issued", "released", "changed", "voided", "refunded"]
ActKind = Literal["hold", "sale", "pay", "cancel", "change", "refund", "collect"]


@dataclass(slots=True)
class SimTicket:
    """One ticket as a channel knows it. ``seat_no`` is empty for who stands; ``berth``: lower, middle, upper."""

    ticket_no: str
    batch: int
    coach: str
    seat_no: str
    seat_class: str
    ticket_type: str
    name: str
    document_type: str
    document_no: str
    phone: str
    train_no: str
    train_code: str
    service_date: date
    from_station: str
    to_station: str
    depart_at: datetime
    arrive_at: datetime
    fare_fen: int
    surcharge_fen: int
    state: TicketState
    state_at: datetime
    issued_at: datetime | None = None
    origin: Literal["sale", "change", "destination_change", "waitlist"] = "sale"
    replaces: str | None = None
    replaced_by: str | None = None
    refund_ref: str | None = None
    control_no: str | None = None
    berth: str = ""


@dataclass(slots=True)
class SimPayment:
    """A capture at a processor. ``processor_ref`` is the processor's own transaction number."""

    processor: str
    processor_ref: str
    method: str
    amount_fen: int
    captured_at: datetime


@dataclass(slots=True)
class SimRefund:
    """A repayment: ``gross_fen`` = ``fee_fen`` + ``net_fen``. ``refund_ref`` is the merchant's refund number."""

    processor: str
    refund_ref: str
    ticket_nos: tuple[str, ...]
    gross_fen: int
    fee_fen: int
    net_fen: int
    requested_at: datetime


@dataclass(slots=True)
class SimChange:
    """An exchange; ``difference_fen`` plus = the passenger gets money."""

    change_ref: str
    kind: Literal["train", "destination"]
    old_ticket_nos: tuple[str, ...]
    new_ticket_nos: tuple[str, ...]
    fee_fen: int
    difference_fen: int
    confirmed_at: datetime


@dataclass(slots=True)
class SimOrder:
    """One order. ``channel`` sold it; ``own_refs`` are a channel's own numbers (call id, agent order number ...)."""

    order_no: str
    channel: str
    booked_at: datetime
    tickets: list[SimTicket] = field(default_factory=list)
    payments: list[SimPayment] = field(default_factory=list)
    refunds: list[SimRefund] = field(default_factory=list)
    changes: list[SimChange] = field(default_factory=list)
    hold_expires_at: datetime | None = None
    own_refs: dict[str, str] = field(default_factory=dict)
    seller: dict[str, str] = field(default_factory=dict)
    revision: int = 0
    updated_at: datetime | None = None

    def ticket(self, ticket_no: str) -> SimTicket | None:
        return next((t for t in self.tickets if t.ticket_no == ticket_no), None)


@dataclass(slots=True)
class Act:
    """One thing that happens in a channel: to be done to the book and told (or asked) to the hub.

    ``order`` is the order as it is after the act. ``ticket_nos`` are the tickets the act touches (for a change: the
    new ones; the change itself is the last of ``order.changes``; for a refund the last of ``order.refunds``).
    ``desk`` says who did it: office, window, shift, clerk, terminal, running (windows); agent, contract (agents);
    call_id, pickup_code (phone); device, app_version (app).
    """

    kind: ActKind
    channel: str
    at: datetime
    order: SimOrder
    ticket_nos: tuple[str, ...]
    desk: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wire:
    """Bytes on their way."""

    body: bytes
    content_type: str


class Book:
    """A channel's orders by rail order number."""

    def __init__(self) -> None:
        self.orders: dict[str, SimOrder] = {}

    def __iter__(self) -> Iterator[SimOrder]:
        return iter(self.orders.values())

    def get(self, order_no: str) -> SimOrder | None:
        return self.orders.get(order_no)

    def put(self, order: SimOrder) -> None:
        self.orders[order.order_no] = order


class Codec(Protocol):
    """A channel system's own language, written independently of the hub's adapters."""

    channel: str

    def encode(self, act: Act, message_id: str) -> Wire:
        """The native message for ``act``; for windows one transaction's records (see shift_file)."""
        ...

    def extract(self, orders: list[SimOrder], business_date: date) -> Wire:
        """The channel's day extract: these orders as the channel believes them now."""
        ...

    def absorb(self, body: bytes, book: Book) -> None:
        """Take in what the hub delivered, in this channel's native form; the same delivery twice changes nothing."""
        ...
