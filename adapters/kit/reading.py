"""Reading native records: lookups that refuse with a place, never an exception out of ``parse`` and never a guess.

A ``Record`` is a cursor over one native object. It knows where it stands (JSON pointer, XPath, ``line 3``) and which
fields have been read; ``finish`` turns every field that nobody read into a ``not_mapped`` loss, so that no native
value can get lost silently.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, wraps
from typing import TypeVar

import msgspec
from pydantic import ValidationError

from adapters.kit.times import TimeForm
from schemas.codes import UNKNOWN, CodeList
from schemas.identifiers import InvalidIdentifier
from schemas.money import MAX_MINOR, Money
from schemas.observation import Loss, Observation, Rejection

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_DECIMAL = re.compile(r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$")
_JSON = msgspec.json.Decoder(float_hook=Decimal)
_LOSSES_MAX = 100
_AMOUNTS = {100: "93.0"}
"""What an amount looks like in units of so many fen, to show in a refusal; in others like 9300."""
_ABSENT = (None, "")

T = TypeVar("T")


class Refused(Exception):
    """Carries a rejection from the place that noticed to the edge of ``parse``; it never leaves the adapter."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.detail)
        self.rejection = rejection


def refusal(
    code: str, pointer: str, detail: str, *, expected: str = "", found: object = "", example: str = ""
) -> Refused:
    """The exception to raise for a native message that cannot be an observation. ``code`` is one of problems.csv."""
    return Refused(
        Rejection(
            code=code,
            detail=_cut(detail) or code,
            pointer=_cut(pointer) or "/",
            expected=_cut(expected),
            found=shown(found),
            example=_cut(example),
        )
    )


def _cut(text: str) -> str:
    text = text[:200]
    return text if text.isprintable() else _CONTROL.sub("?", text)


def shown(value: object) -> str:
    """A native value, short and harmless enough to stand in a loss or a problem."""
    if isinstance(value, Decimal):
        return _cut(str(value))
    return _cut(value[:200] if isinstance(value, str) else "" if value is None else repr(value)[:200])


def never_raises(parse: Callable[[bytes], Observation]) -> Callable[[bytes], Observation | Rejection]:
    """Make a reader that raises ``Refused`` into the port's ``parse``, which answers a rejection instead.

    A value that slips past the readers but not past the contract (a name of 300 characters) is refused here, with
    the contract's field as its place.
    """

    @wraps(parse)
    def guarded(raw: bytes) -> Observation | Rejection:
        try:
            return parse(raw)
        except Refused as refused:
            return refused.rejection
        except RecursionError:
            # What the decoder just bore may be one level too deep for who shows it a few frames further down.
            return refusal("message_malformed", "/", "the message is nested too deeply").rejection
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = "/" + "/".join(str(step) for step in first["loc"])
            return refusal(
                "message_malformed", place, first["msg"], expected=f"a value for {error.title}", found=first["input"]
            ).rejection

    return guarded


class Losses:
    """What one message could not carry over; after 100 the rest is counted in one line."""

    def __init__(self) -> None:
        self._found: list[Loss] = []
        self._more = 0

    def add(self, pointer: str, reason: str, native: object = "", note: str = "") -> None:
        if len(self._found) == _LOSSES_MAX:
            self._more += 1
            return
        self._found.append(
            Loss.model_validate(
                {"pointer": _cut(pointer), "reason": reason, "native": shown(native), "note": _cut(note)}
            )
        )

    def all(self) -> tuple[Loss, ...]:
        if not self._more:
            return tuple(self._found)
        return (*self._found, Loss(pointer="/", reason="not_mapped", note=f"and {self._more} more"))


class Record:
    """A cursor over one native object; see the module. ``system`` is the column of the code lists to read with."""

    __slots__ = ("_left", "fields", "losses", "pointer", "system", "tables")

    def __init__(
        self,
        fields: Mapping[str, object],
        pointer: str,
        losses: Losses,
        system: str,
        tables: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.fields = fields
        self.pointer = pointer
        self.losses = losses
        self.system = system
        self.tables = tables or {}
        self._left = dict.fromkeys(fields)

    def at(self, name: str) -> str:
        """The place of a field: a JSON pointer (RFC 6901), which is also a readable XPath."""
        if "/" in name or "~" in name:
            name = name.replace("~", "~0").replace("/", "~1")
        return f"{self.pointer}/{name}"

    def take(self, name: str) -> object:
        """The raw value, or None when the field is absent, null or empty; the field counts as read."""
        self._left.pop(name, None)
        value = self.fields.get(name)
        return None if value == "" else value

    def has(self, name: str) -> bool:
        return self.fields.get(name) not in _ABSENT

    def repeated(self, *names: str) -> None:
        """These fields only say in other words what another field says (labels, page texts): not losses."""
        for name in names:
            self._left.pop(name, None)

    def surplus(self, *names: str) -> None:
        """These fields say nothing about a record like this one; what they say all the same is a loss."""
        for name in names:
            if name in self._left and self.has(name):
                self.lost(name, "not_mapped", "it says nothing about a record like this")
            self._left.pop(name, None)

    def lost(self, name: str, reason: str, note: str = "") -> None:
        """Record that a field was read but not carried over in full."""
        self.losses.add(self.at(name), reason, self.fields.get(name, ""), note)

    def refuse(self, name: str, code: str, detail: str, *, expected: str = "", example: str = "") -> Refused:
        """The exception to raise for this field."""
        found = self.fields.get(name, "")
        return refusal(code, self.at(name), detail, expected=expected, found=found, example=example)

    def text(self, name: str, *, example: str = "", maximum: int = 200) -> str:
        """A text that must be there. Numbers are taken as their digits; control characters are refused."""
        self._left.pop(name, None)
        value = self.fields.get(name)
        if isinstance(value, str) and value:
            if len(value) <= maximum and (value.isprintable() or not _CONTROL.search(value)):
                return value
            raise self.refuse(name, "message_malformed", f"{name} is no clean text of {maximum} characters at most")
        if type(value) is int and abs(value) < MAX_MINOR:
            return str(value)
        if isinstance(value, Decimal) and abs(value) < MAX_MINOR:
            return str(value)
        raise self.refuse(name, "message_malformed", f"{name} is missing or no text", expected="text", example=example)

    def optional(self, name: str, *, maximum: int = 200) -> str | None:
        """A text, or None when the field is absent, null or empty."""
        if self.fields.get(name) in _ABSENT:
            self._left.pop(name, None)
            return None
        return self.text(name, maximum=maximum)

    def matching(self, name: str, form: re.Pattern[str], words: str, *, example: str = "") -> str:
        """A text of a fixed form, such as a telecode; ``words`` say the form to people."""
        text = self.text(name, example=example)
        if form.fullmatch(text):
            return text
        raise self.refuse(name, "message_malformed", f"{name} is not {words}", expected=words, example=example)

    def integer(self, name: str, *, low: int = 0, high: int = 10**9, default: int | None = None) -> int:
        """A whole number, also when written as text; ``default`` when absent."""
        value = self.fields.get(name)
        if type(value) is int and low <= value <= high:
            self._left.pop(name, None)
            return value
        if default is not None and value in _ABSENT:
            self._left.pop(name, None)
            return default
        text = self.text(name, example=str(low + 1))
        if re.fullmatch(r"-?[0-9]{1,12}", text) and low <= int(text) <= high:
            return int(text)
        raise self.refuse(
            name, "message_malformed", f"{name} is no whole number from {low} to {high}", expected="whole number"
        )

    def money(self, name: str, *, fen: int = 1, signed: bool = False, default: int | None = None) -> Money:
        """An amount of units of ``fen`` (1 = fen, 10 = jiao, 100 = yuan); exact, ``9300.0`` is 9300.

        Negative amounts are refused unless ``signed``; ``default`` is the amount when the field is absent.
        """
        if default is not None and not self.has(name):
            self.take(name)
            return _money(default)
        value = self.take(name)
        minor = _minor(value, fen)
        if minor is None or abs(minor) > MAX_MINOR:
            raise self.refuse(
                name, "amount_invalid", f"{name} is no amount", expected="number", example=_AMOUNTS.get(fen, "9300")
            )
        if minor < 0 and not signed:
            raise self.refuse(
                name, "amount_invalid", f"{name} is negative", expected="0 or more", example=_AMOUNTS.get(fen, "9300")
            )
        return _money(minor)

    def code(self, name: str, codes: CodeList) -> str:
        """Our code for a native one that the message cannot do without; an unknown one refuses the message."""
        native = self.text(name)
        ours = codes.read(self.system, native, self.tables.get(codes.name))
        if ours is None:
            raise self.refuse(name, "unknown_code", f"{name} is not in the list {codes.name}", expected=codes.name)
        return ours

    def code_or_unknown(self, name: str, codes: CodeList) -> str:
        """Our code, or ``unknown`` and a loss: the fact stands without it."""
        native = self.text(name)
        ours = codes.read(self.system, native, self.tables.get(codes.name))
        if ours is None:
            self.lost(name, "unknown_code", f"not in the list {codes.name}")
            return UNKNOWN
        return ours

    def choice(self, name: str, table: Mapping[str, T]) -> T:
        """What a small closed table says for a native word; another word refuses the message."""
        native = self.text(name)
        if native not in table:
            words = ", ".join(table)
            raise self.refuse(name, "unknown_code", f"{name} is none of the words of this channel", expected=words)
        return table[native]

    def flag(self, name: str) -> bool:
        """``Y`` or ``N``; absent is no."""
        return self.choice(name, {"Y": True, "N": False}) if self.has(name) else bool(self.take(name))

    def time(self, name: str, form: TimeForm) -> datetime:
        """A local time of the channel's form; an impossible one refuses the message."""
        text = self.text(name, example=form.example)
        found = form.read(text)
        if found is None:
            raise self.refuse(
                name, "time_invalid", f"{name} is no possible time", expected=form.words, example=form.example
            )
        return found

    def optional_time(self, name: str, form: TimeForm) -> datetime | None:
        if self.fields.get(name) in _ABSENT:
            self._left.pop(name, None)
            return None
        return self.time(name, form)

    def identifier(self, name: str, validate: Callable[[str], str], *, example: str = "") -> str:
        """A number that checks itself, by the ``validate`` of ``schemas.identifiers``."""
        text = self.text(name, example=example)
        try:
            return validate(text)
        except InvalidIdentifier as error:
            raise self.refuse(name, "identifier_invalid", str(error), example=example) from error

    def texts(self, name: str, *, most: int = 20) -> list[str]:
        """A list of texts; absent is empty."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            raise self.refuse(name, "message_malformed", f"{name} is no list of at most {most}", expected="list")
        if all(type(item) is str and 0 < len(item) <= 200 and item.isprintable() for item in value):
            return list(value)
        items = type(self)(
            {str(i): v for i, v in enumerate(value)}, self.at(name), self.losses, self.system, self.tables
        )
        return [items.text(str(i)) for i in range(len(value))]

    def child(self, name: str) -> "Record":
        """The object in a field."""
        value = self.take(name)
        if not isinstance(value, dict):
            raise self.refuse(name, "message_malformed", f"{name} is missing or no object", expected="object")
        return type(self)(value, self.at(name), self.losses, self.system, self.tables)

    def children(self, name: str, *, least: int = 0, most: int = 20) -> "list[Record]":
        """The objects in a list; absent is empty."""
        value = self.take(name)
        if value is None:
            if least == 0:
                return []
            value = []
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self.refuse(
                name, "message_malformed", f"{name} is no list of {least} to {most} objects", expected="list"
            )
        place = self.at(name)
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise refusal("message_malformed", f"{place}/{index}", "no object", expected="object", found=item)
        return [
            type(self)(item, f"{place}/{index}", self.losses, self.system, self.tables)
            for index, item in enumerate(value)
        ]

    def finish(self, ignored: Container[str] = ()) -> None:
        """Every field that nobody read becomes a loss; ``ignored`` are those that the profile says it ignores."""
        for name in self._left:
            if name not in ignored:
                self.lost(name, "not_mapped")


def finish_all(records: Iterable[Record]) -> None:
    """``finish`` for many."""
    for record in records:
        record.finish()


@lru_cache(maxsize=4096)
def _money(minor: int) -> Money:
    """Remembered: fares repeat, and most fees are zero."""
    return Money(amount=minor)


def _minor(value: object, fen: int) -> int | None:
    """Fen of a native number or text in units of ``fen``; None for what is no amount, or has fractions of fen."""
    if type(value) is int:
        return value * fen
    exact = _exact(value)
    if exact is None or exact * fen != (exact * fen).to_integral_value():
        return None
    return int(exact * fen)


def _exact(value: object) -> Decimal | None:
    """A decimal from a native number or text, when it is of a sane size."""
    if isinstance(value, Decimal) and value.is_finite() and -7 < value.adjusted() < 14:
        return value
    if isinstance(value, Decimal) and value == 0:
        return Decimal(0)
    return Decimal(value) if isinstance(value, str) and _DECIMAL.match(value) else None


def check_size(raw: bytes, maximum: int) -> None:
    """Refuse what is longer than the profile allows before anything reads it."""
    if len(raw) > maximum:
        detail = f"the message has {len(raw)} bytes, this channel may send {maximum}"
        raise refusal("message_too_large", f"byte {maximum + 1}", detail, expected=f"at most {maximum} bytes")


def decode_text(raw: bytes, encoding: str) -> str:
    """The text of native bytes; damage is refused with the offset of its first byte."""
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise refusal(
            "encoding_damaged",
            f"byte {error.start}",
            f"these bytes are not {encoding}",
            expected=encoding,
            found=raw[error.start : error.start + 8].hex(),
        ) from error


def decode_json(raw: bytes, system: str, maximum: int, tables: Mapping[str, Mapping[str, str]] | None = None) -> Record:
    """The one JSON object that a message is. Numbers with a point come as ``Decimal``: no float touches money."""
    check_size(raw, maximum)
    decode_text(raw, "utf-8")
    try:
        value = _JSON.decode(raw)
    except msgspec.DecodeError as error:
        raise _broken_json(raw, error) from error
    except RecursionError as error:
        raise refusal("message_malformed", "byte 0", "the JSON is nested too deeply") from error
    if not isinstance(value, dict):
        raise refusal("message_malformed", "/", "the message is no JSON object", expected="object", found=value)
    return Record(value, "", Losses(), system, tables)


def _broken_json(raw: bytes, error: msgspec.DecodeError) -> Refused:
    text = str(error)
    if "truncated" in text:
        return refusal("message_truncated", f"byte {len(raw)}", "the JSON ends too early", expected="a whole object")
    found = re.search(r"byte (\d+)", text)
    return refusal("message_malformed", f"byte {found.group(1) if found else 0}", text, expected="JSON, RFC 8259")
