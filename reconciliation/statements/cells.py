"""A block of whole lines cut into columns of text, without a Python object per cell.

Only the columns that are wanted are copied. Lines that do not have the right number of cells come back as they are.
"""

from collections.abc import Mapping, Sequence
from csv import reader
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from reconciliation.statements.lines import FileError
from reconciliation.statements.parts import Cells

_NEWLINE, _RETURN, _SPACE, _TAB = 10, 13, 32, 9


@dataclass(frozen=True, slots=True)
class Cut:
    """A block in columns. ``numbers``: each row's line in the block, from 0. ``odd``: (line, bytes) of every line with
    another number of cells; blank lines are left out. ``lines``: how many lines there were."""

    columns: dict[str, Any]
    numbers: Any
    lines: int
    odd: tuple[tuple[int, bytes], ...] = field(default=())


def cut(block: bytes, cells: Cells, places: Mapping[str, int], count: int) -> Cut:
    """Cut a block (UTF-8, or bytes of fixed fields). ``places``: wanted column -> its place from 0; ``count``: how many
    cells a row has. Raises FileError for bytes that are no text."""
    if cells.kind == "quoted":
        found = _quoted(block, cells, places, count)
    elif cells.kind == "plain":
        found = _plain(block, cells, places, count)
    else:
        found = _fixed(block, cells, places)
    for name, column in found.columns.items():
        found.columns[name] = _stripped(column)
    return found


def transcoded(block: bytes, cells: Cells) -> bytes:
    """Lines as UTF-8 (GBK is part of GB 18030); fixed fields stay as they are, their bytes are counted first."""
    if cells.kind == "fixed" or cells.encoding in {"utf-8", "ascii"}:
        return block
    try:
        return block.decode(cells.encoding).encode()
    except UnicodeDecodeError as error:
        raise FileError(f"not a {cells.encoding} text: {error}", "file") from error


def _plain(block: bytes, cells: Cells, places: Mapping[str, int], count: int) -> Cut:
    if not block.endswith(b"\n"):
        block += b"\n"
    text = np.frombuffer(block, np.uint8)
    begins, ends = _lines(text)
    delimiter, prefix = cells.delimiter.encode(), cells.prefix.encode()
    marks = _marks(text, delimiter)
    per_line = np.diff(np.searchsorted(marks, ends), prepend=0)
    good = per_line == count - 1
    for place, byte in enumerate(prefix):
        good &= text[np.minimum(begins + place, len(text) - 1)] == byte
    good &= ~_begin_with(text, begins, cells.comment)
    odd = _odd(block, begins, ends, good)
    marks = marks[np.repeat(good, per_line)].reshape(-1, count - 1)
    begins, ends = begins[good], ends[good]
    columns = {}
    for name, place in places.items():
        starts = begins + len(prefix) if place == 0 else marks[:, place - 1] + 1
        stops = ends if place == count - 1 else marks[:, place] - (len(delimiter) - 1)
        columns[name] = _gathered(text, starts, stops)
    return Cut(columns, np.flatnonzero(good), len(good), odd)


def _lines(text: Any) -> tuple[Any, Any]:
    """Where each line begins and ends, without its line break."""
    breaks = np.flatnonzero(text == _NEWLINE).astype(np.int32)
    begins = np.concatenate([[0], breaks[:-1] + 1]).astype(np.int32) if len(breaks) else breaks
    ends = breaks - (text[np.maximum(breaks - 1, 0)] == _RETURN)
    return begins, np.maximum(begins, ends)


def _marks(text: Any, delimiter: bytes) -> Any:
    """The last byte of every delimiter."""
    length = len(delimiter)
    found = text[length - 1 :] == delimiter[-1]
    for place, byte in enumerate(delimiter[:-1]):
        found &= text[place : len(text) - length + 1 + place] == byte
    return np.flatnonzero(found).astype(np.int32) + np.int32(length - 1)


def _begin_with(text: Any, begins: Any, prefixes: Sequence[str]) -> Any:
    """Which lines begin with one of these texts."""
    found = np.zeros(len(begins), bool)
    for prefix in prefixes:
        same = np.ones(len(begins), bool)
        for place, byte in enumerate(prefix.encode()):
            same &= text[np.minimum(begins + place, len(text) - 1)] == byte
        found |= same
    return found


def _odd(block: bytes, begins: Any, ends: Any, good: Any) -> tuple[tuple[int, bytes], ...]:
    rest = np.flatnonzero(~good)
    found = ((int(n), block[begins[n] : ends[n]]) for n in rest)
    return tuple((number, line) for number, line in found if line.strip())


def _gathered(text: Any, starts: Any, stops: Any) -> Any:
    """The pieces of ``text`` as one Arrow column; raises FileError where they are not UTF-8."""
    lengths = np.maximum(stops - starts, 0)
    rows, length = len(lengths), int(lengths[0]) if len(lengths) else 0
    if length and (lengths == length).all():
        # Cells of one length, as most are: each is copied at once, by a view of overlapping items.
        items = np.ndarray((len(text) - length + 1,), f"V{length}", text.data, strides=(1,))
        data, offsets = items[starts], np.arange(rows + 1, dtype=np.int32) * np.int32(length)
    else:
        offsets = np.zeros(rows + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        shifted = np.repeat((starts - offsets[:-1]).astype(np.int32), lengths)
        data = text[np.arange(offsets[-1], dtype=np.int32) + shifted]
    return _checked(pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(data)))


def _checked(column: Any) -> Any:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise FileError(f"not a UTF-8 text: {error}", "file") from error
    return column


def _stripped(column: Any) -> Any:
    """Without blanks around: tabs and spaces pad cells and fixed fields. Nothing is copied where there are none."""
    data = column.buffers()[2]
    text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    if not ((text == _SPACE) | (text == _TAB)).any():
        return column
    return pc.ascii_trim_whitespace(column)


def _quoted(block: bytes, cells: Cells, places: Mapping[str, int], count: int) -> Cut:
    odd: list[tuple[int, bytes]] = []

    def keep(row: Any) -> str:
        odd.append(((row.number or 1) - 1, row.text.encode() if isinstance(row.text, str) else bytes(row.text)))
        return "skip"

    names = [f"c{place}" for place in range(count)]
    wanted = {name: names[place] for name, place in places.items()}
    read = csv.ReadOptions(use_threads=False, column_names=names, block_size=len(block) + 1)
    parse = csv.ParseOptions(
        delimiter=cells.delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=keep
    )
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=sorted(set(wanted.values())) or names[:1],
        strings_can_be_null=False,
    )
    try:
        table = csv.read_csv(pa.BufferReader(block), read, parse, convert).combine_chunks()
    except pa.ArrowInvalid as error:
        raise FileError(f"the rows cannot be cut into cells: {error}", "file") from error
    lines = table.num_rows + len(odd)
    skipped = {number for number, _ in odd}
    numbers = np.array([n for n in range(lines) if n not in skipped], np.int64) if odd else np.arange(lines)
    columns = {name: _one(table.column(key)) for name, key in wanted.items()}
    told = tuple((n, line) for n, line in odd if line.strip())
    return Cut(columns, numbers, lines, told)


def _one(column: Any) -> Any:
    chunks = column.combine_chunks()
    return chunks.chunk(0) if isinstance(chunks, pa.ChunkedArray) else chunks


def _fixed(block: bytes, cells: Cells, places: Mapping[str, int]) -> Cut:
    if not block.endswith(b"\n"):
        block += b"\n"
    text = np.frombuffer(block, np.uint8)
    begins, ends = _lines(text)
    width = sum(cells.widths) + cells.gap * (len(cells.widths) - 1)
    good = (ends - begins == width) & ~_begin_with(text, begins, cells.comment)
    first = first_bytes(cells)
    columns = {}
    for name, place in places.items():
        # Bytes are cut first: a Chinese character has two, and the manual counts bytes.
        starts = begins[good] + first[place]
        column = _bytes(text, starts, cells.widths[place])
        columns[name] = _decoded(column, cells.encoding)
    return Cut(columns, np.flatnonzero(good), len(good), _odd(block, begins, ends, good))


def first_bytes(cells: Cells) -> list[int]:
    """Where each fixed field begins."""
    return [sum(cells.widths[:place]) + place * cells.gap for place in range(len(cells.widths))]


def _bytes(text: Any, starts: Any, width: int) -> Any:
    rows = text[starts[:, None] + np.arange(width, dtype=np.int32)]
    offsets = np.arange(len(starts) + 1, dtype=np.int32) * width
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(rows))]
    )


def _decoded(column: Any, encoding: str) -> Any:
    data = column.buffers()[2]
    if encoding in {"ascii", "utf-8"} or not (np.frombuffer(data, np.uint8) > 127).any():
        return _checked(column.view(pa.string()))
    try:
        return pa.array([value.decode(encoding) for value in column.to_pylist()], pa.string())
    except UnicodeDecodeError as error:
        raise FileError(f"not {encoding} text: {error}", "file") from error


def cut_line(line: str, cells: Cells) -> list[str]:
    """One line in Python: headers, summaries, and lines that somebody looks at."""
    line = line.rstrip("\r\n")
    if cells.kind == "fixed":
        raw, first = line.encode(cells.encoding), first_bytes(cells)
        pieces = [raw[at : at + width] for at, width in zip(first, cells.widths, strict=True)]
        return [piece.decode(cells.encoding, "replace").strip() for piece in pieces]
    if cells.kind == "quoted":
        return [cell.strip() for cell in next(reader([line], delimiter=cells.delimiter), [])]
    return [cell.strip() for cell in line.removeprefix(cells.prefix).split(cells.delimiter)]
