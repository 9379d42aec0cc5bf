"""People's data sealed as it comes in: a person's under a key of his own, a message under those of all whom it names.

A batch asks for the keys of its people with its other questions; those who are new get one, written with the rest. A
process remembers the keys of whom it met lately, and forgets them all when anybody was erased.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from hub.intake.decide import Decision, Work, named_in
from hub.intake.receipts import Parsed, Receipt
from hub.store import subjects
from hub.store.orders import KEPT_AS_IT_IS
from hub.store.persons import subject_index
from hub.store.seal import Seal
from hub.store.subject_keys import SubjectKey, seal_raw, subject_of
from schemas.facts import Passenger
from schemas.model import altered
from schemas.observation import Observation
from schemas.personal import convert_people, people_in

KEPT_MAX = 20_000
_HOUSE = "house|"


@dataclass(frozen=True, slots=True)
class _Kept:
    """Keys by index, good while nobody is erased."""

    epoch: int
    keys: dict[str, SubjectKey] = field(default_factory=dict)


class Sealing:
    """What one process remembers of people's keys. Its batches may run at once."""

    def __init__(self, seal: Seal, new_id: Callable[[], UUID]) -> None:
        self.seal, self.new_id = seal, new_id
        self._kept = _Kept(-1)

    def people(self) -> "People":
        """The people of one batch."""
        return People(self, self._kept)

    def at(self, epoch: int) -> _Kept:
        """What is remembered since this epoch; what is older is forgotten."""
        kept = self._kept
        if kept.epoch != epoch:
            kept = _Kept(epoch)
            self._kept = kept
        return kept


class People:
    """The people whom one transaction's messages name, and the sealing of what is said of them."""

    def __init__(self, sealing: Sealing, kept: _Kept) -> None:
        self._seal, self._new_id, self._sealing = sealing.seal, sealing.new_id, sealing
        self._kept = kept
        self._keys: dict[str, SubjectKey] = {}
        self._keyless: dict[str, UUID] = {}
        self._new: dict[str, subjects.SubjectRow] = {}
        self._blinds: dict[tuple[str, str], str] = {}
        self._named_in: dict[int, frozenset[str]] = {}
        self._texts: dict[tuple[str, str, str | None], tuple[str, str, str | None]] = {}
        self._phones: dict[str, str] = {}
        self._gone: set[str] = set()
        self._by_subject: dict[str, SubjectKey] | None = None
        self._wanted: set[str] = set()
        self._asked: Cursor[TupleRow] | None = None

    # -- keys -------------------------------------------------------------------------------------------------------

    def hold(self, connection: Connection[TupleRow]) -> None:
        """Nobody is erased while this transaction writes: the first thing it does."""
        subjects.hold(connection)

    def ask(self, connection: Connection[TupleRow], parsed: Iterable[Parsed]) -> None:
        """Ask for the keys of everybody in these messages; a pipeline can send it with other questions."""
        for item in parsed:
            self._wanted |= self._named(item)
        kept = self._kept.keys
        self._asked = subjects.ask(connection, [blind for blind in self._wanted if blind not in kept])

    def learn(self, connection: Connection[TupleRow]) -> None:
        """Take the answer."""
        assert self._asked is not None
        known = subjects.read(self._asked, self._seal)
        if known.epoch != self._kept.epoch:
            older = [blind for blind in self._wanted if blind in self._kept.keys]
            self._kept = self._sealing.at(known.epoch)
            if older:
                again = subjects.read(subjects.ask(connection, older), self._seal)
                known.keys.update(again.keys)
                known.keyless.update(again.keyless)
        kept = self._kept.keys
        self._keys = {blind: key for blind in self._wanted if (key := kept.get(blind)) is not None} | known.keys
        if known.keyless:
            self._give_keys(connection, known.keyless)

    def _give_keys(self, connection: Connection[TupleRow], keyless: dict[str, UUID]) -> None:
        """People of before there were keys of people."""
        wrapped = {s: subjects.wrapped(self._seal, s, self._seal.entropy(32)) for s in keyless.values()}
        given = subjects.give_keys(connection, self._seal, wrapped)
        self._keys |= {blind: given[subject] for blind, subject in keyless.items() if subject in given}

    def _key(self, blind: str) -> SubjectKey:
        """The key of a person; a new one for who is new."""
        key = self._keys.get(blind)
        if key is None:
            subject, clear = self._new_id(), self._seal.entropy(32)
            self._new[blind] = subjects.SubjectRow(subject, blind, subjects.wrapped(self._seal, subject, clear))
            key = self._keys[blind] = SubjectKey(subject.hex, clear)
        return key

    def write(self, connection: Connection[TupleRow]) -> None:
        """Put the keys of new people on disk, in the transaction that writes what is sealed under them."""
        if self._new:
            subjects.insert(connection, self._new.values())

    def committed(self) -> None:
        """Remember the keys for later batches: only now is it certain that they are on disk."""
        kept = self._kept.keys
        if len(kept) + len(self._keys) > KEPT_MAX:
            kept.clear()
        kept.update(self._keys)

    # -- sealing ----------------------------------------------------------------------------------------------------

    def sealed(self, item: Parsed) -> Observation:
        """An observation with everything personal sealed; one that was kept sealed comes back as it is."""
        observation = item.result
        assert isinstance(observation, Observation)
        if item.receipt.remembered is not None:
            people = [person for fact in observation.facts for person in people_in(fact)]
            self._gone |= {s for person in people if (s := subject_of(person.document.number)) is not None}
            return observation
        return altered(
            observation, {"facts": tuple([convert_people(fact, self._person) for fact in observation.facts])}
        )

    def raw(self, item: Parsed, most: int | None = None) -> bytes:
        """The message's bytes (the first ``most``), sealed under the keys of all whom it names."""
        receipt = item.receipt
        if receipt.remembered is not None:
            return receipt.raw
        keys = {key.subject: key for key in map(self._key, self._named(item))}
        return seal_raw(keys.values(), receipt.raw if most is None else receipt.raw[:most], self._seal.entropy)

    def _person(self, person: Passenger) -> Passenger:
        document = person.document
        blind = self._blind(document.type, document.number)
        said = (blind, person.name, person.phone)
        texts = self._texts.get(said)
        if texts is None:
            key = self._key(blind)
            phone = None if person.phone is None else key.seal(person.phone)
            if person.phone is not None and phone is not None:
                self._phones[phone] = self._seal.blind(person.phone)
            texts = self._texts[said] = (key.seal(person.name), key.seal(document.number), phone)
        name, number, phone = texts
        return altered(person, {"name": name, "document": altered(document, {"number": number}), "phone": phone})

    def _blind(self, kind: str, number: str) -> str:
        blind = self._blinds.get((kind, number))
        if blind is None:
            blind = self._blinds[kind, number] = subject_index(self._seal, kind, number)
        return blind

    def _named(self, item: Parsed) -> frozenset[str]:
        """The indexes of all whom a message names; the house's own where it names nobody or could not be read."""
        found = self._named_in.get(id(item))
        if found is None:
            said: set[str] = set()
            if item.receipt.remembered is None and isinstance(item.result, Observation):
                for fact in item.result.facts:
                    said.update(self._blind(p.document.type, p.document.number) for p in people_in(fact))
            found = self._named_in[id(item)] = frozenset(said or {house_index(item.receipt)})
        return found

    # -- where people are found again -------------------------------------------------------------------------------

    def phone(self, person: Passenger) -> str | None:
        """The index of a person's telephone; ``KEPT_AS_IT_IS`` for one of whom these messages say nothing."""
        text = person.phone
        if text is None:
            return None
        subject = subject_of(text)
        if subject is None:
            return text.split(":", 3)[2] if text.startswith("sealed:1:") else None
        index = self._phones.get(text)
        if index is None:
            if self._by_subject is None:
                self._by_subject = {key.subject: key for key in self._keys.values()}
            key = self._by_subject.get(subject)
            if key is not None:
                return self._seal.blind(key.open(text))
            return None if subject in self._gone else KEPT_AS_IT_IS
        return index

    def meet(self, connection: Connection[TupleRow], works: Iterable[Work]) -> None:
        """Get the keys of the people of orders that are joined: their tickets are written anew."""
        if named := {subject for work in works if work.union for subject in work.people}:
            found = subjects.keys_of(connection, self._seal, named)
            self._by_subject = {key.subject: key for key in self._keys.values()} | found
            self._gone |= named - found.keys()

    def mention(
        self, connection: Connection[TupleRow], works: Sequence[Work], parsed: Callable[[Decision], Parsed]
    ) -> None:
        """Note whom the messages name without a ticket that would lead to them: of a waitlist, of a refused ask."""
        rows: list[tuple[str, UUID]] = []
        for work in works:
            named = {s for decision in work.decisions for s in self._people_of(parsed(decision))}
            by_ticket = named_in(work.folded.order) if work.folded else frozenset()
            rows += [(subject, work.order_id) for subject in (named | work.people) - by_ticket]
        subjects.mention(connection, rows)

    def _people_of(self, item: Parsed) -> Iterator[str]:
        """The pseudonyms of all whom a message names."""
        return (self._keys[blind].subject for blind in self._named(item) if not blind.startswith(_HOUSE))


def house_index(receipt: Receipt) -> str:
    """The subject of messages that name nobody: one a month, of the business clock."""
    return f"{_HOUSE}{receipt.received_at:%Y-%m}"
