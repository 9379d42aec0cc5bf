"""Acts of a flat record -> facts: one reader per act, in the table at the end. Its inverse is ``telling``.

    hold                          ticket.held
    sell                          ticket.issued, payment.captured when the row says it
    pay                           payment.captured, ticket.issued when the row says the ticket
    cancel, void, release,        that step
    check_in, enter, exit
    change, change_destination    ticket.issued (new), ticket.changed (old), change.confirmed and payment or refund
                                  when the row says them
    refund                        ticket.refunded, refund.requested when the row says it
    print                         ticket.printed
    collect                       pickup.collected

Waiting lists and invoices are about more than one ticket: no flat record says them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from adapters.kit import people
from adapters.kit.tables.saying import Saying
from adapters.kit.tables.slots import DESK
from adapters.kit.telling import SURCHARGE
from hub.ports import Act
from schemas.facts import (
    ChangeFact,
    Fact,
    Leg,
    Passenger,
    PaymentFact,
    PickupCollected,
    PointOfSale,
    RefundFact,
    Seat,
    Stop,
    Surcharge,
    TicketChanged,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketRefunded,
    TicketStep,
)
from schemas.money import Money

TICKET = (
    "ticket_no", "ticket_type", "passenger_name", "document_type", "document_no", "train_code", "service_date",
    "origin", "destination", "seat_class", "fare",
)  # fmt: skip
"""What a row must say of a ticket that it brings into being."""
PAYMENT = ("payment_ref", "processor", "paid")
_ZERO = Money(amount=0)
Step = Literal[
    "ticket.hold_cancelled", "ticket.voided", "ticket.released", "ticket.checked_in", "ticket.entered", "ticket.exited"
]


@dataclass(frozen=True, slots=True)
class Deed:
    """One act: what a row must say, the facts it implies, the event types that tell a channel of it.

    ``states``: those of a ticket that its row says (``changed``: of the old one, beside the new).
    """

    needs: tuple[str, ...]
    facts: Callable[[Saying], list[Fact]]
    events: tuple[str, ...]
    states: tuple[str, ...] = ()


def content(said: Saying, origin: Literal["sale", "change", "destination_change"] = "sale") -> TicketContent:
    """The ticket of a row."""
    number, kind = said.need("ticket_no"), said.need("ticket_type")
    fee = said.get("service_fee", _ZERO)
    return TicketContent(
        ticket_no=number,
        batch=int(number[10]),
        ticket_type=kind,
        passenger=_passenger(said, kind),
        leg=_leg(said),
        seat=_seat(said),
        fare_gross=said.need("fare"),
        surcharges=(Surcharge(kind=SURCHARGE, amount_gross=fee),) if fee.amount else (),
        origin=origin,
        replaces=said.get("replaces") if origin != "sale" else None,
        point_of_sale=point_of_sale(said, said.get("sold_in", said.channel)),
    )


def _passenger(said: Saying, kind: str) -> Passenger:
    said.need("document_no")
    document_type = said.need("document_type")
    field = said.spot("document_no")
    assert field is not None  # it has just been said, so it has a column
    return Passenger(
        name=said.need("passenger_name"),
        document=people.document(*field, document_type),
        type=kind,
        phone=said.get("phone"),
    )


def _leg(said: Saying) -> Leg:
    depart, arrive = said.get("depart"), said.get("arrive")
    if depart and arrive and arrive <= depart:
        raise said.refuse("arrive", "time_invalid", "the train arrives before it departs")
    return Leg(
        train_no=said.get("train_no"),
        train_code=said.need("train_code"),
        service_date=said.need("service_date"),
        origin=Stop(station=said.need("origin"), at=depart),
        destination=Stop(station=said.need("destination"), at=arrive),
    )


def _seat(said: Saying) -> Seat:
    return Seat(
        seat_class=said.need("seat_class"),
        coach=said.get("coach"),
        number=said.get("seat_number"),
        position=said.get("position"),
        berth=said.get("berth"),
        standing=said.get("standing", False),
    )


def point_of_sale(said: Saying, channel: str) -> PointOfSale:
    """The point of sale with those details that the row says."""
    return PointOfSale(channel=channel, **{detail: said.get(detail) for detail in DESK if said.has(detail)})


def _at(said: Saying) -> datetime:
    moment: datetime = said.need("at")
    return moment


def _payment(said: Saying) -> list[Fact]:
    """The payment, when the row says one; then it must say all of it."""
    if not said.says_any("payment_ref", "paid"):
        return []
    return [
        PaymentFact(
            fact="payment.captured",
            processor=said.need("processor"),
            processor_ref=said.need("payment_ref"),
            method=said.get("method", "unknown"),
            amount_gross=said.need("paid"),
            occurred_at=said.get("paid_at") or _at(said),
        )
    ]


def _refund_money(said: Saying, ticket_nos: tuple[str, ...]) -> list[Fact]:
    if not said.says_any("refund_gross", "refund_net"):
        return []
    net, fee = said.get("refund_net"), said.get("refund_fee", _ZERO)
    gross = said.get("refund_gross") or net + fee
    net = gross - fee if net is None else net
    if gross != net + fee or net.amount < 0:
        slot = "refund_net" if said.has("refund_net") else "refund_fee"
        raise said.refuse(slot, "amount_invalid", "gross less fee is another amount")
    return [
        RefundFact(
            fact="refund.requested",
            processor=said.need("processor"),
            refund_ref=said.need("refund_ref"),
            ticket_nos=ticket_nos,
            amount_gross=gross,
            fee=fee,
            amount_net=net,
            occurred_at=_at(said),
        )
    ]


def _hold(said: Saying) -> list[Fact]:
    return [TicketHeld(ticket=content(said), occurred_at=_at(said), expires_at=said.need("expires_at"))]


def _sell(said: Saying) -> list[Fact]:
    return [TicketIssued(ticket=content(said), occurred_at=_at(said)), *_payment(said)]


def _pay(said: Saying) -> list[Fact]:
    said.need("payment_ref")
    issued = [TicketIssued(ticket=content(said), occurred_at=_at(said))] if said.has("train_code") else []
    return [*issued, *_payment(said)]


def _refund(said: Saying) -> list[Fact]:
    number = said.need("ticket_no")
    given = TicketRefunded(ticket_no=number, refund_ref=said.get("refund_ref"), occurred_at=_at(said))
    return [given, *_refund_money(said, (number,))]


def _change(kind: Literal["train", "destination"]) -> Callable[[Saying], list[Fact]]:
    origin: Literal["change", "destination_change"] = "change" if kind == "train" else "destination_change"

    def facts(said: Saying) -> list[Fact]:
        old, at = said.need("replaces"), _at(said)
        new = content(said, origin)
        found: list[Fact] = [
            TicketIssued(ticket=new, occurred_at=at),
            TicketChanged(ticket_no=old, kind=kind, new_ticket_no=new.ticket_no, occurred_at=at),
        ]
        if said.says_any("change_ref", "change_fee", "change_difference"):
            found.append(
                ChangeFact(
                    fact="change.confirmed",
                    change_ref=said.need("change_ref"),
                    kind=kind,
                    old_ticket_nos=(old,),
                    new_ticket_nos=(new.ticket_no,),
                    fee=said.get("change_fee", _ZERO),
                    difference=said.get("change_difference", _ZERO),
                    occurred_at=at,
                )
            )
        return [*found, *_payment(said), *_refund_money(said, (old,))]

    return facts


def _step(fact: Step) -> Callable[[Saying], list[Fact]]:
    return lambda said: [TicketStep(fact=fact, ticket_no=said.need("ticket_no"), occurred_at=_at(said))]


def _print(said: Saying) -> list[Fact]:
    control_no = said.get("control_no")
    return [TicketPrinted(ticket_no=said.need("ticket_no"), control_no=control_no, occurred_at=_at(said))]


def _collect(said: Saying) -> list[Fact]:
    numbers = (said.get("ticket_no"),) if said.has("ticket_no") else ()
    return [PickupCollected(pickup_ref=said.need("pickup_ref"), ticket_nos=numbers, occurred_at=_at(said))]


_CHANGED = ("issued", "changed")
DEEDS: dict[Act, Deed] = {
    "hold": Deed((*TICKET, "expires_at"), _hold, ("order.held",), ("held",)),
    "sell": Deed(TICKET, _sell, ("order.issued",), ("issued",)),
    "pay": Deed(PAYMENT, _pay, ("order.issued", "order.paid"), ("issued",)),
    "cancel": Deed(("ticket_no",), _step("ticket.hold_cancelled"), ("order.cancelled",), ("cancelled",)),
    "change": Deed((*TICKET, "replaces"), _change("train"), ("order.changed",), _CHANGED),
    "change_destination": Deed((*TICKET, "replaces"), _change("destination"), ("order.changed",), _CHANGED),
    "refund": Deed(("ticket_no",), _refund, ("order.refunded",), ("refunded",)),
    "void": Deed(("ticket_no",), _step("ticket.voided"), ("order.cancelled",), ("voided",)),
    "release": Deed(("ticket_no",), _step("ticket.released"), ("order.travelled",), ("released",)),
    "collect": Deed(("pickup_ref",), _collect, ("order.collected",)),
    "print": Deed(("ticket_no",), _print, ("order.collected",)),
    "check_in": Deed(("ticket_no",), _step("ticket.checked_in"), ("order.travelled",), ("checked_in",)),
    "enter": Deed(("ticket_no",), _step("ticket.entered"), ("order.travelled",), ("entered",)),
    "exit": Deed(("ticket_no",), _step("ticket.exited"), ("order.travelled",), ("used",)),
}
"""The acts that a flat record can say."""

_MERGED = {RefundFact: ("ticket_nos",), PickupCollected: ("ticket_nos",)}
_MERGED_CHANGE = ("old_ticket_nos", "new_ticket_nos")


def joined(known: Fact, again: Fact) -> Fact | None:
    """One fact of two rows that state the same identity: their tickets together; None when they contradict."""
    names = _MERGED_CHANGE if isinstance(known, ChangeFact) else _MERGED.get(type(known), ())
    both: dict[str, Any] = {n: tuple(dict.fromkeys((*getattr(known, n), *getattr(again, n)))) for n in names}
    if known.model_copy(update=both) != again.model_copy(update=both):
        return None
    return known.model_copy(update=both)
