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
from functools import cached_property
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
_array_head = Struct(">iiIii").pack
_NULL = _length(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(2000, 1, 1).toordinal()
_DAY = 86_400_000_000


class Kind(NamedTuple):
    """A PostgreSQL type: the numbers (``pg_type.oid``) of itself and of its array, and a value's binary form."""

    oid: int
    array_oid: int
    binary: Callable[[Any], bytes]


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


def _microseconds(at: datetime) -> bytes:
    since = at - _EPOCH
    return _int8((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _jsonb(text: str) -> bytes:
    return b"\x01" + text.encode()


_int8 = Struct(">q").pack
_int4 = Struct(">i").pack

TEXT = Kind(25, 1009, str.encode)
JSONB = Kind(3802, 3807, _jsonb)
BYTEA = Kind(17, 1001, bytes)
UUIDS = Kind(2950, 2951, lambda value: value.bytes)
INT4 = Kind(23, 1007, _int4)
INT8 = Kind(20, 1016, _int8)
REAL = Kind(700, 1021, Struct(">f").pack)
BOOL = Kind(16, 1000, Struct(">?").pack)
DATE = Kind(1082, 1182, lambda value: _int4(value.toordinal() - _FIRST_DAY))
TIMESTAMPTZ = Kind(1184, 1185, _microseconds)


def packed(kind: Kind, values: Iterable[Any]) -> Packed:
    """These values, some of which may be None, as one array parameter."""
    binary = kind.binary
    parts = [b""]
    count = 0
    nulls = 0
    for value in values:
        count += 1
        if value is None:
            nulls = 1
            parts.append(_NULL)
        else:
            data = binary(value)
            parts.append(_length(len(data)))
            parts.append(data)
    parts[0] = _array_head(1 if count else 0, nulls, kind.oid, count, 1)
    return Packed(kind.array_oid, b"".join(parts) if count else parts[0][:12])


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
