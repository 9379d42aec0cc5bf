"""One native message as a person may see it, beside what its adapter makes of it: numbers and names masked.

The bytes are opened only here, for the moment of showing them. Personal numbers are found in two ways: those that the
adapter reads from the message, wherever they stand in it, and whatever has the form of one (for messages that no
adapter could read).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hub.ports import Adapter
from schemas.observation import Loss, Observation, Rejection
from schemas.personal import masked as masked_value
from schemas.personal import masked_name, masked_number, personal_values

SHOWN_CHARACTERS_MAX = 60_000

# A resident id is 6 digits of region, a birth date, 3 digits and a check character (GB 11643); a mobile number has 11
# digits and begins with 1 (in +86 form too); a passport or permit is one or two letters and 8 digits.
_ID = re.compile(r"[0-9]{6}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]")
_MOBILE = re.compile(r"(?<![0-9])(?:\+?86)?1[3-9][0-9]{9}(?![0-9])")
_NAMED = re.compile(
    r'((?:id_?no|id_?number|cert_?no|document_?(?:no|number|id)|passport|mobile|phone|tel)\w*"?\s*[:=>]\s*"?)([^"\s,<>]{5,})',
    re.IGNORECASE,
)
# What a message says of a person beside numbers: parts of a name, a birthday, a mailbox (JSON members of any channel).
_MEMBER = (
    r"(?:(?:passenger_?|first_?|last_?|given_?|(?:first|second)?_?family_?)?name"
    r"|date_?of_?birth|birth_?da(?:te|y)|e_?mail)"
)
_MEMBER_NAME = re.compile(_MEMBER, re.IGNORECASE)
_OF_A_PERSON = re.compile(rf"""(["']{_MEMBER}["']\s*:\s*["'])([^"']+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the native text; ``marks``: the losses that name a place in it."""

    number: int
    text: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """``lines`` native, ``canonical`` what the adapter makes of them (an observation or a rejection), both masked.

    ``erased``: it names somebody who was erased, so that nobody can open it; there are no lines then.
    """

    encoding: str
    media_type: str
    size_bytes: int
    cut: bool
    lines: tuple[Line, ...]
    canonical: dict[str, Any]
    rejected: bool
    losses: tuple[dict[str, Any], ...]
    erased: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a page and for its JSON twin."""
        return {
            "encoding": self.encoding,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
            "cut": self.cut,
            "native": [{"number": n.number, "text": n.text, "marks": list(n.marks)} for n in self.lines],
            "canonical": self.canonical,
            "rejected": self.rejected,
            "losses": list(self.losses),
            "erased": self.erased,
        }


def exhibit(adapter: Adapter, raw: bytes, clear: bool = False) -> Exhibit:
    """Native bytes beside their canonical reading. Never fails on bad bytes: what cannot be decoded shows as \ufffd.

    ``clear``: nothing is masked. Only for somebody who has a right to it, after it was written down that he looked.
    """
    result = adapter.parse(raw)
    encoding = adapter.profile.encoding
    text = raw.decode(encoding, errors="replace")
    text = indented(text if clear else masked(text, _numbers(result), _names(result)))
    losses: tuple[Loss, ...] = result.losses if isinstance(result, Observation) else ()
    pointers = [loss.pointer for loss in losses] if isinstance(result, Observation) else [result.pointer]
    return Exhibit(
        encoding=encoding,
        media_type=adapter.profile.media_type,
        size_bytes=len(raw),
        cut=len(text) > SHOWN_CHARACTERS_MAX,
        lines=_marked(text[:SHOWN_CHARACTERS_MAX].splitlines(), pointers),
        canonical=_canonical(result, clear),
        rejected=isinstance(result, Rejection),
        losses=tuple(_loss(loss) for loss in losses),
    )


def erased(adapter: Adapter, remembered: Observation | None, size_bytes: int, clear: bool = False) -> Exhibit:
    """A message that cannot be opened any more: what is ``remembered`` of it, without whom was erased."""
    return Exhibit(
        encoding=adapter.profile.encoding,
        media_type=adapter.profile.media_type,
        size_bytes=size_bytes,
        cut=False,
        lines=(),
        canonical=_canonical(remembered, clear) if remembered else {},
        rejected=False,
        losses=tuple(_loss(loss) for loss in remembered.losses) if remembered else (),
        erased=True,
    )


def concealed(text: str, result: Observation | Rejection) -> str:
    """``text`` of a native message with what is personal in its reading, or looks personal, replaced by masks."""
    return masked(text, _numbers(result), _names(result))


def masked(text: str, numbers: set[str], names: Iterable[str] = ()) -> str:
    """``text`` with these numbers and names, and whatever looks like a number of a person, replaced by their masks."""
    for value in sorted(numbers, key=len, reverse=True):
        text = text.replace(value, masked_number(value))
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, masked_name(name))
    text = _ID.sub(lambda found: masked_number(found[0]), text)
    text = _MOBILE.sub(lambda found: masked_number(found[0]), text)
    text = _OF_A_PERSON.sub(lambda found: found[0] if "*" in found[2] else f"{found[1]}***", text)
    return _NAMED.sub(lambda found: found[1] + (found[2] if "***" in found[2] else masked_number(found[2])), text)


def indented(text: str) -> str:
    """JSON on one line spread over many, token by token, so that no value is changed; other texts as they are."""
    stripped = text.strip()
    if "\n" in stripped or not stripped.startswith(("{", "[")):
        return text
    result: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in stripped:
        if quoted:
            result.append(character)
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
            continue
        quoted = character == '"'
        if character in "}]":
            depth = max(0, depth - 1)
            result.append("\n" + "  " * depth)
        result.append(character)
        if character in "{[":
            depth += 1
        if character in "{[,":
            result.append("\n" + "  " * depth)
    return "".join(result)


def _numbers(result: Observation | Rejection) -> set[str]:
    """The personal numbers of a message, in every spelling in which it may hold them."""
    found: set[str] = set()
    for number in (value.text for value in personal_values(result) if not value.name):
        found |= {number, number.lower(), number.removeprefix("+86"), number.removeprefix("+")}
    return {value for value in found if len(value) >= 5}


def _names(result: Observation | Rejection) -> set[str]:
    return {value.text for value in personal_values(result) if value.name and len(value.text) > 1}


def _canonical(result: Observation | Rejection, clear: bool) -> dict[str, Any]:
    if clear:
        return result.model_dump(mode="json", exclude_none=True, exclude={"losses"})
    if isinstance(result, Rejection):
        found = result.model_copy(update={"found": masked(result.found, set()), "detail": masked(result.detail, set())})
        return found.model_dump(mode="json", exclude_defaults=True)
    return masked_value(result).model_dump(mode="json", exclude_none=True, exclude={"losses"})


def _loss(loss: Loss) -> dict[str, Any]:
    personal = _MEMBER_NAME.fullmatch(loss.pointer.rpartition("/")[2])
    return {
        "pointer": loss.pointer,
        "reason": loss.reason,
        "native": "***" if personal else masked(loss.native, set()),
        "note": masked(loss.note, set()),
    }


_FIXED = re.compile(r"line (\d+)")


def _marked(lines: list[str], pointers: list[str]) -> tuple[Line, ...]:
    """Lines with the pointers that lead to them: by line number, or by the name that ends a JSON pointer or XPath."""
    by_number: dict[int, list[str]] = {}
    for pointer in pointers:
        for number in _places(lines, pointer):
            by_number.setdefault(number, []).append(pointer)
    return tuple(Line(n, text, tuple(by_number.get(n, ()))) for n, text in enumerate(lines, 1))


def _places(lines: list[str], pointer: str) -> list[int]:
    if fixed := _FIXED.match(pointer):
        return [int(fixed[1])]
    steps = [step for step in re.split(r"[/.]", pointer) if step]
    name = next((step.strip("@") for step in reversed(steps) if not step.split("[")[0].isdigit()), "").split("[")[0]
    if not name:
        return []
    spelled = re.compile(rf'["<@\s/]{re.escape(name)}["\s>=/]')
    found = [number for number, text in enumerate(lines, 1) if spelled.search(f" {text} ")]
    # A name that stands on many lines: the place among its siblings is the last number of the pointer.
    index = next((int(step) for step in reversed(steps) if step.isdigit()), None)
    return [found[index]] if index is not None and index < len(found) else found[:1]
