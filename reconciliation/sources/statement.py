"""A processor's files as a source: several files, the same file again, a re-export with other bytes.

A file once read is not read again: its lines stay as Parquet under the digest of its bytes and of the formats, also
those of other days and those that are refused. A day's rows are then put together from such readings.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reconciliation.datasets import SCHEMA, Dataset, read_rows, write_dataset
from reconciliation.rows import Row
from reconciliation.statements import LINES, Formats, Quarantined, Refused, canonical, formats, read_statement
from reconciliation.statements.evidence import evidence
from reconciliation.vault import Vault

READING_VERSION = 1
"""Raised when the code reads a format differently than before: old readings are then made anew."""
_CONTENT = [name for name in LINES.names if name not in {"place", "raw"}]


@dataclass(frozen=True, slots=True)
class StatementFile:
    """One file that was read: its digest, how much it held, what was kept aside, why it was refused if it was."""

    name: str
    sha256: str
    bytes: int
    rows: int
    quarantined: tuple[Quarantined, ...] = ()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class FileReading:
    """What reading a file came to. ``lines``: its lines as Parquet; None for a refused file. JSON beside the lines."""

    processor: str
    rows: int
    quarantined: tuple[Quarantined, ...]
    refused: str | None
    business_date: date | None
    lines: Path | None


@dataclass(slots=True)
class ProcessorDay:
    """What a processor says of a day, over all its files of that day. ``dataset`` None: no file, or all refused."""

    processor: str
    dataset: Dataset | None = None
    files: list[StatementFile] = field(default_factory=list)

    @property
    def refused(self) -> list[StatementFile]:
        return [file for file in self.files if file.refused is not None]

    @property
    def missing(self) -> bool:
        """Whether there is no file at all for the day."""
        return not self.files

    @property
    def rows(self) -> list[Row]:
        """The rows as objects, for small things."""
        return list(read_rows(self.dataset.paths)) if self.dataset else []


def read_processor_day(
    vault: Vault,
    processor: str,
    found: Iterable[tuple[str, bytes | Path]],
    business_date: date,
    root: Path | None = None,
    width: int | None = None,
    known: Formats | None = None,
) -> ProcessorDay:
    """Read the files that are about ``business_date`` into a dataset below ``root``.

    The same bytes under another name are one file. A row that two files share is one row (a re-export); a row that one
    file holds twice is two. A refused file changes nothing about its neighbours: a corrected one beside it counts.
    ``known``: the formats; without them those that are shipped and the operator's own in ``formats`` beside ``root``.
    """
    root = root or vault.root / "datasets"
    known = known or formats(root.parent / "formats")
    readings = Readings(vault, root.parent / "readings", known)
    day = ProcessorDay(processor)
    taken: dict[str, FileReading] = {}
    seen: set[str] = set()
    for name, raw in found:
        sha256 = vault.keep(raw) if isinstance(raw, bytes) else vault.keep_file(raw)
        if sha256 in seen:
            continue
        seen.add(sha256)
        reading = readings.read(processor, sha256, name)
        if reading.business_date not in {business_date, None}:
            continue
        size = vault.path(sha256).stat().st_size
        day.files.append(StatementFile(name, sha256, size, reading.rows, reading.quarantined, reading.refused))
        if reading.lines is not None:
            taken[sha256] = reading
    if taken:
        day.dataset = write_dataset(root, _rows_of(taken), width)
    return day


class Readings:
    """Files that were read before, by (digest of the bytes, source, digest of the formats)."""

    def __init__(self, vault: Vault, root: Path, known: Formats) -> None:
        self.vault = vault
        self.root = root
        self.known = known

    def read(self, source: str, sha256: str, name: str) -> FileReading:
        """The reading of a kept file; made now when there is none. Two processes may make it at once."""
        # The name is part of it: some formats take their date from it.
        known = hashlib.sha256(f"{READING_VERSION}|{self.known.digest(source)}|{name}".encode()).hexdigest()
        folder = self.root / sha256[:2] / f"{sha256}-{source}-{known[:16]}"
        if not folder.exists():
            self._make(folder, source, sha256, name)
        return _reading_in(folder)

    def _make(self, folder: Path, source: str, sha256: str, name: str) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".writing-"))
        try:
            with pq.ParquetWriter(draft / "lines.parquet", LINES, compression="lz4") as writer:
                found = read_statement(source, self.vault.path(sha256), name, self.known, _writing(writer))
            (draft / "reading.json").write_text(_as_json(found), encoding="utf-8")
            try:
                draft.rename(folder)
            except OSError:
                # Another process has just made the same reading.
                if not folder.exists():
                    raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _writing(writer: Any) -> Callable[[pa.Table], None]:
    def sink(table: pa.Table) -> None:
        if table.num_rows:
            writer.write_table(table)

    return sink


def _as_json(found: Any) -> str:
    refused = isinstance(found, Refused)
    told = {
        "processor": "" if refused else found.processor,
        "rows": 0 if refused else found.rows,
        "quarantined": [] if refused else [asdict(q) for q in found.quarantined],
        "refused": f"{found.reason} ({found.place}) {found.remedy}" if refused else None,
        "business_date": found.business_date.isoformat() if found.business_date else None,
        "totals": [] if refused else [asdict(total) for total in found.totals],
        "format": found.format,
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _reading_in(folder: Path) -> FileReading:
    told = json.loads((folder / "reading.json").read_text(encoding="utf-8"))
    return FileReading(
        processor=told["processor"],
        rows=told["rows"],
        quarantined=tuple(Quarantined(**q) for q in told["quarantined"]),
        refused=told["refused"],
        business_date=date.fromisoformat(told["business_date"]) if told["business_date"] else None,
        lines=None if told["refused"] is not None else folder / "lines.parquet",
    )


def _rows_of(taken: dict[str, FileReading]) -> Iterator[pa.RecordBatch]:
    """The canonical rows of some files, in batches; one file, the usual case, is only passed on."""
    if len(taken) == 1:
        ((sha256, reading),) = taken.items()
        with pq.ParquetFile(reading.lines) as file:
            for batch in file.iter_batches(batch_size=131_072):
                yield from _canonical(pa.Table.from_batches([batch]), reading.processor, sha256)
        return
    processor = next(iter(taken.values())).processor
    with duckdb.connect(":memory:") as engine, tempfile.TemporaryDirectory() as spill:
        engine.execute("SET temp_directory = $spill", {"spill": spill})
        digests = list(taken)
        for batch in engine.sql(_together(taken)).to_arrow_reader(131_072):
            table = pa.Table.from_batches([batch])
            for number in table["file"].unique().to_pylist():
                part = table.filter(pc.equal(table["file"], number)).select(LINES.names)
                yield from _canonical(part, processor, digests[number])


def _canonical(table: pa.Table, processor: str, sha256: str) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = canonical(table, processor, sha256).cast(SCHEMA).to_batches()
    return batches


def _together(taken: dict[str, FileReading]) -> str:
    """SQL: each content as often as the file that has it most often; its place in the first file that has it."""
    content = ", ".join(f'"{name}"' for name in _CONTENT)
    files = " UNION ALL ".join(
        f"SELECT *, {number} AS file FROM read_parquet('{_quoted(reading.lines)}')"
        for number, reading in enumerate(taken.values())
    )
    return f"""
    SELECT {content}, arg_min(place, file) AS place, arg_min(raw, file) AS raw, min(file) AS file
    FROM (SELECT *, row_number() OVER (PARTITION BY file, {content} ORDER BY place) AS nth FROM ({files}))
    GROUP BY {content}, nth
    """


def _quoted(path: Path | None) -> str:
    return str(path).replace("'", "''")


def with_texts(vault: Vault, source: str, items: Iterable[Mapping[str, Any]], known: Formats) -> list[dict[str, Any]]:
    """A break's evidence with the masked ``raw`` text of each statement line, for a person who looks at it.

    Items that have a text, or none that can be found again, stay as they are.
    """
    told = [dict(item) for item in items]
    for sha256 in {str(item["sha256"]) for item in told if item.get("sha256") and item.get("place")}:
        mine = [item for item in told if item.get("sha256") == sha256 and item.get("place") and not item.get("raw")]
        if mine and vault.path(sha256).exists():
            texts = evidence(source, vault.path(sha256), "", [str(item["place"]) for item in mine], known)
            for item in mine:
                if found := texts.get(str(item["place"])):
                    item["raw"] = found
    return told


class DroppedStatements:
    """The port ``Statements`` over a drop folder: ``<root>/<source>/*``, files being written left alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self, processor: str, business_date: date) -> Iterable[tuple[str, bytes | Path]]:
        folder = self.root / processor
        if not folder.is_dir():
            return
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix not in {".writing", ".json"}:
                yield path.name, path
