"""Rows by columns: one statement writes a table, whatever the number of rows.

psycopg dumps lists value by value in Python and sends a statement for each row; for a batch of the intake either costs
more than PostgreSQL's own work. Here a column of values is one parameter, an array in PostgreSQL's binary form
(``array_recv``: dimensions, nulls?, element type, length and lower bound, then each value behind its length), and the
statement is ``INSERT INTO ... SELECT * FROM unnest(...)``, prepared once whatever it carries. COPY would cost a round
trip for each table and cannot stand in a pipeline.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache, partial
from struct import Struct
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.abc import Buffer, PyFormat
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.rows import TupleRow
from psycopg.sql import SQL

_length = Struct(">i").pack
_empty_head, _head = Struct(">iiI").pack, Struct(">iiIii").pack
_NULL = _length(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(2000, 1, 1).toordinal()


class Kind(NamedTuple):
    """A PostgreSQL type: the numbers (``pg_type.oid``) of itself and of its array.

    ``element``: a value's binary form behind its length.
    """

    oid: int
    array_oid: int
    element: Callable[[Any], bytes]


class Packed(NamedTuple):
    """A parameter that is in binary form already."""

    oid: int
    data: bytes


class _PackedDumper(Dumper):
    """Passes :class:`Packed` on; each type number has a dumper of its own."""

    format = Format.BINARY

    def get_key(self, obj: Packed, format: PyFormat) -> tuple[type, ...]:
        return (Packed, obj.oid)  # type: ignore[return-value]  # a key that tells types apart, as for lists

    def upgrade(self, obj: Packed, format: PyFormat) -> "_PackedDumper":
        dumper = _PackedDumper(Packed)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Packed) -> Buffer:
        return obj.data


psycopg.adapters.register_dumper(Packed, _PackedDumper)


def _sized(data: bytes) -> bytes:
    return _length(len(data)) + data


def _text(text: str) -> bytes:
    data = text.encode()
    return _length(len(data)) + data


def _jsonb(text: str) -> bytes:
    data = text.encode()
    return _length(len(data) + 1) + b"\x01" + data


def _timestamp(at: datetime) -> bytes:
    since = at - _EPOCH
    return _eight((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


_eight, _four = partial(Struct(">iq").pack, 8), partial(Struct(">ii").pack, 4)
_sixteen = _length(16)

TEXT = Kind(25, 1009, _text)
CODE = Kind(25, 1009, lru_cache(4096)(_text))
"""Text of few values, such as a channel's name: each is made once."""
JSONB = Kind(3802, 3807, _jsonb)
BYTEA = Kind(17, 1001, _sized)
UUIDS = Kind(2950, 2951, lambda value: _sixteen + value.bytes)
INT4 = Kind(23, 1007, _four)
INT8 = Kind(20, 1016, _eight)
REAL = Kind(700, 1021, partial(Struct(">if").pack, 4))
BOOL = Kind(16, 1000, partial(Struct(">i?").pack, 1))
DATE = Kind(1082, 1182, lambda value: _four(value.toordinal() - _FIRST_DAY))
TIMESTAMPTZ = Kind(1184, 1185, _timestamp)


def packed(kind: Kind, values: Iterable[Any]) -> Packed:
    """These values, some of which may be None, as one array parameter."""
    element = kind.element
    parts = [_NULL if value is None else element(value) for value in values]
    if not parts:
        return Packed(kind.array_oid, _empty_head(0, 0, kind.oid))
    return Packed(kind.array_oid, _head(1, 1, kind.oid, len(parts), 1) + b"".join(parts))


@dataclass(frozen=True)
class Table:
    """A table of the hub's and the columns of it that are written, in the order of the rows' fields.

    ``arrays``: columns of type ``text[]``, given as PostgreSQL writes them (``{a,b}``). ``conflict``: what follows
    ``INSERT ... SELECT``.
    """

    name: str
    columns: dict[str, Kind]
    arrays: frozenset[str] = frozenset()
    conflict: str = ""

    @cached_property
    def statement(self) -> SQL:
        """``INSERT`` of any number of rows, a parameter for each column."""
        names = ", ".join(self.columns)
        taken = ", ".join(f"{name}::text[]" if name in self.arrays else name for name in self.columns)
        given = ", ".join(["%s"] * len(self.columns))
        return SQL(  # our own names, from the row types
            f"INSERT INTO hub.{self.name} ({names}) SELECT {taken} FROM unnest({given}) AS new ({names})"
            f" {self.conflict}"
        )


def append(connection: Connection[TupleRow], table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Write ``rows``; raises ``UniqueViolation`` for one that is there, in a pipeline at its end."""
    if rows:
        columns = zip(table.columns.values(), zip(*rows, strict=True), strict=True)
        connection.execute(table.statement, [packed(kind, values) for kind, values in columns])
