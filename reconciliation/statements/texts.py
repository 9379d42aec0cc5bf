"""Some rows of a file in columns, and the texts that a rule picks out of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.statements.parts import Pick, Text

_REFERENCE = np.zeros(256, bool)
_REFERENCE[np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.:-", np.uint8)] = True
_REFERENCE_LENGTH = 64


@dataclass(slots=True)
class Block:
    """Some rows of a file. ``texts`` and ``units`` (amounts as integers, null where there is none) by column name;
    ``numbers``: their lines in the file, from 1; ``label``: what stands before ``line`` in a place."""

    texts: dict[str, Any]
    units: dict[str, Any]
    numbers: Any
    label: str = ""
    business_date: date | None = None

    @property
    def rows(self) -> int:
        return len(self.numbers)

    def part(self, chosen: Any) -> "Block":
        """Some of the rows."""
        taken = pa.array(chosen)
        return Block(
            {name: column.take(taken) for name, column in self.texts.items()},
            {name: column.take(taken) for name, column in self.units.items()},
            self.numbers[chosen],
            self.label,
            self.business_date,
        )


def text(picks: Text | None, part: Block, days: Any, nothing: Sequence[str]) -> Any:
    """The first pick of each row that says something; empty where none does. ``nothing``: texts that say nothing."""
    found = pa.repeat(pa.scalar("", pa.string()), part.rows)
    for pick in reversed(picks or ()):
        value = _picked(pick, part, days)
        silent = _silent(value, ["", *nothing])
        found = value if silent is None else pc.if_else(silent, found, value)
    return found


def _silent(value: Any, nothing: Sequence[str]) -> Any:
    """Which texts say nothing; None when all are longer than any that does."""
    if not len(value) or pc.min(pc.binary_length(value)).as_py() > max(len(text.encode()) for text in nothing):
        return None
    return pc.is_in(value, pa.array(nothing, pa.string()))


def _picked(pick: Pick, part: Block, days: Any) -> Any:
    if pick.template is not None:
        return _templated(pick, part, days)
    column = part.texts[str(pick.column)]
    if pick.pattern is None:
        return column
    found = pc.struct_field(pc.extract_regex(column, f"(?P<found>{pick.pattern})"), "found")
    return pc.fill_null(found, "")


def _templated(pick: Pick, part: Block, days: Any) -> Any:
    pieces: list[Any] = []
    rest = str(pick.template)
    while rest:
        before, _, rest = rest.partition("{")
        name, _, rest = rest.partition("}")
        pieces.append(before)
        if name:
            pieces.append(_special(name, part, days) if name in {"date", "line"} else part.texts[name])
    joined = pc.binary_join_element_wise(*pieces, "")
    return joined if isinstance(joined, pa.Array) else pa.repeat(joined, part.rows)


def _special(name: str, part: Block, days: Any) -> Any:
    if name == "line":
        return pc.cast(pa.array(part.numbers), pa.string())
    if part.business_date is not None:
        return pa.repeat(pa.scalar(part.business_date.isoformat(), pa.string()), part.rows)
    # Few dates, many rows: each is written once.
    coded = days.dictionary_encode()
    texts = pc.cast(pc.cast(pc.cast(coded.dictionary, pa.int32()), pa.date32()), pa.string())
    return pc.fill_null(texts.take(coded.indices), "")


def references(column: Any) -> Any:
    """Which values are 1 to 64 letters, digits and ``_ . : -``: those that may be part of a key."""
    lengths = np.asarray(pc.binary_length(column))
    good = (lengths > 0) & (lengths <= _REFERENCE_LENGTH)
    data = column.buffers()[2]
    if data is None or _REFERENCE[np.frombuffer(data, np.uint8)].all():
        return good
    return good & np.asarray(pc.match_substring_regex(column, r"^[0-9A-Za-z_.:-]+$"))
