"""A channel system without its network: its book, what it has to do and to tell, what its day extract says."""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from schemas.identifiers import ticket_no
from simulators.book import Act, Book, Codec, SimOrder, SimTicket, Wire
from simulators.hub_client import Answer
from simulators.journal import Journal
from simulators.plan import Plan, Step, picture
from simulators.timetable import BEIJING


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to be done now: an act on the book, or the sending of its message."""

    kind: Literal["act", "send"]
    step: Step


class ChannelSystem:
    """The state of one channel. Restarts from its journal.

    ``uncertain``: messages that may have been sent before a restart, but whose answer was not written down.
    """

    def __init__(self, channel: str, plan: Plan, codec: Codec, journal: Journal) -> None:
        self.channel = channel
        self.plan = plan
        self.codec = codec
        self.journal = journal
        self.book = Book()
        self.acted: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        self.unpushed: list[tuple[int, str]] = []
        self.polled_to = 0
        self.extracted = False
        self._holds: list[tuple[datetime, str]] = []
        self._reseated: dict[str, dict[str, SimTicket]] = {}
        self._heard: set[str] = set()
        self._queue: list[tuple[datetime, int, int, str, Due]] = []
        done, answered = self._replay()
        self.uncertain = done - answered
        for step in plan.steps[channel]:
            if step.message_id not in done:
                self._queue.append((step.act.at, 0, step.rank, step.message_id, Due("act", step)))
            if step.travel in ("sent", "twice") and step.message_id not in answered:
                self._queue.append((step.send_at, 1, step.rank, step.message_id, Due("send", step)))
        heapq.heapify(self._queue)

    # --- what is to be done ----------------------------------------------------------------------------------------

    def due(self, until: datetime) -> dict[str, list[Due]]:
        """What is to be done up to ``until``, by order; within an order one after the other."""
        orders: dict[str, list[Due]] = {}
        while self._queue and self._queue[0][0] <= until:
            due = heapq.heappop(self._queue)[-1]
            orders.setdefault(due.step.act.order.order_no, []).append(due)
        return orders

    @property
    def waiting(self) -> int:
        """How many things are left to do today."""
        return len(self._queue)

    @property
    def unpolled(self) -> int:
        """How many changes nobody has asked for yet."""
        return len(self.unpushed) - self.polled_to

    def act(self, step: Step) -> None:
        """It happens: the book knows it, whoever else may hear of it."""
        act = self._seated(step.act)
        order = picture(act.order)
        order.own_refs = {**getattr(self.book.get(order.order_no), "own_refs", {}), **order.own_refs}
        self.book.put(order)
        self.acted.add(order.order_no)
        if act.kind == "hold" and order.hold_expires_at is not None:
            heapq.heappush(self._holds, (order.hold_expires_at, order.order_no))
        if step.travel == "unpushed":
            self.unpushed.append((len(self.unpushed) + 1, order.order_no))
        self.journal.note("act", id=step.message_id)

    def wire(self, step: Step, message_id: str) -> Wire:
        """The native message for a step."""
        return self.codec.encode(self._seated(step.act), message_id)

    def answered(self, step: Step, answer: Answer) -> None:
        """The hub has said what became of a message."""
        self.outcomes[answer.code or answer.outcome] += 1
        self.journal.note("answer", id=step.message_id, outcome=answer.outcome, code=answer.code)

    def take_other_seat(self, step: Step) -> str:
        """Somebody else was first: take the planned other seats. Answers the id of the new message."""
        order = picture(step.act.order)
        moved = self._reseated.setdefault(order.order_no, {})
        for ticket, place in zip(order.tickets, step.alternative, strict=True):
            number = ticket_no.build(order.order_no, ticket.batch, place.coach, place.number)
            moved[ticket.ticket_no] = replace(ticket, ticket_no=number, coach=place.coach, seat_no=place.number)
        self.book.put(picture(self._seated(step.act).order))
        self.journal.note("reseat", id=step.message_id)
        return f"{step.message_id}-b"

    def lapse(self, now: datetime) -> None:
        """Holds whose time is over: the channel knows it by its own clock."""
        while self._holds and self._holds[0][0] <= now:
            expires_at, order_no = heapq.heappop(self._holds)
            order = self.book.orders[order_no]
            for ticket in order.tickets:
                if ticket.state == "held":
                    ticket.state, ticket.state_at = "expired", expires_at
                    order.updated_at = expires_at

    # --- what it is told, and what it tells when asked -------------------------------------------------------------

    def hear(self, event_id: str, body: bytes) -> None:
        """A delivery of the hub; the same one twice changes nothing."""
        if event_id in self._heard:
            return
        if self._is_deaf_to(body):
            return
        self.codec.absorb(body, self.book)
        self._heard.add(event_id)
        self.journal.heard(event_id, body)

    def changed_since(self, watermark: str) -> tuple[str, list[SimOrder]]:
        """The orders that changed without a push since ``watermark`` (empty: since ever), and the next watermark."""
        since = int(watermark or 0)
        self.polled_to = max(self.polled_to, since)
        news = [(number, order_no) for number, order_no in self.unpushed if number > since]
        orders = [self.book.orders[order_no] for order_no in dict.fromkeys(order_no for _, order_no in news)]
        return str(news[-1][0] if news else since), orders

    def extract(self, day: date) -> Wire:
        """The day as this channel believes it now: what it sold, and what it did to others' orders."""
        self.extracted = True
        self.journal.note("extract", date=day.isoformat())
        return self.codec.extract([self._as_told(order) for order in self._orders_of(day)], day)

    def _orders_of(self, day: date) -> Iterator[SimOrder]:
        for order in self.book:
            mine = order.channel == self.channel or order.order_no in self.acted
            if mine and order.booked_at.astimezone(BEIJING).date() == day:
                yield order

    def _as_told(self, order: SimOrder) -> SimOrder:
        """The order with the planned wrong fare, when there is one."""
        error = self.plan.fare_errors.get(order.order_no)
        if error is None:
            return order
        wrong = picture(order)
        wrong.tickets[0].fare_fen += error
        return wrong

    def _is_deaf_to(self, body: bytes) -> bool:
        # The defect is that the day's news was not listened to; after the extract was drawn it is mended.
        if self.extracted:
            return False
        return any(order_no.encode() in body for order_no, who in self.plan.deaf.items() if who == self.channel)

    # --- inside ----------------------------------------------------------------------------------------------------

    def _seated(self, act: Act) -> Act:
        """The act with the seats that the order really has; only the loser of a race has other ones than planned."""
        moved = self._reseated.get(act.order.order_no)
        if moved is None:
            return act
        order = picture(act.order)
        for ticket in order.tickets:
            place = moved.get(ticket.ticket_no)
            if place is not None:
                ticket.ticket_no, ticket.coach, ticket.seat_no = place.ticket_no, place.coach, place.seat_no
        numbers = tuple(moved[n].ticket_no if n in moved else n for n in act.ticket_nos)
        return replace(act, order=order, ticket_nos=numbers)

    def _replay(self) -> tuple[set[str], set[str]]:
        """Do again what the journal tells; answers the ids of done acts and of answered messages."""
        steps = {step.message_id: step for step in self.plan.steps[self.channel]}
        done: set[str] = set()
        answered: set[str] = set()
        events: list[dict[str, Any]] = list(self.journal.read())
        journal, self.journal = self.journal, _SilentJournal()
        for event in events:
            if event["kind"] == "act":
                self.act(steps[event["id"]])
                done.add(event["id"])
            elif event["kind"] == "answer":
                answered.add(event["id"])
                self.outcomes[event["code"] or event["outcome"]] += 1
            elif event["kind"] == "reseat":
                self.take_other_seat(steps[event["id"]])
            elif event["kind"] == "heard":
                self.hear(event["id"], event["body"])
            elif event["kind"] == "extract":
                self.extracted = True
        self.journal = journal
        return done, answered


class _SilentJournal(Journal):
    """While the journal is replayed nothing is written into it again."""

    def __init__(self) -> None:
        pass  # a journal opens its file here; this one has none

    def note(self, kind: str, **detail: Any) -> None:
        return
