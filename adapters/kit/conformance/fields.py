"""The fields of a native message, whatever its wire: named, changed one by one, and written again.

    JsonFields     every value that is no object and no list
    XmlFields      every element without children, and every attribute
    CsvFields      every cell; the first line names the columns
    FixedFields    every column of a line, by the spans that the wire declares

The suite changes fields to learn what an adapter hears. A field has a ``path`` (this one in this message) and a
``pattern`` (the same field in every message: ``/tickets/*/seat_no``).
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec
from lxml import etree

ABSENT: Final = object()
"""Written in place of a value: the field is left out (columns: blank)."""

UNHEARD: Final = "x_unknown_field"
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_NUMBERED = re.compile(r"\[[0-9]+\]|(?<=/)[0-9]+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one message. ``value``: text, or a JSON number, boolean or null; ``width``: bytes that it holds."""

    path: str
    pattern: str
    value: Any
    width: int | None = None

    @property
    def name(self) -> str:
        """What the README calls it: the last step of the pattern that is no list index."""
        return [step for step in re.split(r"[/.]", self.pattern) if step != "*"][-1]

    @property
    def place(self) -> str:
        """The path and, where that shows only numbers, the name."""
        return self.path if self.name in self.path else f"{self.path} ({self.name})"

    def named_by(self, patterns: Mapping[str, str]) -> bool:
        """Whether one of ``patterns`` (a bare name, or a path, with ``*`` for any part) means this field."""
        return self.name in patterns or any(fnmatchcase(self.pattern, known) for known in patterns if "/" in known)


class Message(Protocol):
    """One opened message."""

    @property
    def fields(self) -> Sequence[Field]: ...

    def written(self, changes: Mapping[str, Any]) -> bytes:
        """The bytes with other values at these paths (``ABSENT`` leaves one out); the message stays as it is."""
        ...


class Fields(Protocol):
    """How to open a wire's messages. Hashable: what was opened is remembered."""

    def __hash__(self) -> int: ...

    def open(self, raw: bytes) -> Message: ...

    def with_unknown(self, raw: bytes) -> tuple[bytes, set[str]]:
        """The message with a field nobody knows wherever one fits, and the places where a loss must be."""
        ...


# --- JSON ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _JsonMessage:
    content: Any
    fields: Sequence[Field]
    _where: Mapping[str, tuple[Any, Any]]

    def written(self, changes: Mapping[str, Any]) -> bytes:
        before = [(*self._where[path], _at(*self._where[path])) for path in changes]
        for path, value in changes.items():
            container, key = self._where[path]
            if value is not ABSENT:
                container[key] = value
            elif isinstance(container, dict):
                container.pop(key)
            else:
                container[key] = None
        try:
            return _ENCODER.encode(self.content)
        finally:
            for container, key, value in before:
                container[key] = value


def _at(container: Any, key: Any) -> Any:
    return container[key]


@dataclass(frozen=True, slots=True)
class JsonFields:
    """One JSON document in UTF-8."""

    def open(self, raw: bytes) -> Message:
        content = json.loads(raw, parse_float=Decimal)
        where: dict[str, tuple[Any, Any]] = {}
        found = [Field(path, _NUMBERED.sub("*", path), at[0][at[1]]) for path, at in _leaves(content, "", where)]
        return _JsonMessage(content, found, where)

    def with_unknown(self, raw: bytes) -> tuple[bytes, set[str]]:
        content = json.loads(raw, parse_float=Decimal)
        places: set[str] = set()
        _inject(content, "", places)
        return _ENCODER.encode(content), places


def _leaves(value: Any, pointer: str, where: dict[str, tuple[Any, Any]]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        path = f"{pointer}/{key}"
        if isinstance(item, dict | list):
            yield from _leaves(item, path, where)
        else:
            where[path] = (value, key)
            yield path, where[path]


def _inject(value: Any, pointer: str, places: set[str]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _inject(item, f"{pointer}/{key}", places)
        value[UNHEARD] = "?"
        places.add(f"{pointer}/{UNHEARD}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _inject(item, f"{pointer}/{index}", places)


# --- XML -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _XmlMessage:
    head: str
    encoding: str
    root: etree._Element
    fields: Sequence[Field]
    _where: Mapping[str, tuple[etree._Element, str | None]]

    def written(self, changes: Mapping[str, Any]) -> bytes:
        before = {path: _xml_value(*self._where[path]) for path in changes}
        gone = []
        for path, value in changes.items():
            element, attribute = self._where[path]
            parent = element.getparent()
            if value is ABSENT and attribute is None and parent is not None:
                gone.append((parent, parent.index(element), element))
            else:
                _set_xml(element, attribute, "" if value is ABSENT else str(value))
        for parent, _, element in gone:
            parent.remove(element)
        try:
            text: str = self.head + etree.tostring(self.root, encoding="unicode")
            return text.encode(self.encoding)
        finally:
            for parent, index, element in reversed(gone):
                parent.insert(index, element)
            for path, text in before.items():
                _set_xml(*self._where[path], text)


def _xml_value(element: etree._Element, attribute: str | None) -> str:
    return str(element.get(attribute)) if attribute else element.text or ""


def _set_xml(element: etree._Element, attribute: str | None, text: str) -> None:
    if attribute:
        element.set(attribute, text)
    else:
        element.text = text


@dataclass(frozen=True, slots=True)
class XmlFields:
    """One XML document in the encoding of the profile; patterns are without namespaces and numbers."""

    encoding: str

    def _root(self, raw: bytes) -> tuple[str, etree._Element]:
        text = raw.decode(self.encoding)
        head, found, body = text.partition("?>")
        if not found:
            head, body = "", text
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        return head + found, etree.fromstring(body.strip().encode(), parser)

    def open(self, raw: bytes) -> Message:
        head, root = self._root(raw)
        where: dict[str, tuple[etree._Element, str | None]] = {}
        found = [Field(path, _NUMBERED.sub("", path), _xml_value(*where[path])) for path in _texts(root, "", where)]
        return _XmlMessage(head, self.encoding, root, found, where)

    def with_unknown(self, raw: bytes) -> tuple[bytes, set[str]]:
        """An element nobody knows in every element that has children, in the namespace of its first child."""
        head, root = self._root(raw)
        places: set[str] = set()
        for element, path in list(_parents(root, "")):
            namespace = etree.QName(element[0]).namespace
            etree.SubElement(element, f"{{{namespace}}}{UNHEARD}" if namespace else UNHEARD).text = "?"
            places.add(f"{path}/{UNHEARD}")
        return (head + etree.tostring(root, encoding="unicode")).encode(self.encoding), places


def _steps(parent: etree._Element, pointer: str) -> Iterator[tuple[etree._Element, str]]:
    """The child elements with their paths, numbered where a name repeats."""
    names = [etree.QName(child).localname for child in parent if isinstance(child.tag, str)]
    seen: dict[str, int] = {}
    for child, name in zip((c for c in parent if isinstance(c.tag, str)), names, strict=True):
        seen[name] = seen.get(name, 0) + 1
        yield child, f"{pointer}/{name}[{seen[name]}]" if names.count(name) > 1 else f"{pointer}/{name}"


def _texts(parent: etree._Element, pointer: str, where: dict[str, tuple[etree._Element, str | None]]) -> Iterator[str]:
    for name in parent.attrib:
        path = f"{pointer}/@{name}"
        where[path] = (parent, str(name))
        yield path
    children = list(_steps(parent, pointer))
    if not children and pointer:
        where[pointer] = (parent, None)
        yield pointer
    for child, path in children:
        yield from _texts(child, path, where)


def _parents(element: etree._Element, pointer: str) -> Iterator[tuple[etree._Element, str]]:
    children = list(_steps(element, pointer))
    if children and pointer:
        yield element, pointer
    for child, path in children:
        yield from _parents(child, path)


# --- lines ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _CsvMessage:
    encoding: str
    dialect: dict[str, Any]
    rows: list[list[str]]
    fields: Sequence[Field]

    def written(self, changes: Mapping[str, Any]) -> bytes:
        rows = [list(row) for row in self.rows]
        names = rows[0]
        for path, value in changes.items():
            line, _, column = path.partition(", column ")
            rows[int(line.removeprefix("line ")) - 1][names.index(column)] = "" if value is ABSENT else str(value)
        return self.text_of(rows)

    def text_of(self, rows: list[list[str]]) -> bytes:
        out = io.StringIO()
        csv.writer(out, **self.dialect).writerows(rows)
        return out.getvalue().encode(self.encoding)


@dataclass(frozen=True, slots=True)
class CsvFields:
    """Lines of cells in the encoding of the profile; the first line names the columns."""

    encoding: str

    def open(self, raw: bytes) -> _CsvMessage:
        text = raw.decode(self.encoding)
        first = text.split("\n", 1)[0]
        dialect: dict[str, Any] = {
            "delimiter": max(",;\t|", key=first.count),
            "lineterminator": "\r\n" if first.endswith("\r") else "\n",
        }
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=dialect["delimiter"]))
        names = rows[0] if rows else []
        found = [
            Field(f"line {number}, column {name}", f"/{name}", cell)
            for number, row in enumerate(rows[1:], 2)
            for name, cell in zip(names, row, strict=False)
        ]
        return _CsvMessage(self.encoding, dialect, rows, found)

    def with_unknown(self, raw: bytes) -> tuple[bytes, set[str]]:
        message = self.open(raw)
        rows = [[*row, "?" if number else UNHEARD] for number, row in enumerate(message.rows)]
        return message.text_of(rows), {f"line {number}, column {UNHEARD}" for number in range(2, len(rows) + 1)}


Columns = Callable[[bytes], Mapping[str, tuple[int, int]]]
"""A line -> its columns: name -> first and last byte, counted from 1. Lines without columns give an empty mapping."""


@dataclass(frozen=True, slots=True)
class _FixedMessage:
    encoding: str
    ending: bytes
    lines: list[bytes]
    fields: Sequence[Field]
    _where: Mapping[str, tuple[int, int, int]]

    def written(self, changes: Mapping[str, Any]) -> bytes:
        lines = list(self.lines)
        for path, value in changes.items():
            index, first, last = self._where[path]
            width = last - first + 1
            cell = b"" if value is ABSENT else str(value).encode(self.encoding)[:width]
            lines[index] = lines[index][: first - 1] + cell.ljust(width) + lines[index][last:]
        return self.ending.join(lines)


class FixedFields:
    """Lines of columns; ``columns`` says which ones a line has, ``name`` what kind of record it is (for patterns)."""

    def __init__(
        self, encoding: str, columns: Columns, *, name: Callable[[bytes], str] = lambda line: "", reserve: str = ""
    ) -> None:
        self._encoding, self._columns, self._name, self._reserve = encoding, columns, name, reserve

    def open(self, raw: bytes) -> Message:
        ending = b"\r\n" if b"\r\n" in raw else b"\n"
        lines, where, found = raw.split(ending), {}, []
        for index, line in enumerate(lines):
            for column, (first, last) in self._columns(line).items():
                path = f"line {index + 1}, columns {first}-{last}"
                where[path] = (index, first, last)
                text = line[first - 1 : last].decode(self._encoding, "replace").strip()
                if column != self._reserve:
                    found.append(Field(path, f"/{self._name(line)}/{column}", text, last - first + 1))
        return _FixedMessage(self._encoding, ending, lines, found, where)

    def with_unknown(self, raw: bytes) -> tuple[bytes, set[str]]:
        """Something in the reserve of every line that has one."""
        ending = b"\r\n" if b"\r\n" in raw else b"\n"
        lines, places = raw.split(ending), set()
        for index, line in enumerate(lines):
            if span := self._columns(line).get(self._reserve):
                first, last = span
                lines[index] = line[: first - 1] + b"?".ljust(last - first + 1) + line[last:]
                places.add(f"line {index + 1}, columns {first}-{last}")
        return ending.join(lines), places


@lru_cache(maxsize=512)
def opened(wire: Fields, raw: bytes) -> Message:
    """The message, opened once: a suite asks for the same samples again and again."""
    return wire.open(raw)


def fields_for(media_type: str, encoding: str) -> Fields:
    """The wire of a media type. Raises ``LookupError`` for one whose columns nobody declared."""
    if media_type.endswith("json"):
        return JsonFields()
    if media_type.endswith("xml"):
        return XmlFields(encoding)
    if media_type.endswith("csv"):
        return CsvFields(encoding)
    raise LookupError(
        f"{media_type}: give the adapter an attribute native_fields, or the suite `fields`: FixedFields(...) for lines"
    )
