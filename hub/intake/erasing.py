"""Erasing a person: his key is destroyed, and with it every name, number, telephone and message sealed under it.

What happened stays: orders, tickets, money, seats, events and their digest. A message that cannot be opened any more is
remembered without him (``hub.store.remembered``), so that a replay of everything still makes the same ledger.

    erase      read what is there -> remember its messages -> let nobody write -> remember what came meanwhile
               -> destroy the key and the index -> write it down -> commit
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.ledger import fold
from hub.ports import Adapter
from hub.store import orders, persons, remembered, subjects
from hub.store.audit import Audit
from hub.store.concealing import without_numbers
from hub.store.persons import Message, Person, Whom, subject_index
from hub.store.seal import Seal
from hub.store.subject_keys import SubjectKey, head_of, subject_of
from schemas.facts import Passenger
from schemas.model import altered
from schemas.observation import Observation
from schemas.order import Order, Ticket
from schemas.personal import ERASED, convert_people, convert_sealed
from schemas.problems import ProblemError, problem
from schemas.states import valid_states

_AHEAD = valid_states() - {"used"}
_JOURNEY = timedelta(days=3)
"""How long after its service date a ticket without times may still be on the way."""
REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class Extent:
    """What erasing a person takes away. ``orders``: numbers of those that name him; ``messages``: how many of theirs
    cannot be opened afterwards.

    ``valid``: his tickets that are still good; ``owed``: orders in which money is owed; ``before``: orders that hold
    facts of before there were keys of people, which stay readable.
    """

    subject: str
    orders: tuple[str, ...]
    messages: int
    valid: tuple[str, ...]
    owed: tuple[str, ...]
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases people. ``clock`` is the business clock, by which a journey is ahead; ``wall`` says when it was done."""

    adapters: Mapping[str, Adapter]
    seal: Seal
    audit: Audit
    clock: Callable[[], datetime]
    wall: Callable[[], datetime]

    def extent(self, connection: Connection[TupleRow], whom: Whom) -> Extent:
        """What :meth:`erase` would do now. Raises the problems ``person_unknown`` and ``person_not_unique``."""
        return self._extent(connection, self._person(connection, whom))[0]

    def erase(self, connection: Connection[TupleRow], whom: Whom, actor: str, even_so: str | None = None) -> Extent:
        """Erase the person in the caller's transaction, and write it down without naming him.

        ``even_so``: why it is done although a ticket of his is good or money is owed. Raises the problems
        ``person_unknown``, ``person_not_unique`` and ``person_has_business``.
        """
        person = self._person(connection, whom)
        extent, messages = self._extent(connection, person)
        _need_no_business(extent, even_so)
        done = self._remember(connection, messages, frozenset())
        self.audit.hold(connection)
        subjects.hold_alone(connection)
        extent, messages = self._extent(connection, person)
        _need_no_business(extent, even_so)
        self._remember(connection, messages, done)
        now, reason = self.wall(), None if even_so is None else without_numbers(even_so)[:REASON_MAX]
        if not persons.erase(connection, person, now):
            raise ProblemError(problem("person_unknown"))
        persons.record(connection, person, len(extent.orders), extent.messages, reason, actor, now)
        detail = {"orders": len(extent.orders), "messages": extent.messages, "even_so": reason}
        self.audit.record(connection, self.clock(), actor, "person.erase", person.subject.hex, detail)
        return extent

    def _person(self, connection: Connection[TupleRow], whom: Whom) -> Person:
        found = persons.find(connection, self.seal, whom)
        if not found:
            raise ProblemError(problem("person_unknown"))
        if len(found) > 1:
            raise ProblemError(problem("person_not_unique", f"{len(found)} people travel with this telephone."))
        return found[0]

    def _extent(self, connection: Connection[TupleRow], person: Person) -> tuple[Extent, list[Message]]:
        ids = persons.orders_of(connection, person)
        # Under its present id alone: an order that others were joined to is read under theirs too.
        stored = {item.document.order_id: item for item in orders.read(connection, ids).values()}
        folded = [fold(item.document) for item in stored.values()]
        messages = persons.messages_of(connection, person, ids)
        raws = subjects.opened_raw(connection, self.seal, [message.raw for message in messages])
        today = self.clock()
        extent = Extent(
            subject=person.subject.hex,
            orders=tuple(sorted(item.order_no for item in stored.values())),
            messages=sum(raw is not None for raw in raws),
            valid=tuple(t.ticket_no for order in folded for t in _good(order, person.subject.hex, today)),
            owed=tuple(sorted(stored[o.order_id].order_no for o in folded if o.refund == "owed" or o.balance.amount)),
            before=tuple(persons.written_before(connection, person, ids)),
        )
        return extent, messages

    def _remember(
        self, connection: Connection[TupleRow], messages: Sequence[Message], done: frozenset[tuple[str, str]]
    ) -> frozenset[tuple[str, str]]:
        """Keep what these messages said; the names of those that are kept now."""
        fresh = [message for message in messages if message[:2] not in done]
        raws = subjects.opened_raw(connection, self.seal, [message.raw for message in fresh])
        keys = self._keys(connection, fresh)
        rows = []
        for message, raw in zip(fresh, raws, strict=True):
            adapter = self.adapters.get(message.channel)
            said = adapter.parse(raw) if adapter is not None and raw is not None else None
            if isinstance(said, Observation):
                rows.append((message.channel, message.message_id, self._without_clear(said, keys)))
        remembered.keep(connection, rows)
        return done | {message[:2] for message in fresh}

    def _keys(self, connection: Connection[TupleRow], messages: Sequence[Message]) -> dict[str, SubjectKey]:
        """Index -> key of everybody whom these messages name."""
        heads = [head for message in messages if (head := head_of(message.raw)) is not None]
        named = sorted({subject for head in heads for subject in head.subjects})
        rows = connection.execute(
            """SELECT subject, blind, key FROM hub.subjects
               WHERE subject = ANY(%s::uuid[]) AND blind IS NOT NULL AND key IS NOT NULL""",
            (named,),
        )
        return {blind: subjects.unwrapped(self.seal, subject, bytes(key)) for subject, blind, key in rows}

    def _without_clear(self, said: Observation, keys: Mapping[str, SubjectKey]) -> Observation:
        """The observation with people sealed, and without the native values of its losses, which may be personal."""

        def sealed(person: Passenger) -> Passenger:
            key = keys.get(subject_index(self.seal, person.document.type, person.document.number))
            return convert_sealed(person, (lambda _: ERASED) if key is None else key.seal)

        losses = tuple(altered(loss, {"native": ERASED, "note": ""}) for loss in said.losses)
        return altered(said, {"facts": tuple(convert_people(fact, sealed) for fact in said.facts), "losses": losses})


def _need_no_business(extent: Extent, even_so: str | None) -> None:
    if even_so is None and (extent.valid or extent.owed):
        reasons = [f"tickets {', '.join(extent.valid[:5])} are good"] if extent.valid else []
        reasons += [f"money is owed in {', '.join(extent.owed[:5])}"] if extent.owed else []
        raise ProblemError(problem("person_has_business", f"{' and '.join(reasons)}."))


def _good(order: Order, subject: str, now: datetime) -> list[Ticket]:
    """The person's tickets that are valid and whose journey is not over."""
    own = {p.passenger_id for p in order.passengers if subject_of(p.document.number) == subject}
    return [t for t in order.tickets if t.passenger_id in own and t.state in _AHEAD and not _over(t, now)]


def _over(ticket: Ticket, now: datetime) -> bool:
    if ticket.leg is None:
        return False
    if ticket.leg.destination.at is not None:
        return ticket.leg.destination.at < now
    last: date = ticket.leg.service_date + _JOURNEY
    return last < now.date()
