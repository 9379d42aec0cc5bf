"""Acts: what a channel does to an order, and the facts by which a message shows that it was done.

Profiles declare acts, rules and the capability matrix ask for them; names for people are in ``code_lists/act.csv``.

>>> sorted(explained_by("payment.captured"))
['change', 'change_destination', 'pay', 'sell', 'waitlist']
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

from schemas.facts import ChangeFact, Fact, TicketChanged

Act = Literal[
    "hold",
    "sell",
    "pay",
    "cancel",
    "change",
    "change_destination",
    "refund",
    "void",
    "release",
    "waitlist",
    "collect",
    "print",
    "check_in",
    "enter",
    "exit",
    "invoice",
]
ACTS: tuple[Act, ...] = get_args(Act)

EVIDENCE: Mapping[Act, tuple[str, ...]] = {
    "hold": ("ticket.held",),
    "sell": ("ticket.issued",),
    "pay": ("payment.captured",),
    "cancel": ("ticket.hold_cancelled",),
    "change": ("ticket.changed:train", "change.confirmed:train"),
    "change_destination": ("ticket.changed:destination", "change.confirmed:destination"),
    "refund": ("ticket.refunded",),
    "void": ("ticket.voided",),
    "release": ("ticket.released",),
    "waitlist": ("waitlist.requested", "waitlist.realised", "waitlist.cancelled"),
    "collect": ("pickup.collected",),
    "print": ("ticket.printed",),
    "check_in": ("ticket.checked_in",),
    "enter": ("ticket.entered",),
    "exit": ("ticket.exited",),
    "invoice": ("invoice.issued", "invoice.reversed"),
}
"""An act is shown by any of these facts (``:kind`` where two acts share one)."""

_ALSO: Mapping[str, tuple[Act, ...]] = {
    "ticket.issued": ("pay", "change", "change_destination", "waitlist"),
    "payment.captured": ("sell", "change", "change_destination", "waitlist"),
    "ticket.printed": ("collect",),
}
"""Facts that come with other acts too: then these explain them as well."""


def kinds(facts: Iterable[Fact]) -> Iterator[str]:
    """The facts' names as ``EVIDENCE`` writes them."""
    for fact in facts:
        if isinstance(fact, TicketChanged | ChangeFact):
            yield f"{fact.fact}:{fact.kind}"
        else:
            yield fact.fact


def explained_by(kind: str) -> frozenset[Act]:
    """The acts that such a fact may be part of; none for what is nobody's act, such as a hold that expired."""
    own = {act for act, evidence in EVIDENCE.items() if kind in evidence}
    return frozenset(own | set(_ALSO.get(kind, ())))


def not_among(declared: frozenset[Act], facts: Iterable[Fact]) -> dict[str, frozenset[Act]]:
    """Of a message's newest facts, those that are part of no declared act: fact -> the acts that would explain it.

    Older facts are history that a snapshot repeats, not what the message reports.
    """
    told = tuple(facts)
    newest = max((fact.occurred_at for fact in told), default=None)
    found = {kind: explained_by(kind) for kind in kinds(fact for fact in told if fact.occurred_at == newest)}
    return {kind: acts for kind, acts in found.items() if acts and not acts & declared}
