"""Codecs: how one native value is read and how it is written again. Both directions of a value stand side by side.

    Text            free text
    Code            a code of a cross-walk, by the connection's own table or the list's column
    Seller          a channel, or this one by its name
    Amount          money in fen, jiao or yuan
    Moment, Day     local times and dates of a layout
    Identifier      a number that checks itself
    Reads           any reader of the kit (stations, trains, seats, telephone numbers)
    Flag            two words, for yes and no
    Number          a whole number

``read`` refuses through the record; ``write`` reports what it cannot say through the :class:`Place`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, Literal, Protocol

from adapters.kit.reading import Record
from adapters.kit.refusing import Losses
from adapters.kit.times import TimeForm
from hub.ports import Profile
from schemas.codes import code_list
from schemas.money import Money, format_decimal

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_FEN = {"fen": 1, "jiao": 10, "yuan": 100}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the canonical order a value stands that is being written, for its losses; whose words to use."""

    pointer: str
    losses: Losses
    system: str
    tables: Mapping[str, Mapping[str, str]]

    def lose(self, reason: str, native: object = "", note: str = "") -> None:
        self.losses.add(self.pointer, reason, native, note)


class Codec(Protocol):
    """One value, both ways. ``words`` say its form to people."""

    @property
    def words(self) -> str: ...

    def bound(self, profile: Profile) -> "Codec":
        """The same codec for one connection: its zone, its tables."""
        ...

    def read(self, record: Record, name: str) -> Any:
        """The canonical value of a field that is not blank. Raises ``Refused``."""
        ...

    def write(self, value: Any, place: Place) -> str | int:
        """The native value."""
        ...


class Plain:
    """A codec that is the same for every connection."""

    def bound(self, profile: Profile) -> Any:
        return self


@dataclass(frozen=True)
class Text(Plain):
    """Free text of at most ``maximum`` characters."""

    maximum: int = 200

    @property
    def words(self) -> str:
        return f"text of at most {self.maximum} characters"

    def read(self, record: Record, name: str) -> str:
        return record.text(name, maximum=self.maximum)

    def write(self, value: str, place: Place) -> str:
        clean = _CONTROL.sub("?", value)[: self.maximum]
        if clean != value:
            place.lose("less_precise", value, "cut, or control characters left out")
        return clean


@dataclass(frozen=True)
class Code(Plain):
    """A code of ``schemas/code_lists/<list_name>.csv``. Unless ``needed``, an unknown one is ``unknown`` and a loss."""

    list_name: str
    needed: bool = False

    @property
    def words(self) -> str:
        return f"a code of the list {self.list_name}"

    def read(self, record: Record, name: str) -> str:
        codes = code_list(self.list_name)
        return record.code(name, codes) if self.needed else record.code_or_unknown(name, codes)

    def write(self, value: str, place: Place) -> str:
        native = code_list(self.list_name).write(place.system, value, place.tables.get(self.list_name))
        if native is None:
            place.lose("unknown_code", value, f"this channel has no code for it in {self.list_name}")
        return native or value


@dataclass(frozen=True)
class Seller(Code):
    """A channel by the list ``sales_channel``, or this channel by its own name, which no list needs to know."""

    list_name: str = "sales_channel"

    def read(self, record: Record, name: str) -> str:
        if record.fields.get(name) == record.system:
            return record.text(name)
        return super().read(record, name)

    def write(self, value: str, place: Place) -> str:
        return value if value == place.system else super().write(value, place)


@dataclass(frozen=True)
class Amount(Plain):
    """Money. Fen and jiao are whole numbers on the wire, yuan a text with two decimals; all are read exactly."""

    unit: Literal["fen", "jiao", "yuan"] = "fen"
    signed: bool = False

    @property
    def words(self) -> str:
        example = {"fen": "55300", "jiao": "5530", "yuan": "553.00"}[self.unit]
        return f"an amount in {self.unit}, such as {example}" + (", with its sign" if self.signed else "")

    def read(self, record: Record, name: str) -> Money:
        return record.money(name, fen=_FEN[self.unit], signed=self.signed)

    def write(self, value: Money, place: Place) -> str | int:
        if value.currency != "CNY":
            place.lose("not_expressible", value.currency, "told as if it were yuan")
        if self.unit == "yuan":
            return format_decimal(value)
        whole, rest = divmod(value.amount, _FEN[self.unit])
        # A fraction of a jiao is written out rather than lost: money is exact, whatever its unit.
        return str(Decimal(value.amount) / _FEN[self.unit]) if rest else whole


@dataclass(frozen=True)
class Moment:
    """A local time by its layout (%Y %m %d %H %M %S), in the profile's zone unless ``zone`` says another.

    A time that summer time skips is refused; one that it repeats is read as the first of the two.
    """

    layout: str = "%Y-%m-%d %H:%M:%S"
    zone: str = ""
    form: TimeForm = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "form", TimeForm.of(self.layout, self.zone or "Asia/Shanghai"))

    @property
    def words(self) -> str:
        return f"a time like {self.form.example}"

    def bound(self, profile: Profile) -> "Moment":
        return self if self.zone else Moment(self.layout, profile.zone)

    def read(self, record: Record, name: str) -> datetime:
        return record.time(name, self.form)

    def write(self, value: datetime, place: Place) -> str:
        text = self.form.write(value)
        if self.form.read(text) != value:
            place.lose("less_precise", value.isoformat(), f"told as {text}")
        return text


@dataclass(frozen=True)
class Day(Plain):
    """A calendar date by its layout (%Y %m %d)."""

    layout: str = "%Y-%m-%d"
    form: TimeForm = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "form", TimeForm.of(self.layout))

    @property
    def words(self) -> str:
        return f"a date like {self.form.example}"

    def read(self, record: Record, name: str) -> date:
        return record.time(name, self.form).date()

    def write(self, value: date, place: Place) -> str:
        return value.strftime(self.layout)


@dataclass(frozen=True)
class Identifier(Plain):
    """A number that checks itself: a module of ``schemas.identifiers``."""

    grammar: ModuleType
    example: str

    @property
    def words(self) -> str:
        return f"{self.grammar.__name__.rpartition('.')[2]}, such as {self.example}"

    def read(self, record: Record, name: str) -> str:
        return record.identifier(name, self.grammar.validate, example=self.example)

    def write(self, value: str, place: Place) -> str:
        return value


@dataclass(frozen=True)
class Reads(Plain):
    """A value that one of the kit's readers understands; ``writer`` is its inverse."""

    reader: Callable[[Record, str], Any]
    words: str
    writer: Callable[[Any], str] = str

    def read(self, record: Record, name: str) -> Any:
        return self.reader(record, name)

    def write(self, value: Any, place: Place) -> str:
        return self.writer(value)


@dataclass(frozen=True)
class Words(Plain):
    """A small closed table: native word -> canonical value. Another word refuses the message."""

    table: Mapping[str, Any]

    @property
    def words(self) -> str:
        return "one of " + ", ".join(self.table)

    def read(self, record: Record, name: str) -> Any:
        return record.choice(name, self.table)

    def write(self, value: Any, place: Place) -> str:
        native = next((word for word, ours in self.table.items() if ours == value), None)
        if native is None:
            place.lose("not_expressible", value, "this channel has no word for it")
        return native or ""


def Flag(yes: str = "Y", no: str = "N") -> Words:
    """Two words, for yes and no."""
    return Words({yes: True, no: False})


@dataclass(frozen=True)
class Number(Plain):
    """A whole number from ``low`` to ``high``."""

    low: int = 0
    high: int = 10**9

    @property
    def words(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def read(self, record: Record, name: str) -> int:
        return record.integer(name, low=self.low, high=self.high)

    def write(self, value: int, place: Place) -> int:
        return value
