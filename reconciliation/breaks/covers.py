"""One cause, one break: what is missing because of a ticket's break stands under that break.

Money goes under a ticket of its order; the new ticket of an exchange under the old one, whose state differs.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

_EXPLAINED_BY: Mapping[str, frozenset[str]] = {
    "MISSING_IN_HUB": frozenset({"MISSING_IN_HUB", "STATUS"}),
    "MISSING_IN_CHANNEL": frozenset({"MISSING_IN_CHANNEL", "STATUS"}),
    "AMOUNT": frozenset({"AMOUNT", "STATUS"}),
}
"""A difference in money -> the kinds of ticket breaks of the same order that are its cause."""

_CONTRARY = frozenset({("MISSING_IN_HUB", "hub"), ("MISSING_IN_CHANNEL", "channel")})
"""What the hub lacks cannot come from a ticket on which the hub is further, nor the other way round."""

Record = Mapping[str, Any]
Name = tuple[str, str]


def covered(breaks: Sequence[Record]) -> tuple[pa.Table, pa.Table]:
    """Of the breaks of orders with several: (kind, key) of those that stand under another, and the ``covers`` of those
    above, as JSON."""
    by_order: dict[str, list[Record]] = defaultdict(list)
    for record in breaks:
        by_order[record["order_no"]].append(record)
    under: list[Name] = []
    covers: dict[Name, list[dict[str, Any]]] = defaultdict(list)
    for members in by_order.values():
        for item, cause in _causes(members):
            under.append((item["kind"], item["key"]))
            covers[(cause["kind"], cause["key"])].append(
                {
                    "kind": item["kind"],
                    "key": item["key"],
                    "amount": item["amount"],
                    "left": _parsed(item["left_value"]),
                    "right": _parsed(item["right_value"]),
                }
            )
    texts = [json.dumps(said, ensure_ascii=False, separators=(",", ":")) for said in covers.values()]
    return (
        pa.table({"kind": _strings([n[0] for n in under]), "key": _strings([n[1] for n in under])}),
        pa.table(
            {
                "kind": _strings([n[0] for n in covers]),
                "key": _strings([n[1] for n in covers]),
                "covers": _strings(texts),
            }
        ),
    )


def _causes(members: Sequence[Record]) -> list[tuple[Record, Record]]:
    """(break, the break of a ticket that explains it). What is covered itself covers nothing: tickets come first."""
    ordered = sorted(members, key=lambda r: (r["row_kind"] != "ticket", r["kind"], r["key"]))
    tickets = sorted((r for r in members if r["row_kind"] == "ticket"), key=lambda r: (r["kind"], r["key"]))
    found: list[tuple[Record, Record]] = []
    standing = {(r["kind"], r["key"]) for r in tickets}
    for item in ordered:
        cause = next((t for t in tickets if (t["kind"], t["key"]) in standing and _explains(t, item)), None)
        if cause is not None:
            standing.discard((item["kind"], item["key"]))
            found.append((item, cause))
    return found


def _explains(cause: Record, item: Record) -> bool:
    if (item["kind"], cause["further"]) in _CONTRARY:
        return False
    if item["row_kind"] == "ticket":
        return (
            cause["kind"] == "STATUS"
            and cause["key"] == item["replaces"]
            and item["kind"] in {"MISSING_IN_HUB", "MISSING_IN_CHANNEL"}
        )
    return cause["kind"] in _EXPLAINED_BY.get(item["kind"], frozenset())


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _strings(values: list[str]) -> pa.Array:
    return pa.array(values, pa.string())
