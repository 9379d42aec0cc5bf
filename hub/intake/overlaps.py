"""One person on two trains at once: an ask for the second is refused; a tell has happened, and becomes a case.

Only asks are looked at here. What was told is found whenever somebody looks (``hub.store.cases``), because whether two
tickets overlap is a truth about two orders, not about the message that came last.
"""

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.ledger.reading import document_key
from hub.ledger.rules import Refusal
from hub.store import journeys
from hub.store.journeys import Journey
from schemas.facts import TicketHeld, TicketIssued
from schemas.observation import Observation
from schemas.order import Order
from schemas.states import valid_states


class Overlaps:
    """The journeys of those people for whom this transaction's messages ask for tickets."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Journey]] = {}

    def learn(self, connection: Connection[TupleRow], observations: Sequence[Observation]) -> None:
        """Lock and read; nothing for a batch that only tells."""
        people = {
            document_key(fact.ticket.passenger)
            for observation in observations
            if observation.mode == "ask"
            for fact in observation.facts
            if isinstance(fact, TicketHeld | TicketIssued)
        }
        if not people:
            return
        journeys.lock(connection, people)
        self._known = {person: {} for person in people}
        for journey in journeys.of(connection, sorted(people)):
            self._known[journey.document][journey.ticket_no] = journey

    def refusal(self, after: Order, asked: Observation) -> Refusal | None:
        """Why this ask may not be: a ticket it asks for overlaps another of the same person."""
        wanted = {f.ticket.ticket_no for f in asked.facts if isinstance(f, TicketHeld | TicketIssued)}
        own = journeys_of(after)
        here = {ticket.ticket_no for ticket in after.tickets}
        for journey in own:
            if journey.ticket_no not in wanted:
                continue
            elsewhere = [j for no, j in self._known.get(journey.document, {}).items() if no not in here]
            for other in (*own, *elsewhere):
                same = other.document == journey.document and other.ticket_no != journey.ticket_no
                if same and journey.overlaps(other):
                    detail = f"{journey.ticket_no} and {other.ticket_no} are on the way at the same time."
                    return Refusal("same_person_on_overlapping_trains", detail)
        return None

    def take(self, order: Order) -> None:
        """An ask of this batch was granted: the next one must see its tickets."""
        if not self._known:  # nobody asks
            return
        for journey in journeys_of(order):
            if journey.document in self._known:
                self._known[journey.document][journey.ticket_no] = journey


def journeys_of(order: Order) -> list[Journey]:
    """The order's valid tickets whose times are known."""
    people = {person.passenger_id: document_key(person) for person in order.passengers}
    return [
        Journey(people[t.passenger_id], t.ticket_no, order.order_id, t.leg.origin.at, t.leg.destination.at)
        for t in order.tickets
        if t.state in valid_states() and t.leg and t.leg.origin.at and t.leg.destination.at and t.passenger_id in people
    ]
