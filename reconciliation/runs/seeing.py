"""What a pair can see of the left side: the rows in its scope, and those whose key the other side or the carry has.

Exactly these rows decide a run, so their digest is part of its name. Bucket by bucket: neither side's keys are ever in
memory as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from reconciliation.datasets import CONTENT, Dataset, digest_of_sum, key_hash_sql
from reconciliation.rows import BUCKETS

SEATED = "kind = 'ticket' AND state = 'issued' AND train_run IS NOT NULL AND seat IS NOT NULL"
"""The tickets that hold a seat."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A part of a dataset."""

    digest: str
    rows: int


def seen(left: Sequence[Dataset], scope: str, right: Sequence[Dataset] = (), carried: Sequence[Path] = ()) -> Seen:
    """``scope``: a condition over canonical columns in DuckDB's SQL."""
    if not left:
        return Seen("-", 0)
    width = max(dataset.width for dataset in (*left, *right))
    rows = total = 0
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET threads = 2")
        for piece in range(BUCKETS // width):
            ours = _files(left, width, piece)
            count, amount, others = _in_scope(engine, ours, scope)
            rows, total = rows + count, total + amount
            theirs = _files(right, width, piece)
            if others and (theirs or carried):
                count, amount = _spoken_of(engine, ours, scope, theirs, [str(path) for path in carried])
                rows, total = rows + count, total + amount
    return Seen(digest_of_sum(rows, total), rows)


def _files(side: Sequence[Dataset], width: int, piece: int) -> list[str]:
    return [str(path) for dataset in side for path in dataset.pieces(width)[piece]]


def _in_scope(engine: duckdb.DuckDBPyConnection, ours: list[str], scope: str) -> tuple[int, int, int]:
    """(rows in scope, sum of their hashes, rows out of it)."""
    found = engine.execute(
        f"SELECT count(*) FILTER (sees), coalesce(sum({CONTENT}) FILTER (sees), 0), count(*) FILTER (NOT sees)"
        f" FROM (SELECT {CONTENT}, coalesce({scope}, false) AS sees FROM read_parquet($ours))",
        {"ours": ours},
    ).fetchone()
    return (int(found[0]), int(found[1]), int(found[2])) if found else (0, 0, 0)


def _spoken_of(
    engine: duckdb.DuckDBPyConnection, ours: list[str], scope: str, theirs: list[str], carried: list[str]
) -> tuple[int, int]:
    """(rows, sum of their hashes) out of scope whose key somebody else has; keys by their hash, kept in the files."""
    spoken = " UNION ALL ".join(
        query
        for query in (
            "SELECT key_hash FROM read_parquet($theirs)" if theirs else "",
            f"SELECT {key_hash_sql()} FROM read_parquet($carried)" if carried else "",
        )
        if query
    )
    named = {"theirs": theirs} if theirs else {}
    found = engine.execute(
        f"SELECT count(*), coalesce(sum({CONTENT}), 0) FROM read_parquet($ours) WHERE NOT coalesce({scope}, false)"
        f" AND key_hash IN ({spoken})",
        {"ours": ours, **named, **({"carried": carried} if carried else {})},
    ).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)
