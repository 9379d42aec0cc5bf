"""Seats follow the facts: an order frees what its tickets give up and claims what they need; somebody may lose."""

from collections.abc import Callable, Iterable, Sequence

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake.decide import Decision, Work, wanted
from hub.intake.lapsing import HoldsLapsed
from hub.ledger.rules import Refusal
from hub.store import orders, seats
from hub.store.timetable import Place, Timetable
from schemas.facts import Leg, TicketHeld, TicketIssued
from schemas.observation import Observation


def seat(
    connection: Connection[TupleRow],
    works: Sequence[Work],
    timetable: Timetable,
    came: Callable[[Decision], int],
) -> None:
    """Move every order's seats to where its facts put them; who comes second is refused (ask) or disputed (tell).

    ``came``: the place of a decision's message in the batch. Raises ``SerializationFailure`` where only one message
    after the other gives the right answer: the batch is then taken again, one by one. So it is, when holds that stand
    in somebody's way are over (``HoldsLapsed``) and have been let go.
    """
    timetable.learn(connection, _held_legs(works))
    releases: list[tuple[Work, Place]] = []
    claims: list[tuple[Work, str, Place]] = []
    for work in works:
        target = wanted(work.folded.order if work.folded else None, timetable)
        releases += [(work, place) for no, place in work.held.items() if target.get(no) != place]
        releases += [(work, place) for place in (work.union.left if work.union else ())]
        claims += [(work, no, place) for no, place in sorted(target.items()) if work.held.get(no) != place]
    if _change_hands(releases, claims):
        # Who came between the two messages lost the seat; only one by one is it as if they had come so.
        raise psycopg.errors.SerializationFailure("a seat changes hands within a batch")
    claims.sort(key=lambda claim: _first(claim[0], claim[1], came))
    seats.release(connection, [place for _, place in releases])
    granted = seats.claim(connection, [place for _, _, place in claims])
    lost: dict[int, list[tuple[str, Place]]] = {}
    won: dict[int, list[Place]] = {}
    for (work, ticket_no, place), ours in zip(claims, granted, strict=True):
        if ours:
            won.setdefault(id(work), []).append(place)
        else:
            lost.setdefault(id(work), []).append((ticket_no, place))
    refused = [work for work in works if id(work) in lost and _is_refused(work, lost[id(work)])]
    freed = [(work, place) for work in refused for place in won.get(id(work), [])]
    if _change_hands(freed, [(work, *item) for work in works for item in lost.get(id(work), [])]):
        # Somebody lost a seat of this batch to an ask that is refused for another one: it is free after all.
        raise psycopg.errors.SerializationFailure("a seat is free again within a batch")
    for work in works:
        if id(work) in lost:
            given_up = [place for giver, place in releases if giver is work]
            _lose(connection, work, lost[id(work)], won.get(id(work), []), given_up)


def brought_legs(observations: Iterable[Observation]) -> list[Leg]:
    """The legs of the tickets that these observations bring."""
    return [
        fact.ticket.leg
        for observation in observations
        for fact in observation.facts
        if isinstance(fact, TicketHeld | TicketIssued)
    ]


def _held_legs(works: Iterable[Work]) -> list[Leg]:
    return [t.leg for work in works if work.folded for t in work.folded.order.tickets if t.leg is not None]


def _first(work: Work, ticket_no: str, came: Callable[[Decision], int]) -> int:
    """Where in the batch the message stands that brings this ticket: who came first gets the seat."""
    return min((came(d) for d in work.decisions if _brings(d.observation, ticket_no)), default=0)


def _lose(
    connection: Connection[TupleRow],
    work: Work,
    lost: Sequence[tuple[str, Place]],
    won: Sequence[Place],
    given_up: Sequence[Place],
) -> None:
    """The message that brought the lost ticket is refused (ask) or becomes a dispute (tell).

    Who is refused gets back what it would have given up: nobody can have taken that in this transaction.
    Raises ``HoldsLapsed`` when nobody is in the way but holds whose time was over when the message came: the beat that
    lets them expire comes by every two seconds, and until then their seats are free all the same.
    """
    for ticket_no, place in lost:
        decision = _cause(work, ticket_no)
        if over := orders.lapsed_in_the_way(connection, place, decision.receipt.received_at):
            raise HoldsLapsed(over, decision.receipt.received_at)
        if decision.observation.mode == "tell":
            work.not_granted(decision, {ticket_no: seats.holder(connection, place)})
            continue
        if len(work.decisions) > 1:
            # What followed the ask in this batch was decided on facts that do not stand: take them one by one.
            raise psycopg.errors.SerializationFailure("an ask of a batch lost its seat")
        seats.release(connection, won)
        seats.claim(connection, given_up)
        where = f"coach {place.coach} seat {place.seat} of {place.train} on {place.service_date}"
        work.refuse(decision, Refusal("seat_already_sold", f"Held or sold on these legs: {where}."))
        work.restore()
        return


def _is_refused(work: Work, lost: Sequence[tuple[str, Place]]) -> bool:
    """Whether a message that loses these seats asked for them: then it loses all the others with them."""
    return any(_cause(work, ticket_no).observation.mode == "ask" for ticket_no, _ in lost)


def _cause(work: Work, ticket_no: str) -> Decision:
    """The decision on the message that brings this ticket; or that made it valid again, by taking something back."""
    taken = [decision for decision in work.decisions if decision.outcome != "refused"]
    return next((d for d in taken if _brings(d.observation, ticket_no)), taken[-1])


def _change_hands(releases: Sequence[tuple[Work, Place]], claims: Sequence[tuple[Work, str, Place]]) -> bool:
    """Whether one order gives up what another one claims."""
    given: dict[tuple[object, ...], list[tuple[Work, int]]] = {}
    for work, place in releases:
        given.setdefault(place[:-1], []).append((work, place.legs))
    return any(
        giver is not work and legs & place.legs
        for work, _, place in claims
        for giver, legs in given.get(place[:-1], ())
    )


def _brings(observation: Observation, ticket_no: str) -> bool:
    return any(
        isinstance(fact, TicketHeld | TicketIssued) and fact.ticket.ticket_no == ticket_no for fact in observation.facts
    )
