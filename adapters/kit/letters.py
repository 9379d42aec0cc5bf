"""What a status letter says, for channels that speak in letters (tables A and B): a table reviewed by eye.

The same letter means different things in different channels, so each channel has its own table of these.
"""

from dataclasses import dataclass
from typing import Literal

Origin = Literal["sale", "change", "destination_change"]


@dataclass(frozen=True, slots=True)
class Letter:
    """One row. ``state`` is ours; ``loss``: a meaning that our states do not carry."""

    state: str
    origin: Origin = "sale"
    paper: bool = False
    change_kind: Literal["train", "destination"] = "train"
    loss: str = ""


MODES: dict[str, Literal["ask", "tell"]] = {"ask": "ask", "tell": "tell"}

ACT_OF_EVENT = {
    "order.held": "hold",
    "order.issued": "sale",
    "order.paid": "pay",
    "order.changed": "change",
    "order.refunded": "refund",
    "order.cancelled": "cancel",
    "order.waitlisted": "waitlist",
    "order.invoiced": "invoice",
}
"""The word for an event's act; other events are told as a snapshot."""
