"""The codes and forms of the agents' JSON, read by ``parse`` and written by ``format``. See README.md."""

from dataclasses import dataclass
from typing import Literal

from adapters.kit.times import TimeForm

MODES: dict[str, Literal["ask", "tell"]] = {"HOLD": "ask", "NOTIFY": "tell"}

MOMENT = TimeForm(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?",
    "%Y-%m-%d %H:%M:%S",
    "2026-01-09 16:51:55",
)
DAY = TimeForm(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", "%Y-%m-%d", "2026-01-11")

Origin = Literal["sale", "change", "destination_change"]
ORIGINS: dict[str, Origin] = {"SALE": "sale", "CHANGE": "change", "REROUTE": "destination_change"}

Kind = Literal["train", "destination"]
KINDS: dict[str, Kind] = {"CHANGE": "train", "REROUTE": "destination"}


@dataclass(frozen=True, slots=True)
class TicketStatus:
    """What a ticket code means: our state, and what of its meaning is lost (empty when nothing is)."""

    state: str
    lost: str = ""


ORDER_STATUS = {
    "3100": "unpaid",
    "3101": "cancelled",
    "3102": "closed",
    "3201": "issuing",
    "3202": "issued",
    "3203": "failed",
    "3400": "has after-sales",
    "3600": "in after-sales",
    "3703": "changed",
    "3801": "refunded",
}
"""Table 1. It says in one number what table 2 says ticket by ticket, so only its being known is checked."""

TICKET_STATUS = {
    "3100": TicketStatus("held"),
    "3101": TicketStatus("cancelled"),
    "3102": TicketStatus("expired"),
    "3201": TicketStatus("held", "the agent is issuing it: not issued until it says so"),
    "3202": TicketStatus("issued"),
    "3203": TicketStatus("cancelled", "issuing failed at the agent"),
    "3700": TicketStatus("issued", "a change is asked for"),
    "3701": TicketStatus("issued", "a change is being booked"),
    "3702": TicketStatus("issued", "a change waits for its payment"),
    "3703": TicketStatus("changed"),
    "3704": TicketStatus("issued", "a change failed"),
    "3705": TicketStatus("changed"),
    "3706": TicketStatus("issued"),
    "3800": TicketStatus("issued", "a refund is asked for"),
    "3801": TicketStatus("refunded"),
    "3802": TicketStatus("issued", "a refund failed"),
}
"""Table 2. What is under way is never taken for done."""
