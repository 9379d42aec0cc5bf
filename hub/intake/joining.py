"""Which orders one message is about, and what becomes of them when there are several. Pure.

An order is a connected set of facts: two messages that share a name of the order are about one order, whatever came
first. A message that names two orders which are stored apart therefore joins them: the elder takes in the younger.

    order, waitlist                  name an order; they join
    agent_order, payment, pickup ... may be shared: an agent's cart or one payment can be for two orders. They find an
                                     order for a message that names none, and take in one that has no name yet; they
                                     never join two that have

One thing is stronger than a shared name: two different railway order numbers are never one order. Then the message
belongs to the order it names first, the other name stays with whom it is, and ``references_clash`` is disputed.
(ADR 20)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hub.ledger import (
    HUB,
    Document,
    Joined,
    Posting,
    Statement,
    difference,
    fold_with_postings,
)
from hub.ledger.fold import Folded
from hub.store.merging import Names
from hub.store.orders import Stored
from hub.store.timetable import Place
from schemas.facts import ReferencesClash, Retracted, SeatNotGranted
from schemas.model import altered
from schemas.observation import IDENTIFYING, Observation, ReferenceClaim

Reference = tuple[str, str, str]
"""(system, kind, value): what one system calls an order."""


def key(claim: ReferenceClaim) -> Reference:
    """The claim as tables have it."""
    return (claim.system, claim.kind, claim.value)


def numbers_of(claims: Sequence[ReferenceClaim]) -> list[Reference]:
    """The railway order numbers among these names, in their order."""
    return [key(claim) for claim in claims if claim.system == "rail" and claim.kind == "order"]


# --- which orders --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one message's names lead to. ``orders``: those that are one order now, none when it is a new one.

    ``clashing``: names that belong to another order for good, with that order (None: nobody's yet).
    """

    orders: tuple[UUID, ...] = ()
    clashing: Mapping[Reference, UUID | None] = field(default_factory=dict)


def gather(claims: Sequence[ReferenceClaim], known: Mapping[Reference, UUID], names: Mapping[UUID, Names]) -> Gathered:
    """The orders that these names make one. ``known``: name -> stored order; ``names``: what those are called."""
    own = numbers_of(claims)[:1]
    numbers = {value for _, _, value in own}
    clashing: dict[Reference, UUID | None] = {name: known.get(name) for name in numbers_of(claims) if name not in own}
    strong = [key(claim) for claim in claims if claim.kind in IDENTIFYING and key(claim) not in clashing]
    weak = [key(claim) for claim in claims if claim.kind not in IDENTIFYING]
    # The order that has the message's own number speaks first, then names of orders in the order of the message.
    found = [known[name] for name in (*own, *strong) if name in known]
    nameless = [known[name] for name in weak if name in known and not names[known[name]].identified]
    if not strong:
        found += [known[name] for name in weak if name in known][:1]
    orders: list[UUID] = []
    for order_id in dict.fromkeys([*found, *nameless]):
        if numbers and names[order_id].numbers - numbers:
            continue
        orders.append(order_id)
        numbers |= names[order_id].numbers
    clashing |= {name: known[name] for name in strong if name in known and known[name] not in orders}
    return Gathered(tuple(orders), clashing)


# --- making them one -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """An order that is joined: as it was stored, and what its facts posted."""

    order_id: UUID
    stored: Stored
    folded: Folded

    @classmethod
    def of(cls, order_id: UUID, stored: Stored) -> "Part":
        return cls(order_id, stored, fold_with_postings(stored.document))

    @property
    def mirror(self) -> list[Posting]:
        """What takes its lines off the books: they are posted again by the order that it is part of now."""
        return difference(self.folded.lines, [])

    @property
    def open_disputes(self) -> set[str]:
        return {d.dispute_id for d in self.folded.order.disputes if d.state == "open"}


@dataclass(frozen=True, slots=True)
class Union:
    """Several stored orders as one. ``gained``: what the elder learned; ``lines``: what that adds to its books.

    ``left``: places that no ticket of it holds any more, because two parts held places for one ticket.
    """

    stored: Stored
    folded: Folded
    parts: tuple[Part, ...]
    gained: Joined
    lines: list[Posting]
    left: tuple[Place, ...]
    opened: tuple[str, ...]
    recorded_at: datetime


def unite(elder: Part, younger: Sequence[Part], recorded_at: datetime, message: str) -> Union:
    """The elder order with the facts, names and seats of the younger ones; ``message`` is what showed it."""
    document, gained = _taken_in(elder.stored.document, younger)
    document, gained = joined_by_hub(document, gained, list(_own_seats(document, recorded_at, message)))
    folded = fold_with_postings(document)
    held: dict[str, Place] = {}
    left: list[Place] = []
    last_stated: dict[str, str] = {}
    for part in (elder, *younger):
        left += [place for no, place in part.stored.held.items() if held.setdefault(no, place) != place]
        for channel, stated in part.stored.last_stated.items():
            last_stated[channel] = max(stated, last_stated.get(channel, ""))
    known = elder.open_disputes.union(*(part.open_disputes for part in younger))
    opened = tuple(d.dispute_id for d in folded.order.disputes if d.state == "open" and d.dispute_id not in known)
    stored = Stored(document, elder.stored.sequence, last_stated, held, elder.stored.order_no)
    lines = difference(elder.folded.lines, folded.lines)
    return Union(stored, folded, tuple(younger), gained, lines, tuple(left), opened, recorded_at)


def _taken_in(document: Document, younger: Sequence[Part]) -> tuple[Document, Joined]:
    gained: list[Joined] = []
    for part in younger:
        other = part.stored.document
        for witness in sorted(other.witnesses):
            said = [
                other.facts[identity][witness] for identity in sorted(other.facts) if witness in other.facts[identity]
            ]
            document, joined = document.join(witness, said)
            gained.append(joined)
        for name in other.references:
            document = document.with_references([name], name.first_seen).with_references([name], name.last_seen)
    return document, Joined(
        tuple(identity for joined in gained for identity in joined.new),
        tuple(identity for joined in gained for identity in joined.attested),
        tuple(identity for joined in gained for identity in joined.restated),
        tuple(said for joined in gained for said in joined.taken),
    )


def _own_seats(document: Document, recorded_at: datetime, message: str) -> Iterator[Statement]:
    """A ticket that was told in both orders lost its seat to itself: the hub takes that back."""
    for said in document.facts.values():
        for statement in said.values():
            fact = statement.fact
            if isinstance(fact, SeatNotGranted) and fact.holder == fact.ticket_no:
                at = fact.occurred_at
                withdrawn = Retracted(
                    occurred_at=at, retracts=fact.identity, reason="the same ticket of the same order"
                )
                yield Statement(fact=withdrawn, stated_at=at, recorded_at=recorded_at, message=message)


# --- what clashes --------------------------------------------------------------------------------------------------


def without(observation: Observation, clashing: Mapping[Reference, UUID | None]) -> Observation:
    """The observation with the names alone that are its order's."""
    return altered(
        observation, {"references": tuple([claim for claim in observation.references if key(claim) not in clashing])}
    )


def clashes(
    clashing: Mapping[Reference, UUID | None],
    called: Mapping[UUID, str],
    observation: Observation,
    recorded_at: datetime,
    message: str,
) -> list[Statement]:
    """The hub's own word on names that belong to other orders; ``called``: how those are called."""
    at = observation.occurred_at
    return [
        Statement(
            fact=ReferencesClash(
                occurred_at=at, system=system, kind=kind, value=value, holder=called.get(holder) if holder else None
            ),
            stated_at=at,
            recorded_at=recorded_at,
            message=message,
        )
        for (system, kind, value), holder in sorted(clashing.items())
    ]


def joined_by_hub(document: Document, joined: Joined, said: Sequence[Statement]) -> tuple[Document, Joined]:
    """The hub's own word beside what a message brought: it is taken with it, and is none of the message's facts."""
    document, own = document.join(HUB, said)
    return document, joined._replace(taken=joined.taken + own.taken)
