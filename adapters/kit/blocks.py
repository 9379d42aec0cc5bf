"""Millions of messages read column by column, by the same functions that read one.

A value that stands a million times is read once: :func:`distinct` hands each different value of a column to a reader
of one message and spreads the answers. What a reader refuses, or what nobody can prove, becomes null, and the message
goes the slow way. So there is one set of rules, and no second one to keep equal.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from mmap import mmap
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, Refused
from adapters.kit.times import TimeForm
from schemas.identifiers import resident_id

R = TypeVar("R", bound=Record)
T = TypeVar("T")
_SCAN_BYTES = 1 << 26
_RESIDENT_LENGTH = 18
_WEIGHTS = 2 ** np.arange(17, 0, -1, dtype=np.int64)
_DOCUMENT = "[0-9A-Z()-]{1,40}"
_INSTANT = pa.timestamp("us", "UTC")
_UTC_PLUS_8 = 28_800_000_000
_DAY = 86_400_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_PLAIN_MOMENT = "^(?:199[0-9]|20[0-9]{2})-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2})?$"


def line_ends(raw: bytes | mmap) -> Any:
    """Where the lines of a document end (places of LF; its end where the last line has none), as an integer array."""
    whole = np.frombuffer(raw, dtype=np.uint8)
    found = [
        np.flatnonzero(whole[first : first + _SCAN_BYTES] == 10) + first for first in range(0, len(whole), _SCAN_BYTES)
    ]
    ends = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
    if len(whole) and whole[-1] != 10:
        ends = np.append(ends, len(whole))
    return ends.astype(np.int64)


def count_of(raw: bytes | mmap, letter: int) -> int:
    """How often one byte stands in a document."""
    whole = np.frombuffer(raw, dtype=np.uint8)
    pieces = (whole[first : first + _SCAN_BYTES] for first in range(0, len(whole), _SCAN_BYTES))
    return sum(int(np.count_nonzero(piece == letter)) for piece in pieces)


def distinct(column: Any, read: Callable[[Any], Any], kind: Any) -> Any:
    """A column with ``read`` applied to each different value; what it answers None for is null. ``kind``: Arrow's."""
    encoded = pc.dictionary_encode(whole(column), null_encoding="encode")
    answers = pa.array([read(value) for value in encoded.dictionary.to_pylist()], kind)
    return answers.take(encoded.indices)


def whole(column: Any) -> Any:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def or_none(read: Callable[[R], T], record: R) -> T | None:
    """What a reader of one message makes of some fields; None where it refuses them."""
    try:
        return read(record)
    except (Refused, ValueError):
        # Not swallowed: the message goes to the reader of one message, who says what is wrong and where.
        return None


def nothing_lost() -> Losses:
    """Losses of a message that is only looked at: the rows of reconciliation have no place for them."""
    return Losses()


def all_of(*conditions: Any) -> Any:
    """Whether all hold, row by row, as a numpy array; null is no."""
    held = np.ones(len(conditions[0]), dtype=bool)
    for condition in conditions:
        held &= truth(condition)
    return held


def truth(condition: Any) -> Any:
    """An Arrow or numpy column of truth as a numpy array; null is no."""
    if isinstance(condition, np.ndarray):
        return condition
    return pc.fill_null(whole(condition), False).to_numpy(zero_copy_only=False)


def known(column: Any) -> Any:
    """Which rows of a column are not null."""
    return pc.is_valid(whole(column)).to_numpy(zero_copy_only=False)


def absent_or(column: Any, condition: Any) -> Any:
    """Rows in which a field is absent, or holds what it should."""
    return ~known(column) | truth(condition)


def is_like(column: Any, form: str) -> Any:
    """Rows whose text is of this form (RE2) from end to end."""
    return truth(pc.match_substring_regex(whole(column), pattern=f"^(?:{form})$"))


def per_parent(held: Any, parents: Any, count: int) -> Any:
    """Of each parent, whether it holds for all of its children."""
    bad = np.bincount(parents[~held], minlength=count)
    return bad == 0


def resident_ids(numbers: Any) -> Any:
    """Which texts are resident ids in the form in which they are written: 17 digits and a digit or X, a possible
    birthday, the right check digit (GB 11643-1999)."""
    held = truth(pc.equal(pc.binary_length(whole(numbers)), _RESIDENT_LENGTH))
    chosen = np.flatnonzero(held)
    if len(chosen) == 0:
        return held
    texts = whole(numbers).take(pa.array(chosen)).cast(pa.binary()).cast(pa.binary(_RESIDENT_LENGTH))
    letters = np.frombuffer(texts.buffers()[1], dtype=np.uint8)[
        texts.offset * _RESIDENT_LENGTH : (texts.offset + len(texts)) * _RESIDENT_LENGTH
    ].reshape(-1, _RESIDENT_LENGTH)
    # The digits as a number of base 2 modulo 11: see schemas.identifiers.resident_id.check_digit.
    digits = letters[:, :17].astype(np.int64) - 48
    expected = np.frombuffer(b"10X98765432", dtype=np.uint8)[digits @ _WEIGHTS % 11]
    right = np.all((digits >= 0) & (digits <= 9), axis=1) & (expected == letters[:, 17])
    days = digits[:, 6:14] @ (10 ** np.arange(7, -1, -1, dtype=np.int64))
    held[chosen] = right & truth(distinct(pa.array(days), lambda day: _is_day(f"{day:08d}"), pa.bool_()))
    return held


@lru_cache(maxsize=1 << 17)
def _is_day(text: str) -> bool:
    """Whether a resident id may have this birthday; a text that is no eight digits is none."""
    return len(text) == 8 and resident_id.is_valid(f"110101{text}001" + resident_id.check_digit(f"110101{text}001"))


def local_moments(texts: Any, form: TimeForm) -> Any:
    """``2026-01-09 16:51:55`` or without seconds, local time of ``form``, as microseconds since 1970; null for others.

    Arrow's own conversion where all of a column is of that form and possible, else ``form``'s, value by value.
    """
    texts = whole(texts)
    plain = pc.fill_null(pc.match_substring_regex(texts, pattern=_PLAIN_MOMENT), True)
    try:
        if not pc.all(plain).as_py():
            raise pa.ArrowInvalid("not of one form")
        local = texts.cast(pa.timestamp("us")).cast(pa.int64())
    except pa.ArrowInvalid:
        # One of them cannot be (30 February): the form itself says which.
        return distinct(texts, lambda text: None if text is None else form.read(text), _INSTANT).cast(pa.int64())
    return pc.subtract(local, _UTC_PLUS_8)


def hundredths(column: Any) -> Any:
    """A column of ``decimal128(_, 2)`` as integers; null stays."""
    column = whole(column)
    if not pa.types.is_decimal128(column.type) or column.type.scale != 2:
        raise TypeError(f"{column.type} is no decimal of two places")
    low = np.frombuffer(column.buffers()[1], dtype=np.int64)[2 * column.offset : 2 * (column.offset + len(column)) : 2]
    return pa.array(low, mask=~known(column))


def joined(separator: str, *columns: Any) -> Any:
    """Texts of several columns in one; null where one of them is."""
    return pc.binary_join_element_wise(*[whole(column) for column in columns], separator)


def twice(*keys: Any) -> Any:
    """Rows whose keys (integer arrays, together) stand in another row too."""
    order = np.lexsort(keys)
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    found = np.zeros(len(order), dtype=bool)
    found[order[1:][same]] = True
    found[order[:-1][same]] = True
    return found


def local_days(moments: Any) -> Any:
    """The dates in China of instants (microseconds since 1970, a numpy array); of the largest integer 1970-01-01."""
    days = np.where(moments == np.iinfo(np.int64).max, 0, moments + _UTC_PLUS_8) // _DAY
    return distinct(pa.array(days), lambda day: date.fromordinal(_EPOCH_DAY + day).isoformat(), pa.string())


def rows_of(said: dict[str, Any], shared: dict[str, Any], chosen: Any, names: Sequence[str]) -> Iterator[Any]:
    """Record batches of the columns ``names`` for the ``chosen`` places of ``said`` (a column, or one value for all);
    ``shared`` has a value for each of those already."""
    columns = {name: shared[name] if name in shared else _column(said, name, chosen) for name in names}
    yield from pa.table(columns).to_batches()


_DEFAULTS = {"currency": "CNY", "other_key": "", "document": ""}
_NUMBERS = {"at", "amount", "fee", "leg_from", "leg_to", "leg_departs", "leg_arrives"}


def _column(said: dict[str, Any], name: str, chosen: Any) -> Any:
    value = said.get(name, _DEFAULTS.get(name))
    if value is None or isinstance(value, str):
        return pa.repeat(pa.scalar(value, pa.int64() if name in _NUMBERS else pa.string()), len(chosen))
    return value if len(chosen) == len(value) else value.take(chosen)


def documents(kinds: Any, numbers: Any) -> Any:
    """Which documents are written as their kind is."""
    resident = truth(pc.equal(kinds, "resident_id"))
    held = resident_ids(numbers) & resident
    others = np.flatnonzero(~resident)
    if len(others):
        held[others] = is_like(whole(numbers).take(pa.array(others)), _DOCUMENT)
    return held


def doubled(parents: Any, keys: Any) -> Any:
    """Rows whose key stands twice in one order."""
    codes = pc.dictionary_encode(whole(keys), null_encoding="encode").indices.to_numpy(zero_copy_only=False)
    return twice(codes, parents)
