"""The usual message, cut at its angle brackets: elements and texts, and nothing else that XML may have.

lxml needs 160 thousand instructions to make a tree of a sale's 37 elements, and Python 280 more to ask each of them
for its name, text, tail and attributes. A message without attributes but the envelope's own, without references,
comments, sections and mixed content is read here for a fifth of that. Whatever else a message has or lacks, this
answers None, and lxml reads or refuses it; a test holds the two together for all samples and damaged ones.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from adapters.phone.wire import NS, SOAP

Fields = dict[str, object]

_START = "soap:Envelope"
_STARTS = frozenset(
    {
        f'{_START} xmlns:soap="{SOAP}" xmlns="{NS}"',
        f'{_START} xmlns="{NS}" xmlns:soap="{SOAP}"',
    }
)
_PREFIXED = {"soap:Header": f"{{{SOAP}}}Header", "soap:Body": f"{{{SOAP}}}Body"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_BLANKS = " \n\t"


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


def read_plain(body: str, groups: frozenset[str], lists: Mapping[str, frozenset[str]]) -> Fields | None:
    """The fields of the envelope: a text, a list of texts, or ``Parts`` by name. None for what is not that plain.

    ``groups``: the elements that hold others. ``lists``: the elements that may repeat, by their parent.
    """
    before, *pieces = body.split("<")
    if before.strip(_BLANKS) or not pieces or "&" in body or "]]>" in body:
        return None
    start, _, blank = pieces[0].partition(">")
    if start not in _STARTS or blank.strip(_BLANKS):
        return None
    return _walk(pieces, groups, lists)


def _walk(pieces: list[str], groups: frozenset[str], lists: Mapping[str, frozenset[str]]) -> Fields | None:
    envelope: Fields = {}
    above: list[tuple[str, Fields]] = []  # the groups around this one
    tag, fields, repeating, leaf, text = _START, envelope, _NONE, "", ""
    for piece in pieces[1:]:
        name, bracket, after = piece.partition(">")
        if not bracket:
            return None
        if leaf:  # a text that only the end of its element can follow
            if name[0] != "/" or name[1:] != leaf or not keep(fields, leaf, text.strip(), repeating):
                return None
            leaf = ""
        elif name[:1] == "/":
            if name[1:] != tag or not tag:
                return None
            tag, fields = above.pop() if above else ("", envelope)
            repeating = lists.get(tag, _NONE)
        elif (local := _PREFIXED.get(name, name)) in groups and tag:
            above.append((tag, fields))
            inside: Fields = {}
            known = fields.setdefault(local, Parts())
            if not isinstance(known, Parts):
                return None
            known.append(inside)
            tag, fields, repeating = name, inside, lists.get(name, _NONE)
        elif _is_name(name) and tag and after.isprintable():
            leaf, text = name, after
            continue
        else:
            return None
        if after.strip(_BLANKS):
            return None
    return None if tag or leaf else envelope


_NONE: frozenset[str] = frozenset()


@lru_cache(maxsize=512)
def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def keep(fields: Fields, name: str, value: object, lists: frozenset[str]) -> bool:
    """Add what an element says; what repeats is a list. False when elements and a text have one name."""
    if name not in fields and name not in lists:
        fields[name] = value
        return True
    known = fields.get(name)
    if name in lists:
        known = fields.setdefault(name, [])
    if isinstance(known, Parts):
        return False
    if isinstance(known, list):
        known.append(value)
    else:
        fields[name] = [known, value]
    return True
