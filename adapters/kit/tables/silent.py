"""Columns that say nothing of an order.

Ignored         declared to say nothing, with the reason why
Always          a constant of the wire (a version, a record code)
Reserved        nothing yet; whatever stands there is a loss
"""

from dataclasses import dataclass

from adapters.kit.reading import Record
from adapters.kit.tables.codecs import Place, Plain


@dataclass(frozen=True)
class Ignored(Plain):
    """A field that is declared to say nothing, with the reason; it is written as ``written``."""

    why: str
    written: str = ""

    @property
    def words(self) -> str:
        return f"ignored: {self.why}"

    def read(self, record: Record, name: str) -> None:
        record.repeated(name)

    def write(self, value: object, place: Place) -> str:
        return self.written


@dataclass(frozen=True)
class Always(Plain):
    """A constant of the wire: another value refuses the message."""

    value: str

    @property
    def words(self) -> str:
        return f"always {self.value}"

    def read(self, record: Record, name: str) -> None:
        record.choice(name, {self.value: None})

    def write(self, value: object, place: Place) -> str:
        return self.value


@dataclass(frozen=True)
class Reserved(Plain):
    """A column that says nothing yet; whatever stands there is a loss."""

    words: str = "blank; what stands here is reported as a loss"

    def read(self, record: Record, name: str) -> None:
        record.take(name)
        record.lost(name, "not_mapped", "reserved")

    def write(self, value: object, place: Place) -> str:
        return ""
