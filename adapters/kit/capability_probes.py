"""One small order per act, as facts: what a channel is told to learn whether its language has a word for the act.

The order is always the same one (G11, second class, one adult, paid by WeChat), so that what telling an act loses
beyond telling the sale is that act's own loss.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from adapters.kit.folding import order_of
from schemas.acts import Act
from schemas.events import EventType, OrderEvent
from schemas.facts import (
    ChangeFact,
    Document,
    Fact,
    InvoiceFact,
    Leg,
    Passenger,
    PaymentFact,
    PickupCollected,
    PointOfSale,
    RefundFact,
    Seat,
    Stop,
    TicketChanged,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketRefunded,
    TicketStep,
    WaitlistAlternative,
    WaitlistRequested,
    WaitlistStep,
)
from schemas.money import Money
from schemas.observation import Observation, ReferenceClaim
from schemas.order import Order

ORDER_NO = "EX00000001"
TICKET_NO = f"{ORDER_NO}105012A"
NEW_TICKET_NO = f"{ORDER_NO}206003F"
_SOLD = datetime(2026, 1, 9, 4, 0, tzinfo=UTC)
_THEN = _SOLD + timedelta(hours=1)
_PERSON = Passenger(
    name="测试甲",
    document=Document(type="resident_id", number="990101199003070015"),
    type="adult",
    phone="+8619900000001",
)

EVENT_OF_ACT: Mapping[Act, EventType] = {
    "hold": "order.held",
    "sell": "order.issued",
    "pay": "order.paid",
    "cancel": "order.cancelled",
    "change": "order.changed",
    "change_destination": "order.changed",
    "refund": "order.refunded",
    "void": "order.cancelled",
    "release": "order.travelled",
    "waitlist": "order.waitlisted",
    "collect": "order.collected",
    "print": "order.collected",
    "check_in": "order.travelled",
    "enter": "order.travelled",
    "exit": "order.travelled",
    "invoice": "order.invoiced",
}
"""The event by which the other channels are told of an act."""


def probe(act: Act, channel: str) -> Observation:
    """The order to which ``act`` has just happened, sold in ``channel``."""
    return said(channel, *_FACTS[act](channel))


def said(channel: str, *facts: Fact) -> Observation:
    """These facts as one observation about the probe's order."""
    claims = [ReferenceClaim(system="rail", kind="order", value=ORDER_NO)]
    claims += [ReferenceClaim(system="wechat", kind="payment", value="4200000000000001")]
    last = max(fact.occurred_at for fact in facts)
    return Observation(
        mode="tell",
        references=tuple(claims),
        occurred_at=last,
        business_date=date(2026, 1, 9),
        point_of_sale=PointOfSale(channel=channel),
        facts=facts,
    )


def event_about(observed: Observation, kind: EventType) -> tuple[OrderEvent, Order]:
    """An event of this type about the observation's order, and the order."""
    order = order_of(observed)
    event = OrderEvent(
        event_id=UUID(int=2),
        type=kind,
        order_id=order.order_id,
        sequence=1,
        origin=observed.point_of_sale.channel,
        business_date=observed.business_date,
        recorded_at=observed.occurred_at,
        facts=observed.facts,
    )
    return event, order


def content(channel: str, *, new: bool = False, kind: str = "sale") -> TicketContent:
    """The probe's ticket, or the one that replaces it."""
    leaves = datetime(2026, 1, 11, 0, 0, tzinfo=UTC)
    return TicketContent.model_validate(
        {
            "ticket_no": NEW_TICKET_NO if new else TICKET_NO,
            "batch": 2 if new else 1,
            "ticket_type": "adult",
            "passenger": _PERSON,
            "leg": Leg(
                train_no="24000000G11A",
                train_code="G15" if new else "G11",
                service_date=date(2026, 1, 11),
                origin=Stop(station="VNP", at=leaves),
                destination=Stop(
                    station="NKH" if kind == "destination_change" else "AOH", at=leaves + timedelta(hours=4)
                ),
            ),
            "seat": Seat(seat_class="second", coach="06" if new else "05", number="3F" if new else "12A"),
            "fare_gross": Money(amount=55300),
            "origin": kind,
            "replaces": TICKET_NO if new else None,
            "point_of_sale": PointOfSale(channel=channel),
        }
    )


def _held(channel: str) -> tuple[Fact, ...]:
    ends = _SOLD + timedelta(minutes=30)
    return (TicketHeld(ticket=content(channel), occurred_at=_SOLD, expires_at=ends),)


def _sold(channel: str) -> tuple[Fact, ...]:
    return (TicketIssued(ticket=content(channel), occurred_at=_SOLD), _captured())


def _captured() -> PaymentFact:
    return PaymentFact(
        fact="payment.captured",
        occurred_at=_SOLD,
        processor="wechat",
        processor_ref="4200000000000001",
        method="wechat_pay",
        amount_gross=Money(amount=55300),
    )


def step(channel: str, fact: str) -> tuple[Fact, ...]:
    """A step of the sold (or, for the end of a hold, held) ticket."""
    before = _held(channel) if fact.startswith("ticket.hold_") else _sold(channel)
    return (*before, TicketStep.model_validate({"fact": fact, "ticket_no": TICKET_NO, "occurred_at": _THEN}))


def _changed(channel: str, destination: bool) -> tuple[Fact, ...]:
    origin, kind = ("destination_change", "destination") if destination else ("change", "train")
    changed = {"ticket_no": TICKET_NO, "new_ticket_no": NEW_TICKET_NO, "kind": kind, "occurred_at": _THEN}
    confirmed = {
        "fact": "change.confirmed",
        "occurred_at": _THEN,
        "change_ref": NEW_TICKET_NO,
        "kind": kind,
        "old_ticket_nos": (TICKET_NO,),
        "new_ticket_nos": (NEW_TICKET_NO,),
        "fee": Money(amount=0),
        "difference": Money(amount=0),
    }
    return (
        *_sold(channel),
        TicketIssued(ticket=content(channel, new=True, kind=origin), occurred_at=_THEN),
        TicketChanged.model_validate(changed),
        ChangeFact.model_validate(confirmed),
    )


def _refunded(channel: str) -> tuple[Fact, ...]:
    back = RefundFact(
        fact="refund.requested",
        occurred_at=_THEN,
        processor="wechat",
        refund_ref="RFEX0000000101",
        ticket_nos=(TICKET_NO,),
        amount_gross=Money(amount=55300),
        fee=Money(amount=2750),
        amount_net=Money(amount=52550),
    )
    given_back = TicketRefunded(ticket_no=TICKET_NO, refund_ref="RFEX0000000101", occurred_at=_THEN)
    return (*_sold(channel), given_back, back)


def _printed(channel: str) -> tuple[Fact, ...]:
    return (*_sold(channel), TicketPrinted(ticket_no=TICKET_NO, control_no="B012345", occurred_at=_THEN))


def _collected(channel: str) -> tuple[Fact, ...]:
    taken = PickupCollected(pickup_ref="48213377", ticket_nos=(TICKET_NO,), occurred_at=_THEN)
    return (*_printed(channel), taken)


def _waitlisted(channel: str) -> tuple[Fact, ...]:
    wanted = WaitlistRequested(
        occurred_at=_SOLD,
        waitlist_ref="WLEX0000000101",
        alternatives=(WaitlistAlternative(leg=content(channel).leg, seat_class="second"),),
        passengers=(_PERSON,),
        prepaid=Money(amount=55300),
        realise_by=_SOLD + timedelta(days=1),
        point_of_sale=PointOfSale(channel=channel),
    )
    came = WaitlistStep(
        fact="waitlist.realised", waitlist_ref="WLEX0000000101", ticket_nos=(TICKET_NO,), occurred_at=_THEN
    )
    ticket = TicketIssued(ticket=content(channel, kind="waitlist"), occurred_at=_THEN)
    return (wanted, _captured(), ticket, came)


def _invoiced(channel: str) -> tuple[Fact, ...]:
    invoice = InvoiceFact(
        fact="invoice.issued",
        occurred_at=_THEN,
        invoice_no="26117000000000000001",
        ticket_nos=(TICKET_NO,),
        amount_gross=Money(amount=55300),
    )
    return (*_sold(channel), invoice)


_FACTS = {
    "hold": _held,
    "sell": _sold,
    "pay": _sold,
    "cancel": lambda channel: step(channel, "ticket.hold_cancelled"),
    "change": lambda channel: _changed(channel, destination=False),
    "change_destination": lambda channel: _changed(channel, destination=True),
    "refund": _refunded,
    "void": lambda channel: step(channel, "ticket.voided"),
    "release": lambda channel: step(channel, "ticket.released"),
    "waitlist": _waitlisted,
    "collect": _collected,
    "print": _printed,
    "check_in": lambda channel: step(channel, "ticket.checked_in"),
    "enter": lambda channel: step(channel, "ticket.entered"),
    "exit": lambda channel: step(channel, "ticket.exited"),
    "invoice": _invoiced,
}

FACTS_OF_STATE = {
    "held": _held,
    "expired": lambda channel: step(channel, "ticket.hold_expired"),
    "cancelled": lambda channel: step(channel, "ticket.hold_cancelled"),
    "issued": _sold,
    "checked_in": lambda channel: step(channel, "ticket.checked_in"),
    "entered": lambda channel: step(channel, "ticket.entered"),
    "used": lambda channel: step(channel, "ticket.exited"),
    "released": lambda channel: step(channel, "ticket.released"),
    "changed": lambda channel: _changed(channel, destination=False),
    "voided": lambda channel: step(channel, "ticket.voided"),
    "refunded": _refunded,
}
"""Ticket state -> the facts of an order whose first ticket is in it."""

EVENT_OF_STATE: Mapping[str, EventType] = {
    "held": "order.held",
    "expired": "order.expired",
    "cancelled": "order.cancelled",
    "issued": "order.issued",
    "checked_in": "order.travelled",
    "entered": "order.travelled",
    "used": "order.travelled",
    "released": "order.travelled",
    "changed": "order.changed",
    "voided": "order.cancelled",
    "refunded": "order.refunded",
}

FACTS_OF_EVENT = {EVENT_OF_STATE[state]: facts for state, facts in FACTS_OF_STATE.items()} | {
    "order.paid": _sold,
    "order.collected": _collected,
    "order.waitlisted": _waitlisted,
    "order.invoiced": _invoiced,
    "order.disputed": _sold,
    "order.resolved": _sold,
}
"""Event type -> the facts of an order that it may be about."""
