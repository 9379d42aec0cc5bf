"""Reading a fact set: which statement speaks for a fact, and where witnesses contradict each other."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeGuard

from hub.ledger.document import Document, Statement
from schemas.facts import (
    ChangeFact,
    Fact,
    InvoiceFact,
    Passenger,
    PaymentFact,
    PickupCollected,
    PointOfSale,
    RefundFact,
    Resolved,
    Retracted,
    Seat,
    TicketHeld,
    TicketIssued,
    WaitlistRequested,
    WaitlistStep,
)
from schemas.money import Money, format_decimal


class Reading(NamedTuple):
    """One fact as the fold uses it: the speaking statement, and every witness's."""

    identity: str
    fact: Fact
    said: dict[str, Statement]

    @property
    def since(self) -> datetime:
        """When it happened by the earliest of its witnesses."""
        if len(self.said) == 1:
            return self.fact.occurred_at
        return min(statement.fact.occurred_at for statement in self.said.values())


class About(NamedTuple):
    """The facts of an order by what they are about, each list in the order of the readings.

    ``begun`` are those of ``tickets`` that a ticket begins with.
    """

    begun: Sequence[TicketHeld | TicketIssued] = ()
    tickets: Sequence[Fact] = ()
    payments: Sequence[PaymentFact] = ()
    refunds: Sequence[RefundFact] = ()
    changes: Sequence[ChangeFact] = ()
    pickups: Sequence[PickupCollected] = ()
    waitlists: Sequence[WaitlistRequested | WaitlistStep] = ()
    invoices: Sequence[InvoiceFact] = ()


_LIST_OF: dict[str, str] = {
    "ticket": "tickets",
    "payment": "payments",
    "refund": "refunds",
    "change": "changes",
    "pickup": "pickups",
    "waitlist": "waitlists",
    "invoice": "invoices",
}


def about(facts: Sequence[Reading]) -> About:
    """The facts sorted by what they are about; retractions, resolutions and adjustments are about none of these."""
    found: dict[str, list[Any]] = {}
    for reading in facts:
        fact = reading.fact
        if begins(fact):
            found.setdefault("begun", []).append(fact)
        if name := _list_of(fact.fact):
            found.setdefault(name, []).append(fact)
    return About(**found)


@cache
def _list_of(kind: str) -> str | None:
    return _LIST_OF.get(kind.partition(".")[0])


_BEGINNINGS = frozenset({TicketHeld, TicketIssued})


def begins(fact: object) -> TypeGuard[TicketHeld | TicketIssued]:
    """Whether a ticket begins with this fact.

    By the class itself: ``isinstance`` of a Pydantic model runs Python code for every no, and there are many.
    """
    return type(fact) in _BEGINNINGS


def first_sale(begun: Sequence[TicketHeld | TicketIssued]) -> TicketHeld | TicketIssued | None:
    """The fact that began the order: its first hold or issue that is not itself the outcome of a change."""
    return next((fact for fact in begun if fact.ticket.origin == "sale"), begun[0] if begun else None)


def sold_at(said: About) -> PointOfSale | None:
    """Where the order was sold, or the seats were asked for that it waits for; None while nobody has told of that."""
    sale = first_sale(said.begun)
    if sale is not None:
        return sale.ticket.point_of_sale
    return next((f.point_of_sale for f in said.waitlists if isinstance(f, WaitlistRequested)), None)


def _speaks_first(item: tuple[str, Statement]) -> tuple[bool, object, str]:
    """The seller's own word for its sale first, then the earliest occurrence, then any fixed order."""
    witness, statement = item
    fact = statement.fact
    seller = fact.ticket.point_of_sale.channel if begins(fact) else witness
    return (seller != witness, fact.occurred_at, witness)


def readings(document: Document) -> list[Reading]:
    """Every fact that stands (not retracted), sorted by time, then identity: the set has no order of its own."""
    retracted = _retracted(document)
    result = [
        Reading(identity, min(said.items(), key=_speaks_first)[1].fact if len(said) > 1 else only(said), said)
        for identity, said in document.facts.items()
        if identity not in retracted
    ]
    if len(result) > 1:
        result.sort(key=_moment)
    return result


def _moment(reading: Reading) -> tuple[datetime, str]:
    return (reading.fact.occurred_at, reading.identity)


def _retracted(document: Document) -> set[str]:
    """The identities that are withdrawn. A retraction may itself be withdrawn: then what it withdrew stands again.

    A retraction's identity contains the one it withdraws, so the longest speak first.
    """
    if not any(map(_is_retraction, document.facts)):
        return set()
    said = {
        identity: statement.fact.retracts
        for identity, witnesses in document.facts.items()
        if identity.startswith("retracted|")
        for statement in witnesses.values()
        if isinstance(statement.fact, Retracted)
    }
    gone: set[str] = set()
    for identity in sorted(said, key=len, reverse=True):
        if identity not in gone:
            gone.add(said[identity])
    return gone


def _is_retraction(identity: str) -> bool:
    return identity.startswith("retracted|")


def withdrawal(document: Document, identity: str, *, stands: bool) -> str | None:
    """What to retract so that a fact no longer stands (``stands``: it does now), or stands again; None if there is no
    need: it was never said, or is so already."""
    if identity not in document.facts:
        return None
    last, now = identity, True
    while f"retracted|{last}" in document.facts:
        last, now = f"retracted|{last}", not now
    return last if now is stands else None


def only(said: dict[str, Statement]) -> Fact:
    """The fact of the only witness."""
    return next(iter(said.values())).fact


def resolutions(document: Document) -> dict[str, str]:
    """dispute id -> what a person or policy decided."""
    return {
        statement.fact.dispute: statement.fact.resolution
        for identity, said in document.facts.items()
        if identity.startswith("resolved|")
        for statement in said.values()
        if isinstance(statement.fact, Resolved)
    }


def money_values(fact: Fact) -> tuple[Money, ...]:
    """The amounts on which two witnesses of one fact must agree."""
    match fact:
        case TicketHeld() | TicketIssued():
            return (fact.ticket.fare_gross,)
        case PaymentFact():
            return (fact.amount_gross,)
        case RefundFact():
            return (fact.amount_gross, fact.fee, fact.amount_net)
        case ChangeFact():
            return (fact.fee, fact.difference)
        case InvoiceFact():
            return (fact.amount_gross,)
        case WaitlistRequested():
            return (fact.prepaid,)
        case _:
            return ()


def seat_place(seat: Seat) -> str:
    """What one seat or berth is called inside its coach: ``12A``; ``5L`` for the lower berth of number 5."""
    return (seat.number or "").lstrip("0") + (seat.berth[0].upper() if seat.berth else "")


def seat_values(fact: Fact) -> tuple[str, ...]:
    """The place on which two witnesses of one sale must agree; empty when a witness does not know it."""
    if begins(fact) and fact.ticket.seat.coach and fact.ticket.seat.number:
        return (fact.ticket.seat.coach.lstrip("0"), seat_place(fact.ticket.seat))
    return ()


def clashes(reading: Reading) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """(dispute kind, what is said -> its witnesses) for one fact told with different values."""
    if len(reading.said) < 2:
        return
    amounts: dict[str, list[str]] = {}
    places: dict[str, list[str]] = {}
    for witness, statement in sorted(reading.said.items()):
        amounts.setdefault(" / ".join(map(format_decimal, money_values(statement.fact))), []).append(witness)
        if place := seat_values(statement.fact):
            places.setdefault("coach {} seat {}".format(*place), []).append(witness)
    if len(amounts) > 1:
        yield "amount_differs", amounts
    if len(places) > 1:
        yield "seat_differs", places


def document_key(passenger: Passenger) -> str:
    """One person, whether the number is clear or sealed: the sealed form carries the pseudonym as third part."""
    number = passenger.document.number
    return f"{passenger.document.type}|{number.split(':', 3)[2] if number.startswith('sealed:') else number}"
