"""What the round trip of the conformance suite may not keep, because an order shows a ticket's last step only."""

from adapters.kit.conformance import AdapterConformance
from schemas.facts import TicketPrinted, TicketStep

_BEFORE = {"ticket.checked_in": ("ticket.entered",), "ticket.released": ("ticket.refunded",)}


class Conformance(AdapterConformance):
    """The suite for a wire that tells a ticket's whole way, not only where it has come to."""

    def kept(self, facts: dict[str, object]) -> dict[str, object]:
        """Without steps that a later one hides in an order, without earlier printings, and without the override of a

        step, which the order has no field for.
        """
        kept: dict[str, object] = {}
        for identity, fact in facts.items():
            if isinstance(fact, TicketStep):
                later = tuple(f"{name}|{fact.ticket_no}" for name in _BEFORE.get(fact.fact, ()))
                if any(known.startswith(later) for known in facts) and later:
                    continue
                fact = fact.model_copy(update={"override": None})
            if isinstance(fact, TicketPrinted):
                identity = f"ticket.printed|{fact.ticket_no}"
            kept[identity] = fact
        return kept
