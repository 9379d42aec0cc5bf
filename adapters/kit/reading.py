"""Reading native records: lookups that refuse with a place, never an exception out of ``parse`` and never a guess.

A ``Record`` is a cursor over one native object. It knows where it stands (JSON pointer, XPath, ``line 3``) and which
fields have been read; ``finish`` turns every field that nobody read into a ``not_mapped`` loss, so that no native
value can get lost silently.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import Self, TypeVar

from adapters.kit.amounts import fen_of
from adapters.kit.refusing import CONTROL, Losses, Refused, refusal
from adapters.kit.times import TimeForm
from schemas.codes import UNKNOWN, CodeList
from schemas.identifiers import InvalidIdentifier
from schemas.model import is_code
from schemas.money import MAX_MINOR, Money, money

_INTEGER = re.compile(r"-?[0-9]{1,12}")
_TEXT_MOST = 200
_UNITS_MOST = MAX_MINOR // 100
"""An amount in units of 100 fen or fewer that is certainly no larger than a channel may state."""
_AMOUNTS = {100: "93.0"}
"""What an amount looks like in units of so many fen, to show in a refusal; in others like 9300."""
_ABSENT = (None, "")

T = TypeVar("T")


class Record:
    """A cursor over one native object; see the module. ``system`` is the column of the code lists to read with.

    Every lookup first takes the value out of what is unread and asks, in one expression, whether it is what it should
    be; only what is not goes on to the lookup's second half, which refuses or forgives with a place and words. A
    message has about seventy fields, and nearly all are as they should be: this halves what reading them costs.
    """

    __slots__ = ("_place", "_unread", "fields", "losses", "system", "tables")

    def __init__(
        self,
        fields: dict[str, object],
        pointer: "str | tuple[Record, str, int | None]",
        losses: Losses,
        system: str,
        tables: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.fields = fields
        self._unread = fields.copy()
        self._place = pointer
        self.losses = losses
        self.system = system
        self.tables = tables

    def alone(self, names: Iterable[str], read: Callable[[Self], T]) -> T:
        """What ``read`` makes of this record when it has no other fields than these."""
        fields, unread = self.fields, self._unread
        self.fields = {name: fields[name] for name in names if name in fields}
        self._unread = own = {name: value for name, value in self.fields.items() if name in unread}
        try:
            return read(self)
        finally:
            self.fields, self._unread = fields, unread
            for name in names:
                if name not in own:
                    unread.pop(name, None)

    @property
    def unread(self) -> AbstractSet[str]:
        """The fields that nobody has read."""
        return self._unread.keys()

    @property
    def pointer(self) -> str:
        """Where the record stands. Put together when somebody asks: most messages lose and refuse nothing."""
        if isinstance(self._place, tuple):
            above, name, number = self._place
            self._place = above.at(name) if number is None else above.at_item(name, number)
        return self._place

    def at(self, name: str) -> str:
        """The place of a field: a JSON pointer (RFC 6901), which is also a readable XPath."""
        if "/" in name or "~" in name:
            name = name.replace("~", "~0").replace("/", "~1")
        return f"{self.pointer}/{name}"

    def at_item(self, name: str, number: int) -> str:
        """The place of an object in a list, counted from 0."""
        return f"{self.at(name)}/{number}"

    def take(self, name: str) -> object:
        """The raw value, or None when the field is absent, null or empty; the field counts as read."""
        value = self._unread.pop(name, None)
        if value is None:
            value = self.fields.get(name)
        return None if value == "" else value

    def has(self, name: str) -> bool:
        return self.fields.get(name) not in _ABSENT

    def repeated(self, *names: str) -> None:
        """These fields only say in other words what another field says (labels, page texts): not losses."""
        for name in names:
            self._unread.pop(name, None)

    def surplus(self, *names: str) -> None:
        """These fields say nothing about a record like this one; what they say all the same is a loss."""
        for name in names:
            if self._unread.pop(name, None) not in _ABSENT:
                self.lost(name, "not_mapped", "it says nothing about a record like this")

    def lost(self, name: str, reason: str, note: str = "") -> None:
        """Record that a field was read but not carried over in full."""
        self.losses.add(self.at(name), reason, self.fields.get(name, ""), note)

    def refuse(self, name: str, code: str, detail: str, *, expected: str = "", example: str = "") -> Refused:
        """The exception to raise for this field."""
        found = self.fields.get(name, "")
        return refusal(code, self.at(name), detail, expected=expected, found=found, example=example)

    def text(self, name: str, *, example: str = "", maximum: int = 200) -> str:
        """A text that must be there. Numbers are taken as their digits; control characters are refused."""
        value = self._unread.pop(name, None)
        if type(value) is str and 0 < len(value) <= maximum and value.isprintable():
            return value
        return self._text(name, example, maximum)

    def _text(self, name: str, example: str = "", maximum: int = _TEXT_MOST) -> str:
        """A text that was read before, or is none at first sight."""
        value = self.fields.get(name)
        if isinstance(value, str) and value:
            if len(value) <= maximum and (value.isprintable() or not CONTROL.search(value)):
                return value
            raise self.refuse(name, "message_malformed", f"{name} is no clean text of {maximum} characters at most")
        if type(value) is int and abs(value) < MAX_MINOR:
            return str(value)
        if isinstance(value, Decimal) and abs(value) < MAX_MINOR:
            return str(value)
        raise self.refuse(name, "message_malformed", f"{name} is missing or no text", expected="text", example=example)

    def optional(self, name: str, *, maximum: int = 200) -> str | None:
        """A text, or None when the field is absent, null or empty."""
        value = self._unread.pop(name, None)
        if type(value) is str and 0 < len(value) <= maximum and value.isprintable():
            return value
        return None if self.fields.get(name) in _ABSENT else self._text(name, "", maximum)

    def matching(self, name: str, form: re.Pattern[str], words: str, *, example: str = "") -> str:
        """A text of a fixed form, such as a telecode; ``words`` say the form to people."""
        value = self._unread.pop(name, None)
        if type(value) is str and len(value) <= _TEXT_MOST and form.fullmatch(value) and value.isprintable():
            return value
        text = self._text(name, example)
        if form.fullmatch(text):
            return text
        raise self.refuse(name, "message_malformed", f"{name} is not {words}", expected=words, example=example)

    def integer(self, name: str, *, low: int = 0, high: int = 10**9, default: int | None = None) -> int:
        """A whole number, also when written as text; ``default`` when absent."""
        self._unread.pop(name, None)
        value = self.fields.get(name)
        if type(value) is int and low <= value <= high:
            return value
        if default is not None and value in _ABSENT:
            return default
        if (
            type(value) is str
            and len(value) <= 12
            and value.isascii()
            and value.isdigit()
            and low <= int(value) <= high
        ):
            return int(value)
        text = self._text(name, str(low + 1))
        if _INTEGER.fullmatch(text) and low <= int(text) <= high:
            return int(text)
        raise self.refuse(
            name, "message_malformed", f"{name} is no whole number from {low} to {high}", expected="whole number"
        )

    def money(self, name: str, *, fen: int = 1, signed: bool = False, default: int | None = None) -> Money:
        """An amount of units of ``fen`` (1 = fen, 10 = jiao, 100 = yuan); exact, ``9300.0`` is 9300.

        Negative amounts are refused unless ``signed``; ``default`` is the amount when the field is absent.
        """
        value = self._unread.pop(name, None)
        if type(value) is int and 0 <= value <= _UNITS_MOST:
            return money(value * fen)
        if value is None or value == "":
            value = self.take(name)
        if value is None and default is not None:
            return money(default)
        minor = fen_of(value, fen)
        if minor is None or abs(minor) > MAX_MINOR:
            raise self.refuse(
                name, "amount_invalid", f"{name} is no amount", expected="number", example=_AMOUNTS.get(fen, "9300")
            )
        if minor < 0 and not signed:
            raise self.refuse(
                name, "amount_invalid", f"{name} is negative", expected="0 or more", example=_AMOUNTS.get(fen, "9300")
            )
        return money(minor)

    def code(self, name: str, codes: CodeList) -> str:
        """Our code for a native one that the message cannot do without; an unknown one refuses the message."""
        ours = self._code(name, codes)
        if ours is None:
            raise self.refuse(name, "unknown_code", f"{name} is not in the list {codes.name}", expected=codes.name)
        return ours

    def code_or_unknown(self, name: str, codes: CodeList) -> str:
        """Our code, or ``unknown`` and a loss: the fact stands without it."""
        ours = self._code(name, codes)
        if ours is None:
            self.lost(name, "unknown_code", f"not in the list {codes.name}")
            return UNKNOWN
        return ours

    def _code(self, name: str, codes: CodeList) -> str | None:
        """Our code, by the connection's own table first; one that is no code at all is refused as if unknown."""
        native = self._unread.pop(name, None)
        own = None if self.tables is None else self.tables.get(codes.name)
        if own is None:
            if type(native) is str and (ours := codes.read(self.system, native)) is not None:
                return ours
            return codes.read(self.system, self._text(name))
        ours = codes.read(self.system, self._text(name), own)
        return ours if ours is not None and is_code(ours) else None

    def choice(self, name: str, table: Mapping[str, T]) -> T:
        """What a small closed table says for a native word; another word refuses the message."""
        native = self._unread.pop(name, None)
        if type(native) is not str or native not in table:
            native = self._text(name)
        if native not in table:
            words = ", ".join(table)
            raise self.refuse(name, "unknown_code", f"{name} is none of the words of this channel", expected=words)
        return table[native]

    def flag(self, name: str) -> bool:
        """``Y`` or ``N``; absent is no."""
        return self.choice(name, {"Y": True, "N": False}) if self.has(name) else bool(self.take(name))

    def time(self, name: str, form: TimeForm) -> datetime:
        """A local time of the channel's form; an impossible one refuses the message."""
        value = self._unread.pop(name, None)
        if type(value) is str and len(value) <= _TEXT_MOST and (found := form.read(value)) is not None:
            return found
        found = form.read(self._text(name, form.example))
        if found is None:
            raise self.refuse(
                name, "time_invalid", f"{name} is no possible time", expected=form.words, example=form.example
            )
        return found

    def optional_time(self, name: str, form: TimeForm) -> datetime | None:
        if self.fields.get(name) in _ABSENT:
            self._unread.pop(name, None)
            return None
        return self.time(name, form)

    def identifier(self, name: str, validate: Callable[[str], str], *, example: str = "") -> str:
        """A number that checks itself, by the ``validate`` of ``schemas.identifiers``."""
        value = self._unread.pop(name, None)
        plain = type(value) is str and 0 < len(value) <= _TEXT_MOST and value.isprintable()
        try:
            return validate(str(value) if plain else self._text(name, example))
        except InvalidIdentifier as error:
            raise self.refuse(name, "identifier_invalid", str(error), example=example) from error

    def texts(self, name: str, *, most: int = 20) -> list[str]:
        """A list of texts; absent is empty."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            raise self.refuse(name, "message_malformed", f"{name} is no list of at most {most}", expected="list")
        if all(type(item) is str and 0 < len(item) <= _TEXT_MOST and item.isprintable() for item in value):
            return list(value)
        items = type(self)(
            {str(i): v for i, v in enumerate(value)}, self.at(name), self.losses, self.system, self.tables
        )
        return [items.text(str(i)) for i in range(len(value))]

    def child(self, name: str) -> "Record":
        """The object in a field."""
        value = self._unread.pop(name, None)
        if not isinstance(value, dict):
            value = self.fields.get(name)
        if not isinstance(value, dict):
            raise self.refuse(name, "message_malformed", f"{name} is missing or no object", expected="object")
        return type(self)(value, (self, name, None), self.losses, self.system, self.tables)

    def children(self, name: str, *, least: int = 0, most: int = 20) -> "Sequence[Record]":
        """The objects in a list; absent is empty."""
        value = self._unread.pop(name, None)
        if value is None:
            value = self.fields.get(name)
        if least == 0 and (value is None or value == [] or value == ""):
            return ()
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self.refuse(
                name, "message_malformed", f"{name} is no list of {least} to {most} objects", expected="list"
            )
        # A loop, not a comprehension: what a comprehension closes over is slow in the whole function, and lists of
        # a message are mostly empty.
        records: list[Record] = []
        for item in value:
            if not isinstance(item, dict):
                place = self.at_item(name, len(records))
                raise refusal("message_malformed", place, "no object", expected="object", found=item)
            records.append(type(self)(item, (self, name, len(records)), self.losses, self.system, self.tables))
        return records

    def finish(self, ignored: Container[str] = ()) -> None:
        """Every field that nobody read becomes a loss; ``ignored`` are those that the profile says it ignores."""
        for name in self._unread:
            if name not in ignored:
                self.lost(name, "not_mapped")


def finish_all(records: Iterable[Record]) -> None:
    """``finish`` for many."""
    for record in records:
        record.finish()
