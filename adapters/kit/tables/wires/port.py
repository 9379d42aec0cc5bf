"""What a table asks of a wire, and the columns it hands to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from adapters.kit.columns import Column as LineColumn
from adapters.kit.columns import Layout
from adapters.kit.reading import Record
from adapters.kit.refusing import Losses
from adapters.kit.tables.codecs import Amount, Codec, Number, Text
from hub.ports import Part
from schemas.observation import Rejection

Native = dict[str, str | int]
"""Native values by column name, as a codec wrote them; blank ones are left out."""
ROWS_MOST = 20


@dataclass(frozen=True)
class Column:
    """One column of a channel's table: its native name (CSV header, JSON or XML path), its slot, its form.

    ``slot`` is None for columns that are ``Ignored``, ``Always`` the same or ``Reserved``. Without a ``codec`` it has
    its slot's usual one. ``width``: bytes, on a fixed-width wire.
    """

    name: str
    slot: str | None = None
    codec: Codec | None = None
    width: int = 0

    @property
    def is_number(self) -> bool:
        return isinstance(self.codec, Amount | Number)

    @property
    def is_text(self) -> bool:
        """Whether a value may be cut to fit: words may, codes and numbers would be others."""
        return isinstance(self.codec, Text) and self.slot != "document_no"


@dataclass(frozen=True)
class Frame:
    """A channel's connection, for its wire."""

    system: str
    encoding: str
    maximum: int
    columns: tuple[Column, ...]
    tables: Mapping[str, Mapping[str, str]]

    @cached_property
    def layout(self) -> Layout:
        """The declaration of a line, for a wire of fixed widths."""
        made = [LineColumn(c.name, c.width, "text", c.slot or "", optional=True) for c in self.columns]
        return Layout("", self.system, tuple(made), self.encoding)

    def name_of(self, slot: str) -> str | None:
        """The native name of a slot's column."""
        return self._names.get(slot)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {column.slot: column.name for column in self.columns if column.slot}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One message as records: its head, and one per row. A wire without a head has None there."""

    head: Record | None
    rows: list[Record]


class Wire(Protocol):
    """Bytes <-> named values."""

    @property
    def media_type(self) -> str: ...

    @property
    def most_rows(self) -> int:
        """How many rows one message can hold."""
        ...

    def is_of_head(self, name: str) -> bool:
        """Whether a column is said once per message and not in each row."""
        ...

    def read(self, raw: bytes, frame: Frame) -> Sheet:
        """The records of one message. Raises ``Refused``."""
        ...

    def write(self, head: Native, rows: Sequence[Native], frame: Frame, losses: Losses) -> bytes:
        """The bytes of one message; a row that the wire cannot say is left out, with a loss."""
        ...

    def split(self, raw: bytes, frame: Frame) -> Sequence[Part] | Rejection:
        """The messages of a file or a day's extract."""
        ...
