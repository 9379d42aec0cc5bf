"""The first conformance suite: what every adapter promises, tested on its own samples, offline.

Inherit it with pytest (``class TestMine(AdapterConformance): adapter = ...; samples = ...``) or run it without with
``interlock adapter check NAME``: every method ``test_*`` is one promise, its docstring the line on the scorecard.

Samples named ``reject-*`` must be refused, all others must be understood. JSON channels inherit the injection of
unknown fields; another wire overrides ``with_unknown_fields``.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, get_args

from adapters.kit.folding import event_of, identities, order_of
from adapters.kit.golden import compare, pairs
from hub.ports import Adapter
from schemas.events import INTERNAL_TYPES, EventType
from schemas.facts import TicketIssued
from schemas.observation import Observation, Rejection
from schemas.problems import catalogue

TEN_MEGABYTES = 10_000_000
MUTATIONS = 300
_UNKNOWN = "x_unknown_field"
_REFUSALS = frozenset({"unknown_code", "amount_invalid", "time_invalid", "identifier_invalid"})


class AdapterConformance:
    """See the module. Subclasses set ``adapter`` and ``samples``."""

    adapter: ClassVar[Adapter]
    samples: ClassVar[Path]

    def natives(self, *, refused: bool = False) -> Iterator[tuple[str, bytes]]:
        """The samples that must be understood, or those that must be refused."""
        for pair in pairs(self.samples):
            if pair.name.startswith("reject-") == refused:
                yield pair.name, pair.native.read_bytes()

    def observations(self) -> Iterator[tuple[str, bytes, Observation]]:
        for name, raw in self.natives():
            answer = self.adapter.parse(raw)
            assert isinstance(answer, Observation), f"{name} is refused: {answer}"
            yield name, raw, answer

    def test_ten_samples_or_more_understood_and_one_per_kind_of_refusal(self) -> None:
        """at least ten golden pairs, and one refusal each for code, amount, time and number"""
        assert len(list(self.natives())) >= 10
        answers = [self.adapter.parse(raw) for _, raw in self.natives(refused=True)]
        assert {a.code for a in answers if isinstance(a, Rejection)} >= _REFUSALS
        assert all(isinstance(a, Rejection) for a in answers), "a reject-* sample was understood"

    def test_samples_are_as_reviewed(self) -> None:
        """golden pairs: native and canonical are as a person reviewed them; no orphans"""
        assert compare(self.adapter, self.samples) == []

    def test_profile_is_coherent(self) -> None:
        """the profile subscribes to events there are, never to internal ones, and speaks a known encoding"""
        profile = self.adapter.profile
        assert profile.subscribes <= set(get_args(EventType)) - INTERNAL_TYPES
        assert "x".encode(profile.encoding)
        assert profile.asks | profile.tells

    def test_same_message_twice_is_the_same(self) -> None:
        """duplicates: the same bytes give the same observation"""
        for name, raw, first in self.observations():
            assert self.adapter.parse(raw) == first, name

    def test_shuffled_messages_are_the_same(self) -> None:
        """shuffled: what was read before does not colour what is read next"""
        first = {name: answer for name, _, answer in self.observations()}
        shuffled = list(self.natives())
        random.Random(20260109).shuffle(shuffled)
        assert {name: self.adapter.parse(raw) for name, raw in shuffled} == first

    def test_round_trip_keeps_facts(self) -> None:
        """round trip: native, canonical, native keeps every fact or says what it lost"""
        for name, _, observed in self.observations():
            order = order_of(observed)
            formatted = self.adapter.format(event_of(observed, order, self.adapter.profile), order)
            assert formatted is not None, f"{name}: the channel cannot be told of its own order"
            again = self.adapter.parse(formatted.body)
            assert isinstance(again, Observation), f"{name}: {again}"
            before, after = identities(observed.facts), identities(again.facts)
            if not formatted.losses and not observed.losses:
                assert self.kept(before) == self.kept(after), name
            else:
                assert set(after) <= set(before), name

    def kept(self, facts: dict[str, object]) -> dict[str, object]:
        """The facts that a round trip must keep; a channel whose deliveries say less overrides this with a reason."""
        return facts

    def test_format_is_pure(self) -> None:
        """the same order gives the same bytes"""
        for name, _, observed in self.observations():
            order = order_of(observed)
            event = event_of(observed, order, self.adapter.profile)
            assert self.adapter.format(event, order) == self.adapter.format(event, order), name

    def test_round_trip_conserves_money(self) -> None:
        """money: what the tickets cost is the same after native, canonical, native"""
        for name, _, observed in self.observations():
            order = order_of(observed)
            formatted = self.adapter.format(event_of(observed, order, self.adapter.profile), order)
            assert formatted is not None
            again = self.adapter.parse(formatted.body)
            assert isinstance(again, Observation)
            assert fares(again) == fares(observed) or formatted.losses, name

    def test_unknown_fields_are_losses(self) -> None:
        """losses: a field that nobody knows is listed with its place"""
        for name, raw, _ in self.observations():
            changed, places = self.with_unknown_fields(raw)
            answer = self.adapter.parse(changed)
            assert isinstance(answer, Observation), f"{name}: {answer}"
            lost = {loss.pointer for loss in answer.losses if loss.reason == "not_mapped"}
            assert places, f"{name}: nowhere to put an unknown field"
            silent = {place for place in places if not any(place == p or place.startswith(f"{p}/") for p in lost)}
            assert not silent, f"{name}: silent about {sorted(silent)}"

    def with_unknown_fields(self, raw: bytes) -> tuple[bytes, set[str]]:
        """The message with a field nobody knows in every object, and the places where a loss must be."""
        content = json.loads(raw)
        places: set[str] = set()
        _inject(content, "", places)
        return json.dumps(content, ensure_ascii=False).encode(), places

    def test_truncated_is_refused(self) -> None:
        """malformed: cut off anywhere, it is refused with a place"""
        for name, raw, _ in self.observations():
            whole = len(raw.rstrip())
            for end in sorted({0, 1, whole // 2, whole - 1, *range(0, whole, max(1, whole // 40))}):
                self.refused(raw[:end], f"{name} cut at byte {end}")

    def test_wrong_encoding_is_refused(self) -> None:
        """malformed: another encoding or damaged bytes are refused with a place"""
        for name, raw, _ in self.observations():
            text = raw.decode(self.adapter.profile.encoding)
            self.refused(text.encode("utf-16"), f"{name} in UTF-16")
            self.refused(raw[: len(raw) // 2] + b"\xff\xff" + raw[len(raw) // 2 :], f"{name} with damaged bytes")

    def test_ten_megabytes_are_refused(self) -> None:
        """malformed: ten megabytes are refused before they are read"""
        for name, raw, _ in self.observations():
            answer = self.refused(raw + b" " * TEN_MEGABYTES, f"{name} of 10 MB")
            assert answer.code == "message_too_large"

    def test_nonsense_is_refused(self) -> None:
        """malformed: empty, zero bytes, other formats and endless nesting are refused with a place"""
        empty = (b"", b"\0", b"\0" * 100, b"null", b"[]", b"{}", b"\xff\xfe")
        for raw in (*empty, b"[" * 50_000, b"<a/>", b"<a>" * 5_000):
            self.refused(raw, repr(raw[:20]))

    def test_mutations_never_raise(self) -> None:
        """malformed: 300 seeded mutations of each sample are understood or refused, never an exception"""
        chance = random.Random(20260110)
        for name, raw, _ in self.observations():
            for number in range(MUTATIONS):
                self.answer(mutated(raw, chance), f"{name}, mutation {number}")

    def test_refusals_are_in_the_catalogue(self) -> None:
        """every refusal has a code of the catalogue, a place, and a sentence"""
        for name, raw in self.natives(refused=True):
            self.refused(raw, name)

    def answer(self, raw: bytes, what: str) -> Observation | Rejection:
        """Parse, and check that a refusal names code and place."""
        answer = self.adapter.parse(raw)
        assert isinstance(answer, Observation | Rejection), what
        if isinstance(answer, Rejection):
            assert answer.pointer, f"{what}: refused without a place"
            assert answer.code in catalogue(), f"{what}: {answer.code} is in no catalogue"
        return answer

    def refused(self, raw: bytes, what: str) -> Rejection:
        answer = self.answer(raw, what)
        assert isinstance(answer, Rejection), f"{what} was understood"
        return answer


def fares(observation: Observation) -> int:
    """Fen of all tickets issued in one message."""
    return sum(f.ticket.fare_gross.amount for f in observation.facts if isinstance(f, TicketIssued))


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """One to four small damages: a byte changed, dropped, doubled, or a span moved."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data)) if data else 0
        match chance.randrange(5):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place : place + chance.randint(1, 8)]
            case 2:
                data[place:place] = data[place : place + chance.randint(1, 30)]
            case 3:
                data[place : place + 1] = b'0123456789-. "{}[]<>ZY'[chance.randrange(22) :][:1]
            case _:
                span = data[place : place + 10]
                del data[place : place + 10]
                other = chance.randrange(len(data) + 1)
                data[other:other] = span
    return bytes(data)


def _inject(value: Any, pointer: str, places: set[str]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _inject(item, f"{pointer}/{key}", places)
        value[_UNKNOWN] = "?"
        places.add(f"{pointer}/{_UNKNOWN}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _inject(item, f"{pointer}/{index}", places)
