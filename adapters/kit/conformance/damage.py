"""Promises about what is broken: damaged, cut off, too large or nonsense, it is refused with a place, never raised."""

import random
from typing import Any

from adapters.kit.conformance.fields import Message
from adapters.kit.conformance.fuzz import mixed, mutated
from adapters.kit.conformance.suite import Suite
from schemas.observation import Observation

TEN_MEGABYTES = 10_000_000
CUTS = 30_000
SPARSE = 7
MUTATIONS = 50
MIXES = 300


class Damage(Suite):
    """Malformed input of every kind."""

    _schema: tuple[dict[str, list[Any]], list[Message]] | None = None

    def covering(self) -> list[tuple[str, bytes]]:
        """Few and short samples that together have every kind of object or line of the wire."""
        opened = {raw: {f.pattern.rpartition("/")[0] for f in self.open(raw).fields} for _, raw in self.natives()}
        names = {raw: name for name, raw in self.natives()}
        missing = set().union(*opened.values())
        chosen = []
        while missing:
            raw = max(opened, key=lambda raw: (len(opened[raw] & missing) / len(raw), -len(raw)))
            missing -= opened[raw]
            chosen.append((names[raw], raw))
        return chosen

    def test_truncated_is_refused(self) -> None:
        """malformed: cut off at any byte, it is refused with a place

        Of the samples that together have every kind of object; past 30,000 bytes of them, every seventh.
        """
        done = 0
        for name, raw in self.covering():
            whole = raw.rstrip()
            for end in range(0, len(whole), 1 if done < CUTS else SPARSE):
                done += 1
                self.refused(whole[:end], f"{name} cut at byte {end}")

    def test_wrong_encoding_is_refused(self) -> None:
        """malformed: another encoding or damaged bytes are refused with a place"""
        for name, raw, _ in self.observations():
            text = raw.decode(self.adapter.profile.encoding)
            self.refused(text.encode("utf-16"), f"{name} in UTF-16")
            self.refused(raw[: len(raw) // 2] + b"\xff\xff" + raw[len(raw) // 2 :], f"{name} with damaged bytes")

    def test_damage_between_any_two_bytes_is_never_silent(self) -> None:
        """malformed: a byte that no text has, put anywhere, is refused with a place"""
        for name, raw in self.covering():
            for place in range(0, len(raw.rstrip()), SPARSE):
                self.refused(raw[:place] + b"\xff" + raw[place + 1 :], f"{name} with byte {place} damaged")

    def test_ten_megabytes_are_refused(self) -> None:
        """malformed: ten megabytes are refused before they are read; one byte more than allowed is too much"""
        most = self.adapter.profile.max_message_bytes
        for name, raw in self.covering():
            for size in (most + 1, TEN_MEGABYTES):
                answer = self.refused(raw.ljust(size), f"{name} of {size} bytes")
                assert answer.code == "message_too_large", f"{name} of {size} bytes: {answer.code}"
            at_most = self.adapter.parse(raw.ljust(most))
            assert isinstance(at_most, Observation) or at_most.code != "message_too_large", f"{name} of {most} bytes"

    def test_nonsense_is_refused(self) -> None:
        """malformed: empty, zero bytes, other formats and endless nesting are refused with a place"""
        empty = (b"", b"\0", b"\0" * 100, b"null", b"[]", b"{}", b"\xff\xfe")
        for raw in (*empty, b"[" * 50_000, b"<a/>", b"<a>" * 5_000):
            self.refused(raw, repr(raw[:20]))

    def test_depth_and_crowds_never_raise(self) -> None:
        """malformed: an unknown field that is nested a thousand deep or repeated thousands of times is answered"""
        name, raw = self.covering()[0]
        changed, _ = self.with_unknown_fields(raw)
        for deep in (900, 2_000):
            for old, new in (
                (b'"?"', b"[" * deep + b"]" * deep),
                (b">?<", b">" + b"<a>" * deep + b"</a>" * deep + b"<"),
            ):
                self.answer(changed.replace(old, new, 1), f"{name} with an unknown field {deep} deep")
            self.answer(changed.replace(b'"?"', b"[" + b"[]," * deep + b"0]", 1), f"{name} with a list of {deep} lists")

    def test_mutations_never_raise(self) -> None:
        """malformed: 50 seeded mutations of each sample's bytes are understood or refused, never an exception"""
        chance = random.Random(20260110)
        for name, raw, _ in self.observations():
            for number in range(MUTATIONS):
                self.answer(mutated(raw, chance), f"{name}, mutation {number}")

    def test_mixed_fields_never_raise(self) -> None:
        """fuzz: 300 seeded mixtures of the samples' own values are understood or refused; what is understood is told

        An understood mixture must also be formatted without an exception and read again.
        """
        chance = random.Random(20260111)
        schema, messages = self.native_schema()
        for number in range(MIXES):
            raw, what = mixed(chance.choice(messages), schema, chance)
            self.survives(raw, f"mixture {number}: {what}")

    def native_schema(self) -> tuple[dict[str, list[Any]], list[Message]]:
        """The values by pattern, and the messages to put them into; read once for a suite."""
        if self._schema is None:
            self._schema = self.values(), [self.open(raw) for _, raw in self.natives()]
        assert self._schema[1], "there is no sample to mix"
        return self._schema

    def survives(self, raw: bytes, what: str) -> None:
        """Understood or refused with a place; understood, it can be told again."""
        answer = self.answer(raw, what)
        if isinstance(answer, Observation):
            _, formatted = self.told(answer)
            if formatted is not None:
                self.answer(formatted.body, f"{what}, told again")
