"""Lines of fixed-width columns, read and written by ``adapters.kit.columns``. Places are ``line 3, columns 14-24``."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.kit import columns
from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, Refused, refusal
from adapters.kit.tables.wires.lines import grouped, part, whole_lines
from adapters.kit.tables.wires.port import ROWS_MOST, Frame, Native, Sheet
from hub.ports import Part
from schemas.observation import Rejection

_DIGITS_MOST = 12


@dataclass(frozen=True)
class Fixed:
    """The wire. Columns follow each other as in the table; numbers are filled with zeros, texts with blanks."""

    media_type: str = "text/plain"
    most_rows: int = ROWS_MOST

    def is_of_head(self, name: str) -> bool:
        return False

    def spans(self, frame: Frame) -> dict[str, tuple[int, int]]:
        """name -> first and last byte of its column, counted from 1."""
        return frame.layout.spans

    def read(self, raw: bytes, frame: Frame) -> Sheet:
        lines = whole_lines(raw, frame.maximum)
        if len(lines) > self.most_rows:
            raise refusal("message_malformed", f"line {self.most_rows + 1}", f"a message has {self.most_rows} rows")
        losses, layout = Losses(), frame.layout
        rows: list[Record] = []
        for number, line in enumerate(lines, 1):
            row = columns.cut(layout, line, number, losses, system=frame.system)
            row.tables = frame.tables
            rows.append(row)
        return Sheet(None, rows)

    def write(self, head: Native, rows: Sequence[Native], frame: Frame, losses: Losses) -> bytes:
        layout = frame.layout
        said = [_filled(row, frame) for row in rows if _fits(row, frame, losses)]
        return b"".join(columns.write(layout, row, losses, "/tickets") for row in said)

    def split(self, raw: bytes, frame: Frame) -> Sequence[Part] | Rejection:
        try:
            lines = whole_lines(raw, None)
        except Refused as refused:
            return refused.rejection
        spans = self.spans(frame)
        places = [spans[name] for slot in ("order_no", "ticket_no", "at") if (name := frame.name_of(slot))]
        rows = [(number, line, _key(line, places)) for number, line in enumerate(lines, 1) if line.strip()]
        return [
            part(b"".join(line + b"\n" for line in together), number, len(together))
            for number, together in grouped(rows)
        ]


def _key(line: bytes, places: list[tuple[int, int]]) -> tuple[str, ...]:
    """Which order, when: ten bytes of its numbers, all of its time."""
    cut = [line[first - 1 : last].hex() for first, last in places]
    return tuple(piece if place == places[-1] else piece[:20] for piece, place in zip(cut, places, strict=True))


def _fits(row: Native, frame: Frame, losses: Losses) -> bool:
    """Whether every code and number fits its column; a cut one would be another one, so the row is left out."""
    for column in frame.columns:
        value = str(row.get(column.name, ""))
        if not column.is_text and len(value.encode(frame.encoding, "replace")) > column.width:
            detail = f"longer than the {column.width} bytes of column {column.name}: the row is not told"
            losses.add("/tickets", "not_expressible", value, detail)
            return False
    return True


def _filled(row: Native, frame: Frame) -> dict[str, str]:
    numbers = {column.name: min(column.width, _DIGITS_MOST) for column in frame.columns if column.is_number}
    return {name: _zeros(str(value), numbers[name]) if name in numbers else str(value) for name, value in row.items()}


def _zeros(text: str, width: int) -> str:
    return f"-{text[1:]:0>{width - 1}}" if text.startswith("-") else f"{text:0>{width}}"
