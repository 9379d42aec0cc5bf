"""The call centre's XML as records: children are fields, places are XPaths, nothing beside them goes unheard."""

import re
from collections.abc import Sequence
from functools import lru_cache

from lxml import etree

from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, refusal
from adapters.kit.xml import body_of, read_xml, tree_of
from adapters.phone.plain import Fields, Parts, keep, read_plain
from adapters.phone.wire import GROUPS, LISTS, MODES, NS, SOAP

ENVELOPE = f"{{{SOAP}}}Envelope"
_ENDING = "Envelope>"
_HERE = f"{{{NS}}}"
_NO_LIST: frozenset[str] = frozenset()
GROUP_NAMES = GROUPS | MODES.keys() | {f"{{{SOAP}}}Header", f"{{{SOAP}}}Body"}


def read_message(raw: bytes, maximum: int | None) -> etree._Element:
    """The root element of a message or day extract; see ``adapters.kit.xml`` for what is refused."""
    return read_xml(raw, "gb18030", maximum, ending=_ENDING)


def read_envelope(raw: bytes, maximum: int, losses: Losses) -> "Element":
    """The envelope of a message; see ``adapters.kit.xml`` for what is refused."""
    body = body_of(raw, "gb18030", maximum, ending=_ENDING)
    fields = read_plain(raw, body, GROUP_NAMES, LISTS)
    if fields is None:
        return envelope_of(tree_of(body, _ENDING), losses)
    return Element(fields, "/Envelope", losses, "phone")


def envelope_of(root: etree._Element, losses: Losses) -> "Element":
    """The record of the root element, if that is an envelope."""
    if root.tag != ENVELOPE:
        raise refusal("message_malformed", "/", "this is no SOAP 1.1 envelope", expected=ENVELOPE, found=root.tag)
    return Element.of(root, "/Envelope", losses)


@lru_cache(maxsize=512)
def local(tag: str) -> str:
    """An element's name without our namespace; a foreign one keeps its own and so matches nothing."""
    return tag.removeprefix(_HERE)


def fault_of(root: etree._Element) -> tuple[str, str] | None:
    """Code and sentence of a SOAP fault (SOAP 1.1, 4.4) in place of an operation; None when there is none."""
    fault = root.find(f"{{{SOAP}}}Body/{{{SOAP}}}Fault")
    if fault is None:
        return None
    said = {etree.QName(child).localname: (child.text or "").strip() for child in fault}
    return re.split("[:.]", said.get("faultcode", ""))[-1], said.get("faultstring", "")


class Elements(list[etree._Element]):
    """Elements of one name that hold others; shown by the texts in them."""

    def __repr__(self) -> str:
        texts = (text.strip() for element in self for text in element.itertext())
        return " | ".join(text for text in texts if text)


class Element(Record):
    """An XML element whose children are the fields; places are XPaths.

    Attributes are fields ``@name``, of a child that holds a text ``child/@name``; text beside elements is ``text()``.
    """

    __slots__ = ()

    @classmethod
    def of(cls, element: etree._Element, pointer: str, losses: Losses) -> "Element":
        """The record of one element."""
        return cls(fields_of(element), pointer, losses, "phone")

    def at(self, name: str) -> str:
        return f"{self.pointer}/{name}"

    def texts(self, name: str, *, most: int = 20) -> list[str]:
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            raise self.refuse(name, "message_malformed", f"{name} is there more than {most} times", expected="texts")
        items = Record({f"{name}[{i}]": item for i, item in enumerate(value, 1)}, self.pointer, self.losses, "phone")
        return [items.text(item) for item in items.fields]

    def inner(self, name: str) -> "Sequence[Element]":
        """The elements of a name that is there once: their places have no number."""
        found = self.take(name)
        if not isinstance(found, Elements | Parts):
            return ()
        return [Element(_inside(child), (self, name.rpartition("}")[2], None), self.losses, "phone") for child in found]

    def children(self, name: str, *, least: int = 0, most: int = 20) -> Sequence[Record]:
        found = self.take(name)
        elements = found if isinstance(found, Elements | Parts) else Parts()
        if not least <= len(elements) <= most:
            detail = f"{len(elements)} {name} elements"
            raise self.refuse(name, "message_malformed", detail, expected=f"{least} to {most}")
        records: list[Record] = []
        for child in elements:
            records.append(Element(_inside(child), (self, name, len(records)), self.losses, "phone"))
        return records

    def at_item(self, name: str, number: int) -> str:
        """XPath counts from 1."""
        return f"{self.at(name)}[{number + 1}]"


def _inside(child: etree._Element | Fields) -> Fields:
    return child if type(child) is dict else fields_of(child)


def fields_of(element: etree._Element) -> Fields:
    """What an element has inside, by name; groups as elements that nobody has looked into."""
    name = local(element.tag)
    fields: Fields = {f"@{key}": value for key, value in element.items()}
    lists, strays = LISTS.get(name, _NO_LIST), element.text or ""
    for child in element:
        name = local(child.tag)
        text, tail = child.text, child.tail
        if tail is not None:
            strays += tail
        if name in fields or name in GROUP_NAMES or name in lists or len(child):
            _add(fields, name, child, lists)
        else:
            fields[name] = "" if text is None else text.strip()
        if name not in GROUP_NAMES:
            for key, attribute in child.items():
                fields[f"{name}/@{key}"] = attribute
    if strays and (strays := strays.strip()):
        fields["text()"] = strays
    return fields


def _add(fields: Fields, name: str, child: etree._Element, lists: frozenset[str]) -> None:
    """What repeats, may repeat, or holds elements."""
    if name in GROUP_NAMES:
        group = fields.setdefault(name, Elements())
        if isinstance(group, Elements):
            group.append(child)
        return
    value: object = (child.text or "").strip()
    if len(child):  # what holds elements is no text: shown as it is, and refused where a text is expected
        value = {"xml": etree.tostring(child, encoding="unicode", with_tail=False)}
    keep(fields, name, value, lists)
