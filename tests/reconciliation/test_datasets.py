"""Datasets: what a digest depends on and what it does not; buckets and hashes that every engine says alike."""

import random
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation import datasets
from reconciliation.datasets import (
    FILE_SCHEMA,
    bucket_sql,
    content_sql,
    digest_of,
    open_dataset,
    read_rows,
    rows_to_table,
    subset_digest,
    table_to_rows,
    width_for,
    write_dataset,
)
from reconciliation.rows import Row, bucket_of, content_hash

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20)
ROWS = st.builds(
    Row,
    key=TEXT,
    kind=st.sampled_from(["ticket", "payment", "refund", "payout", "adjustment"]),
    order_no=TEXT,
    at=st.integers(-(10**15), 2 * 10**15),
    amount=st.none() | st.integers(-(10**12), 10**12),
    state=st.none() | st.just("issued"),
    seat=st.none() | TEXT,
    fee=st.none() | st.integers(0, 10**9),
    person=TEXT,
    place=TEXT,
    raw=TEXT,
)


def some_rows(number: int, seed: int = 1) -> list[Row]:
    dice = random.Random(seed)
    return [
        Row(
            f"E{dice.randrange(10**8):08d}105012A",
            "ticket",
            f"E{n:09d}",
            10**15 + n,
            dice.randrange(10**6),
            seat="5-1A",
        )
        for n in range(number)
    ]


@settings(deadline=None, max_examples=40)
@given(st.lists(ROWS, max_size=5))
def test_duckdb_and_python_say_the_same_bucket_and_hash(rows: list[Row]) -> None:
    table = rows_to_table(rows)
    with duckdb.connect(":memory:") as engine:
        engine.register("t", table)
        found = engine.sql(f"SELECT {bucket_sql()}, {content_sql()} FROM t").fetchall()
    assert found == [(bucket_of(row.key), content_hash(row)) for row in rows]
    assert table_to_rows(table) == rows


def test_the_digest_is_that_of_its_first_day() -> None:
    """It must not change with a version of ours or of an engine: a day would be run again as if it were another."""
    rows = [Row("EW12345678105012A", "ticket", "EW12345678", 1_768_000_000_000_000, 55300, state="issued", fee=None)]
    assert content_hash(rows[0]) == 1139886764936423263
    assert digest_of(rows) == "19faa43603bef42bffe591d57c6749df93def7b670f52e9f4239db5f346c211d"


def test_order_and_layout_do_not_matter(tmp_path: Path) -> None:
    rows = some_rows(500)
    shuffled = random.Random(2).sample(rows, len(rows))
    one, other = write_dataset(tmp_path / "a", rows, 1), write_dataset(tmp_path / "b", shuffled, 32)
    batches = rows_to_table(rows).to_batches(max_chunksize=7)
    streamed = write_dataset(tmp_path / "c", iter(batches), 4)
    assert one.digest == other.digest == streamed.digest == digest_of(rows)
    assert len(one.paths) == 64
    assert [len(piece) for piece in one.pieces(32)] == [32, 32]
    with pytest.raises(ValueError, match="cannot be cut"):
        other.pieces(16)
    assert sorted(read_rows(streamed.paths), key=lambda r: r.order_no) == rows
    for bucket, path in enumerate(one.paths):
        assert {bucket_of(row.key) for row in read_rows([path])} <= {bucket}


def test_one_more_copy_or_another_fen_is_another_digest() -> None:
    rows = some_rows(20)
    others = [[*rows, rows[0]], rows[1:], [replace(rows[0], amount=1), *rows[1:]], [replace(rows[0], fee=0), *rows[1:]]]
    assert len({digest_of(rows), *(digest_of(other) for other in others)}) == 5
    elsewhere = [replace(row, place="line 9", sha256="a" * 64, raw="...") for row in rows]
    assert digest_of(elsewhere) == digest_of(rows)


def test_a_subset_has_the_digest_of_its_rows(tmp_path: Path) -> None:
    rows = some_rows(300)
    written = write_dataset(tmp_path, rows)
    few = [row for row in rows if (row.amount or 0) < 1000]
    assert subset_digest(written.paths, "amount < $most", {"most": 1000}) == digest_of(few)
    assert subset_digest(written.paths) == written.digest
    assert subset_digest(written.paths, "false") == digest_of([])


def test_the_same_content_is_found_again_and_another_origin_apart(tmp_path: Path) -> None:
    rows = some_rows(5)
    first = write_dataset(tmp_path, rows)
    assert write_dataset(tmp_path, rows) == first
    assert open_dataset(first.folder) == first
    other = write_dataset(tmp_path, [replace(row, sha256="b" * 64) for row in rows])
    assert other.digest == first.digest
    assert other.folder != first.folder
    assert not list(tmp_path.glob(".writing-*"))
    with pytest.raises(ValueError, match="not a dataset"):
        open_dataset(tmp_path)


def test_nothing_at_all_is_a_dataset_too(tmp_path: Path) -> None:
    empty = write_dataset(tmp_path, [])
    assert (empty.rows, empty.digest, empty.width) == (0, digest_of([]), width_for(0))
    assert list(read_rows(empty.paths)) == []


def test_more_than_one_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "CHUNK_ROWS", 64)
    rows = some_rows(400)
    rows[100] = replace(rows[100], seller="another", seat=None, sha256="c" * 64)
    written = write_dataset(tmp_path, iter(rows_to_table(rows).to_batches(max_chunksize=50)), 16)
    assert written.rows == 400
    assert written.digest == digest_of(rows)
    assert sorted(read_rows(written.paths), key=lambda r: r.order_no) == rows


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_dataset(tmp_path, iter([pa.RecordBatch.from_pydict({"key": ["a"]})]))
    assert not list(tmp_path.iterdir())


def test_files_hold_plain_columns(tmp_path: Path) -> None:
    """Whoever reads them, DuckDB or Spark, finds strings and 64-bit integers and nothing of Arrow's own."""
    written = write_dataset(tmp_path, some_rows(3))
    with duckdb.connect(":memory:") as engine:
        found = engine.sql(f"DESCRIBE SELECT * FROM read_parquet('{written.paths[0]}')").fetchall()
    assert [(name, kind) for name, kind, *_ in found] == [
        (field.name, "BIGINT" if field.type == pa.int64() else "VARCHAR") for field in FILE_SCHEMA
    ]
