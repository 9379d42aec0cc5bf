"""Facts: what can happen to an order, each with an identity made of what it is about and what happened.

The order is a pure function of the set of its facts. A fact here is one *statement* of such a happening; two
statements with one identity are the same fact told twice, by one witness or by several.

    ticket.*    about one ticket number
    payment.*   about one capture at a processor            (processor + processor_ref)
    refund.*    about one repayment                         (processor + refund_ref)
    change.*    about one exchange                          (change_ref)
    pickup.*    about one collection of paper or e-ticket   (pickup_ref)
    waitlist.*  about one prepaid request for seats to come (waitlist_ref)
    invoice.*   about one invoice                           (invoice_no)
    references_clash                    about a name that this order and another one are called by
    retracted, resolved, adjusted                           by the hub, a policy or a person
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.model import Canonical, Code, Instant, Sealable, Text, personal
from schemas.money import Money

TicketNo = Annotated[
    str, Field(pattern=r"^[0-9A-Z-]{1,40}$", description="17 characters on 12306, or the channel's own")
]
ProcessorRef = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:-]{1,64}$")]
Telecode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
SeatPosition = Annotated[
    str, Field(pattern=r"^[a-f]$", description="the letter of the seat in its row, see seat_position")
]
Berth = Literal["lower", "middle", "upper"]
Extensions = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+$", max_length=80)], Text],
    Field(
        max_length=20,
        description="what the contract has no word for: <channel>.<name> -> text; no rule reads it",
        # Pydantic refuses other keys and says it by patternProperties alone, which lets them pass.
        json_schema_extra={"additionalProperties": False},
    ),
]


class PointOfSale(Canonical):
    """Where and by whom something was sold: what the channel has, typed."""

    channel: Code
    office: Text | None = None
    window: Text | None = None
    terminal: Text | None = None
    clerk: Text | None = None
    shift: Text | None = None
    agent: Text | None = None
    agent_contract: Text | None = None
    device: Text | None = None
    app_version: Text | None = None


class Document(Canonical):
    """An identity document. ``number`` is clear only inside an adapter; the ledger holds it sealed."""

    type: Code
    number: Annotated[str, Field(min_length=1, max_length=400), Sealable] = personal("the document's number")
    issued_by: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None


class Passenger(Canonical):
    """Who travels on a ticket."""

    name: Annotated[Text, Sealable] = personal("full name as on the document")
    document: Document
    type: Code
    phone: Annotated[str, Field(min_length=1, max_length=400), Sealable] | None = personal(
        "mobile number, E.164", default=None
    )
    person_id: Text | None = None


class Stop(Canonical):
    """One end of a leg. ``index`` is the stop's place on the train's run (0 = origin), when the channel knows it."""

    station: Telecode
    index: Annotated[int, Field(ge=0, le=63)] | None = None
    at: Instant | None = None


class Leg(Canonical):
    """A train run and a range of its stops. ``service_date`` is the local date on which the run leaves its origin."""

    train_no: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,12}$")] | None = None
    train_code: Annotated[str, Field(pattern=r"^[A-Z]?\d{1,4}$")]
    service_date: date
    origin: Stop
    destination: Stop


class Seat(Canonical):
    """What is sold to sit, lie or stand on. ``standing`` is sold *as* the cheapest class, hence class and flag."""

    seat_class: Code
    coach: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,3}$")] | None = None
    number: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,4}$")] | None = None
    position: SeatPosition | None = None
    berth: Berth | None = None
    standing: bool = False


class Surcharge(Canonical):
    """An amount on top of the fare, such as the agents' 5 yuan."""

    kind: Code
    amount_gross: Money


class TicketContent(Canonical):
    """What was held or sold under one ticket number."""

    ticket_no: TicketNo
    batch: Annotated[int, Field(ge=1, le=9)] = 1
    ticket_type: Code
    passenger: Passenger
    leg: Leg
    seat: Seat
    fare_gross: Money
    surcharges: tuple[Surcharge, ...] = ()
    medium: Literal["e_ticket", "paper"] = "e_ticket"
    origin: Literal["sale", "change", "destination_change", "waitlist"] = "sale"
    replaces: TicketNo | None = None
    point_of_sale: PointOfSale


class Override(Canonical):
    """A member of staff set a rule aside: which reason of the list, who, and a remark."""

    reason: Code
    staff: Text
    note: Text | None = None


class _Statement(Canonical):
    occurred_at: Instant
    extensions: Extensions | None = None

    @property
    def identity(self) -> str:
        raise AttributeError(f"{type(self).__name__} has no identity")  # pragma: no cover - every leaf defines one


class TicketHeld(_Statement):
    """A seat is reserved until ``expires_at``; the same document shape as the ticket it may become."""

    fact: Literal["ticket.held"] = "ticket.held"
    ticket: TicketContent
    expires_at: Instant

    @property
    def identity(self) -> str:
        return f"ticket.held|{self.ticket.ticket_no}"


class TicketIssued(_Statement):
    """A ticket came into being."""

    fact: Literal["ticket.issued"] = "ticket.issued"
    ticket: TicketContent

    @property
    def identity(self) -> str:
        return f"ticket.issued|{self.ticket.ticket_no}"


class TicketStep(_Statement):
    """A step of a ticket that needs no more words than its name."""

    fact: Literal[
        "ticket.hold_expired",
        "ticket.hold_cancelled",
        "ticket.checked_in",
        "ticket.entered",
        "ticket.exited",
        "ticket.voided",
        "ticket.released",
        "ticket.resigned_on_board",
    ]
    ticket_no: TicketNo
    override: Override | None = None

    @property
    def identity(self) -> str:
        return f"{self.fact}|{self.ticket_no}"


class TicketPrinted(_Statement):
    """Paper was printed; each reprint has its own control number."""

    fact: Literal["ticket.printed"] = "ticket.printed"
    ticket_no: TicketNo
    control_no: Text | None = None

    @property
    def identity(self) -> str:
        return f"ticket.printed|{self.ticket_no}|{self.control_no or ''}"


class TicketChanged(_Statement):
    """The ticket was given up for another one; ``new_ticket_no`` when the witness knows it."""

    fact: Literal["ticket.changed"] = "ticket.changed"
    ticket_no: TicketNo
    kind: Literal["train", "destination"] = "train"
    new_ticket_no: TicketNo | None = None

    @property
    def identity(self) -> str:
        return f"ticket.changed|{self.ticket_no}|{self.new_ticket_no or ''}"


class TicketRefunded(_Statement):
    """The ticket was given back for money; ``refund_ref`` when the witness knows it."""

    fact: Literal["ticket.refunded"] = "ticket.refunded"
    ticket_no: TicketNo
    refund_ref: ProcessorRef | None = None

    @property
    def identity(self) -> str:
        return f"ticket.refunded|{self.ticket_no}|{self.refund_ref or ''}"


class SeatNotGranted(_Statement):
    """The hub's own word: this ticket was told to us, but its seat and legs were already held by ``holder``."""

    fact: Literal["ticket.seat_not_granted"] = "ticket.seat_not_granted"
    ticket_no: TicketNo
    holder: TicketNo | None = None

    @property
    def identity(self) -> str:
        return f"ticket.seat_not_granted|{self.ticket_no}"


class ReferencesClash(_Statement):
    """The hub's own word: a message named this order with a name that belongs to another one, called ``holder``.

    Two railway order numbers are never one order, so the two were not joined.
    """

    fact: Literal["references_clash"] = "references_clash"
    system: Code
    kind: Code
    value: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:/-]{1,80}$")]
    holder: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:/-]{1,80}$")] | None = None

    @property
    def identity(self) -> str:
        return f"references_clash|{self.system}|{self.kind}|{self.value}"


class PaymentFact(_Statement):
    """What became of one payment at one processor. ``amount_gross`` > 0; ``fee`` is what the processor keeps."""

    fact: Literal[
        "payment.initiated", "payment.captured", "payment.failed", "payment.cancelled", "payment.charged_back"
    ]
    processor: Code
    processor_ref: ProcessorRef
    method: Code
    amount_gross: Money
    fee: Money | None = None

    @property
    def identity(self) -> str:
        return f"{self.fact}|{self.processor}|{self.processor_ref}"


class RefundFact(_Statement):
    """What became of one repayment: ``amount_gross`` = ``fee`` (the railway keeps) + ``amount_net`` (paid out).

    ``payment_ref``: the payment over which the money goes back. A repayment that goes back over several payments is
    several of these: the leading one, which ``ticket.refunded`` names, and others that are ``part_of`` it.
    ``external``: seen at the processor, asked by nobody.
    """

    fact: Literal["refund.requested", "refund.sent", "refund.settled", "refund.failed"]
    processor: Code
    refund_ref: ProcessorRef
    ticket_nos: tuple[TicketNo, ...] = ()
    amount_gross: Money
    fee: Money
    amount_net: Money
    payment_ref: ProcessorRef | None = None
    part_of: ProcessorRef | None = None
    external: bool = False
    override: Override | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> "RefundFact":
        # Without this a refund could post lines that do not balance, and the fold may not fail.
        if self.amount_gross != self.fee + self.amount_net:
            raise ValueError("amount_gross is fee plus amount_net")
        return self

    @property
    def identity(self) -> str:
        return f"{self.fact}|{self.processor}|{self.refund_ref}"


class ChangeFact(_Statement):
    """An exchange of tickets. ``difference``: plus = the passenger gets money back; ``fee`` is kept by the railway."""

    fact: Literal["change.quoted", "change.confirmed", "change.settled"]
    change_ref: ProcessorRef
    kind: Literal["train", "destination"] = "train"
    old_ticket_nos: tuple[TicketNo, ...]
    new_ticket_nos: tuple[TicketNo, ...]
    fee: Money
    difference: Money
    override: Override | None = None

    @property
    def identity(self) -> str:
        return f"{self.fact}|{self.change_ref}"


class PickupCollected(_Statement):
    """Somebody collected what was reserved or paid elsewhere."""

    fact: Literal["pickup.collected"] = "pickup.collected"
    pickup_ref: ProcessorRef
    ticket_nos: tuple[TicketNo, ...] = ()

    @property
    def identity(self) -> str:
        return f"pickup.collected|{self.pickup_ref}"


class WaitlistAlternative(Canonical):
    """One train and class that the passengers would take."""

    leg: Leg
    seat_class: Code


class WaitlistRequested(_Statement):
    """Seats are wanted and ``prepaid`` for the dearest alternative; if none comes free by ``realise_by`` it lapses.

    The prepayment itself is a ``payment.captured``, what is given back a refund; the tickets that come out of it are
    issued with ``origin`` ``waitlist``.
    """

    fact: Literal["waitlist.requested"] = "waitlist.requested"
    waitlist_ref: ProcessorRef
    alternatives: Annotated[tuple[WaitlistAlternative, ...], Field(min_length=1, max_length=20)]
    passengers: Annotated[tuple[Passenger, ...], Field(min_length=1, max_length=9)]
    prepaid: Money
    realise_by: Instant
    point_of_sale: PointOfSale

    @property
    def identity(self) -> str:
        return f"waitlist.requested|{self.waitlist_ref}"


class WaitlistStep(_Statement):
    """What became of a request: realised in ``ticket_nos``, cancelled by the passenger, or lapsed."""

    fact: Literal["waitlist.realised", "waitlist.cancelled", "waitlist.lapsed"]
    waitlist_ref: ProcessorRef
    ticket_nos: tuple[TicketNo, ...] = ()

    @property
    def identity(self) -> str:
        return f"{self.fact}|{self.waitlist_ref}"


class InvoiceFact(_Statement):
    """A tax invoice over ``amount_gross`` was issued for these tickets, or reversed in full."""

    fact: Literal["invoice.issued", "invoice.reversed"]
    invoice_no: ProcessorRef
    ticket_nos: tuple[TicketNo, ...] = ()
    amount_gross: Money

    @property
    def identity(self) -> str:
        return f"{self.fact}|{self.invoice_no}"


class Retracted(_Statement):
    """The fact with ``retracts`` as its identity is withdrawn; it stays in history and posts its mirror image."""

    fact: Literal["retracted"] = "retracted"
    retracts: Text
    reason: Text

    @property
    def identity(self) -> str:
        return f"retracted|{self.retracts}"


class Resolved(_Statement):
    """A person or a policy settled a dispute."""

    fact: Literal["resolved"] = "resolved"
    dispute: Text
    resolution: Text
    by: Text

    @property
    def identity(self) -> str:
        return f"resolved|{self.dispute}"


class Adjusted(_Statement):
    """A reconciliation difference was accepted: two systems may go on saying two things about ``subject``.

    ``hub_value`` and ``other_value`` are what each side says; ``amount`` is hub minus other, in money, zero if none.
    """

    fact: Literal["adjusted"] = "adjusted"
    definition: Text
    subject: Text
    kind: Text
    hub_value: Annotated[str, Field(max_length=400)]
    other_value: Annotated[str, Field(max_length=400)]
    amount: Money
    reason: Text
    by: Text

    @property
    def identity(self) -> str:
        return f"adjusted|{self.definition}|{self.subject}|{self.kind}"


Fact = Annotated[
    TicketHeld
    | TicketIssued
    | TicketStep
    | TicketPrinted
    | TicketChanged
    | TicketRefunded
    | SeatNotGranted
    | ReferencesClash
    | PaymentFact
    | RefundFact
    | ChangeFact
    | PickupCollected
    | WaitlistRequested
    | WaitlistStep
    | InvoiceFact
    | Retracted
    | Resolved
    | Adjusted,
    Field(discriminator="fact"),
]
