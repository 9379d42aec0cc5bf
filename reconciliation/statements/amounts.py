"""Columns of decimal text as integers, exactly: millionths of a major unit, or minor units as they stand.

A block whose texts are all well-formed is converted at once; only a block with a bad one is looked at row by row.
"""

import re
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MICRO = 1_000_000
"""Amounts are counted in millionths of a major unit until their currency is known."""

_DECIMAL = pa.decimal128(18, 6)
_POINT = ord(".")
_TEXT = re.compile(r"^(-?)0*(\d{0,18})(?:\.(\d*))?$", re.ASCII)
_WHOLE_DIGITS = 12
_ALLOWED = np.zeros(256, bool)
_ALLOWED[np.frombuffer(b"0123456789.-", np.uint8)] = True

DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""ISO 4217 exponents that are not 2."""


def decimals(currency: str) -> int:
    return DECIMALS.get(currency, 2)


def integers(column: Any, unit: Literal["currency", "minor"]) -> Any:
    """Text -> int64, null where it is no amount; an empty text is 0. ``minor``: whole numbers only."""
    if not len(column):
        return pa.array([], pa.int64())
    if pc.min(pc.binary_length(column)).as_py() == 0:
        column = pc.if_else(pc.equal(column, ""), "0", column)
    text = np.frombuffer(column.buffers()[2], np.uint8)
    if _ALLOWED[text].all():
        try:
            return _fast(column, unit)
        except pa.ArrowInvalid:
            # One of them is no amount: the slow way finds which.
            return _each(column, unit)
    return _each(column, unit)


def _each(column: Any, unit: str) -> Any:
    return pa.array([_slow(value, unit) for value in column.to_pylist()], pa.int64())


def _fast(column: Any, unit: str) -> Any:
    if unit == "minor":
        if (np.frombuffer(column.buffers()[2], np.uint8) == _POINT).any():
            raise pa.ArrowInvalid("a decimal point in minor units")
        return pc.cast(column, pa.int64())
    even = _evenly(column)
    if even is not None:
        return even
    wide = pc.cast(column, _DECIMAL)
    # Eighteen digits fit the lower of the two words; the upper one only repeats the sign.
    return pa.array(np.frombuffer(wide.buffers()[1], np.int64)[::2][wide.offset : wide.offset + len(wide)])


def _evenly(column: Any) -> Any:
    """Where every text has the same number of decimals, as bills have: the points taken out, the rest whole numbers.

    Half the time of a decimal; None where they differ.
    """
    offsets = np.frombuffer(column.buffers()[1], np.int32)[: len(column) + 1]
    text = np.frombuffer(column.buffers()[2], np.uint8)[: offsets[-1]]
    first = column[0].as_py()
    places = len(first) - first.find(".") - 1
    ends = offsets[1:]
    points = text == _POINT
    if column.offset or "." not in first or not 0 < places <= 6 or np.count_nonzero(points) != len(column):
        return None
    lengths = ends - offsets[:-1]
    if not points[np.maximum(ends - places - 1, 0)].all() or lengths.min() < places + 2 or lengths.max() > places + 13:
        return None
    digits = pa.StringArray.from_buffers(
        len(column), pa.py_buffer(offsets - np.arange(len(offsets), dtype=np.int32)), pa.py_buffer(text[~points])
    )
    return pa.array(np.asarray(pc.cast(digits, pa.int64())) * 10 ** (6 - places))


def _slow(value: str, unit: str) -> int | None:
    found = _TEXT.match(value.removeprefix("+"))
    if found is None or not any(character.isdigit() for character in value):
        return None
    sign, whole, fraction = found.group(1), found.group(2) or "0", found.group(3)
    if unit == "minor":
        amount = int(whole) if fraction is None else None
    elif len(whole) > _WHOLE_DIGITS or (fraction or "")[6:].strip("0"):
        amount = None
    else:
        amount = int(whole) * MICRO + int((fraction or "")[:6].ljust(6, "0"))
    return -amount if sign and amount is not None else amount


def unlettered(column: Any, letters: dict[Literal["plus", "minus"], str]) -> Any:
    """``D000000000012`` -> ``-000000000012``: the first letter is the side."""
    first, rest = pc.utf8_slice_codeunits(column, 0, 1), pc.utf8_slice_codeunits(column, 1)
    signed = pc.if_else(
        pc.equal(first, letters["minus"]),
        pc.binary_join_element_wise("-", rest, ""),
        pc.if_else(pc.equal(first, letters["plus"]), rest, column),
    )
    return signed
