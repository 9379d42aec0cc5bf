"""Runs compiled expressions. An engine reads Parquet, keeps tables by name, answers SQL: DuckDB here.

Another engine is these four methods, a dialect (``queries.compiled``) and two hashes in it. Expressions are compiled
once per plan and kept; what is bound at run time are names of tables, never values.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from reconciliation.datasets import SCHEMA, bucket_sql, key_hash_sql
from reconciliation.matching.tables import MatchOptions


class EngineFailed(Exception):
    """An engine is not to be had here, or could not do a piece; the sentence says which, and the remedy."""


class Engine(Protocol):
    """What matching needs of an engine. Names are those of tables in the compiled expressions.

    ``key_hash``, ``bucket``: those of the column ``key`` (``datasets``), in the engine's SQL.
    """

    dialect: str
    key_hash: str
    bucket: str

    def view(self, name: str, paths: Sequence[Path]) -> None:
        """Rows of Parquet files under a name; no files: an empty table of canonical rows."""
        ...

    def keep(self, name: str, query: str) -> None:
        """Compute a query once and keep its rows under a name."""
        ...

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """A small answer."""
        ...

    def write(self, query: str, path: Path) -> None:
        """A large answer, as one Parquet file that appears whole."""
        ...


class DuckDb:
    """One DuckDB in memory, with a limit; closed at the end of the ``with``."""

    dialect = "duckdb"
    key_hash = key_hash_sql()
    bucket = bucket_sql()

    def __init__(self, options: MatchOptions | None = None) -> None:
        self.options = options or MatchOptions()

    def __enter__(self) -> Self:
        self.connection = duckdb.connect(":memory:")
        for setting in _settings(self.options):
            self.connection.execute(setting)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def view(self, name: str, paths: Sequence[Path]) -> None:
        if paths:
            listed = ", ".join(_quoted(path) for path in paths)
            self.connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet([{listed}])")
        else:
            self.table(name, SCHEMA.empty_table())

    def table(self, name: str, rows: pa.Table) -> None:
        """Rows in hand under a name."""
        self.connection.register(name, rows)

    def keep(self, name: str, query: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def arrow(self, query: str) -> pa.Table:
        """An answer as a table."""
        return self.connection.sql(query).to_arrow_table()

    def write(self, query: str, path: Path) -> None:
        with whole_file(path) as draft:
            self.connection.execute(f"COPY ({query}) TO {_quoted(draft)} (FORMAT parquet, COMPRESSION zstd)")


class whole_file:
    """A file that appears under its name when it is finished, or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".writing-", suffix=self.path.suffix)
        os.close(handle)
        self.draft = Path(name)
        return self.draft

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.draft.replace(self.path)
        else:
            self.draft.unlink(missing_ok=True)


def write_table(table: pa.Table, path: Path) -> None:
    """A table in hand as a Parquet file that appears whole."""
    with whole_file(path) as draft:
        pq.write_table(table, draft, compression="zstd")


def _settings(options: MatchOptions) -> list[str]:
    settings = [
        f"SET threads = {options.threads}",
        "SET preserve_insertion_order = false",
        f"SET memory_limit = '{options.memory_limit}'",
        # Instants are shown in UTC wherever the machine stands.
        "SET TimeZone = 'UTC'",
    ]
    if options.temp_dir is not None:
        settings.append(f"SET temp_directory = {_quoted(options.temp_dir)}")
    return settings


def quoted(names: Iterable[str]) -> str:
    """Columns by name: ``at`` is a word of SQL."""
    return ", ".join(f'"{name}"' for name in names)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
