"""What an ask may not do. Pure; looks at facts and policy, never at a channel's name.

A tell is never refused here: what has happened, has happened. Refusals these rules may give:

    outside_operating_hours  the channel may not ask at this hour
    act_not_offered    the channel's profile does not declare that it asks for this
    too_many_tickets   an order has at most five valid tickets
    train_unknown      the run is not in the timetable, so its seat cannot be guarded
    ticket_not_refundable, paper_only_at_window, change_already_used
"""

from collections.abc import Callable
from typing import NamedTuple

from schemas.acts import Act, not_among
from schemas.facts import Leg, TicketChanged, TicketHeld, TicketIssued, TicketRefunded
from schemas.observation import Observation
from schemas.order import Order
from schemas.states import valid_states

TICKETS_MAX = 5


class Refusal(NamedTuple):
    """A code of ``schemas/code_lists/problems.csv``, this occurrence in words, and the place in the message."""

    code: str
    detail: str
    pointer: str = ""


def refusal(
    before: Order | None, after: Order, observation: Observation, knows_train: Callable[[Leg], bool]
) -> Refusal | None:
    """Why this ask may not be, or None."""
    valid = [t for t in after.tickets if t.state in valid_states()]
    if len(valid) > TICKETS_MAX:
        return Refusal("too_many_tickets", f"With this the order would have {len(valid)} valid tickets.")
    for fact in observation.facts:
        match fact:
            case TicketHeld() | TicketIssued() if not knows_train(fact.ticket.leg):
                leg = fact.ticket.leg
                return Refusal(
                    "train_unknown", f"No run of {leg.train_code} on {leg.service_date} between these stops."
                )
            case TicketRefunded() | TicketChanged():
                if found := _after_sales(before, fact):
                    return found
    return None


def outside_hours(within_hours: bool) -> Refusal | None:
    """Why this ask may not be at this hour; the hours are of the connection, checked where the message came in."""
    if within_hours:
        return None
    return Refusal("outside_operating_hours", "This channel may not ask at this hour; what has happened may be told.")


def not_offered(observation: Observation, asks: frozenset[Act]) -> Refusal | None:
    """Why this ask is none that its channel may make; ``asks`` are the acts that its profile declares."""
    for kind, acts in not_among(asks, observation.facts).items():
        may = ", ".join(sorted(asks)) or "for nothing"
        return Refusal("act_not_offered", f"It asks for {kind} ({' or '.join(sorted(acts))}); it may ask: {may}.")
    return None


def _after_sales(before: Order | None, fact: TicketRefunded | TicketChanged) -> Refusal | None:
    ticket = before.ticket(fact.ticket_no) if before else None
    if ticket is None:
        return Refusal("ticket_not_refundable", f"Nobody has told the hub of the sale of {fact.ticket_no} yet.")
    if ticket.state not in {"issued", "checked_in", "released"}:
        return Refusal("ticket_not_refundable", f"{fact.ticket_no} is {ticket.state}.")
    if isinstance(fact, TicketChanged) and ticket.change_used:
        return Refusal("change_already_used", f"{fact.ticket_no} is itself the outcome of a change.")
    if isinstance(fact, TicketRefunded) and ticket.medium == "paper":
        return Refusal("paper_only_at_window", f"{fact.ticket_no} is on paper.")
    return None
