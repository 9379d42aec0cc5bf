"""CSV (RFC 4180): a header line, then rows. Places are ``line 3, column fare``; unknown columns are losses."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.kit.decoding import decode_text
from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, Refused, refusal
from adapters.kit.tables.wires.lines import grouped, part, whole_lines
from adapters.kit.tables.wires.port import ROWS_MOST, Frame, Native, Sheet
from hub.ports import Part
from schemas.observation import Rejection

_BOM = b"\xef\xbb\xbf"


class CsvRow(Record):
    """One row; fields by the names of the header."""

    __slots__ = ()

    def at(self, name: str) -> str:
        return f"{self.pointer}, column {name}"


@dataclass(frozen=True)
class Csv:
    """The wire. A byte order mark is read over; every line must have its end, so that a cut file is noticed."""

    delimiter: str = ","
    media_type: str = "text/csv"
    most_rows: int = ROWS_MOST

    def is_of_head(self, name: str) -> bool:
        return False

    def read(self, raw: bytes, frame: Frame) -> Sheet:
        names, rows = self._table(raw, frame, frame.maximum)
        if not 1 <= len(rows) <= self.most_rows:
            detail = f"a message has 1 to {self.most_rows} rows, this has {len(rows)}"
            raise refusal("message_malformed", "line 2", detail, expected="a header line and rows")
        losses = Losses()
        return Sheet(
            None,
            [
                CsvRow(dict(zip(names, cells, strict=True)), f"line {number}", losses, frame.system, frame.tables)
                for number, cells in enumerate(rows, 2)
            ],
        )

    def _table(self, raw: bytes, frame: Frame, maximum: int | None) -> tuple[list[str], list[list[str]]]:
        lines = whole_lines(raw.removeprefix(_BOM), maximum)
        texts = decode_text(b"\n".join(lines), frame.encoding).split("\n")
        cells = [self._cells(text, number) for number, text in enumerate(texts, 1)]
        names = cells[0]
        self._check_header(names, frame)
        for number, row in enumerate(cells[1:], 2):
            if len(row) != len(names):
                detail = f"the row has {len(row)} cells, the header names {len(names)}"
                raise refusal("message_malformed", f"line {number}", detail, expected=f"{len(names)} cells")
        return names, cells[1:]

    def _cells(self, text: str, number: int) -> list[str]:
        try:
            found = list(csv.reader([text], delimiter=self.delimiter, strict=True))
        except csv.Error as error:
            raise refusal("message_malformed", f"line {number}", str(error), expected="CSV, RFC 4180") from error
        return found[0] if found else []

    def _check_header(self, names: list[str], frame: Frame) -> None:
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise refusal("message_malformed", f"line 1, column {twice}", "the header names this column twice")
        known = [column.name for column in frame.columns]
        there = set(names)
        missing = [name for name in known if name not in there]
        if missing:
            detail = f"the header lacks {', '.join(missing)}"
            example = self.delimiter.join(known)
            raise refusal("message_malformed", "line 1", detail, expected=", ".join(known), example=example)

    def write(self, head: Native, rows: Sequence[Native], frame: Frame, losses: Losses) -> bytes:
        names = [column.name for column in frame.columns]
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([row.get(name, "") for name in names] for row in rows)
        return text.getvalue().encode(frame.encoding)

    def split(self, raw: bytes, frame: Frame) -> Sequence[Part] | Rejection:
        try:
            lines = whole_lines(raw.removeprefix(_BOM), None)
            names = self._cells(decode_text(lines[0], frame.encoding), 1)
            self._check_header(names, frame)
        except Refused as refused:
            return refused.rejection
        keys = [names.index(name) for slot in ("order_no", "ticket_no", "at") if (name := frame.name_of(slot))]
        rows = [(number, line, self._key(line, keys, frame)) for number, line in enumerate(lines[1:], 2) if line]
        return [
            part(b"".join(line + b"\n" for line in (lines[0], *together)), number, len(together))
            for number, together in grouped(rows)
        ]

    def _key(self, line: bytes, keys: list[int], frame: Frame) -> tuple[str, ...]:
        """Which order, when; a row that cannot be read stands alone, and is refused alone."""
        try:
            cells = self._cells(decode_text(line, frame.encoding), 1)
            return tuple(cells[key][:10] if key != keys[-1] else cells[key] for key in keys)
        except (Refused, IndexError):
            return (line.hex(),)
