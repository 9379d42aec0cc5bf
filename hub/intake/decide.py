"""Decide one order's messages: join the facts, fold, and name what became of each. Pure; the seats come after.

work on an order = what the database held of it + the messages about it, in order of arrival
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hub.intake.joining import Reference, Union, clashes, joined_by_hub, without
from hub.intake.overlaps import Overlaps
from hub.intake.receipts import LIVE_SOURCES, Receipt
from hub.ledger import (
    Document,
    Joined,
    Posting,
    Statement,
    difference,
    fold_with_postings,
    statements_of,
)
from hub.ledger.fold import Folded
from hub.ledger.reading import seat_place, withdrawal
from hub.ledger.rules import Refusal, not_offered, outside_hours, refusal
from hub.ports import Profile
from hub.store.orders import Stored
from hub.store.subject_keys import subject_of
from hub.store.timetable import Place, Timetable
from schemas.facts import Retracted, SeatNotGranted
from schemas.observation import Observation
from schemas.order import Order
from schemas.states import valid_states

_EVENT_TYPES = (
    ("ticket.refunded", "order.refunded"),
    ("refund.", "order.refunded"),
    ("ticket.changed", "order.changed"),
    ("change.", "order.changed"),
    ("ticket.issued", "order.issued"),
    ("ticket.voided", "order.cancelled"),
    ("ticket.hold_cancelled", "order.cancelled"),
    ("ticket.hold_expired", "order.expired"),
    ("waitlist.", "order.waitlisted"),
    ("payment.", "order.paid"),
    ("ticket.held", "order.held"),
    ("pickup.", "order.collected"),
    ("ticket.printed", "order.collected"),
    ("ticket.", "order.travelled"),
    ("invoice.", "order.invoiced"),
    ("resolved", "order.resolved"),
    ("retracted", "order.resolved"),
    ("adjusted", "order.adjusted"),
)
"""The first prefix that one of the new facts has names the event."""


@dataclass(slots=True, eq=False)
class Decision:
    """What became of one message."""

    receipt: Receipt
    observation: Observation
    outcome: str
    joined: Joined
    order: Order | None
    opened: list[str] = field(default_factory=list)
    refusal: Refusal | None = None
    lines: list[Posting] = field(default_factory=list)
    arrival: str = "in_order"
    sequence: int | None = None

    @property
    def recorded_at(self) -> datetime:
        """When it came, but not before what the order's earlier events say (:meth:`Work.recorded`)."""
        taken = self.joined.taken
        return taken[0].statement.recorded_at if taken else self.receipt.received_at

    @property
    def event_type(self) -> str | None:
        """The type of the event this message causes; None when it changed nothing at all."""
        if self.outcome == "refused" or not self.joined.taken:
            return None
        changed = (*self.joined.new, *self.joined.restated)
        for prefix, event_type in _EVENT_TYPES:
            if any(identity.startswith(prefix) for identity in changed):
                return event_type
        return "order.disputed" if self.opened else "order.witnessed"


@dataclass(slots=True, eq=False)
class Work:
    """One order in one transaction."""

    order_id: UUID
    order_no: str
    stored: Stored | None
    document: Document
    folded: Folded | None
    last_stated: dict[str, str]
    sequence: int
    known_disputes: frozenset[str]
    people: frozenset[str] = frozenset()
    decisions: list[Decision] = field(default_factory=list)
    union: Union | None = None
    clashing: Mapping[Reference, UUID | None] = field(default_factory=dict)
    called: Mapping[UUID, str] = field(default_factory=dict)

    @classmethod
    def on(cls, order_id: UUID, order_no: str, stored: Stored | None) -> "Work":
        document = stored.document if stored else Document.of(order_id)
        folded = fold_with_postings(document) if document.facts else None
        last_stated = dict(stored.last_stated) if stored else {}
        disputes = frozenset(d.dispute_id for d in folded.order.disputes) if folded else frozenset()
        sequence = stored.sequence if stored else 0
        order_no = stored.order_no if stored else order_no
        people = named_in(folded.order) if folded else frozenset()
        return cls(order_id, order_no, stored, document, folded, last_stated, sequence, disputes, people)

    def unite(self, union: Union) -> None:
        """Go on with several stored orders as one. The only message of this transaction has shown that they are."""
        self.union, self.document, self.folded = union, union.stored.document, union.folded
        self.last_stated = dict(union.stored.last_stated)
        self.people = named_in(union.folded.order)

    @property
    def held(self) -> dict[str, Place]:
        stored = self.union.stored if self.union else self.stored
        return stored.held if stored else {}

    def restore(self) -> None:
        """Back to what the database holds: nothing of this transaction's messages stands."""
        self.union = None
        self.document = self.stored.document if self.stored else Document.of(self.order_id)
        self.folded = fold_with_postings(self.document) if self.document.facts else None

    @property
    def changed(self) -> bool:
        """Whether the document is another one than the database holds: new facts, witnesses or references."""
        return self.document is not (self.stored.document if self.stored else None) and bool(self.document.facts)

    def decide(
        self, receipt: Receipt, observation: Observation, profile: Profile, timetable: Timetable, overlaps: Overlaps
    ) -> Decision:
        """Take one message into the set, as far as the facts go; seats are claimed by the caller."""
        before = self.folded
        if self.clashing:
            observation = without(observation, self.clashing)
        document = self.document.with_references(observation.references, observation.occurred_at)
        message = f"{receipt.channel}/{receipt.message_id}"
        recorded_at = self.recorded(receipt.received_at)
        document, joined = document.join(receipt.channel, statements_of(observation, recorded_at, message))
        if self.clashing:
            said = clashes(self.clashing, self.called, observation, recorded_at, message)
            document, joined = joined_by_hub(document, joined, said)
        after = fold_with_postings(document) if joined.taken or before is None else before
        decision = Decision(receipt, observation, "applied", joined, after.order)
        if observation.mode == "ask" and joined.new:
            known = before.order if before else None
            decision.refusal = (
                outside_hours(receipt.within_hours)
                or not_offered(observation, profile.asks)
                or refusal(known, after.order, observation, timetable.knows)
                or overlaps.refusal(after.order, observation)
            )
        if decision.refusal is not None:
            self.refuse(decision, decision.refusal)
        else:
            decision.arrival = self._arrival(receipt, observation, profile)
            self._settle(decision, before, document, after)
        self.decisions.append(decision)
        return decision

    def recorded(self, received_at: datetime) -> datetime:
        """When something that came at ``received_at`` is recorded: never before what was recorded of the order already.

        Two messages may be decided in another order than they came in. With times that rise from event to event, the
        order as recorded at any time is a beginning of its events, and so are the books.
        """
        before = self.document.recorded_at
        return received_at if before is None else max(received_at, before)

    def refuse(self, decision: Decision, why: Refusal) -> None:
        decision.outcome, decision.refusal, decision.order, decision.lines = "refused", why, None, []
        if self.union:
            self.restore()

    def not_granted(self, decision: Decision, lost: Mapping[str, str | None]) -> None:
        """A tell lost the race for these tickets' seats: record the hub's own word on it and open the dispute."""
        before = self.folded
        at = decision.observation.occurred_at
        said = [
            Statement(
                fact=SeatNotGranted(occurred_at=at, ticket_no=ticket_no, holder=holder),
                stated_at=at,
                recorded_at=self.recorded(decision.receipt.received_at),
                message=f"{decision.receipt.channel}/{decision.receipt.message_id}",
            )
            for ticket_no, holder in sorted(lost.items())
        ]
        for fact in [statement.fact for statement in said]:
            # It was not granted before, and that was taken back: what took it back is withdrawn.
            if back := withdrawal(self.document, fact.identity, stands=False):
                taken_back = Retracted(occurred_at=at, retracts=back, reason="somebody else holds the seat again")
                said.append(said[0].model_copy(update={"fact": taken_back}))
        document, decision.joined = joined_by_hub(self.document, decision.joined, said)
        after = fold_with_postings(document)
        lines = decision.lines
        self._settle(decision, before, document, after)
        decision.lines = lines + decision.lines

    def _settle(self, decision: Decision, before: Folded | None, document: Document, after: Folded) -> None:
        self.document, self.folded = document, after
        known = {d.dispute_id for d in before.order.disputes if d.state == "open"} if before else set()
        known = known.difference(self.union.opened) if self.union else known
        known.update(decision.opened)
        decision.opened += [
            d.dispute_id for d in after.order.disputes if d.state == "open" and d.dispute_id not in known
        ]
        decision.order = after.order
        decision.lines = difference(before.lines if before else [], after.lines)
        if decision.opened:
            decision.outcome = "disputed"
        elif decision.joined.new or decision.joined.restated:
            decision.outcome = "applied"
        else:
            decision.outcome = "witnessed"

    def _arrival(self, receipt: Receipt, observation: Observation, profile: Profile) -> str:
        """in_order, out_of_order (older than what this channel said of the order before) or late."""
        stated = f"{observation.occurred_at.timestamp():017.6f}|{observation.sequence:09d}"
        latest = self.last_stated.get(receipt.channel, "")
        self.last_stated[receipt.channel] = max(latest, stated)
        if receipt.source not in LIVE_SOURCES:
            return "in_order"
        if receipt.received_at - observation.occurred_at > profile.late_after:
            return "late"
        return "out_of_order" if stated < latest else "in_order"


def named_in(order: Order) -> frozenset[str]:
    """The pseudonyms of an order's passengers."""
    return frozenset(s for p in order.passengers if (s := subject_of(p.document.number)) is not None)


def wanted(order: Order | None, timetable: Timetable) -> dict[str, Place]:
    """The places that an order's valid tickets must hold: ticket number -> place."""
    found = meant(order, timetable)
    if order is not None and any(not ticket.seat_granted for ticket in order.tickets):
        return {t.ticket_no: found[t.ticket_no] for t in order.tickets if t.seat_granted and t.ticket_no in found}
    return found


def meant(order: Order | None, timetable: Timetable) -> dict[str, Place]:
    """The places that an order's valid tickets were sold for, whether they got them or not: ticket number -> place."""
    if order is None:
        return {}
    found: dict[str, Place] = {}
    for ticket in order.tickets:
        leg, seat = ticket.leg, ticket.seat
        if ticket.state not in valid_states() or leg is None or seat is None:
            continue
        run = timetable.run(leg)
        if run is None or seat.standing or not seat.coach or not seat.number:
            continue
        if legs := run.legs(leg.origin.station, leg.destination.station):
            found[ticket.ticket_no] = Place(
                leg.service_date, run.train_no, seat.coach.lstrip("0"), seat_place(seat), legs
            )
    return found
