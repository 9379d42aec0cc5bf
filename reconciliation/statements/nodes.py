"""Reading ISO 20022 XML by local names, whatever the version's namespace."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lxml import etree

from reconciliation.statements.amounts import decimals
from reconciliation.statements.entries import EntryError, order_no
from schemas.money import parse_decimal

SIGN = {"CRDT": 1, "DBIT": -1}
_PEOPLE = ("RltdPties", "RltdAgts", "CardTx", "Acct")
_FREE = ("Ustrd", "AddtlNtryInf", "AddtlTxInf", "AddtlRmtInf")
_CURRENCY = re.compile(r"[A-Z]{3}")


@lru_cache(maxsize=4096)
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def local(node: Any) -> str:
    """An element's name without its namespace; empty for a comment."""
    return _without_namespace(node.tag) if isinstance(node.tag, str) else ""


@dataclass(slots=True)
class Node:
    """An element in plain Python: it is looked into twenty times, and each look into the tree costs as much as this."""

    name: str
    text: str
    currency: str
    children: "list[Node]"


def node_of(element: Any) -> Node:
    """An element and what is below it, by local names."""
    children = [node_of(child) for child in element if isinstance(child.tag, str)]
    return Node(local(element), (element.text or "").strip(), element.get("Ccy", ""), children)


def every(node: Node, *path: str) -> Iterator[Node]:
    """Every descendant along ``path`` of local names, one level each."""
    name, *rest = path
    for child in node.children:
        if child.name == name:
            if rest:
                yield from every(child, *rest)
            else:
                yield child


def text(node: Node, *path: str) -> str:
    """The text of the first one along ``path``; empty without one."""
    return next((found.text for found in every(node, *path)), "")


def amount(node: Node) -> tuple[int, str]:
    """(minor units, currency) of a node's ``Amt``; raises EntryError."""
    found = next(every(node, "Amt"), None)
    if found is None:
        raise EntryError("no Amt")
    currency = found.currency
    if not _CURRENCY.fullmatch(currency):
        raise EntryError(f"Amt has Ccy {currency!r}, expected a code such as CNY")
    try:
        minor = parse_decimal(found.text, scale=decimals(currency), currency=currency).amount
    except ValueError as error:
        raise EntryError(f"Amt: {error}") from error
    if minor < 0:
        raise EntryError("Amt is negative; the side is said by CdtDbtInd")
    return minor, currency


def signed(node: Node) -> int:
    """A node's amount with the sign of its ``CdtDbtInd``."""
    side = SIGN.get(text(node, "CdtDbtInd"))
    if side is None:
        raise EntryError("CdtDbtInd is neither CRDT nor DBIT")
    return side * amount(node)[0]


def evidence(entry: Any) -> str:
    """The entry as text, without the people, accounts and cards in it; of what was written freely, the order number."""
    shown = etree.fromstring(etree.tostring(entry, with_tail=False))
    for part in list(shown.iter()):
        if local(part) in _PEOPLE and part.getparent() is not None:
            part.getparent().remove(part)
        elif local(part) in _FREE and part.text and part.text.strip():
            part.text = order_no([part.text]) or "***"
    return str(etree.tostring(shown, encoding="unicode"))
