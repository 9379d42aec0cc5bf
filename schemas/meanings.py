"""What every field means, in Chinese and in English: one row per field name, and one more where a type differs.

``meanings.csv``: ``field, type, zh, en``; an empty type is every type that has no row of its own.

>>> meaning("seat", "number").en
'number of the seat; in a sleeper without the berth'
>>> meaning("refund", "processor").zh
'支付机构'
"""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Meaning(NamedTuple):
    """One field in words."""

    zh: str
    en: str


@cache
def table() -> dict[tuple[str, str], Meaning]:
    """(type, field) -> words; the type is empty for the row of every other type."""
    text = files("schemas").joinpath("meanings.csv").read_text(encoding="utf-8")
    return {(row["type"], row["field"]): Meaning(row["zh"], row["en"]) for row in csv.DictReader(text.splitlines())}


def meaning(name: str, field: str) -> Meaning | None:
    """The words for a field of a type; None for a field that the table does not have."""
    return table().get((name, field)) or table().get(("", field))
