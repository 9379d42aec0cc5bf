"""The usual message, cut at its angle brackets: elements and texts, and nothing else that XML may have.

lxml needs 160 thousand instructions to make a tree of a sale's 37 elements, and Python 280 more to ask each of them
for its name, text, tail and attributes. A message without attributes but the envelope's own, without references,
comments, sections and mixed content is read here for less than half of that. Whatever else a message has or lacks, this
answers None, and lxml reads or refuses it; a test holds the two together for all samples and damaged ones.
"""

import re
from collections.abc import Mapping

from adapters.phone.wire import NS, SOAP

Fields = dict[str, object]

_START = "soap:Envelope"
_STARTS = frozenset(
    {
        f'<{_START} xmlns:soap="{SOAP}" xmlns="{NS}"',
        f'<{_START} xmlns="{NS}" xmlns:soap="{SOAP}"',
    }
)
_PREFIXED = {"soap:Header": f"{{{SOAP}}}Header", "soap:Body": f"{{{SOAP}}}Body"}
_TAGS = re.compile(r"<(?:([A-Za-z][A-Za-z0-9]*)>([^<]*)</\1>|(/?[A-Za-z:]+)>)([^<]*)")
"""An element that holds a text, or the begin or end of another one; and what stands behind it."""
_ODD = bytes({*range(0x20)} - {ord("\n")})
"""What XML refuses or reads otherwise. In GB18030 these bytes are never a part of a character."""
_NO_CHARACTERS = ("\ufffe", "\uffff")
_BLANKS = " \n"
_NONE: frozenset[str] = frozenset()


class Parts(list[Fields]):
    """The fields of the elements of one name that hold others; shown by the texts in them."""

    def __repr__(self) -> str:
        return " | ".join(text for fields in self for text in _texts(fields) if text)


def _texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [str(value)]


def read_plain(raw: bytes, body: str, groups: frozenset[str], lists: Mapping[str, frozenset[str]]) -> Fields | None:
    """The fields of the envelope: a text, a list of texts, or ``Parts`` by name. None for what is not that plain.

    ``raw``: the message; ``body``: its text after the declaration. ``groups``: the elements that hold others.
    ``lists``: the elements that may repeat, by their parent.
    """
    start, _, rest = body.lstrip(_BLANKS).partition(">")
    if start not in _STARTS or "&" in body or "]]>" in body:
        return None
    if len(raw.translate(None, _ODD)) != len(raw) or any(sign in body for sign in _NO_CHARACTERS):
        return None
    if rest.partition("<")[0].strip(_BLANKS):
        return None
    return _walk(rest, groups, lists)


def _walk(rest: str, groups: frozenset[str], lists: Mapping[str, frozenset[str]]) -> Fields | None:
    envelope: Fields = {}
    above: list[tuple[str, Fields]] = []  # the groups around this one
    tag, fields, repeating = _START, envelope, _NONE
    unseen = rest.count("<")
    for leaf, text, other, behind in _TAGS.findall(rest):
        unseen -= 2 if leaf else 1
        if behind and behind.strip(_BLANKS):
            return None
        if leaf:
            if leaf in groups or not tag:
                return None
            if leaf in fields or leaf in repeating:
                keep(fields, leaf, text.strip(), repeating)
            else:
                fields[leaf] = text.strip()
        elif other[0] == "/":
            if other[1:] != tag:
                return None
            tag, fields = above.pop() if above else ("", envelope)
            repeating = lists.get(tag, _NONE)
        else:
            name = _PREFIXED.get(other, other)
            if name not in groups or not tag:
                return None
            above.append((tag, fields))
            inside: Fields = {}
            fields.setdefault(name, Parts()).append(inside)  # type: ignore[attr-defined]  # no text has a group's name
            tag, fields, repeating = other, inside, lists.get(other, _NONE)
    return None if tag or unseen else envelope


def keep(fields: Fields, name: str, value: object, lists: frozenset[str]) -> None:
    """Add what an element says; what repeats, or may, is a list."""
    known = fields.setdefault(name, []) if name in lists else fields.get(name)
    if isinstance(known, list):
        known.append(value)
    else:
        fields[name] = value if known is None else [known, value]
