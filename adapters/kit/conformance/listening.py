"""Promises about completeness: every native value is mapped, refused or a loss; what nobody knows is never guessed.

heard      another value there changes the observation or its losses, or every other value is refused
silent     another value changes nothing: the field is ignored, and ``Profile.ignores`` does not say why
carried    a word nobody knows arrives in the observation as it is: free text
guessed    it changes the observation without arriving there and without a loss
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from adapters.kit.conformance.fields import ABSENT, Field, Message
from adapters.kit.conformance.suite import Suite, listed
from schemas.codes import code_list
from schemas.observation import Observation, Rejection

WORD = "QZXWK"
NUMBER = 98760123
_ELSEWHERE = 2
_KINDS = 4
"""In so many kinds of messages a field is given a word that nobody knows."""
_KINDS_HEARD = 12
"""In about so many kinds of messages a field must be heard."""
_LOOKS = 3
_FEW = 6
_SHORT = tuple("ZXWKVUYJNRLTEIGH#*")
_NEITHER = frozenset({"outcomes", "problems", "stations", "ticket_state"})


class Listening(Suite):
    """Losses are complete and unknown codes are never guessed."""

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

    def test_every_field_is_heard(self) -> None:
        """losses: every native field is mapped, refused or listed as lost, or the profile says why it is ignored"""
        elsewhere = self.values()
        done: dict[str, set[object]] = {}
        silent: dict[str, str] = {}
        for name, raw, observed in self.observations():
            message, kinds = self.open(raw), _kinds(observed)
            for field in _one_of_each(message):
                # In several kinds of messages; of codes and flags also every value, for each may be read otherwise.
                looked = done.setdefault(field.pattern, set())
                few = len(elsewhere[field.pattern]) <= _FEW
                looks: set[object] = {kinds} if len(looked) < _KINDS_HEARD else set()
                looks |= {repr(field.value)} if few else set()
                if field.value in ("", None) or looks <= looked or field.pattern in silent:
                    continue
                if self.ignored(field) or _lost_whole(field, observed):
                    continue
                looked |= looks
                same = self._unheard(message, field, list(_others(field, elsewhere[field.pattern])), observed)
                if same is not None:
                    silent[field.pattern] = f"{name}: {field.place} = {field.value!r} or {same!r}, nothing shows which"
        remedy = "map these fields, list a loss, or name them in Profile.ignores with the reason:\n"
        assert not silent, remedy + listed(sorted(silent.values()))

    def _unheard(self, message: Message, field: Field, tried: list[Any], observed: Observation) -> Any:
        """Another value that changes nothing, if none of them changes anything; None when the field is heard."""
        same = None
        for value in tried:
            answer = self.adapter.parse(message.written({field.path: value}))
            if isinstance(answer, Rejection):
                continue
            if answer != observed:
                return None
            same = value if same is None else same
        return same

    def test_unknown_words_are_never_guessed(self) -> None:
        """codes: an unknown word in any field is refused, listed as a loss, or carried as it is: never guessed"""
        done: dict[str, set[frozenset[str]]] = {}
        guessed: dict[str, str] = {}
        for name, raw, observed in self.observations():
            message, kinds = self.open(raw), _kinds(observed)
            for field in _one_of_each(message):
                looked = done.setdefault(field.pattern, set())
                if kinds in looked or len(looked) == _KINDS or isinstance(field.value, bool):
                    continue
                looked.add(kinds)
                nonsense = NUMBER if isinstance(field.value, int) else WORD[: field.width]
                answer = self.answer(message.written({field.path: nonsense}), f"{name}, {field.path}")
                if isinstance(answer, Observation) and not _honest(answer, observed, str(nonsense)):
                    guessed[field.pattern] = f"{name}: {field.place} = {nonsense!r}; known is {field.value!r}"
        expected = "read as something else; expected a refusal (unknown_code), a loss, or the text itself:\n"
        assert not guessed, expected + listed(sorted(guessed.values()))

    def test_unknown_codes_are_refused_or_unknown(self) -> None:
        """codes: in every field of a cross-walk an unknown code is refused as unknown_code or becomes unknown"""
        wrong: dict[str, str] = {}
        looked: dict[str, int] = {}
        for name, raw, observed in self.observations():
            message = self.open(raw)
            for field in _one_of_each(message):
                if looked.get(field.pattern, 0) >= _LOOKS or isinstance(field.value, bool) or field.value in (None, ""):
                    continue
                looked[field.pattern] = looked.get(field.pattern, 0) + 1
                if (walked := self._cross_walk(message, field, observed)) is None:
                    continue
                looked[field.pattern] = _LOOKS
                unknown = _unknown(field.value, self._table(walked))
                answer = self.answer(message.written({field.path: unknown}), name)
                said = {loss.reason for loss in answer.losses} if isinstance(answer, Observation) else {answer.code}
                if "unknown_code" not in said:
                    wrong[field.pattern] = f"{name}: {field.place} (list {walked}): {unknown!r} gives {sorted(said)}"
        assert not wrong, "expected unknown_code, as refusal or loss:\n" + listed(sorted(wrong.values()))

    def _table(self, name: str) -> dict[str, str]:
        """A list as this connection reads it: native -> ours."""
        profile = self.adapter.profile
        return _cross_walks(profile.channel).get(name, {}) | dict(profile.code_tables.get(name, {}))

    def _cross_walk(self, message: Message, field: Field, observed: Observation) -> str | None:
        """The code list that this field is read with: another spelling of the list gives another of its codes."""
        before = ""
        for name in sorted({*_cross_walks(self.adapter.profile.channel), *self.adapter.profile.code_tables}):
            table = self._table(name)
            if (ours := table.get(str(field.value))) is None:
                continue
            before = before or observed.model_dump_json()
            others = [(native, code) for native, code in table.items() if code != ours]
            for native, theirs in (*others[:_ELSEWHERE], *others[-1:]):
                value = int(native) if isinstance(field.value, int) and native.isdigit() else native
                answer = self.adapter.parse(message.written({field.path: value}))
                after = answer.model_dump_json() if isinstance(answer, Observation) else ""
                if after.count(f'"{theirs}"') > before.count(f'"{theirs}"'):
                    return name
        return None

    def test_missing_fields_are_answered(self) -> None:
        """malformed: without any one of its fields, a message is understood or refused with a place"""
        done: set[str] = set()
        for name, raw, _ in self.observations():
            message = self.open(raw)
            for field in _one_of_each(message):
                if field.pattern not in done:
                    done.add(field.pattern)
                    self.answer(message.written({field.path: ABSENT}), f"{name} without {field.path}")


def _kinds(observed: Observation) -> frozenset[str]:
    """What a message reports: what a field means may depend on it, so each field is tried with each."""
    newest = max(fact.occurred_at for fact in observed.facts)
    return frozenset(fact.fact for fact in observed.facts if fact.occurred_at == newest)


def _unknown(known: Any, table: dict[str, str]) -> Any:
    """A spelling of the same kind and no longer than ``known`` that no list has."""
    if isinstance(known, int):
        return next(number for number in range(97, 10_000) if str(number) not in table)
    width = len(known.encode("gb18030"))
    return next(word[:width] for word in (WORD, *_SHORT) if word[:width] not in table)


def _lost_whole(field: Field, observed: Observation) -> bool:
    """Whether a loss says that the object or line which this field is part of is not in the observation."""
    places = {loss.pointer.replace("[1]", "") for loss in observed.losses}
    path = field.path.replace("[1]", "")
    return any(path.startswith((f"{place}/", f"{place},")) for place in places if place.strip("/"))


def _one_of_each(message: Message) -> Iterator[Field]:
    """The first field of each pattern: the others of a list are the same columns again."""
    return iter({field.pattern: field for field in reversed(message.fields)}.values())


def _others(field: Field, elsewhere: list[Any]) -> Iterator[Any]:
    """Other values for a field: its first and last figure or letter turned on by one, and what other samples have."""
    value = field.value
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, str) and value:
        yield from dict.fromkeys((_turned(value, value), _turned(value, value[::-1])))
    elif value is not None and not isinstance(value, str):
        yield value + 1
    yield from [other for other in elsewhere if not _same(other, value) and other not in (None, "")][:_ELSEWHERE]


def _same(one: Any, other: Any) -> bool:
    """Whether two values are one: the same text, or the same number however it is written."""
    try:
        return str(one) == str(other) or Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False


def _turned(value: str, look: str) -> str:
    """``value`` with the first (or, looking backwards, the last) ASCII figure or letter replaced by its neighbour."""
    for place, letter in enumerate(look):
        if letter.isascii() and letter.isalnum():
            index = place if look is value else len(value) - 1 - place
            return value[:index] + _NEXT[letter] + value[index + 1 :]
    return value + WORD[0]


_ALPHABETS = ("0123456789", ascii_uppercase, ascii_lowercase)
_NEXT = {letter: known[(place + 1) % len(known)] for known in _ALPHABETS for place, letter in enumerate(known)}


def _honest(answer: Observation, observed: Observation, word: str) -> bool:
    """Refusals aside: nothing changed, a loss says so, or the word itself arrived."""
    if answer == observed or answer.losses != observed.losses:
        return True
    before, after = observed.model_dump_json().casefold(), answer.model_dump_json().casefold()
    return after.count(word.casefold()) > before.count(word.casefold())


@cache
def _cross_walks(channel: str) -> dict[str, dict[str, str]]:
    """list -> the channel's spelling -> our code, for the lists that have this channel."""
    folder = files("schemas").joinpath("code_lists")
    names = sorted(item.name.removesuffix(".csv") for item in folder.iterdir() if item.name.endswith(".csv"))
    found = {}
    for name in names:
        rows = code_list(name).rows if name not in _NEITHER else []
        spellings = {s: row["code"] for row in rows for s in (row.get(channel) or "").split("|") if s}
        if spellings:
            found[name] = spellings
    return found
