"""Messages that are trees (JSON, XML) as flat fields: a field's name is its path, ``ticket/train/code``."""

from collections.abc import Mapping
from typing import Any

from adapters.kit.reading import Record
from adapters.kit.tables.wires.port import ROWS_MOST


class Leaves(Record):
    """The leaves below one object or element; names are paths, places their pointers."""

    __slots__ = ()

    def at(self, name: str) -> str:
        return f"{self.pointer}/{name}"


def escaped(name: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def leaves(value: Mapping[str, Any], but: str = "") -> dict[str, object]:
    """Every value that is no object, by its path. ``but``: the path of the rows, which are read apart.

    >>> leaves({"a": {"b": 1}, "c": [2]})
    {'a/b': 1, 'c': [2]}
    """
    found: dict[str, object] = {}
    waiting: list[tuple[str, Any]] = [(escaped(name), inner) for name, inner in reversed(list(value.items()))]
    while waiting:
        path, inner = waiting.pop()
        if path == but:
            continue
        if isinstance(inner, dict) and inner:
            waiting += [(f"{path}/{escaped(name)}", deeper) for name, deeper in reversed(list(inner.items()))]
        else:
            found[path] = inner
    return found


class TreeRows:
    """What tree wires say of rows: ``rows`` is the path of what repeats, and columns below it stand in each row."""

    rows: str

    @property
    def most_rows(self) -> int:
        """How many rows one message can hold."""
        return ROWS_MOST if self.rows else 1

    def is_of_head(self, name: str) -> bool:
        """Whether a column is said once per message: those whose path does not begin with that of the rows."""
        return not self.rows or not name.startswith(f"{self.rows}/")

    def own_path(self, name: str) -> str:
        """The path of a row's column within its row."""
        return name.removeprefix(f"{self.rows}/")
