"""The part of an order that a channel of tickets can be told: what every ``format`` asks of it first.

A ticket without its sale (an incomplete order) has no train, seat or fare to speak of: it is left out with a loss.
What a channel has no words for is a loss too: ``words`` names what it does have words for.
"""

from dataclasses import dataclass
from typing import Literal

from adapters.kit.refusing import Losses
from schemas.facts import Leg, Seat
from schemas.money import Money
from schemas.order import Change, Order, OrderPassenger, Payment, Refund, Ticket

Word = Literal[
    "waitlists",
    "invoices",
    "pickups",
    "override",
    "split_refund",
    "external",
    "refund_state",
    "payment_state",
    "printed_at",
    "resigned",
    "berth",
    "later_acts",
    "surcharges",
    "issued_by",
]
Words = frozenset[Word]
_NONE: Words = frozenset()

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


def whole_tickets(
    order: Order, losses: Losses, desk: frozenset[str] = frozenset(), words: Words = _NONE
) -> list[Whole]:
    """The tickets that can be told, in the order's order. ``desk``: the details of a point of sale it has words for."""
    people = {person.passenger_id: person for person in order.passengers}
    kinds = {old: change.kind for change in order.changes for old in change.old_ticket_nos}
    told = []
    for index, ticket in enumerate(order.tickets):
        place = f"/tickets/{index}"
        person = people.get(ticket.passenger_id or "")
        whole = _whole(order, ticket, person, kinds.get(ticket.ticket_no, "train"), place)
        if whole is None:
            if "later_acts" not in words:
                losses.add(place, "not_expressible", ticket.ticket_no, "its sale is not known yet")
            continue
        told.append(whole)
        _unsaid_of_sale(whole, losses, desk, words)
        _unsaid_of_ticket(whole, losses, words)
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


def _unsaid_of_sale(whole: Whole, losses: Losses, desk: frozenset[str], words: Words) -> None:
    """What the channel's ticket record has no field for: who sold it, on what terms, to whom."""
    seller = whole.ticket.point_of_sale
    details = {name for name, value in seller or () if value is not None} - {"channel"} - desk
    if details:
        losses.add(f"{whole.place}/point_of_sale", "not_expressible", ", ".join(sorted(details)))
    for index, surcharge in enumerate(whole.ticket.surcharges):
        if surcharge.kind != SURCHARGE and "surcharges" not in words:
            losses.add(f"{whole.place}/surcharges/{index}", "not_expressible", surcharge.kind)
    if whole.ticket.origin == "waitlist" and "waitlists" not in words:
        losses.add(f"{whole.place}/origin", "not_expressible", "waitlist", "told as a sale")
    if whole.passenger.document.issued_by and "issued_by" not in words:
        losses.add(f"{whole.place}/passenger/document/issued_by", "not_expressible")


def _unsaid_of_ticket(whole: Whole, losses: Losses, words: Words) -> None:
    """What the channel's ticket record has no field for: the seat and what became of the ticket."""
    ticket, seat = whole.ticket, whole.seat
    if not ticket.seat_granted:
        losses.add(f"{whole.place}/seat_granted", "not_expressible", "false", "another ticket holds the seat")
    if seat.position and not (seat.number or "").lower().endswith(seat.position):
        losses.add(f"{whole.place}/seat/position", "not_expressible", seat.position)
    if seat.berth and "berth" not in words:
        losses.add(f"{whole.place}/seat/berth", "not_expressible", seat.berth)
    if ticket.resigned_at and "resigned" not in words:
        losses.add(f"{whole.place}/resigned_at", "not_expressible", ticket.resigned_at.isoformat())


def unsaid(order: Order, losses: Losses, words: Words = _NONE, extensions: frozenset[str] = frozenset()) -> None:
    """Everything about the order as a whole that this channel has no words for, one loss each.

    ``extensions``: the keys that are this channel's own words.
    """
    if order.dispute == "open":
        losses.add("/dispute", "not_expressible", "open")
    for name, things in (("waitlists", order.waitlists), ("invoices", order.invoices), ("pickups", order.pickups)):
        if name not in words:
            for index, thing in enumerate(things):
                losses.add(f"/{name}/{index}", "not_expressible", next(iter(thing))[1])
    overrides = [(f"/refunds/{index}", refund.override) for index, refund in enumerate(order.refunds)]
    overrides += [(f"/changes/{index}", change.override) for index, change in enumerate(order.changes)]
    for place, override in overrides:
        if override and "override" not in words:
            losses.add(f"{place}/override", "not_expressible", override.reason)
    for key, value in (order.extensions or {}).items():
        if key not in extensions:
            losses.add(f"/extensions/{key}", "not_expressible", value)


def confirmed(order: Order, losses: Losses) -> list[Change]:
    """The changes that took place; a quote alone, and that the difference was settled, is not told."""
    told = []
    for index, change in enumerate(order.changes):
        if change.settled:
            losses.add(f"/changes/{index}/settled", "not_expressible", "true")
        if change.confirmed_at is None:
            losses.add(f"/changes/{index}", "not_expressible", change.change_id, "it is not confirmed")
        else:
            told.append(change)
    return told


def captured(order: Order, losses: Losses, words: Words = _NONE) -> list[Payment]:
    """The payments that can be told: those with a time of capture, or of their state where a channel has that word."""
    told = []
    for index, payment in enumerate(order.payments):
        says_state = "payment_state" in words and payment.state_since is not None
        if payment.state == "charged_back" and payment.captured_at is None:
            says_state = False  # a wire that says since when it is charged back also says when it was captured
        if not says_state and (payment.captured_at is None or payment.state != "captured"):
            losses.add(f"/payments/{index}/state", "not_expressible", payment.state)
        if payment.fee is not None:
            losses.add(f"/payments/{index}/fee", "not_expressible")
        if says_state or payment.captured_at is not None:
            told.append(payment)
    return told


def requested(order: Order, losses: Losses, words: Words = _NONE) -> list[Refund]:
    """The refunds that can be told; where a channel lacks the words, as requested and each one on its own.

    An external one was requested by nobody: a channel without that word is not told of it.
    """
    told = []
    for index, refund in enumerate(order.refunds):
        place = f"/refunds/{index}"
        if refund.external and "external" not in words:
            losses.add(place, "not_expressible", refund.refund_ref, "nobody asked for it")
            continue
        if refund.state != "requested" and "refund_state" not in words:
            losses.add(f"{place}/state", "not_expressible", refund.state, "told as requested")
        if (refund.part_of or refund.payment_ref) and "split_refund" not in words:
            losses.add(f"{place}/payment_ref", "not_expressible", refund.payment_ref or refund.part_of)
        told.append(refund)
    return told
