"""Rows that are new, many or few: the quickest way in that the moment allows."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, postgres
from psycopg.adapt import Dumper
from psycopg.pq import PipelineStatus
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Placeholder

COPY_ROWS = 64
"""Fewer rows share one pipeline's round trip; COPY takes one for each table. Chosen, not tuned."""


class _Hexadecimal(Dumper):
    """Bytes as ``\\x...``: libpq's own escaping costs twice as much for a message of 1.3 kB."""

    oid = postgres.types["bytea"].oid

    def dump(self, obj: bytes) -> bytes:
        return b"\\x" + obj.hex().encode()


def append(
    connection: Connection[TupleRow], table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert ``rows`` into ``hub.<table>``; raises ``UniqueViolation`` for one that is there.

    COPY for many; for few, and inside a pipeline (where PostgreSQL has no COPY), one statement for each row, sent
    together.
    """
    if not rows:
        return
    into = SQL("{} ({})").format(Identifier("hub", table), SQL(", ").join(map(Identifier, columns)))
    with connection.cursor() as cursor:
        if len(rows) < COPY_ROWS or connection.info.pipeline_status != PipelineStatus.OFF:
            values = SQL(", ").join([Placeholder()] * len(columns))
            cursor.executemany(SQL("INSERT INTO {} VALUES ({})").format(into, values), rows)
            return
        cursor.adapters.register_dumper(bytes, _Hexadecimal)
        with cursor.copy(SQL("COPY {} FROM STDIN").format(into)) as copy:
            for row in rows:
                copy.write_row(row)
