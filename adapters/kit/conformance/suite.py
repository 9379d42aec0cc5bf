"""What every kind of promise stands on: the samples, their fields, and how an answer is judged.

A promise is a method ``test_*``; its docstring is the line on the scorecard, the words before the first colon name
its kind. What fails says the sample, the field, what was expected and an example.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NoReturn
from unittest import SkipTest

from pydantic import ValidationError

from adapters.kit.conformance.fields import Field, Fields, Message, fields_for, opened
from adapters.kit.folding import event_of, order_of
from adapters.kit.golden import pairs
from hub.ports import Adapter, Formatted
from schemas.observation import Observation, Rejection
from schemas.order import Order
from schemas.problems import catalogue

SHOWN_MOST = 12
"""How many findings one broken promise lists."""


class Suite:
    """See the module. Subclasses set ``adapter`` and ``samples``, and ``fields`` when no media type says the wire."""

    adapter: ClassVar[Adapter]
    samples: ClassVar[Path]
    fields: ClassVar[Fields | None] = None
    read: ClassVar[list[tuple[str, bytes, Observation]]] = []
    read_of: ClassVar[Adapter | None] = None

    def natives(self, *, refused: bool = False) -> Iterator[tuple[str, bytes]]:
        """The samples that must be understood, or those that must be refused."""
        for pair in pairs(self.samples):
            if pair.name.startswith("reject-") == refused:
                yield pair.name, pair.native.read_bytes()

    def observations(self) -> list[tuple[str, bytes, Observation]]:
        """The samples that must be understood and what they say; read once for all promises of a class."""
        kind = type(self)
        if kind.read_of is not self.adapter:
            kind.read = [(name, raw, self._understood(name, raw)) for name, raw in self.natives()]
            kind.read_of = self.adapter
        return kind.read

    def _understood(self, name: str, raw: bytes) -> Observation:
        answer = self.answer(raw, name)
        assert isinstance(answer, Observation), f"{name} is refused: {answer}"
        return answer

    def wire(self) -> Fields:
        """How to name and change the fields of this channel's messages."""
        own: Fields | None = self.fields or getattr(self.adapter, "native_fields", None)
        if own is not None:
            return own
        profile = self.adapter.profile
        return fields_for(profile.media_type, profile.encoding)

    def open(self, raw: bytes) -> Message:
        """A message by its fields."""
        return opened(self.wire(), raw)

    def with_unknown_fields(self, raw: bytes) -> tuple[bytes, set[str]]:
        """The message with a field nobody knows wherever one fits, and the places where a loss must be."""
        return self.wire().with_unknown(raw)

    def values(self) -> dict[str, list[Any]]:
        """pattern -> the different values that the samples have there: the native schema, as far as they show it."""
        seen: dict[str, list[Any]] = {}
        for _, raw in self.natives():
            for field in self.open(raw).fields:
                known = seen.setdefault(field.pattern, [])
                if field.value not in known:
                    known.append(field.value)
        return seen

    def ignored(self, field: Field) -> bool:
        """Whether the profile says why no observation shows this field."""
        return field.named_by(self.adapter.profile.ignores)

    def told(self, observed: Observation) -> tuple[Order, Formatted | None]:
        """The order of one observation, and what the channel would be told of it."""
        order = order_of(observed)
        return order, self.adapter.format(event_of(observed, order, self.adapter.profile), order)

    def answer(self, raw: bytes, what: str) -> Observation | Rejection:
        """Parse, and check the answer: a refusal names code and place, an observation is what the contract allows.

        Readers build facts without the contract's checks (``built``), so every one is checked here, fuzz included.
        """
        answer = self.adapter.parse(raw)
        assert isinstance(answer, Observation | Rejection), what
        if isinstance(answer, Rejection):
            assert answer.pointer, f"{what}: refused without a place"
            assert answer.code in catalogue(), f"{what}: {answer.code} is in no catalogue"
        else:
            assert not (wrong := refused_by_contract(answer)), f"{what}: the contract refuses {wrong}"
        return answer

    def refused(self, raw: bytes, what: str) -> Rejection:
        answer = self.answer(raw, what)
        assert isinstance(answer, Rejection), f"{what} was understood"
        return answer

    def not_declared(self, why: str) -> NoReturn:
        """This channel does not promise it: the scorecard shows the reason, pytest a skip."""
        raise SkipTest(why)


def refused_by_contract(observed: Observation) -> str:
    """Where and why full validation makes something else of an observation; empty when it is the same."""
    try:
        return "" if Observation.model_validate(observed.model_dump(warnings=False)) == observed else "an equal one"
    except ValidationError as error:
        return "; ".join(f"/{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)[:3])


def listed(findings: list[str]) -> str:
    """Findings as one text, the first of them in full."""
    more = len(findings) - SHOWN_MOST
    return "\n".join(findings[:SHOWN_MOST]) + (f"\nand {more} more" if more > 0 else "")
