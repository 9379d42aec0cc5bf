"""The contract's facts and their parts without its checks, for readers that have checked every field: ``built.X(...)``.

What a part is made of, and who checked it:

    texts                      Record.text, .optional     1 to 200 characters
    codes                      Record.code, .choice       a row of a code list, or a table of the channel
    ticket and order numbers   schemas.identifiers
    references                 trains.processor_ref       its pattern is the contract's
    telecodes, train numbers   trains                     theirs are too, and those of coach and seat
    times                      TimeForm                   always aware
    amounts                    schemas.money.money        validated, remembered

A message of one ticket is eight of these: 180 thousand instructions with Pydantic's checks and 60 without. What is rare
(refunds, waitlists, invoices, extensions) or comes out of the author's own code (``tables``) is built with them. That
nothing passes here that the contract refuses is a promise of the conformance suite: whatever an adapter answers, to
samples and fuzz alike, must be what full validation makes of it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from schemas.facts import (
    Berth,
    Document,
    Fact,
    Leg,
    Passenger,
    PaymentFact,
    PointOfSale,
    Seat,
    Stop,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketStep,
)
from schemas.model import trusted
from schemas.observation import Loss, Observation, ReferenceClaim

document, passenger, ticket_content = trusted(Document), trusted(Passenger), trusted(TicketContent)
ticket_held, ticket_issued = trusted(TicketHeld), trusted(TicketIssued)
ticket_printed, ticket_step = trusted(TicketPrinted), trusted(TicketStep)
payment_fact, reference_claim = trusted(PaymentFact), trusted(ReferenceClaim)
_observation = trusted(Observation)


def observation(
    *,
    mode: Literal["ask", "tell"],
    references: tuple[ReferenceClaim, ...],
    occurred_at: datetime,
    sequence: int,
    business_date: date,
    point_of_sale: PointOfSale,
    facts: tuple[Fact, ...],
    losses: Sequence[Loss],
) -> Observation:
    """What one message says. Without a fact or a reference it is none: the contract refuses it in its own words."""
    build = _observation if facts and references and sequence >= 0 else Observation
    return build(
        mode=mode,
        references=references,
        occurred_at=occurred_at,
        sequence=sequence,
        business_date=business_date,
        point_of_sale=point_of_sale,
        facts=facts,
        losses=tuple(losses),
    )


@lru_cache(maxsize=8192)
def leg(train: tuple[str | None, str, date], origin: tuple[str, datetime], destination: tuple[str, datetime]) -> Leg:
    """A leg from (number, code, service date) and its ends. Remembered: a train has a thousand seats, a leg a dozen."""
    number, code, service_date = train
    return Leg(
        train_no=number,
        train_code=code,
        service_date=service_date,
        origin=Stop(station=origin[0], at=origin[1]),
        destination=Stop(station=destination[0], at=destination[1]),
    )


@lru_cache(maxsize=8192)
def seat(seat_class: str, coach: str | None, number: str | None, berth: Berth | None, standing: bool) -> Seat:
    """A seat or berth. Remembered: all trains number theirs alike."""
    return Seat(seat_class=seat_class, coach=coach, number=number, berth=berth, standing=standing)


@lru_cache(maxsize=1024)
def sold_in(channel: str) -> PointOfSale:
    """A point of sale of which only the channel is known."""
    return PointOfSale(channel=channel)


@lru_cache(maxsize=1024)
def sold_on(channel: str, device: str | None, app_version: str | None) -> PointOfSale:
    """A point of sale that is somebody's device."""
    return PointOfSale(channel=channel, device=device, app_version=app_version)


@lru_cache(maxsize=1024)
def sold_by_agent(channel: str, agent: str | None, contract: str | None) -> PointOfSale:
    """An agent, under a contract."""
    return PointOfSale(channel=channel, agent=agent, agent_contract=contract)


@lru_cache(maxsize=1024)
def sold_by_clerk(channel: str, clerk: str | None) -> PointOfSale:
    """A clerk of a call centre."""
    return PointOfSale(channel=channel, clerk=clerk)
