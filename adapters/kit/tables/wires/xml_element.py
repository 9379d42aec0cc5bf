"""XML: one element per message; columns are named by the paths below it, attributes as ``@name``. Places are XPaths."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, Refused, refusal
from adapters.kit.tables.wires.port import Frame, Native, Sheet
from adapters.kit.tables.wires.trees import Leaves, TreeRows
from adapters.kit.xml import local_name, read_xml
from hub.ports import Part
from schemas.observation import Rejection

_DEPTH_MOST = 20


@dataclass(frozen=True)
class Xml(TreeRows):
    """The wire. ``root``: the name of a message's element. ``rows``: the path of the elements that repeat (``Ticket``).

    ``batch``: the element around many messages, in a day's extract. All elements are in ``namespace``.
    """

    root: str = "Message"
    rows: str = ""
    batch: str = "Messages"
    namespace: str = ""
    media_type: str = "application/xml"

    def read(self, raw: bytes, frame: Frame) -> Sheet:
        root = read_xml(raw, frame.encoding, frame.maximum, ending=f"{self.root}>")
        if local_name(root, self.namespace) != self.root:
            raise refusal("message_malformed", "/", "another root element", expected=self.root, found=root.tag)
        losses, place = Losses(), f"/{self.root}"
        fields, elements = self._leaves(root)
        head = Leaves(fields, place, losses, frame.system, frame.tables)
        if not self.rows:
            return Sheet(head, [Leaves({}, place, losses, frame.system)])
        if not 1 <= len(elements) <= self.most_rows:
            detail = f"{len(elements)} elements {self.rows}"
            expected = f"1 to {self.most_rows}"
            raise refusal("message_malformed", f"{place}/{self.rows}", detail, expected=expected, found=len(elements))
        places = [f"{place}/{self.rows}[{n}]" for n in range(1, len(elements) + 1)]
        places = places if len(places) > 1 else [f"{place}/{self.rows}"]
        return Sheet(head, [self._row(e, p, losses, frame) for e, p in zip(elements, places, strict=True)])

    def _row(self, element: etree._Element, place: str, losses: Losses, frame: Frame) -> Record:
        fields = {f"{self.rows}/{path}": value for path, value in self._leaves(element)[0].items()}
        return _Row(fields, place, losses, frame.system, frame.tables)

    def _leaves(self, root: etree._Element) -> tuple[dict[str, object], list[etree._Element]]:
        """Texts and attributes by path, and the elements that are rows. What repeats and is no row is a list."""
        found: dict[str, object] = {}
        rows: list[etree._Element] = []
        waiting: list[tuple[str, etree._Element, int]] = [("", root, 0)]
        while waiting:
            path, element, depth = waiting.pop()
            if depth > _DEPTH_MOST:
                raise refusal("message_malformed", f"/{self.root}", f"deeper than {_DEPTH_MOST} elements")
            if self.rows and path == self.rows:
                rows.append(element)
                continue
            for name, value in element.attrib.items():
                _keep(found, f"{path}/@{name}".lstrip("/"), value)
            text = (element.text or "").strip() + "".join((child.tail or "").strip() for child in element)
            if text or (path and not len(element)):
                _keep(found, path if path and not len(element) else f"{path}/text()".lstrip("/"), text)
            inner = [(f"{path}/{local_name(c, self.namespace)}".lstrip("/"), c, depth + 1) for c in element]
            waiting += reversed(inner)
        return found, rows

    def write(self, head: Native, rows: Sequence[Native], frame: Frame, losses: Losses) -> bytes:
        root = etree.Element(self._tag(self.root), nsmap={None: self.namespace} if self.namespace else None)
        for path, value in head.items():
            self._put(root, path, value)
        for row in rows if self.rows else ():
            *steps, last = self.rows.split("/")
            item = etree.SubElement(self._walk(root, steps), self._tag(last))
            for path, value in row.items():
                self._put(item, self.own_path(path), value)
        etree.indent(root)
        body: str = etree.tostring(root, encoding="unicode")
        return f'<?xml version="1.0" encoding="{frame.encoding}"?>\n{body}\n'.encode(frame.encoding)

    def _tag(self, name: str) -> str:
        return f"{{{self.namespace}}}{name}" if self.namespace else name

    def _walk(self, element: etree._Element, steps: Sequence[str]) -> etree._Element:
        for step in steps:
            known = element.find(self._tag(step))
            element = etree.SubElement(element, self._tag(step)) if known is None else known
        return element

    def _put(self, root: etree._Element, path: str, value: str | int) -> None:
        *steps, last = path.split("/")
        element = self._walk(root, steps)
        if last.startswith("@"):
            element.set(last[1:], str(value))
        else:
            self._walk(element, [last]).text = str(value)

    def split(self, raw: bytes, frame: Frame) -> Sequence[Part] | Rejection:
        try:
            root = read_xml(raw, frame.encoding, None, ending=">")
        except Refused as refused:
            return refused.rejection
        name = local_name(root, self.namespace)
        if name == self.root:
            return [_part(raw, f"/{name}")]
        if name != self.batch:
            found = refusal("message_malformed", "/", "another root element", expected=self.batch, found=root.tag)
            return found.rejection
        declared = f'<?xml version="1.0" encoding="{frame.encoding}"?>\n'
        return [
            _part((declared + etree.tostring(child, encoding="unicode", with_tail=False)).encode(frame.encoding), place)
            for place, child in ((f"/{name}/{self.root}[{n}]", child) for n, child in enumerate(root, 1))
        ]


class _Row(Leaves):
    """One repeated element; its fields keep its path in their names, their places have its number."""

    __slots__ = ()

    def at(self, name: str) -> str:
        steps = self.pointer.count("/") - 1
        return f"{self.pointer}/{name.split('/', steps)[-1]}"


def _keep(found: dict[str, object], path: str, value: str) -> None:
    known = found.get(path)
    if path not in found:
        found[path] = value
    else:
        found[path] = [*known, value] if isinstance(known, list) else [known, value]


def _part(raw: bytes, place: str) -> Part:
    return Part(message_id=f"element-{hashlib.sha256(raw).hexdigest()[:32]}", raw=raw, place=place)
