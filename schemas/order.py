"""The order as people and channels read it: derived from facts, never stored as an independent truth."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.facts import (
    Document,
    Extensions,
    Leg,
    Override,
    Passenger,
    PointOfSale,
    ProcessorRef,
    Seat,
    Surcharge,
    TicketNo,
    WaitlistAlternative,
)
from schemas.model import Canonical, Code, Instant, Text
from schemas.money import Money
from schemas.observation import ReferenceClaim

TicketState = Literal[
    "unknown",
    "held",
    "expired",
    "cancelled",
    "issued",
    "checked_in",
    "entered",
    "used",
    "released",
    "changed",
    "voided",
    "refunded",
]
FulfilmentStatus = Literal["incomplete", "waitlisted", "held", "issued", "partly_used", "used", "ended"]
PaymentStatus = Literal["unpaid", "partly_paid", "paid", "overpaid"]
RefundStatus = Literal["none", "owed", "partly_refunded", "refunded"]
DisputeStatus = Literal["none", "open", "resolved"]


class Reference(ReferenceClaim):
    """A reference with the span in which the hub has seen it used."""

    first_seen: Instant
    last_seen: Instant


class OrderPassenger(Passenger):
    """A passenger of this order, numbered ``p1`` ... in order of document."""

    passenger_id: Annotated[str, Field(pattern=r"^p\d$")]


class Ticket(Canonical):
    """One ticket. Fields that only its sale knows are None while the order is incomplete."""

    ticket_no: TicketNo
    batch: int = 1
    passenger_id: str | None = None
    ticket_type: Code | None = None
    leg: Leg | None = None
    seat: Seat | None = None
    seat_granted: bool = True
    fare_gross: Money | None = None
    surcharges: tuple[Surcharge, ...] = ()
    state: TicketState
    state_since: Instant
    medium: Literal["e_ticket", "paper"] = "e_ticket"
    control_no: str | None = None
    origin: Literal["sale", "change", "destination_change", "waitlist"] = "sale"
    replaces: TicketNo | None = None
    replaced_by: TicketNo | None = None
    change_used: bool = False
    held_at: Instant | None = None
    hold_expires_at: Instant | None = None
    issued_at: Instant | None = None
    printed_at: Instant | None = None
    resigned_at: Instant | None = Field(default=None, description="re-signed on board")
    point_of_sale: PointOfSale | None = None


class Payment(Canonical):
    """One payment; ``state`` is the latest fact about it."""

    payment_id: Text
    processor: Code
    processor_ref: ProcessorRef
    method: Code
    amount_gross: Money
    fee: Money | None = None
    captured_at: Instant | None = None
    state: Literal["initiated", "captured", "failed", "cancelled", "charged_back"]
    state_since: Instant | None = None


class Refund(Canonical):
    """One repayment; ``external`` = seen at the processor, asked by nobody.

    ``payment_ref``: over which payment the money goes back; ``part_of``: the leading refund of a repayment that goes
    back over several payments.
    """

    refund_id: Text
    processor: Code
    refund_ref: ProcessorRef
    ticket_nos: tuple[TicketNo, ...] = ()
    amount_gross: Money
    fee: Money
    amount_net: Money
    state: Literal["requested", "sent", "settled", "failed"]
    requested_at: Instant
    state_since: Instant | None = None
    payment_ref: ProcessorRef | None = None
    part_of: ProcessorRef | None = None
    external: bool = False
    override: Override | None = None


class Change(Canonical):
    """One exchange. ``difference``: plus = the passenger gets money."""

    change_id: Text
    kind: Literal["train", "destination"]
    old_ticket_nos: tuple[TicketNo, ...]
    new_ticket_nos: tuple[TicketNo, ...]
    fee: Money
    difference: Money
    confirmed_at: Instant | None = None
    settled: bool = False
    override: Override | None = None


class Pickup(Canonical):
    """One collection of what was reserved or paid elsewhere."""

    pickup_ref: ProcessorRef
    ticket_nos: tuple[TicketNo, ...] = ()
    collected_at: Instant


class Waitlist(Canonical):
    """One prepaid request for seats to come. Fields that only the request knows are empty until it is told."""

    waitlist_ref: ProcessorRef
    alternatives: tuple[WaitlistAlternative, ...] = ()
    passengers: tuple[Passenger, ...] = ()
    prepaid: Money | None = None
    requested_at: Instant | None = None
    realise_by: Instant | None = None
    state: Literal["unknown", "requested", "realised", "cancelled", "lapsed"]
    state_since: Instant
    ticket_nos: tuple[TicketNo, ...] = ()
    point_of_sale: PointOfSale | None = None


class Invoice(Canonical):
    """One tax invoice; a reversed one is void and may be followed by another."""

    invoice_no: ProcessorRef
    ticket_nos: tuple[TicketNo, ...] = ()
    amount_gross: Money
    issued_at: Instant | None = None
    state: Literal["issued", "reversed"]
    state_since: Instant


class Hold(Canonical):
    """Seats reserved until ``expires_at``."""

    expires_at: Instant
    ticket_nos: tuple[TicketNo, ...]


class DisputeSide(Canonical):
    """What one group of witnesses says."""

    witnesses: tuple[str, ...]
    says: Annotated[str, Field(max_length=400)]


class Dispute(Canonical):
    """Two facts that exclude each other, or one fact with two values; both are kept."""

    dispute_id: Text
    kind: Code
    subject: Text
    sides: tuple[DisputeSide, ...]
    opened_at: Instant
    state: Literal["open", "resolved"]
    resolution: str | None = None


class Order(Canonical):
    """The whole order: the fold of its facts."""

    order_id: UUID
    version: int
    channel: Code | None
    point_of_sale: PointOfSale | None
    references: tuple[Reference, ...]
    business_date: date
    booked_at: Instant | None
    passengers: tuple[OrderPassenger, ...]
    tickets: tuple[Ticket, ...]
    payments: tuple[Payment, ...]
    refunds: tuple[Refund, ...]
    changes: tuple[Change, ...]
    pickups: tuple[Pickup, ...] = ()
    waitlists: tuple[Waitlist, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    hold: Hold | None
    disputes: tuple[Dispute, ...]
    fulfilment: FulfilmentStatus
    payment: PaymentStatus
    refund: RefundStatus
    dispute: DisputeStatus
    paid_gross: Money
    refunded_net: Money
    balance: Money = Field(description="what the passenger owes; negative = is owed")
    complete: bool
    updated_at: Instant
    extensions: Extensions | None = None

    def reference(self, system: str, kind: str) -> str | None:
        """The first value that ``system`` gives for ``kind``, for example the rail order number."""
        return next((r.value for r in self.references if r.system == system and r.kind == kind), None)

    def ticket(self, ticket_no: str) -> Ticket | None:
        return next((t for t in self.tickets if t.ticket_no == ticket_no), None)


__all__ = [
    "Change",
    "Dispute",
    "DisputeSide",
    "Document",
    "Hold",
    "Invoice",
    "Order",
    "OrderPassenger",
    "Payment",
    "Pickup",
    "Reference",
    "Refund",
    "Ticket",
    "Waitlist",
]
