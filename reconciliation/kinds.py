"""The kinds of breaks: what is wrong, in one word each. Their sentences and remedies: ``docs/reference/breaks.md``."""

from collections.abc import Mapping
from typing import Literal, get_args

BreakKind = Literal[
    "MISSING_IN_HUB",
    "MISSING_IN_CHANNEL",
    "AMOUNT",
    "STATUS",
    "SEAT",
    "IDENTITY",
    "DUPLICATE",
    "TIMING",
    "ORPHAN_REFUND",
    "DOUBLE_PAYMENT",
    "PAID_NO_TICKET",
    "TICKET_NO_PAYMENT",
    "FEE",
    "CURRENCY",
    "DOUBLE_SOLD_SEAT",
    "CONTROL_TOTAL",
    "AMBIGUOUS",
]

KINDS: tuple[BreakKind, ...] = get_args(BreakKind)

MIRROR: Mapping[BreakKind, BreakKind] = {
    "MISSING_IN_HUB": "MISSING_IN_CHANNEL",
    "MISSING_IN_CHANNEL": "MISSING_IN_HUB",
}
"""What a kind becomes when the two sides change places; every other kind stays what it is."""
