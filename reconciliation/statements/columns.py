"""Reads files whose format is a document: block by block, so memory does not grow with the file."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain
from typing import Any

import pyarrow as pa

from reconciliation.statements.amounts import unlettered
from reconciliation.statements.cells import cut, transcoded
from reconciliation.statements.document import FormatDocument
from reconciliation.statements.evaluate import Evaluated, evaluate, units_of
from reconciliation.statements.header import BOM, absent, date_in, read_header, summary_of
from reconciliation.statements.lines import FileError, ProvenTotal, Quarantined, Sink, day_of
from reconciliation.statements.masking import masked_line
from reconciliation.statements.members import Member, blocks
from reconciliation.statements.texts import Block
from reconciliation.statements.totals import REMEDY, Totals

BATCH_BYTES = 2 << 20
MAX_SUMMARY_BYTES = 1 << 20
MAX_QUARANTINED = 10_000


class ColumnsReading:
    """One file of a columns format while it is read."""

    def __init__(self, document: FormatDocument, member: Member, label: str, sink: Sink) -> None:
        self.document = document
        self.member = member
        self.label = label
        self.sink = sink
        self.rows = 0
        self.cut_rows = 0
        self.quarantined: list[Quarantined] = []
        self.days: Counter[int] = Counter()
        self.comments: list[str] = []
        self.lines = 0
        self.marker = document.summary.begins.encode() if document.summary.begins else b""
        self.tail = b""
        said = document.business_date
        self.named_date = date_in([member.name], said) if said.source == "name" else None
        self.places: dict[str, int] = {}
        self.labels: dict[str, str] = {}
        self.masked: list[int] = []
        self.width = 0

    def read(self) -> tuple[ProvenTotal, ...]:
        """Everything to the sink; returns the totals that hold. Raises FileError when the file is refused."""
        with self.member.open() as file:
            stream = blocks(file, b'"' if self.document.cells.kind == "quoted" else b"")
            totals = self._rows(transcoded(block, self.document.cells) for block in stream)
        if self.quarantined and not self.cut_rows:
            fault = self.quarantined[0]
            raise FileError(f"no line fits the format; the first: {fault.reason}", f"{self.label}line {fault.line}")
        after = f"{self.label}line {self.lines + 1}"
        return totals.prove(summary_of(self.document, self.comments, self.tail, after), after)

    @property
    def business_date(self) -> date | None:
        """The date the file is about, as far as it has been read."""
        said = self.document.business_date
        if said.source != "rows":
            return self.named_date or date_in(self.comments, said)
        counted = {date(1970, 1, 1) + timedelta(days=day): count for day, count in self.days.items()}
        return day_of(counted)

    # --- rows

    def _rows(self, stream: Iterator[bytes]) -> Totals:
        first = next(stream, b"")
        header = read_header(self.document, first.removeprefix(BOM))
        self.comments += header.comments
        self.lines = header.lines
        self._find_columns(header.names)
        totals = Totals(self.document, set(self.places))
        for block in self._batched(self._before_summary(header.rest, stream)):
            self._read_block(block, totals)
        if self.marker and not self.tail:
            raise FileError(
                f"no summary: a line that begins with {self.document.summary.begins}, and one after it",
                f"{self.label}line {self.lines}",
                REMEDY,
            )
        return totals

    def _find_columns(self, names: list[str]) -> None:
        missing = absent(self.document, names)
        if self.document.cells.header and missing:
            raise FileError(f"columns are missing: {', '.join(missing)}", f"{self.label}line {self.lines}")
        by_position = max(column.position or 0 for column in self.document.columns.values())
        self.width = len(names) or len(self.document.cells.widths) or by_position
        self.places, self.masked, self.labels = column_places(self.document, names)

    def _before_summary(self, first: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
        """The blocks up to the summary, which is put into ``tail``."""
        for block in chain([first] if first else [], stream):
            if self.tail:
                self.tail += block
                if len(self.tail) > MAX_SUMMARY_BYTES:
                    raise FileError("rows go on after the summary", f"{self.label}line {self.lines}", REMEDY)
            else:
                yield from self._until_marker(block)

    def _until_marker(self, block: bytes) -> Iterator[bytes]:
        at = -1
        if self.marker:
            at = 0 if block.startswith(self.marker) else block.find(b"\n" + self.marker)
        if at < 0:
            yield block
            return
        end = at if at == 0 else at + 1
        self.tail = block[end:]
        if end:
            yield block[:end]

    def _batched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """A few blocks together: fewer, longer columns cost less."""
        waiting: list[bytes] = []
        size = 0
        for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= BATCH_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)

    def _read_block(self, raw: bytes, totals: Totals) -> None:
        found = cut(raw, self.document.cells, self.places, self.width)
        rows = len(found.numbers)
        texts = dict(found.columns)
        for name in self.document.used - texts.keys():
            texts[name] = pa.repeat(pa.scalar("", pa.string()), rows)
        for name, letters in self.document.lettered.items():
            texts[name] = unlettered(texts[name], letters)
        block = Block(
            texts, units_of(self.document, texts), found.numbers + self.lines + 1, self.label, self.named_date
        )
        evaluated = evaluate(self.document, block, self.labels.__getitem__)
        # The days first: a file that is refused in the middle still says which day it is about.
        self.days.update(evaluated.days)
        self._odd_lines(found.odd)
        self.lines += found.lines
        self.cut_rows += len(found.numbers)
        totals.add(block)
        self.rows += evaluated.table.num_rows
        self.sink(evaluated.table)
        self._keep_aside(raw, found, block, evaluated)

    def _odd_lines(self, odd: tuple[tuple[int, bytes], ...]) -> None:
        cells = self.document.cells
        for number, raw in odd:
            line = raw.decode("utf-8" if cells.kind != "fixed" else cells.encoding, "replace")
            if line.startswith(cells.comment):
                self.comments.append(line.strip())
                continue
            place = f"{self.label}line {self.lines + number + 1}"
            reason = f"the line has not {self.width} cells"
            if cells.kind == "fixed":
                reason = f"the line has {len(raw)} bytes, another length than the format says"
            if self.document.totals:
                raise FileError(f"{reason}: the totals cannot be proven", place, REMEDY)
            shown = masked_line(self.document.cells, line, self.masked, fits=False)
            self.quarantined.append(Quarantined(self.lines + number + 1, reason, shown))

    def _keep_aside(self, raw: bytes, found: Any, block: Block, evaluated: Evaluated) -> None:
        if not evaluated.bad:
            return
        encoding = self.document.cells.encoding if self.document.cells.kind == "fixed" else "utf-8"
        lines = raw.split(b"\n")
        for place, reason in sorted(evaluated.bad.items()):
            line = lines[int(found.numbers[place])].decode(encoding, "replace").rstrip("\r")
            if len(self.quarantined) >= MAX_QUARANTINED:
                raise FileError(
                    f"more than {MAX_QUARANTINED} rows cannot be read, the last: {reason}",
                    f"{self.label}line {int(block.numbers[place])}",
                    "The format of the file has changed: compare it with the document of the format.",
                )
            shown = masked_line(self.document.cells, line, self.masked)
            self.quarantined.append(Quarantined(int(block.numbers[place]), reason, shown))


def column_places(document: FormatDocument, names: list[str]) -> tuple[dict[str, int], list[int], dict[str, str]]:
    """(used column -> its place from 0, the places that are masked, column -> its name in the file)."""
    places: dict[str, int] = {}
    masked: list[int] = []
    labels: dict[str, str] = {}
    used = document.used
    for name, column in sorted(document.columns.items()):
        found = next((n for n in column.names if n in names), None)
        place = column.position - 1 if column.position else names.index(found) if found else None
        if place is not None and name in used:
            places[name] = place
        if place is not None and name in document.masked:
            masked.append(place)
        labels[name] = found or (column.names[0] if column.names else name)
    return places, masked, labels
