"""Rows as Parquet in hash buckets, in a folder named by the digest of what they say. No Python object per row.

    batches -> half a million rows at a time: hashes and bucket (DuckDB) -> grouped by file -> one row group per file

Partitioning once at the door is the spill, in a shape that also distributes: a worker reads two small files and needs
nothing else. The digest is a sum over rows, so their order, their number of files and the machine do not matter, and
the digest of any part of a dataset is one aggregate over it (:func:`subset_digest`).

The hash of a row's content is the first 60 bits of an MD5 (RFC 1321): it tells honest inputs apart. It is no
signature; the bytes as they came are kept under their SHA-256 (``vault``).
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reconciliation.rows import BUCKETS, CONTENT_NAMES, Row, content_hash

_INTEGERS = {"at", "amount", "leg_from", "leg_to", "leg_departs", "leg_arrives", "fee"}
SCHEMA = pa.schema([(f.name, pa.int64() if f.name in _INTEGERS else pa.string()) for f in fields(Row)])
CONTENT, KEY_HASH, SAID_HASH = "content", "key_hash", "said_hash"
"""The columns of the files behind those of ``SCHEMA``: hashes of all that a row says, of its key, and of what pairs
compare. Rows alike in the last two need no string to be read."""
SAID = ("amount", "currency", "state", "seat", "fee", "person")
FILE_SCHEMA = pa.schema([*SCHEMA, *(pa.field(name, pa.int64()) for name in (CONTENT, KEY_HASH, SAID_HASH))])

CHUNK_ROWS = 500_000
"""Rows that are sorted into files together. Two sides are written at the same time, and both must fit into 2 GB."""
WRITERS = 2
"""Threads that write files; Arrow lets go of the interpreter while it compresses."""
_MANY_VALUES = {"key", "order_no", "other_key", "replaces", "place", "person", "raw"}
_REPEATED = [n for n in SCHEMA.names if n not in _INTEGERS | _MANY_VALUES]

_WRITTEN = pa.schema(
    [pa.field(f.name, pa.dictionary(pa.int32(), f.type)) if f.name in _REPEATED else f for f in FILE_SCHEMA]
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One side of a match: ``paths[n]`` holds buckets ``n * width`` up to the next file's."""

    digest: str
    folder: Path
    rows: int
    width: int

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(bucket_path(self.folder, bucket) for bucket in range(0, BUCKETS, self.width))

    def pieces(self, width: int) -> tuple[tuple[Path, ...], ...]:
        """The files by groups of ``width`` buckets, so that two sides of different widths line up.

        Raises ValueError for a ``width`` that is finer than the files.
        """
        if width % self.width:
            raise ValueError(f"files of {self.width} buckets cannot be cut into pieces of {width}")
        paths, each = self.paths, width // self.width
        return tuple(paths[first : first + each] for first in range(0, len(paths), each))


def bucket_path(folder: Path, bucket: int) -> Path:
    return folder / f"{bucket:02d}.parquet"


def bucket_sql(column: str = "key") -> str:
    """The bucket of a key in DuckDB's SQL; Spark says ``conv(substr(md5(key), 1, 2), 16, 10) % 64``."""
    return f"(('0x' || substr(md5({column}), 1, 2))::integer & {BUCKETS - 1})"


def content_sql() -> str:
    """``rows.content_hash`` in DuckDB's SQL."""
    return _hash_sql(_text_sql(CONTENT_NAMES))


def key_hash_sql(column: str = "key") -> str:
    """The column ``key_hash`` of a key."""
    return _hash_sql(column)


def _text_sql(names: Iterable[str]) -> str:
    values = ", ".join(f'coalesce("{name}"::varchar, chr(0))' for name in names)
    return f"concat_ws(chr(31), {values})"


def _hash_sql(text: str) -> str:
    return f"('0x' || substr(md5({text}), 1, 15))::bigint"


_HASHES = f"""SELECT {_hash_sql(_text_sql(CONTENT_NAMES))} AS {CONTENT}, {_hash_sql("key")} AS {KEY_HASH},
    {_hash_sql(_text_sql(SAID))} AS {SAID_HASH} FROM chunk"""


def digest_of(rows: Iterable[Row]) -> str:
    """The digest of a dataset of these rows; where they were read does not matter."""
    hashes = [content_hash(row) for row in rows]
    return digest_of_sum(len(hashes), sum(hashes))


def subset_digest(paths: Sequence[Path], where: str = "true", parameters: dict[str, Any] | None = None) -> str:
    """The digest of those rows of a dataset's files for which ``where`` holds (DuckDB's SQL over its columns)."""
    with duckdb.connect(":memory:") as engine:
        found = engine.execute(
            f"SELECT count(*), sum({CONTENT}) FROM read_parquet($paths) WHERE {where}",
            {**(parameters or {}), "paths": [str(path) for path in paths]},
        ).fetchone()
    return digest_of_sum(*found) if found else digest_of_sum(0, None)


def digest_of_sum(rows: int, total: int | None) -> str:
    """The digest of so many rows with this sum of content hashes: parts of a dataset are added before it is taken."""
    return hashlib.sha256(f"{rows} rows, sum {total or 0}".encode()).hexdigest()


def width_for(rows: int) -> int:
    """How many of the 64 buckets share a file, for both sides of a match: many on a small day."""
    return next((width for limit, width in ((20_000, 32), (200_000, 16), (1_000_001, 4)) if rows < limit), 1)


def rows_to_table(rows: Iterable[Row]) -> pa.Table:
    """Rows in hand as a table of ``SCHEMA``."""
    listed = list(rows)
    return pa.table({f.name: [getattr(row, f.name) for row in listed] for f in fields(Row)}, schema=SCHEMA)


def table_to_rows(table: pa.Table) -> list[Row]:
    """The inverse, for small things."""
    columns = [table.column(name).to_pylist() for name in SCHEMA.names]
    return [Row(*values) for values in zip(*columns, strict=True)]


def read_rows(paths: Iterable[Path]) -> Iterator[Row]:
    """The rows of a dataset's files, for small things."""
    for path in paths:
        yield from table_to_rows(pq.read_table(path, columns=SCHEMA.names))


def write_dataset(root: Path, data: Any, width: int | None = None) -> Dataset:
    """Write rows below ``root``, or find them there. A folder appears whole or not at all (rename).

    ``data``: a table or batches of ``SCHEMA`` (streamed, half a million in memory), or rows. ``width`` None: by size.
    """
    root.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=root, prefix=".writing-"))
    try:
        with _Writer(draft, width) as writer:
            for chunk in _chunks(_batches(data)):
                writer.add(chunk)
        digest = digest_of_sum(writer.rows, writer.total)
        # The same content read from another place keeps its own way back to the bytes.
        origin = hashlib.sha256("\n".join(sorted(writer.origins)).encode()).hexdigest()
        folder = root / digest[:2] / f"{digest}-{origin[:16]}-{writer.width}"
        _put(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Dataset(digest=digest, folder=folder, rows=writer.rows, width=writer.width)


def open_dataset(folder: Path) -> Dataset:
    """A dataset that was written before. Raises ValueError for a folder that is none."""
    digest, _, rest = folder.name.partition("-")
    width = rest.rpartition("-")[2]
    if len(digest) != 64 or not width.isdigit():
        raise ValueError(f"{folder} is not a dataset's folder")
    found = Dataset(digest=digest, folder=folder, rows=0, width=int(width))
    rows = sum(pq.read_metadata(path).num_rows for path in found.paths)
    return Dataset(digest=digest, folder=folder, rows=rows, width=int(width))


def _put(draft: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        return
    try:
        draft.rename(folder)
    except OSError:
        # Another process has just put the same content there.
        if not folder.exists():
            raise


def _batches(data: Any) -> Iterator[pa.RecordBatch]:
    if isinstance(data, pa.Table):
        yield from data.select(SCHEMA.names).cast(SCHEMA).to_batches()
        return
    source: Iterator[Any] = iter(data)
    first = next(source, None)
    if isinstance(first, Row):
        yield from rows_to_table(chain([first], source)).to_batches()
    elif first is not None:
        for batch in chain([first], source):
            yield batch.select(SCHEMA.names).cast(SCHEMA)


def _chunks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """About half a million rows at a time; an empty table when there is nothing at all."""
    waiting: list[pa.RecordBatch] = []
    rows = given = 0
    for batch in batches:
        if rows and rows + batch.num_rows > CHUNK_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting, rows = [], 0
            given += 1
        waiting.append(batch)
        rows += batch.num_rows
    if waiting or not given:
        yield pa.Table.from_batches(waiting, schema=None if waiting else SCHEMA)


class _Writer:
    """The files of one dataset while it is written. ``total``: the sum of the content hashes."""

    def __init__(self, folder: Path, width: int | None) -> None:
        self.folder = folder
        self.width = width or 0
        self.rows = 0
        self.total = 0
        self.origins: set[str] = set()
        self._files: list[pq.ParquetWriter] = []
        self._engine = duckdb.connect(":memory:")
        self._threads = ThreadPoolExecutor(WRITERS)

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        for file in self._files:
            file.close()
        self._engine.close()

    def add(self, chunk: pa.Table) -> None:
        """Sort a chunk into the files, a row group each."""
        if not self._files:
            self._open(chunk.num_rows)
        whole, places = self._hashed(chunk)
        order = np.argsort(places, kind="stable")
        ends = np.cumsum(np.bincount(places, minlength=len(self._files)))
        sorted_rows = _compact(whole).take(pa.array(order))

        def write(file: pq.ParquetWriter, first: int, last: int) -> None:
            if last > first:
                file.write_table(sorted_rows.slice(first, last - first))

        list(self._threads.map(write, self._files, [0, *ends[:-1]], ends))
        self.rows += chunk.num_rows
        self.origins.update(pc.unique(chunk.column("sha256")).to_pylist())

    def _open(self, rows: int) -> None:
        self.width = self.width or width_for(rows)
        self._files = [
            # LZ4: half again as large as Zstandard, and read in half the time.
            pq.ParquetWriter(
                bucket_path(self.folder, bucket),
                _WRITTEN,
                compression="lz4",
                store_schema=False,
                # What hardly repeats is not looked up in a dictionary first: half the time to write.
                use_dictionary=_REPEATED,
                # Whether a side says anything in a compared column at all is asked of these.
                write_statistics=list(SAID),
            )
            for bucket in range(0, BUCKETS, self.width)
        ]

    def _hashed(self, chunk: pa.Table) -> tuple[pa.Table, Any]:
        """The chunk with its hashes, and the file in which each row belongs."""
        self._engine.register("chunk", chunk)
        hashes = self._engine.sql(_HASHES).to_arrow_table()
        self._engine.unregister("chunk")
        # Of sixty-bit numbers a million fit no 64-bit sum: their halves do.
        values = hashes.column(CONTENT).to_numpy()
        self.total += (int((values >> 30).sum()) << 30) + int((values & (2**30 - 1)).sum())
        for name in hashes.column_names:
            chunk = chunk.append_column(name, hashes.column(name))
        # The bucket is the first byte of the key's hash, which is the upper eight of its sixty bits.
        buckets = (hashes.column(KEY_HASH).to_numpy() >> 52) % BUCKETS
        return chunk, (buckets // self.width).astype(np.uint8)


def _compact(chunk: pa.Table) -> pa.Table:
    """Columns of few values as dictionaries: they are sorted and written at a third of the cost."""
    columns = {
        name: pc.dictionary_encode(chunk.column(name)).unify_dictionaries() if name in _REPEATED else chunk.column(name)
        for name in FILE_SCHEMA.names
    }
    return pa.table(columns).combine_chunks()
