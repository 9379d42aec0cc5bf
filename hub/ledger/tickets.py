"""The tickets of an order: each is in the state with the highest rank among its facts (``states/ticket.json``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from hub.ledger.reading import begins, document_key
from schemas.facts import (
    Fact,
    PickupCollected,
    SeatNotGranted,
    TicketChanged,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketRefunded,
    TicketStep,
)
from schemas.model import trusted
from schemas.order import Pickup, Ticket, TicketState
from schemas.states import ranks, state_after

_build_ticket, _build_pickup = trusted(Ticket), trusted(Pickup)

_OF_A_CHANGE = frozenset({"change", "destination_change"})


@dataclass(slots=True)
class _Story:
    """What the facts say of one ticket, gathered."""

    facts: list[Fact] = field(default_factory=list)
    content: TicketContent | None = None
    held: TicketHeld | None = None
    issued: TicketIssued | None = None
    changed: TicketChanged | None = None
    printed: TicketPrinted | None = None
    resigned: TicketStep | None = None
    granted: bool = True


_STEPS = frozenset({TicketStep, TicketChanged, TicketRefunded, TicketPrinted, SeatNotGranted})


def ticket_of(fact: Fact) -> str | None:
    """The ticket number a ticket fact is about."""
    if begins(fact):
        return fact.ticket.ticket_no
    return cast(TicketStep, fact).ticket_no if type(fact) in _STEPS else None


def tickets(facts: Sequence[Fact], passenger_numbers: Mapping[str, str]) -> tuple[Ticket, ...]:
    """All tickets, by number, of the facts about them. ``passenger_numbers``: document key -> p1.. (see ``fold``)."""
    stories: dict[str, _Story] = {}
    for fact in facts:
        if (ticket_no := ticket_of(fact)) is not None:
            _tell(stories.setdefault(ticket_no, _Story()), fact)
    return tuple([_ticket(no, stories[no], passenger_numbers) for no in sorted(stories)])


def _tell(story: _Story, fact: Fact) -> None:
    story.facts.append(fact)
    if type(fact) is TicketIssued:
        story.issued = fact
        story.content = fact.ticket
        return
    match fact:
        case TicketHeld():
            story.held = fact
            story.content = story.content or fact.ticket
        case TicketChanged():
            story.changed = story.changed or fact
        case TicketPrinted():
            story.printed = fact
        case TicketStep(fact="ticket.resigned_on_board"):
            story.resigned = fact
        case SeatNotGranted():
            story.granted = False


def state_of(facts: Sequence[Fact]) -> tuple[TicketState, Fact]:
    """The highest-ranked state and the fact that leads to it; the earliest of equals."""
    after, rank = state_after("ticket"), ranks("ticket")
    if len(facts) == 1 and facts[0].fact in after:
        return after[facts[0].fact], facts[0]  # type: ignore[return-value]  # as below
    leading = [(rank[after[f.fact]], f) for f in facts if f.fact in after]
    if not leading:
        return "unknown", facts[0]
    top = max(place for place, _ in leading)
    fact = next(f for place, f in leading if place == top)
    return after[fact.fact], fact  # type: ignore[return-value]  # the table's states are the literal's members


def _ticket(ticket_no: str, story: _Story, passenger_numbers: Mapping[str, str]) -> Ticket:
    state, since = state_of(story.facts)
    content = story.content
    return _build_ticket(
        ticket_no=ticket_no,
        batch=content.batch if content else 1,
        passenger_id=passenger_numbers.get(document_key(content.passenger)) if content else None,
        ticket_type=content.ticket_type if content else None,
        leg=content.leg if content else None,
        seat=content.seat if content else None,
        seat_granted=story.granted,
        fare_gross=content.fare_gross if content else None,
        surcharges=content.surcharges if content else (),
        state=state,
        state_since=since.occurred_at,
        medium="paper" if story.printed else (content.medium if content else "e_ticket"),
        control_no=story.printed.control_no if story.printed else None,
        origin=content.origin if content else "sale",
        replaces=content.replaces if content else None,
        replaced_by=story.changed.new_ticket_no if story.changed else None,
        change_used=story.changed is not None or (content is not None and content.origin in _OF_A_CHANGE),
        held_at=story.held.occurred_at if story.held else None,
        hold_expires_at=story.held.expires_at if story.held else None,
        issued_at=story.issued.occurred_at if story.issued else None,
        printed_at=story.printed.occurred_at if story.printed else None,
        resigned_at=story.resigned.occurred_at if story.resigned else None,
        point_of_sale=content.point_of_sale if content else None,
    )


def pickups(facts: Sequence[PickupCollected]) -> tuple[Pickup, ...]:
    """Every collection of what was reserved or paid elsewhere, by its number."""
    if not facts:
        return ()
    said = {fact.pickup_ref: fact for fact in facts}
    return tuple(
        _build_pickup(pickup_ref=ref, ticket_nos=said[ref].ticket_nos, collected_at=said[ref].occurred_at)
        for ref in sorted(said)
    )
