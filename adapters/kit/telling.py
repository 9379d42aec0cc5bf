"""The part of an order that a channel of tickets can be told: what every ``format`` asks of it first.

A ticket without its sale (an incomplete order) has no train, seat or fare to speak of: it is left out with a loss.
"""

from dataclasses import dataclass
from typing import Literal

from adapters.kit.reading import Losses
from schemas.facts import Leg, Seat
from schemas.money import Money
from schemas.order import Order, OrderPassenger, Payment, Refund, Ticket

SURCHARGE = "agent_service"
"""The agents' 5 yuan per ticket: the one surcharge there is."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A ticket of which everything is known. ``place`` is its pointer in the canonical order."""

    ticket: Ticket
    passenger: OrderPassenger
    ticket_type: str
    leg: Leg
    seat: Seat
    fare_gross: Money
    surcharge: Money
    sold_in: str
    change_kind: Literal["train", "destination"]
    place: str


def whole_tickets(order: Order, losses: Losses, desk: frozenset[str] = frozenset()) -> list[Whole]:
    """The tickets that can be told, in the order's order. ``desk``: the details of a point of sale it has words for."""
    people = {person.passenger_id: person for person in order.passengers}
    kinds = {old: change.kind for change in order.changes for old in change.old_ticket_nos}
    told = []
    for index, ticket in enumerate(order.tickets):
        place = f"/tickets/{index}"
        person = people.get(ticket.passenger_id or "")
        whole = _whole(order, ticket, person, kinds.get(ticket.ticket_no, "train"), place)
        if whole is None:
            losses.add(place, "not_expressible", ticket.ticket_no, "its sale is not known yet")
            continue
        told.append(whole)
        _unsaid(whole, losses, desk)
    return told


def _whole(
    order: Order, ticket: Ticket, person: OrderPassenger | None, kind: Literal["train", "destination"], place: str
) -> Whole | None:
    if not (ticket.leg and ticket.seat and ticket.fare_gross and ticket.ticket_type and person):
        return None
    if ticket.state == "unknown":
        return None
    seller = ticket.point_of_sale or order.point_of_sale
    return Whole(
        ticket=ticket,
        passenger=person,
        ticket_type=ticket.ticket_type,
        leg=ticket.leg,
        seat=ticket.seat,
        fare_gross=ticket.fare_gross,
        surcharge=Money(amount=sum(s.amount_gross.amount for s in ticket.surcharges if s.kind == SURCHARGE)),
        sold_in=(seller.channel if seller else order.channel) or "unknown",
        change_kind=kind,
        place=place,
    )


def _unsaid(whole: Whole, losses: Losses, desk: frozenset[str]) -> None:
    """What no channel's ticket record has a field for."""
    seller = whole.ticket.point_of_sale
    details = {name for name, value in seller or () if value is not None} - {"channel"} - desk
    if details:
        losses.add(f"{whole.place}/point_of_sale", "not_expressible", ", ".join(sorted(details)))
    for index, surcharge in enumerate(whole.ticket.surcharges):
        if surcharge.kind != SURCHARGE:
            losses.add(f"{whole.place}/surcharges/{index}", "not_expressible", surcharge.kind)
    if whole.ticket.origin == "waitlist":
        losses.add(f"{whole.place}/origin", "not_expressible", "waitlist", "told as a sale")
    if not whole.ticket.seat_granted:
        losses.add(f"{whole.place}/seat_granted", "not_expressible", "false", "another ticket holds the seat")
    if whole.seat.position:
        losses.add(f"{whole.place}/seat/position", "not_expressible", whole.seat.position)
    if whole.passenger.document.issued_by:
        losses.add(f"{whole.place}/passenger/document/issued_by", "not_expressible")


def captured(order: Order, losses: Losses) -> list[Payment]:
    """The payments that have a time of capture; of others the order does not say when, so they are not told."""
    told = []
    for index, payment in enumerate(order.payments):
        if payment.captured_at is None or payment.state != "captured":
            losses.add(f"/payments/{index}/state", "not_expressible", payment.state)
        if payment.fee is not None:
            losses.add(f"/payments/{index}/fee", "not_expressible")
        if payment.captured_at is not None:
            told.append(payment)
    return told


def requested(order: Order, losses: Losses) -> list[Refund]:
    """All refunds, as requested; that a processor has sent or settled them, or that nobody asked, is not told."""
    for index, refund in enumerate(order.refunds):
        if refund.state != "requested":
            losses.add(f"/refunds/{index}/state", "not_expressible", refund.state, "told as requested")
        if refund.external:
            losses.add(f"/refunds/{index}/external", "not_expressible", "true")
    return list(order.refunds)
