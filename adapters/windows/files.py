"""A window's file -> its transactions, after its three nested control totals have been checked.

A total that does not fit refuses the whole file. A row that cannot be read becomes a message of its own, or spoils
the transaction it stands in: ``parse`` refuses it with its line and columns, and its neighbours go on. Where such a
row cannot be cut, the sums and the number of transactions above it prove nothing, and only records are counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adapters.kit.reading import Losses, Refused, refusal
from adapters.windows.columns import Line, cut, unpunch, write
from adapters.windows.layout import (
    FILE_HEADER,
    FILE_TRAILER,
    OFFICE_HEADER,
    OFFICE_TRAILER,
    PART_END,
    RECORDS,
    SHIFT_HEADER,
    SHIFT_TRAILER,
    Layout,
)
from hub.ports import Part
from schemas.observation import Rejection

_NESTING = {
    OFFICE_HEADER.code: ("", "office"),
    SHIFT_HEADER.code: ("office", "shift"),
    SHIFT_TRAILER.code: ("shift", "office"),
    OFFICE_TRAILER.code: ("office", ""),
}
"""header or trailer -> the level in which it may stand, the level after it."""

_TRAILERS = {layout.code: layout for layout in (SHIFT_TRAILER, OFFICE_TRAILER, FILE_TRAILER)}
_TITLES = {"ST ": "shift trailer", "OT ": "office trailer", "FT ": "file trailer"}


@dataclass(slots=True)
class Totals:
    """What stands below one trailer: units, records, the sum of all money columns; None once it cannot be known."""

    units: int = 0
    records: int = 0
    fen: int | None = 0

    def add(self, below: "Totals") -> None:
        """A unit of the level below has ended."""
        self.units += 1
        self.records += below.records
        self.fen = None if self.fen is None or below.fen is None else self.fen + below.fen


@dataclass(slots=True)
class _Transaction:
    running: str
    first: int
    lines: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Shift:
    headers: tuple[bytes, ...]
    name: str
    transactions: list[_Transaction] = field(default_factory=list)


def split(raw: bytes) -> Sequence[Part] | Rejection:
    """The transactions of a file, or why the whole file is refused."""
    try:
        return [part for shift in _Reader(raw).shifts() for part in _parts(shift)]
    except Refused as refused:
        return refused.rejection


class _Reader:
    """Walks the lines once; levels are ``""`` (file), ``office``, ``shift``."""

    def __init__(self, raw: bytes) -> None:
        lines = raw.split(b"\r\n")
        self._lines = lines[:-1] if lines[-1].strip() == b"" else lines
        self._totals = {"FT ": Totals(), "OT ": Totals(), "ST ": Totals()}
        self._losses = Losses()
        self._level = ""
        self._office = b""

    def shifts(self) -> list[_Shift]:
        header = self._header()
        found: list[_Shift] = []
        for number, line in enumerate(self._lines[1:], 2):
            code = line[:3].decode("ascii", "replace")
            if code == FILE_TRAILER.code:
                self._expect("", number, code)
                self._check(line, number, code)
                self._last(number)
                return found
            if code in _NESTING:
                within, after = _NESTING[code]
                self._expect(within, number, code)
                self._enter(code, line, number, header, found)
                self._level = after
            else:
                self._expect("shift", number, code)
                self._record(line, number, code, found[-1])
        place = f"line {len(self._lines)}, columns 1-3"
        raise refusal("message_truncated", place, "the file trailer is missing", expected="FT", example="FT ")

    def _header(self) -> Line:
        first = self._lines[0] if self._lines else b""
        if first[:3] != FILE_HEADER.code.encode():
            raise refusal("message_malformed", "line 1, columns 1-3", "no file header", expected="FH", found=first[:3])
        header = cut(FILE_HEADER, first, 1, self._losses)
        header.choice("kind", {"S": "S", "D": "D"})
        header.choice("version", {"01": 1})
        header.text("business_date", example="20260109")
        return header

    def _expect(self, level: str, number: int, code: str) -> None:
        if self._level != level:
            names = {"": "outside an office", "office": "inside an office", "shift": "inside a shift"}
            detail = f"{code.strip() or 'this line'} may stand {names[level]} only"
            raise refusal("message_malformed", f"line {number}, columns 1-3", detail, found=code)

    def _enter(self, code: str, line: bytes, number: int, header: Line, found: list[_Shift]) -> None:
        """A header opens a level, a trailer closes one and is checked."""
        if code == OFFICE_HEADER.code:
            self._office = line
            self._totals["OT "] = Totals()
        elif code == SHIFT_HEADER.code:
            self._totals["ST "] = Totals()
            name = _shift_name(header, cut(OFFICE_HEADER, self._office, number, self._losses), line, number)
            found.append(_Shift((self._lines[0], self._office, line), name))
        else:
            self._check(line, number, code)
            above = {"ST ": "OT ", "OT ": "FT "}[code]
            self._totals[above].add(self._totals[code])

    def _record(self, line: bytes, number: int, code: str, shift: _Shift) -> None:
        totals = self._totals["ST "]
        totals.records += 1
        fen = _fen(line, RECORDS.get(code), number)
        totals.fen = None if totals.fen is None or fen is None else totals.fen + fen
        running = line[3:9].decode("ascii", "replace")
        known = shift.transactions
        if not running.isdigit():
            running = f"line{number}"
        if not known or known[-1].running != running:
            known.append(_Transaction(running, number))
            totals.units += 1
        known[-1].lines.append(line)

    def _check(self, line: bytes, number: int, code: str) -> None:
        """Compare one trailer with what stands below it."""
        trailer, found = cut(_TRAILERS[code], line, number, self._losses), self._totals[code]
        units, records = (trailer.integer(name, high=999_999) for name in ("units", "records"))
        if records != found.records:
            raise _wrong(trailer, "records", code, str(found.records))
        if found.fen is None:
            return
        if units != found.units:
            raise _wrong(trailer, "units", code, str(found.units))
        if trailer.amount("amount", signed=True).amount != found.fen:
            raise _wrong(trailer, "amount", code, f"{found.fen} fen")

    def _last(self, number: int) -> None:
        if number != len(self._lines):
            raise refusal("message_malformed", f"line {number + 1}, columns 1-3", "lines after the file trailer")


def _wrong(trailer: Line, name: str, code: str, expected: str) -> Refused:
    detail = f"the control total '{name}' of the {_TITLES[code]} does not fit the records below it"
    return trailer.refuse(name, "control_total_wrong", detail, expected=expected)


def _shift_name(header: Line, office: Line, line: bytes, number: int) -> str:
    """``office-window-shift-businessdate``; a day extract's begins with ``day-``: it is no live message."""
    shift = cut(SHIFT_HEADER, line, number, Losses())
    name = f"{office.text('office')}-{shift.text('window')}-{shift.text('shift')}-{header.text('business_date')}"
    return name if header.text("kind") == "S" else f"day-{name}"


def _fen(line: bytes, layout: Layout | None, number: int) -> int | None:
    """The sum of a record's money columns; None when it cannot be read."""
    if layout is None or len(line) != layout.width:
        return None
    fen = 0
    for column in layout.columns:
        if column.kind == "money":
            first, last = layout.spans[column.name]
            piece = line[first - 1 : last].decode("ascii", "replace")
            amount = 0 if piece.isspace() else unpunch(piece)
            if amount is None:
                return None
            fen += amount
    return fen


def _parts(shift: _Shift) -> Iterator[Part]:
    for transaction in shift.transactions:
        last = transaction.first + len(transaction.lines) - 1
        yield Part(
            f"{shift.name}-{transaction.running}",
            message(shift.headers, transaction.lines),
            f"lines {transaction.first}-{last}, transaction {transaction.running} of {shift.name}",
        )


def message(headers: Sequence[bytes], lines: Sequence[bytes]) -> bytes:
    """Headers and records closed with ``PE`` and their number: bytes that ``parse`` reads alone."""
    end = write(PART_END, {"records": len(lines)}, Losses(), "")
    return b"".join(line + b"\r\n" for line in (*headers, *lines)) + end
