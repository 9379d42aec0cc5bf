"""A window's file -> its transactions, after its three nested control totals have been checked.

A total that does not fit refuses the whole file, naming both figures. A row that cannot be read becomes a message of
its own, or spoils the transaction it stands in: ``parse`` refuses it with its line and columns, and its neighbours go
on. What such a row would have added is then unknown, and only that: while it cannot be cut, the sums above it and the
number of transactions of its shift prove nothing; records, shifts and offices are counted all the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adapters.kit.columns import Layout, Line, cut, unpunch, write
from adapters.kit.refusing import Losses, Refused, refusal
from adapters.windows.layout import (
    FILE_HEADER,
    FILE_TRAILER,
    OFFICE_HEADER,
    OFFICE_TRAILER,
    PART_END,
    RECORDS,
    SHIFT_HEADER,
    SHIFT_TRAILER,
)
from adapters.windows.parse import desk_words
from hub.ports import Part
from schemas.money import format_decimal
from schemas.observation import Rejection

_NESTING = {
    OFFICE_HEADER.code: ("", "office"),
    SHIFT_HEADER.code: ("office", "shift"),
    SHIFT_TRAILER.code: ("shift", "office"),
    OFFICE_TRAILER.code: ("office", ""),
}
"""header or trailer -> the level in which it may stand, the level after it."""

_TRAILERS = {layout.code: layout for layout in (SHIFT_TRAILER, OFFICE_TRAILER, FILE_TRAILER)}
_ABOVE = {SHIFT_TRAILER.code: OFFICE_TRAILER.code, OFFICE_TRAILER.code: FILE_TRAILER.code}
_TITLES = {"ST ": "shift trailer", "OT ": "office trailer", "FT ": "file trailer"}
_MARKS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(slots=True)
class Totals:
    """What stands below one trailer: units, records, the sum of all money columns; None for what cannot be known."""

    units: int | None = 0
    records: int = 0
    fen: int | None = 0

    def add(self, below: "Totals") -> None:
        """A unit of the level below has ended."""
        self.units = None if self.units is None else self.units + 1
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
        return [part for shift in FileReader(raw).shifts() for part in _parts(shift)]
    except Refused as refused:
        return refused.rejection


class FileReader:
    """Walks the lines once; levels are ``""`` (file), ``office``, ``shift``."""

    def __init__(self, raw: bytes) -> None:
        _check_ends(raw)
        lines = raw.split(b"\r\n")
        self._lines = lines[:-1] if lines[-1].strip(b" ") == b"" else lines
        self._totals = {code: Totals() for code in _TRAILERS}
        self._losses = Losses()
        self._level = ""
        self._office = ""
        self._found: list[_Shift] = []

    def shifts(self) -> list[_Shift]:
        self._header()
        for number, line in enumerate(self._lines[1:], 2):
            code = line[:3].decode("ascii", "replace")
            if code == FILE_TRAILER.code:
                self._expect("", number, code)
                self._check(line, number, code)
                self._last(number)
                return self._found
            if code in _NESTING:
                within, after = _NESTING[code]
                self._expect(within, number, code)
                self._enter(code, line, number)
                self._level = after
            else:
                self._expect("shift", number, code)
                self._record(line, number, code)
        place = f"line {max(1, len(self._lines))}, columns 1-3"
        raise refusal("message_truncated", place, "the file trailer is missing", expected="FT", example="FT ")

    def _nesting(self, code: str) -> tuple[str, str]:
        """In which level this header or trailer may stand, and the level after it."""
        return _NESTING[code]

    def _header(self) -> None:
        first = self._lines[0] if self._lines else b""
        if first[:3] != FILE_HEADER.code.encode():
            raise refusal("message_malformed", "line 1, columns 1-3", "no file header", expected="FH", found=first[:3])
        header = cut(FILE_HEADER, first, 1, self._losses, system="windows")
        self._prefix = header.choice("kind", {"S": "", "D": "day-"})
        header.choice("version", {"01": 1})
        edition = header.integer("edition", high=99, default=0)
        self._date = f"{header.date('business_date'):%Y%m%d}" + (f".{edition}" if edition else "")

    def _expect(self, level: str, number: int, code: str) -> None:
        if self._level != level:
            names = {"": "outside an office", "office": "inside an office", "shift": "inside a shift"}
            detail = f"{code.strip() or 'this line'} may stand {names[level]} only"
            raise refusal("message_malformed", f"line {number}, columns 1-3", detail, found=code)

    def _enter(self, code: str, line: bytes, number: int) -> None:
        """A header opens a level, a trailer closes one and is checked."""
        if code == OFFICE_HEADER.code:
            self._office_line = line
            self._office = self._words(OFFICE_HEADER, line, number)
            self._totals[OFFICE_TRAILER.code] = Totals()
        elif code == SHIFT_HEADER.code:
            self._totals[SHIFT_TRAILER.code] = Totals()
            name = f"{self._prefix}{self._office}-{self._words(SHIFT_HEADER, line, number)}-{self._date}"
            self._found.append(_Shift((self._lines[0], self._office_line, line), name))
        else:
            self._check(line, number, code)
            self._totals[_ABOVE[code]].add(self._totals[code])

    def _words(self, layout: Layout, line: bytes, number: int) -> str:
        """``office`` of an office header, ``window-shift`` of a shift's: what message ids begin with."""
        words = desk_words(cut(layout, line, number, self._losses, system="windows"))
        return "-".join(str(words[name]) for name in ("office", "window", "shift") if name in words)

    def _record(self, line: bytes, number: int, code: str) -> None:
        totals, known = self._totals[SHIFT_TRAILER.code], self._found[-1].transactions
        totals.records += 1
        layout = RECORDS.get(code)
        whole = layout is not None and len(line) == layout.width
        fen = _fen(line, layout) if layout is not None and whole else None
        totals.fen = None if totals.fen is None or fen is None else totals.fen + fen
        running = line[3:9].decode("ascii", "replace")
        numbered = running.isascii() and running.isdigit()
        if not (whole and numbered):
            totals.units = None
        if not known or known[-1].running != running or not numbered:
            known.append(_Transaction(running if numbered else f"line{number}", number))
            totals.units = None if totals.units is None else totals.units + 1
        known[-1].lines.append(line)

    def _check(self, line: bytes, number: int, code: str) -> None:
        """Compare one trailer with what stands below it."""
        trailer = cut(_TRAILERS[code], line, number, self._losses, system="windows")
        below = self._totals[code]
        units, records = (trailer.integer(name, high=999_999) for name in ("units", "records"))
        amount = trailer.amount("amount", signed=True)
        if records != below.records:
            raise _wrong(trailer, "records", code, str(below.records), str(records))
        if below.units is not None and units != below.units:
            raise _wrong(trailer, "units", code, str(below.units), str(units))
        if below.fen is not None and amount.amount != below.fen:
            summed = amount.model_copy(update={"amount": below.fen})
            raise _wrong(trailer, "amount", code, format_decimal(summed), format_decimal(amount))

    def _last(self, number: int) -> None:
        if number != len(self._lines):
            place, found = f"line {number + 1}, columns 1-3", self._lines[number][:20]
            raise refusal("message_malformed", place, "something follows the file trailer", found=found)


def _check_ends(raw: bytes) -> None:
    """What editors and mail gateways do to a file, said in words instead of as a wrong width."""
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            detail = f"the file begins with the byte order mark of {name}"
            raise refusal("encoding_damaged", "line 1, columns 1-3", detail, expected="GB18030, FH", found=mark.hex())
    if b"\n" in raw and b"\r\n" not in raw:
        first = raw.index(b"\n") + 1
        detail = "the lines are ended by LF alone"
        raise refusal("message_malformed", f"line 1, columns {first}-{first}", detail, expected="CR LF", found="LF")


def _wrong(trailer: Line, name: str, code: str, below: str, said: str) -> Refused:
    detail = f"the control total '{name}' of the {_TITLES[code]} is {said}, the records below it are {below}"
    return trailer.refuse(name, "control_total_wrong", detail, expected=below)


def _fen(line: bytes, layout: Layout) -> int | None:
    """The sum of a record's money columns; None when it cannot be read."""
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
