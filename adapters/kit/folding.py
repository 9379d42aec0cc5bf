"""The order that one observation describes: enough of it to be formatted again, for round trips and goldens.

The ledger's fold is the truth about many messages of many witnesses; this one reads a single message, where nothing
can contradict, so it is only a rearrangement.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.ports import Profile
from schemas.events import EventType, OrderEvent
from schemas.facts import (
    ChangeFact,
    Fact,
    InvoiceFact,
    PaymentFact,
    PickupCollected,
    RefundFact,
    TicketChanged,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketRefunded,
    TicketStep,
    WaitlistRequested,
    WaitlistStep,
)
from schemas.money import Money, total
from schemas.observation import Observation
from schemas.order import Change, Invoice, Order, OrderPassenger, Payment, Pickup, Reference, Refund, Ticket, Waitlist
from schemas.states import ranks, reached, state_after

_ORDER = UUID(int=1)
_TYPE_OF_STATE: dict[str, EventType] = {
    "held": "order.held",
    "expired": "order.expired",
    "cancelled": "order.cancelled",
    "changed": "order.changed",
    "refunded": "order.refunded",
}


def order_of(observation: Observation) -> Order:
    """The order as this one message shows it. Ids are fixed: the same message gives the same order."""
    tickets, passengers = _tickets(observation)
    payments = _payments(observation)
    refunds = _refunds(observation)
    channels = [t.point_of_sale for t in tickets if t.point_of_sale]
    captured = [p.amount_gross for p in payments if p.state == "captured"]
    begun = [f.occurred_at for f in observation.facts if isinstance(f, TicketHeld | TicketIssued)]
    return Order(
        order_id=_ORDER,
        version=len(observation.facts),
        channel=channels[0].channel if channels else None,
        point_of_sale=channels[0] if channels else None,
        references=tuple(
            Reference(**dict(claim), first_seen=observation.occurred_at, last_seen=observation.occurred_at)
            for claim in observation.references
        ),
        business_date=observation.business_date,
        booked_at=min(begun, default=None),
        passengers=passengers,
        tickets=tickets,
        payments=payments,
        refunds=refunds,
        changes=tuple(_change(f) for f in observation.facts if isinstance(f, ChangeFact)),
        pickups=tuple(_pickup(f) for f in observation.facts if isinstance(f, PickupCollected)),
        waitlists=_waitlists(observation),
        invoices=_invoices(observation),
        hold=None,
        disputes=(),
        fulfilment="held" if tickets and all(t.state == "held" for t in tickets) else "issued",
        payment="paid" if captured else "unpaid",
        refund="refunded" if refunds else "none",
        dispute="none",
        paid_gross=total(captured),
        refunded_net=total([r.amount_net for r in refunds]),
        balance=Money(amount=0),
        complete=bool(tickets),
        updated_at=observation.occurred_at,
        extensions=_extensions(observation),
    )


def event_of(observation: Observation, order: Order, profile: Profile) -> OrderEvent:
    """An event that would make the hub deliver this order to the channel."""
    states = {t.state for t in order.tickets}
    kinds = [kind for state, kind in _TYPE_OF_STATE.items() if state in states]
    kind = kinds[-1] if kinds else "order.issued"
    return OrderEvent(
        event_id=UUID(int=2),
        type=kind if kind in profile.subscribes else "order.issued",
        order_id=order.order_id,
        sequence=max(1, observation.sequence),
        origin=observation.point_of_sale.channel,
        business_date=observation.business_date,
        recorded_at=observation.occurred_at,
        facts=observation.facts,
    )


def _tickets(observation: Observation) -> tuple[tuple[Ticket, ...], tuple[OrderPassenger, ...]]:
    contents: dict[str, dict[str, Any]] = {}
    people: dict[str, OrderPassenger] = {}
    for fact in observation.facts:
        if isinstance(fact, TicketHeld | TicketIssued):
            contents.setdefault(fact.ticket.ticket_no, {}).update(_content(fact.ticket, people))
    for fact in sorted(observation.facts, key=lambda f: ranks("ticket").get(state_after("ticket").get(f.fact, ""), 0)):
        number = getattr(fact, "ticket_no", None) or getattr(getattr(fact, "ticket", None), "ticket_no", None)
        if number is not None:
            known = contents.setdefault(number, {"ticket_no": number})
            state = state_after("ticket").get(fact.fact)
            if state is not None:
                known |= {"state": state, "state_since": fact.occurred_at}
            known.setdefault("state", "unknown")
            known.setdefault("state_since", fact.occurred_at)
            known |= _details(fact)
    return tuple(Ticket(**fields) for fields in contents.values()), tuple(people.values())


def _content(content: TicketContent, people: dict[str, OrderPassenger]) -> dict[str, Any]:
    person = content.passenger
    if person.document.number not in people:
        fields = dict(person) | {"passenger_id": f"p{len(people) + 1}"}
        people[person.document.number] = OrderPassenger(**fields)
    fields = {name: value for name, value in content if name != "passenger"}
    return fields | {"passenger_id": people[person.document.number].passenger_id}


def _details(fact: object) -> dict[str, Any]:
    match fact:
        case TicketHeld():
            return {"held_at": fact.occurred_at, "hold_expires_at": fact.expires_at}
        case TicketIssued():
            return {"issued_at": fact.occurred_at}
        case TicketPrinted():
            return {"medium": "paper", "control_no": fact.control_no, "printed_at": fact.occurred_at}
        case TicketStep(fact="ticket.resigned_on_board"):
            return {"resigned_at": fact.occurred_at}
        case TicketChanged():
            return {"replaced_by": fact.new_ticket_no, "change_used": True}
        case TicketRefunded() | TicketStep() | _:
            return {}


def _payments(observation: Observation) -> tuple[Payment, ...]:
    """One per number: its capture says when, what was said last is its state."""
    said = [fact for fact in observation.facts if isinstance(fact, PaymentFact)]
    captured = {f.processor_ref: f.occurred_at for f in said if f.fact == "payment.captured"}
    return tuple({f.processor_ref: _payment(f, captured.get(f.processor_ref)) for f in said}.values())


def _payment(fact: PaymentFact, captured_at: datetime | None) -> Payment:
    return Payment.model_validate(
        _fields(fact)
        | {
            "payment_id": f"{fact.processor}:{fact.processor_ref}",
            "captured_at": captured_at,
            "state": fact.fact.removeprefix("payment."),
            "state_since": fact.occurred_at,
        }
    )


def _refunds(observation: Observation) -> tuple[Refund, ...]:
    """One per number: its request says since when, what was said last is its state."""
    said = [fact for fact in observation.facts if isinstance(fact, RefundFact)]
    requested = {f.refund_ref: f.occurred_at for f in reversed(said)}
    return tuple({f.refund_ref: _refund(f, requested[f.refund_ref]) for f in said}.values())


def _refund(fact: RefundFact, requested_at: datetime) -> Refund:
    return Refund.model_validate(
        _fields(fact)
        | {
            "refund_id": f"{fact.processor}:{fact.refund_ref}",
            "state": fact.fact.removeprefix("refund."),
            "state_since": fact.occurred_at,
            "requested_at": requested_at,
        }
    )


def _fields(fact: Fact) -> dict[str, Any]:
    """What a fact and the object it makes call by the same name."""
    return {name: value for name, value in fact if name not in ("fact", "occurred_at", "extensions")}


def _waitlists(observation: Observation) -> tuple[Waitlist, ...]:
    """One per number: the request says what is wanted, the step what became of it."""
    made: dict[str, dict[str, Any]] = {}
    for fact in observation.facts:
        if isinstance(fact, WaitlistRequested | WaitlistStep):
            known = made.setdefault(fact.waitlist_ref, {})
            known |= _fields(fact) | {"state": reached("waitlist", [fact.fact]), "state_since": fact.occurred_at}
            if isinstance(fact, WaitlistRequested):
                known["requested_at"] = fact.occurred_at
    return tuple(Waitlist(**fields) for fields in made.values())


def _invoices(observation: Observation) -> tuple[Invoice, ...]:
    """One per number."""
    said = [fact for fact in observation.facts if isinstance(fact, InvoiceFact)]
    issued = {f.invoice_no: f.occurred_at for f in said if f.fact == "invoice.issued"}
    return tuple(
        {
            f.invoice_no: Invoice.model_validate(
                _fields(f)
                | {
                    "issued_at": issued.get(f.invoice_no),
                    "state": f.fact.removeprefix("invoice."),
                    "state_since": f.occurred_at,
                }
            )
            for f in said
        }.values()
    )


def _pickup(fact: PickupCollected) -> Pickup:
    return Pickup(pickup_ref=fact.pickup_ref, ticket_nos=fact.ticket_nos, collected_at=fact.occurred_at)


def _extensions(observation: Observation) -> dict[str, str] | None:
    """What the channel added in words of its own; the last fact that uses a key counts."""
    found: dict[str, str] = {}
    for fact in observation.facts:
        found |= fact.extensions or {}
    return found or None


def _change(fact: ChangeFact) -> Change:
    return Change(
        change_id=fact.change_ref,
        kind=fact.kind,
        old_ticket_nos=fact.old_ticket_nos,
        new_ticket_nos=fact.new_ticket_nos,
        fee=fact.fee,
        difference=fact.difference,
        confirmed_at=fact.occurred_at if fact.fact == "change.confirmed" else None,
        settled=fact.fact == "change.settled",
        override=fact.override,
    )


def identities(facts: Iterable[object]) -> dict[str, object]:
    """Facts by identity, to compare two messages regardless of order."""
    return {str(getattr(fact, "identity", "")): fact for fact in facts}
