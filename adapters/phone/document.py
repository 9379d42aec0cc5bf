"""GB18030 XML bytes -> elements -> records. No entities, no document type, no network: a message is only a message."""

import re

from lxml import etree

from adapters.kit.reading import Losses, Record, check_size, decode_text, refusal
from adapters.phone.wire import DECLARATION, GROUPS, LISTS, NS

_DECLARED = re.compile(r"""^<\?xml[^>]*?encoding=["']GB18030["'][^>]*\?>""", re.IGNORECASE)
_HERE = f"{{{NS}}}"


def read_xml(raw: bytes, maximum: int | None) -> etree._Element:
    """The root element; refuses what is too large, not GB18030, not well-formed, or has a document type."""
    if maximum is not None:
        check_size(raw, maximum)
    text = decode_text(raw, "gb18030")
    declared = _DECLARED.match(text)
    if declared is None:
        expected = DECLARATION.strip()
        detail = "the message does not begin by declaring its encoding"
        raise refusal("encoding_damaged", "line 1", detail, expected=expected, found=text[:60], example=expected)
    body = text[declared.end() :]
    if "<!DOCTYPE" in body:
        raise refusal("message_malformed", "/", "a message has no document type", found="<!DOCTYPE")
    try:
        return etree.fromstring(body.encode("utf-8", "replace"), _parser())
    except etree.XMLSyntaxError as error:
        whole = body.rstrip().endswith("Envelope>")
        code = "message_malformed" if whole else "message_truncated"
        line, column = error.position
        raise refusal(code, f"line {line}, column {column}", str(error), expected="well-formed XML") from error


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )


def local(element: etree._Element) -> str:
    """The element's name without our namespace; a foreign one keeps its own and so matches nothing."""
    return str(element.tag).removeprefix(_HERE)


def record(element: etree._Element, pointer: str, losses: Losses) -> Record:
    """An element's children (and attributes, as ``@name``) as fields to read; groups are read with :func:`groups`."""
    name = local(element)
    lists = LISTS.get(name, frozenset())
    fields: dict[str, object] = {f"@{key}": value for key, value in element.attrib.items()}
    for child in element:
        inner = local(child)
        if inner in GROUPS:
            continue
        value: object = (child.text or "").strip() if len(child) == 0 else etree.tostring(child, encoding="unicode")
        known = fields.get(inner)
        if inner in lists:
            fields[inner] = [*known, value] if isinstance(known, list) else [value]
        elif inner in fields:
            fields[inner] = [known, value]
        else:
            fields[inner] = value
    return Record(fields, pointer, losses, "phone")


def groups(parent: etree._Element, name: str, pointer: str, losses: Losses, most: int) -> list[Record]:
    """The repeated elements ``name`` below ``parent``, each at its XPath; more than ``most`` is no order."""
    found = parent.findall(f"{_HERE}{name}")
    if len(found) > most:
        detail = f"{len(found)} {name} elements"
        raise refusal("message_malformed", f"{pointer}/{name}", detail, expected=f"at most {most}", found=len(found))
    return [record(child, f"{pointer}/{name}[{index}]", losses) for index, child in enumerate(found, 1)]
