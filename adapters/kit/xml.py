"""Safe XML: bytes of a declared encoding -> elements. No entities, no document type, no network, no comments."""

import re

from lxml import etree

from adapters.kit.decoding import check_size, decode_text
from adapters.kit.refusing import refusal

_DECLARATION = re.compile(r"""^\s*<\?xml(?P<attributes>[^>]*)\?>""")
_ENCODING = re.compile(r"""encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def read_xml(raw: bytes, encoding: str, maximum: int | None, ending: str = "") -> etree._Element:
    """The root element of a message; see :func:`body_of` and :func:`tree_of`."""
    return tree_of(body_of(raw, encoding, maximum, ending), ending)


def body_of(raw: bytes, encoding: str, maximum: int | None, ending: str = "") -> str:
    """The text of a message after its declaration.

    Refuses what is too large, is not of ``encoding`` or declares another one, or has a document type. An encoding
    other than UTF-8 must be declared. ``ending``: how a whole message ends, to tell one that was cut off from one
    that is wrong.
    """
    if maximum is not None:
        check_size(raw, maximum)
    text = decode_text(raw, encoding)
    found = _DECLARATION.match(text)
    named = _ENCODING.search(found["attributes"]) if found else None
    declared = named[1] if named else "utf-8"
    if declared.lower() != encoding.lower():
        expected = f'<?xml version="1.0" encoding="{encoding}"?>'
        detail = f"the message is in {encoding} but does not begin by declaring so"
        raise refusal("encoding_damaged", "line 1", detail, expected=expected, found=text[:60], example=expected)
    body = text[found.end() :] if found else text
    # Looked for before anything is parsed: an entity that cannot be declared is no bomb and no way to a file.
    if (at := body.find("<!DOCTYPE")) >= 0:
        place = f"line {body.count(chr(10), 0, at) + 1}, column {at - body.rfind(chr(10), 0, at)}"
        raise refusal(
            "message_malformed", place, "a message has no document type, and so no entities", found="<!DOCTYPE"
        )
    if ending not in body:
        line, column = body.count("\n") + 1, len(body) - body.rfind("\n") - 1
        detail = "the message ends too early"
        raise refusal("message_truncated", f"line {line}, column {column}", detail, expected=f"it ends with {ending}")
    return body


def tree_of(body: str, ending: str = "") -> etree._Element:
    """The root element of a body; refuses what is not well-formed."""
    try:
        return etree.fromstring(body.encode("utf-8", "replace"), _PARSER)
    except etree.XMLSyntaxError as error:
        code = "message_malformed" if body.rstrip().endswith(ending) else "message_truncated"
        place = "line {}, column {}".format(*error.position)
        raise refusal(code, place, error.msg.partition(", line")[0], expected="well-formed XML") from error


_PARSER = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    remove_comments=True,
    remove_pis=True,
    remove_blank_text=True,
    collect_ids=False,
)
"""One for all messages: it keeps nothing of them, and threads take turns."""


def local_name(element: etree._Element, namespace: str = "") -> str:
    """The element's name without ``namespace``; one of another namespace keeps it, and so matches nothing."""
    return str(element.tag).removeprefix(f"{{{namespace}}}") if namespace else str(element.tag)
