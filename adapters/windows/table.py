"""A day of the windows by columns: whole blocks of records are cut at once, and proven by the readers of one record.

    index    where every line begins, its record code and width
    check    headers, nesting and the three control totals, by the file's own reader over sums of columns
    prove    transactions of sales with their payments and repayments, field by field; the rest goes the slow way

An order that stands in several transactions is a story: all of its transactions go the slow way.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from mmap import mmap
from typing import Any

import numpy as np

from adapters.kit import blocks
from adapters.kit.columns import Layout, unpunch
from adapters.kit.refusing import Refused
from adapters.windows.files import FileReader, Totals, message, split
from adapters.windows.layout import OFFICE_HEADER, OFFICE_TRAILER, RECORDS, SHIFT_HEADER, SHIFT_TRAILER
from adapters.windows.parse import desk_of
from adapters.windows.record_columns import COLUMN_READERS, Block, Transactions
from hub.ports import Part, Table
from schemas.identifiers import InvalidIdentifier, order_no
from schemas.observation import Rejection

BLOCK_LINES = 100_000
_MOST_LINES = 60
"""A longer transaction may be a message that is too large: its own reader says so."""
_MARKERS = tuple(layout.code.encode() for layout in (OFFICE_HEADER, SHIFT_HEADER, SHIFT_TRAILER, OFFICE_TRAILER))
_NO_NUMBER = 10**7
_SHORTEST = 29
"""The bytes of a record up to its order number."""


def code_of(code: bytes) -> int:
    """The three letters of a record as a number."""
    return int.from_bytes(code, "big")


def table(raw: bytes | mmap) -> Table | Rejection:
    """``hub.ports.Tabular``: what ``split`` refuses is refused in the same words."""
    lines = Lines.of(raw)
    if lines is not None:
        try:
            return WindowsTable(lines, Checked(lines))
        except Refused:
            # The words are those of the reader that knows every line.
            pass
    found = split(bytes(raw))
    return found if isinstance(found, Rejection) else AllParts(found)


@dataclass(frozen=True, slots=True)
class AllParts:
    """A day of which nothing is read by columns."""

    parts: Sequence[Part]

    def batches(self) -> Iterator[Any]:
        return iter(())

    def parts_of(self, order_nos: Set[str]) -> Sequence[Part]:
        return self.parts


@dataclass(frozen=True, slots=True)
class Lines:
    """Where lines begin, how wide they are without CR LF, and their codes as numbers."""

    raw: bytes | mmap
    starts: Any
    widths: Any
    codes: Any

    @classmethod
    def of(cls, raw: bytes | mmap) -> "Lines | None":
        """None for a file that is not all lines with CR LF."""
        letters = np.frombuffer(raw, dtype=np.uint8)
        if len(letters) < 2 or letters[-1] != 10:
            return None
        ends = blocks.line_ends(raw)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])
        if not np.all(letters[np.maximum(ends - 1, 0)] == 13) or blocks.count_of(raw, 13) != len(ends):
            return None
        widths = ends - starts - 1
        codes = np.zeros(len(ends), dtype=np.int32)
        long = np.flatnonzero(widths >= 3)
        for place, weight in ((0, 1 << 16), (1, 1 << 8), (2, 1)):
            codes[long] += letters[starts[long] + place].astype(np.int32) * weight
        return cls(raw, starts, widths, codes)

    def __getitem__(self, n: int) -> bytes:
        return self.raw[self.starts[n] : self.starts[n] + self.widths[n]]

    def cut(self, places: Any, layout: Layout) -> Any:
        """Lines of one layout as an array of bytes, a row each."""
        width = layout.width
        every = np.ndarray(
            (len(self.raw) - width + 1,), dtype=np.dtype((np.void, width)), buffer=self.raw, strides=(1,)
        )
        return every[self.starts[places]].view(np.uint8).reshape(-1, width)


class Checked(FileReader):
    """The walk over headers and trailers alone; what stands between them comes as sums of columns.

    Raises ``Refused`` for a file that ``split`` refuses. ``shift_lines``: (first, behind the last) of each shift.
    """

    def __init__(self, lines: Lines) -> None:
        super().__init__(b"")
        self._kept = lines
        self._lines = [lines[0]]
        self.shift_lines: list[tuple[int, int]] = []
        self.records = _Records(lines)
        self._walk()

    @property
    def headers(self) -> list[tuple[bytes, ...]]:
        return [shift.headers for shift in self._found]

    @property
    def names(self) -> list[str]:
        return [shift.name for shift in self._found]

    def _walk(self) -> None:
        self._header()
        if self._prefix != "day-":
            raise Refused(Rejection(code="not_ready", detail="no day extract", pointer="line 1"))
        markers = np.flatnonzero(np.isin(self._kept.codes, [code_of(code) for code in (*_MARKERS, b"FT ")]))
        before = 0
        for n in markers.tolist():
            line, code = self._kept[n], self._kept[n][:3].decode("ascii")
            if n > before + 1:
                self._expect("shift", before + 2, "records")
            if self._level == "shift":
                self._take_records(before + 1, n)
            if code == "FT ":
                self._expect("", n + 1, code)
                self._check(line, n + 1, code)
                if n + 1 != len(self._kept.starts):
                    raise Refused(Rejection(code="message_malformed", detail="more follows", pointer=f"line {n + 2}"))
                return
            within, after = self._nesting(code)
            self._expect(within, n + 1, code)
            self._enter(code, line, n + 1)
            self._level = after
            before = n
        raise Refused(Rejection(code="message_truncated", detail="no file trailer", pointer="line 1"))

    def _take_records(self, first: int, behind: int) -> None:
        self.shift_lines.append((first, behind))
        self._totals[SHIFT_TRAILER.code] = self.records.totals(first, behind)


class _Records:
    """What the control totals need of every record, and which begin a transaction."""

    def __init__(self, lines: Lines) -> None:
        count = len(lines.starts)
        self.fen = np.zeros(count, dtype=np.int64)
        self.whole = np.zeros(count, dtype=bool)
        self.summed = np.zeros(count, dtype=bool)
        self.running = np.full(count, -1, dtype=np.int64)
        for layout in RECORDS.values():
            chosen = np.flatnonzero((lines.codes == code_of(layout.code.encode())) & (lines.widths == layout.width))
            self.whole[chosen] = True
            for first in range(0, len(chosen), BLOCK_LINES):
                self._read(lines, layout, chosen[first : first + BLOCK_LINES])
        for n in np.flatnonzero(~self.whole).tolist():
            text = lines[n][3:9].decode("ascii", "replace")
            if text.isascii() and text.isdigit():
                self.running[n] = len(text) * _NO_NUMBER + int(text)
        self.numbered = self.running >= 0

    def _read(self, lines: Lines, layout: Layout, places: Any) -> None:
        letters = lines.cut(places, layout)
        digits = letters[:, 3:9].astype(np.int64) - 48
        numbers = digits @ (10 ** np.arange(5, -1, -1, dtype=np.int64))
        held = np.all((digits >= 0) & (digits <= 9), axis=1)
        self.running[places] = np.where(held, 6 * _NO_NUMBER + numbers, -1)
        fen, right = np.zeros(len(places), dtype=np.int64), np.ones(len(places), dtype=bool)
        for column in layout.columns:
            if column.kind == "money":
                first, last = layout.spans[column.name]
                amounts, valid = amounts_of(letters[:, first - 1 : last])
                fen += amounts
                right &= valid
        self.fen[places], self.summed[places] = fen, right

    def totals(self, first: int, behind: int) -> Totals:
        """What ``FileReader`` counts of the records of one shift."""
        every = slice(first, behind)
        proven = bool(np.all(self.whole[every] & self.numbered[every]))
        fen = int(self.fen[every].sum()) if np.all(self.summed[every]) else None
        units = int(self.begins(first, behind).sum()) if proven else None
        return Totals(units, behind - first, fen)

    def begins(self, first: int, behind: int) -> Any:
        """Which records of a shift begin a transaction."""
        running, numbered = self.running[first:behind], self.numbered[first:behind]
        begun = np.ones(behind - first, dtype=bool)
        begun[1:] = (running[1:] != running[:-1]) | ~numbered[1:] | ~numbered[:-1]
        return begun


def amounts_of(letters: Any) -> tuple[Any, Any]:
    """Overpunched amounts as integers, and which of them are amounts; blank is 0 (``adapters.kit.columns.unpunch``)."""
    blank = np.all(letters == 32, axis=1)
    digits = letters[:, :-1].astype(np.int64) - 48
    held = np.all((digits >= 0) & (digits <= 9), axis=1)
    tens = digits @ (10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64))
    last = letters[:, -1]
    fen = _SIGN[last] * (tens * 10 + _DIGIT[last])
    return np.where(held & ~blank, fen, 0), blank | (held & (_SIGN[last] != 0))


_PUNCHED = {letter: found for letter in map(chr, range(128)) if (found := unpunch(f"1{letter}")) is not None}
_SIGN, _DIGIT = np.zeros(256, dtype=np.int64), np.zeros(256, dtype=np.int64)
for _letter, _found in _PUNCHED.items():
    _SIGN[ord(_letter)] = 1 if _found > 0 else -1
    _DIGIT[ord(_letter)] = abs(_found) - 10


class WindowsTable:
    """``hub.ports.Table`` over one day extract whose totals hold."""

    def __init__(self, lines: Lines, checked: Checked) -> None:
        self._lines = lines
        self._names, self._headers = checked.names, checked.headers
        self._running = checked.records.running
        firsts, behinds, shifts = [], [], []
        for shift, (first, behind) in enumerate(checked.shift_lines):
            begun = np.flatnonzero(checked.records.begins(first, behind)) + first
            firsts.append(begun)
            behinds.append(np.append(begun[1:], behind) if len(begun) else begun)
            shifts.append(np.full(len(begun), shift, dtype=np.int64))
        self._firsts, self._behinds, self._shifts = (
            np.concatenate(found).astype(np.int64) if found else np.zeros(0, dtype=np.int64)
            for found in (firsts, behinds, shifts)
        )
        self._slow = ~self._readable_by_columns()
        self._numbers = self._order_numbers()
        told = self._numbers > 0
        self._slow[np.flatnonzero(told)[blocks.twice(self._numbers[told])]] = True
        self._read = {shift: desk for shift, desk in enumerate(map(_desk, self._headers)) if desk is not None}
        self._slow |= ~np.isin(self._shifts, list(self._read))

    def batches(self) -> Iterator[Any]:
        first = 0
        while first < len(self._firsts):
            limit = self._firsts[first] + BLOCK_LINES
            behind = max(int(np.searchsorted(self._firsts, limit)), first + 1)
            chosen = first + np.flatnonzero(~self._slow[first:behind])
            if len(chosen):
                block = Block(self._transactions(chosen), self._lines.cut, self._lines.codes)
                self._slow[chosen[~block.proven]] = True
                yield from block.rows()
            first = behind

    @property
    def parts(self) -> Sequence[Part]:
        return [self._part(n) for n in np.flatnonzero(self._slow).tolist()]

    def parts_of(self, order_nos: Set[str]) -> Sequence[Part]:
        wanted = [_packed(number) for number in order_nos if order_no.is_valid(number)]
        return [self._part(n) for n in np.flatnonzero(np.isin(self._numbers, [*wanted, -1])).tolist()]

    def _transactions(self, chosen: Any) -> Transactions:
        shifts = self._shifts[chosen]
        return Transactions(
            firsts=self._firsts[chosen],
            behinds=self._behinds[chosen],
            running=self._running[self._firsts[chosen]] % _NO_NUMBER,
            names=[self._names[shift] for shift in shifts.tolist()],
            near=next(iter(self._read.values())),
        )

    def _part(self, n: int) -> Part:
        first, behind = int(self._firsts[n]), int(self._behinds[n])
        text = self._lines[first][3:9].decode("ascii", "replace")
        running = text if text.isascii() and text.isdigit() else f"line{first + 1}"
        name = self._names[self._shifts[n]]
        records = [self._lines[line] for line in range(first, behind)]
        place = f"lines {first + 1}-{behind}, transaction {running} of {name}"
        return Part(f"{name}-{running}", message(self._headers[self._shifts[n]], records), place)

    def _readable_by_columns(self) -> Any:
        """Which transactions hold only records that columns are read of."""
        known = np.zeros(len(self._lines.starts), dtype=bool)
        for code, layout in RECORDS.items():
            if code in COLUMN_READERS:
                known |= (self._lines.codes == code_of(code.encode())) & (self._lines.widths == layout.width)
        bad = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(~known)])
        few = self._behinds - self._firsts <= _MOST_LINES
        return (bad[self._behinds] == bad[self._firsts]) & few

    def _order_numbers(self) -> Any:
        """The order number of each transaction, packed; -1 for none."""
        numbers = np.zeros(len(self._firsts), dtype=np.int64)
        long = self._lines.widths[self._firsts] >= _SHORTEST - 1
        for first in range(0, len(numbers), BLOCK_LINES):
            chosen = first + np.flatnonzero(long[first : first + BLOCK_LINES])
            numbers[chosen] = _order_numbers(self._lines, self._firsts[chosen])
        for n in np.flatnonzero(numbers == 0).tolist():
            numbers[n] = _normal(self._lines[int(self._firsts[n])])
        return numbers


def _order_numbers(lines: Lines, places: Any) -> Any:
    """Order numbers as integers; 0 for those that are not written as all are."""
    letters = np.frombuffer(lines.raw, dtype=np.uint8)
    found = letters[(lines.starts[places] + 18)[:, None] + np.arange(10)].astype(np.int64)
    digits = found[:, 2:] - 48
    second = found[:, 1]
    upper = ((second >= 65) & (second <= 90)) | ((second >= 48) & (second <= 57))
    held = (found[:, 0] == 69) & upper & np.all((digits >= 0) & (digits <= 9), axis=1)
    return np.where(held, second * 10**8 + digits @ (10 ** np.arange(7, -1, -1, dtype=np.int64)), 0)


def _normal(line: bytes) -> int:
    """The order number of a record that does not write it plainly, as its reader would find it; -1 for none."""
    try:
        number = order_no.validate(line[18:28].decode("ascii").rstrip(" "))
    except (InvalidIdentifier, UnicodeDecodeError):  # its own reader says what is wrong with it
        return -1
    return _packed(number)


def _packed(number: str) -> int:
    return ord(number[1]) * 10**8 + int(number[2:])


def _desk(headers: tuple[bytes, ...]) -> Any:
    """The business date below these headers; None when their reader refuses them."""
    try:
        return desk_of(headers).business_date
    except Refused:  # each transaction below them is refused by it, one by one
        return None
