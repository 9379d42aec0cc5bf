"""Rows as Parquet in hash buckets, in a folder named by the digest of what they say.

Partitioning once at the door is the spill, in a shape that also distributes: a worker reads two small files and needs
nothing else. The digest is over the sorted content, so shuffled rows or another file layout give the same dataset.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from reconciliation.rows import BUCKETS, Row, bucket_of

_INTEGERS = {"at", "amount", "leg_from", "leg_to", "leg_departs", "leg_arrives", "fee"}
SCHEMA = pa.schema([(f.name, pa.int64() if f.name in _INTEGERS else pa.string()) for f in fields(Row)])


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


def bucket_path(folder: Path, bucket: int) -> Path:
    return folder / f"{bucket:02d}.parquet"


def digest_of(rows: Iterable[Row]) -> str:
    """SHA-256 over the sorted contents; the order of the rows and where they were read do not matter."""
    lines = sorted(json.dumps(row.content, ensure_ascii=False) for row in rows)
    total = hashlib.sha256()
    for line in lines:
        total.update(line.encode())
        total.update(b"\n")
    return total.hexdigest()


def width_for(rows: int) -> int:
    """How many of the 64 buckets share a file, for both sides of a match: many on a small day."""
    return next((width for limit, width in ((20_000, 32), (200_000, 16), (2_000_000, 4)) if rows < limit), 1)


def write_dataset(root: Path, rows: Sequence[Row], width: int = 1) -> Dataset:
    """Write ``rows`` below ``root``, or find them there. A folder appears whole or not at all (rename)."""
    digest = digest_of(rows)
    # The same content read from another place keeps its own way back to the bytes.
    origin = hashlib.sha256("\n".join(sorted({f"{r.sha256}|{r.place}" for r in rows})).encode()).hexdigest()
    folder = root / digest[:2] / f"{digest}-{origin[:16]}-{width}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent))
        _write_buckets(draft, rows, width)
        try:
            draft.rename(folder)
        except OSError:
            # Another process has just put the same content there.
            if not folder.exists():
                raise
            shutil.rmtree(draft)
    return Dataset(digest=digest, folder=folder, rows=len(rows), width=width)


def _write_buckets(folder: Path, rows: Sequence[Row], width: int) -> None:
    buckets: dict[int, list[Row]] = {bucket: [] for bucket in range(0, BUCKETS, width)}
    for row in rows:
        buckets[bucket_of(row.key) // width * width].append(row)
    for bucket, members in buckets.items():
        members.sort(key=lambda row: (row.key, row.amount or 0, row.at, row.place))
        columns = {f.name: [getattr(row, f.name) for row in members] for f in fields(Row)}
        pq.write_table(pa.table(columns, schema=SCHEMA), bucket_path(folder, bucket), compression="zstd")
