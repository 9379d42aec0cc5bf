"""The agents' day by columns: which lines are orders as everybody writes them, and the rows of those.

    scan     line by line: where it is, and its order number; orders told twice go the slow way
    parse    a block of lines at once (Arrow), halved until what is no such JSON stands alone
    prove    every field by the reader of one message, once per different value; a line with a doubt goes the slow way

What is proven here is read by ``wording`` and ``wire`` like everything else; only how often is different.
"""

import re
from collections.abc import Iterator, Sequence, Set
from mmap import mmap
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from adapters.agents.order_columns import SCHEMA, OrderColumns
from adapters.agents.wording import AgentsWording
from adapters.kit import blocks
from adapters.kit.lines import part_of
from hub.ports import Part, Profile
from schemas.identifiers import order_no

BLOCK_BYTES = 1 << 24
"""How much JSON is parsed at once: sixteen megabytes, and about five times as much in columns."""
_ALONE = 2
"""A block of so few lines that does not parse is read line by line."""

_NUMBER = '"supplierOrderNo"'
_ITS_NUMBER = r'"supplierOrderNo": ?"(?P<number>E[A-Z0-9][0-9]{8})"'
_ODD = r'\\|[0-9]\.[0-9]{3}|[0-9][eE][-+0-9]|"(?:price|serviceFee|amount|gross|fee|net)"\s*:\s*"'
"""What the columns would read more generously than a message is read: escapes, amounts of odd forms or as texts."""
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
_STRICT = msgspec.json.Decoder()


class AgentsTable:
    """``hub.ports.Table`` over one NDJSON extract."""

    def __init__(self, raw: bytes | mmap, profile: Profile, wording: AgentsWording) -> None:
        self._raw = raw
        self._profile = profile
        self._wording = wording
        ends = blocks.line_ends(raw)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1]) if len(ends) else ends
        self._starts, self._ends = starts, ends
        self._slow = np.zeros(len(ends), dtype=bool)
        self._legs: dict[str, str | None] = {}
        self._parts: list[Part] | None = None

    def batches(self) -> Iterator[Any]:
        self._scan()
        for first, last in self._blocks():
            lines = first + np.flatnonzero(~self._slow[first:last])
            for chosen, table in self._parsed(lines):
                columns = OrderColumns(table, chosen + 1, self._wording, self._legs)
                self._slow[chosen[~columns.proven]] = True
                yield from columns.rows()

    @property
    def parts(self) -> Sequence[Part]:
        if self._parts is None:
            self._parts = self._parts_at(np.flatnonzero(self._slow))
        return self._parts

    def parts_of(self, order_nos: Set[str]) -> Sequence[Part]:
        numbers = self._scan()
        wanted = [_packed(number) for number in order_nos if order_no.is_valid(number)]
        return self._parts_at(np.flatnonzero(np.isin(numbers, [*wanted, -1])))

    def _parts_at(self, places: Any) -> list[Part]:
        found = ((n, self._line(n)) for n in places.tolist())
        return [part_of(line, n + 1) for n, line in found if line.strip()]

    def _line(self, n: int) -> bytes:
        return self._raw[self._starts[n] : self._ends[n]]

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Runs of whole lines of about ``BLOCK_BYTES``."""
        first = 0
        while first < len(self._ends):
            last = int(np.searchsorted(self._ends, self._starts[first] + BLOCK_BYTES, side="right"))
            last = max(last, first + 1)
            yield first, last
            first = last

    # --- scan

    def _scan(self) -> Any:
        """Mark the lines that columns cannot show, and those of orders that are told more than once; the order number
        of each, packed."""
        numbers = np.zeros(len(self._ends), dtype=np.int64)
        for first, last in self._blocks():
            texts = self._texts(first, last)
            numbers[first:last], odd = _numbers(texts)
            odd |= (self._ends[first:last] - self._starts[first:last]) > self._profile.max_message_bytes
            self._slow[first:last] = odd
        for n in np.flatnonzero(numbers == 0).tolist():
            numbers[n] = self._number_of(n)
        told = numbers > 0
        self._slow[np.flatnonzero(told)[blocks.twice(numbers[told])]] = True
        return numbers

    def _texts(self, first: int, last: int) -> Any:
        """Lines as an Arrow column over a copy of their bytes; each but perhaps the last ends with its LF."""
        begin, end = int(self._starts[first]), int(self._ends[last - 1])
        offsets = np.append(self._starts[first:last] - begin, end - begin).astype(np.int64)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self._raw[begin:end])]
        return pa.Array.from_buffers(pa.large_binary(), last - first, buffers)

    def _number_of(self, n: int) -> int:
        """The order number of a line that does not show it plainly, as its reader would find it; -1 for none."""
        try:
            found = _STRICT.decode(self._line(n))
            return _packed(order_no.validate(str(found["supplierOrderNo"])))
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError, TypeError, RecursionError):
            # The line's own reader says what is wrong with it; here it only is nobody's second message.
            return -1

    # --- parse

    def _parsed(self, lines: Any) -> Iterator[tuple[Any, Any]]:
        """(line numbers, table): these lines by columns; those that cannot be are marked."""
        if len(lines) == 0:
            return
        table = self._parse(lines)
        if table is not None:
            yield lines, table
        elif len(lines) <= _ALONE:
            self._slow[lines] = True
        else:
            middle = len(lines) // 2
            yield from self._parsed(lines[:middle])
            yield from self._parsed(lines[middle:])

    def _parse(self, lines: Any) -> Any:
        """These lines as a table, or None when one of them is no JSON of this form."""
        first, last = int(lines[0]), int(lines[-1]) + 1
        if last - first == len(lines):
            block = self._raw[int(self._starts[first]) : int(self._ends[last - 1])]
        else:
            block = b"\n".join(self._line(int(n)) for n in lines)
        options = pj.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore")
        try:
            table = pj.read_json(
                pa.BufferReader(block), pj.ReadOptions(block_size=BLOCK_BYTES, use_threads=True), options
            )
        except (pa.ArrowInvalid, UnicodeDecodeError):
            # The line that it is goes to the reader of one message; the caller finds it.
            return None
        return table if table.num_rows == len(lines) else None


def _numbers(texts: Any) -> tuple[Any, Any]:
    """(order numbers packed, 0 where they do not show plainly; lines that only their own reader can read)."""
    letters = np.frombuffer(texts.buffers()[2], dtype=np.uint8)
    if np.any((letters < 32) & (letters != 10)) or np.any(letters == 127) or not _are_texts(texts):
        damaged = np.array([not _is_text(line) or _CONTROL.search(line) is not None for line in texts.to_pylist()])
    else:
        damaged = np.zeros(len(texts), dtype=bool)
    # An object from its first to its last byte: then lines and objects are the same (see _parse).
    shaped = blocks.truth(pc.starts_with(texts, b"{")) & (
        blocks.truth(pc.ends_with(texts, b"}")) | blocks.truth(pc.ends_with(texts, b"}\n"))
    )
    odd = damaged | ~shaped | blocks.truth(pc.match_substring_regex(texts, _ODD))
    once = _once(texts)
    said = pc.extract_regex(texts, _ITS_NUMBER)
    plain = once & blocks.known(said) & ~odd
    numbers = np.zeros(len(texts), dtype=np.int64)
    chosen = np.flatnonzero(plain)
    numbers[chosen] = _all_packed(pc.struct_field(said, "number").take(pa.array(chosen)))
    return numbers, odd | ~plain


def _once(texts: Any) -> Any:
    """Which lines name their number exactly once; where all do, as many as there are lines stand in all of them."""
    there = blocks.truth(pc.greater_equal(pc.find_substring(texts, _NUMBER), 0))
    if there.all() and texts.buffers()[2].to_pybytes().count(_NUMBER.encode()) == len(texts):
        return there
    return blocks.truth(pc.equal(pc.count_substring(texts, _NUMBER), 1))


def _are_texts(lines: Any) -> bool:
    """Whether all of these lines are UTF-8 together; they meet at LF, so no letter of two bytes lies across."""
    whole = lines.buffers()[2]
    offsets = pa.py_buffer(np.array([0, whole.size], dtype=np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, whole]).validate(full=True)
    except pa.ArrowInvalid:  # the caller asks line by line which one it is
        return False
    return True


def _is_text(raw: Any) -> bool:
    """Whether bytes are UTF-8, which Arrow's reader of JSON does not ask."""
    try:
        str(raw, "utf-8")
    except UnicodeDecodeError:  # the line's own reader says where
        return False
    return True


def _packed(number: str) -> int:
    """An order number as an integer: its second character and its digits."""
    return ord(number[1]) * 10**8 + int(number[2:])


def _all_packed(numbers: Any) -> Any:
    """The same of a column of order numbers."""
    column = numbers.cast(pa.binary()).cast(pa.binary(10))
    letters = np.frombuffer(column.buffers()[1], dtype=np.uint8)[
        10 * column.offset : 10 * (column.offset + len(column))
    ]
    letters = letters.reshape(-1, 10).astype(np.int64)
    return letters[:, 1] * 10**8 + (letters[:, 2:] - 48) @ (10 ** np.arange(7, -1, -1, dtype=np.int64))
