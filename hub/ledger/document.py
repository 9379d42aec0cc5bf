"""The order's document: the set of its facts, each with the latest statement of every witness.

    identity -> witness -> Statement

A set holds a fact once, so repeated, late and shuffled messages change nothing that the fold can see. A witness may
change its mind: of two statements of one witness the later one counts (by ``stated_at``, then ``sequence``, then by
content, so that a tie has one answer), whatever the order in which they reached us.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Raw
from pydantic import Field, TypeAdapter

from schemas.facts import Fact
from schemas.model import SCHEMA_VERSION, Canonical, Instant, altered, trusted
from schemas.observation import Observation, ReferenceClaim
from schemas.order import Reference
from schemas.upcasting import upcast

HUB = "hub"
"""The witness name of the hub itself: expired holds, seats not granted."""

_CIPHERTEXT = re.compile(r'(sealed:1:[0-9a-f]+):[^"]*')
_SEALED = re.compile(r'sealed:[^"]*')


class Statement(Canonical):
    """One witness's word for one fact. ``stated_at`` is the channel's time, ``recorded_at`` ours."""

    fact: Fact
    stated_at: Instant
    sequence: int = 0
    recorded_at: Instant
    message: str = Field(description="the message that carried it: channel/message_id")

    @cached_property
    def written(self) -> Raw:
        """The statement as it is stored: once in its order's document and once in the event, the same bytes."""
        # The fact by its own class's serializer: as one of seventeen in a union it costs half as much again.
        fact = Raw(self.fact.__pydantic_serializer__.to_json(self.fact, exclude_none=True))
        rest = {"stated_at": self.stated_at, "sequence": self.sequence, "recorded_at": self.recorded_at}
        return Raw(_encode({"fact": fact, **rest, "message": self.message}))

    @property
    def says(self) -> str:
        """The fact as text without ciphertexts of the old form: two such sealings of one number differ in them."""
        return _CIPHERTEXT.sub(r"\1", self.fact.model_dump_json())

    @property
    def precedence(self) -> tuple[datetime, int, str, str]:
        """What decides between two statements of one witness; the last two parts only make ties deterministic.

        What is said of people comes last: pseudonyms are random, and no other ledger of the same messages has them.
        """
        return (self.stated_at, self.sequence, _SEALED.sub("", self.says), self.says)


class WitnessedStatement(Canonical):
    """A statement and who made it: what an event carries, and what the document can be rebuilt from."""

    witness: str
    statement: Statement


_build_statement, _build_witnessed = trusted(Statement), trusted(WitnessedStatement)
_build_reference = trusted(Reference)


class Joined(NamedTuple):
    """What joining did: identities nobody knew, newly attested, restated with other content, and what was taken.

    ``taken`` also holds statements that only say the same again, later: a statement from in between that arrives after
    them must find them, or the order of arrival would decide.
    """

    new: tuple[str, ...]
    attested: tuple[str, ...]
    restated: tuple[str, ...]
    taken: tuple[WitnessedStatement, ...]


class Document(Canonical):
    """Everything that is known of one order. Immutable: :meth:`join` returns a new one."""

    order_id: UUID
    references: tuple[Reference, ...] = ()
    facts: dict[str, dict[str, Statement]] = Field(default_factory=dict)
    statements: int = Field(default=0, description="statements ever taken: the order's version")

    @classmethod
    def of(cls, order_id: UUID) -> "Document":
        """The document of an order of which nothing is known yet."""
        return altered(_EMPTY, {"order_id": order_id})

    @property
    def witnesses(self) -> frozenset[str]:
        return frozenset(witness for said in self.facts.values() for witness in said)

    @property
    def recorded_at(self) -> datetime | None:
        """When the latest of its statements was recorded; None for an empty one."""
        return max((s.recorded_at for said in self.facts.values() for s in said.values()), default=None)

    def join(self, witness: str, statements: Iterable[Statement]) -> tuple["Document", Joined]:
        """Add ``statements`` of ``witness``; returns the new document and what was new."""
        facts = dict(self.facts)
        new: list[str] = []
        attested: list[str] = []
        restated: list[str] = []
        taken: list[WitnessedStatement] = []
        for statement in statements:
            identity = statement.fact.identity
            known = facts.get(identity)
            if known is None:
                new.append(identity)
                known = {}
            elif witness not in known:
                attested.append(identity)
            elif statement.precedence <= known[witness].precedence:
                continue
            elif statement.says != known[witness].says:
                restated.append(identity)
            facts[identity] = {**known, witness: statement}
            taken.append(_build_witnessed(witness=witness, statement=statement))
        if not taken:
            return self, Joined((), (), (), ())
        document = altered(self, {"facts": facts, "statements": self.statements + len(taken)})
        return document, Joined(tuple(new), tuple(attested), tuple(restated), tuple(taken))

    def with_references(self, claims: Iterable[ReferenceClaim], seen: datetime) -> "Document":
        """The document with these references seen at ``seen`` (the channel's time)."""
        known = {(r.system, r.kind, r.value): r for r in self.references}
        changed = False
        for claim in claims:
            key = (claim.system, claim.kind, claim.value)
            before = known.get(key)
            first = min(before.first_seen, seen) if before else seen
            last = max(before.last_seen, seen) if before else seen
            if before is None or (first, last) != (before.first_seen, before.last_seen):
                known[key] = _build_reference(
                    system=claim.system, kind=claim.kind, value=claim.value, first_seen=first, last_seen=last
                )
                changed = True
        if not changed:
            return self
        return altered(self, {"references": tuple([known[key] for key in sorted(known)])})

    def of_witness(self, witness: str) -> "Document":
        """What this one system believes: only the facts that it attests."""
        facts = {key: {witness: said[witness]} for key, said in self.facts.items() if witness in said}
        return self.model_copy(update={"facts": facts})

    def as_of(self, occurred: datetime) -> "Document":
        """Only what had happened at ``occurred`` (the channels' time)."""
        facts = {
            key: kept
            for key, said in self.facts.items()
            if (kept := {w: s for w, s in said.items() if s.fact.occurred_at <= occurred})
        }
        return self.model_copy(update={"facts": facts})


_EMPTY = Document(order_id=UUID(int=0))


def statements_of(observation: Observation, recorded_at: datetime, message: str) -> list[Statement]:
    """The observation's facts as statements."""
    return [
        _build_statement(
            fact=fact,
            stated_at=observation.occurred_at,
            sequence=observation.sequence,
            recorded_at=recorded_at,
            message=message,
        )
        for fact in observation.facts
    ]


def rebuild(order_id: UUID, references: Iterable[Reference], said: Iterable[WitnessedStatement]) -> Document:
    """The document from the statements of the event log, in any order."""
    document = Document(order_id=order_id, references=tuple(references))
    for item in said:
        document, _ = document.join(item.witness, [item.statement])
    return document


_STATEMENTS = TypeAdapter(list[WitnessedStatement])
_REFERENCES = TypeAdapter(tuple[Reference, ...])
_encode = msgspec.json.Encoder().encode


def read_document(text: str, written: str) -> Document:
    """A stored document, written under version ``written`` of the contract."""
    if written == SCHEMA_VERSION:
        return Document.model_validate_json(text)
    return Document.model_validate_json(json.dumps(upcast(json.loads(text), written)))


def read_statements(text: str, written: str) -> list[WitnessedStatement]:
    """The statements of a stored event, written under version ``written`` of the contract."""
    if written == SCHEMA_VERSION:
        return _STATEMENTS.validate_json(text)
    return _STATEMENTS.validate_json(json.dumps(upcast(json.loads(text), written)))


def write_document(document: Document) -> str:
    """The document as it is stored, under today's version of the contract."""
    facts = {key: {witness: s.written for witness, s in said.items()} for key, said in document.facts.items()}
    references = Raw(_REFERENCES.dump_json(document.references, exclude_none=True))
    whole = {
        "order_id": document.order_id,
        "references": references,
        "facts": facts,
        "statements": document.statements,
    }
    return _encode(whole).decode()


def write_statements(statements: Iterable[WitnessedStatement]) -> str:
    """Statements as an event stores them, under today's version of the contract."""
    return _encode([{"witness": s.witness, "statement": s.statement.written} for s in statements]).decode()
