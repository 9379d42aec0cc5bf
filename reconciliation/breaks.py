"""Breaks: differences with a kind, both sides' values, what they are worth and where they were seen.

Matching says only that a row is one-sided or that a field differs. What that *means* depends on the rest of the order:
a capture without a counterpart is a lost message, a second payment or a payment without a ticket. Here is where this
is decided, from a context that is an input of the run like any other.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from reconciliation.definitions import Definition
from reconciliation.kinds import BreakKind
from reconciliation.matching import Difference
from reconciliation.rows import STATE_RANK, Row, instant
from schemas.facts import Adjusted

Side = Literal["hub", "channel"]


@dataclass(frozen=True, slots=True)
class Break:
    """One difference between two systems. ``amount`` is what is at stake, in minor units, never negative.

    ``further`` says which side has come further in the ticket's life; ``covers`` lists differences in money that this
    break explains (one cause, one break); ``evidence`` leads to the raw rows: digest of the file and place in it.
    """

    definition: str
    business_date: date
    kind: BreakKind
    key: str
    order_no: str | None
    left: dict[str, Any] | None
    right: dict[str, Any] | None
    amount: int
    currency: str
    since: datetime
    further: Side | None = None
    evidence: tuple[dict[str, Any], ...] = ()
    covers: tuple[dict[str, Any], ...] = ()

    @property
    def break_id(self) -> UUID:
        """The same break has the same id in every run."""
        return uuid5(NAMESPACE_URL, f"break|{self.definition}|{self.business_date}|{self.kind}|{self.key}")


@dataclass(frozen=True, slots=True)
class OrderContext:
    """What the hub knows of an order that decides the meaning of a one-sided payment."""

    valid_ticket: bool
    ever_issued: bool
    captures: frozenset[str]


@dataclass(frozen=True, slots=True)
class Context:
    """``orders`` by number; ``claims``: payments and refunds that some channel's own extract states."""

    orders: Mapping[str, OrderContext] = field(default_factory=dict)
    claims: frozenset[str] = frozenset()

    def narrowed(self, order_nos: Iterable[str], keys: Iterable[str]) -> "Context":
        """Only what these rows can ask for: other orders must not make another run."""
        wanted = set(order_nos)
        return Context(
            orders={no: context for no, context in self.orders.items() if no in wanted},
            claims=self.claims & frozenset(keys),
        )

    @property
    def digest(self) -> str:
        orders = sorted(
            [number, context.valid_ticket, context.ever_issued, sorted(context.captures)]
            for number, context in self.orders.items()
        )
        return hashlib.sha256(json.dumps([orders, sorted(self.claims)]).encode()).hexdigest()


def context_of(rows: Iterable[Row], claims: Iterable[str]) -> Context:
    """The context from the hub's own rows and the channels' claims."""
    by_order: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_order[row.order_no].append(row)
    orders = {
        order_no: OrderContext(
            valid_ticket=any(r.kind == "ticket" and r.state == "issued" for r in members),
            ever_issued=any(r.kind == "ticket" and r.state in {"issued", "changed", "released"} for r in members),
            captures=frozenset(r.key for r in members if r.kind == "payment"),
        )
        for order_no, members in by_order.items()
    }
    return Context(orders=orders, claims=frozenset(claims))


def kind_of(definition: Definition, difference: Difference, context: Context) -> BreakKind:
    """The kind of a difference in the light of its order."""
    if definition.right.source != "processor" or not difference.one_sided or difference.kind == "DUPLICATE":
        return difference.kind
    row = difference.row
    if difference.left is None:
        return _unknown_to_the_hub(row, context)
    known = context.orders.get(row.order_no)
    if row.kind == "payment" and known is not None and known.ever_issued:
        return "TICKET_NO_PAYMENT"
    return "MISSING_IN_CHANNEL"


def _unknown_to_the_hub(row: Row, context: Context) -> BreakKind:
    if row.key in context.claims:
        # A channel says the same as the processor: the message to the hub was lost.
        return "MISSING_IN_HUB"
    if row.kind == "refund":
        return "ORPHAN_REFUND"
    known = context.orders.get(row.order_no)
    if known is None:
        return "MISSING_IN_HUB"
    if known.captures - {row.key}:
        return "DOUBLE_PAYMENT"
    return "MISSING_IN_HUB" if known.valid_ticket else "PAID_NO_TICKET"


def breaks_of(
    definition: Definition, business_date: date, differences: Iterable[Difference], context: Context
) -> list[Break]:
    """Differences as breaks: classified, duplicates of a key together, money under the ticket that explains it."""
    found: dict[tuple[str, str], Break] = {}
    rows: dict[tuple[str, str], Row] = {}
    for difference in differences:
        made = _break(definition, business_date, difference, kind_of(definition, difference, context))
        key = (made.kind, made.key)
        before = found.get(key)
        found[key] = made if before is None else _together(before, made)
        rows[key] = difference.row
    return _cover(found, rows)


def _break(definition: Definition, business_date: date, difference: Difference, kind: BreakKind) -> Break:
    left, right = difference.left, difference.right
    row = difference.row
    return Break(
        definition=definition.name,
        business_date=business_date,
        kind=kind,
        key=difference.key,
        order_no=row.order_no or (right.order_no if right else "") or None,
        left=_values(left),
        right=_values(right),
        amount=_at_stake(difference),
        currency=row.currency,
        since=instant(min(r.at for r in (left, right) if r is not None)),
        further=further_side(left, right),
        evidence=tuple(_evidence(side, r) for side, r in (("left", left), ("right", right)) if r is not None),
    )


def _values(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    shown = {"kind": row.kind, "state": row.state, "amount": row.amount, "currency": row.currency, "seat": row.seat}
    return {**{k: v for k, v in shown.items() if v is not None}, "at": instant(row.at).isoformat()}


def _at_stake(difference: Difference) -> int:
    left, right = difference.left, difference.right
    amounts = [r.amount or 0 for r in (left, right) if r is not None]
    if difference.kind == "AMOUNT":
        return abs(amounts[0] - amounts[1])
    return max(amounts)


def further_side(left: Row | None, right: Row | None) -> Side | None:
    """Which side has come further in the ticket's state machine; None when that is not the question."""
    if left is None or right is None or left.state is None or right.state is None or left.state == right.state:
        return None
    return "hub" if STATE_RANK[left.state] > STATE_RANK[right.state] else "channel"


def _evidence(side: str, row: Row) -> dict[str, Any]:
    parts = {"side": side, "sha256": row.sha256, "place": row.place, "raw": row.raw[:2000]}
    return {name: value for name, value in parts.items() if value}


def _together(one: Break, other: Break) -> Break:
    return replace(one, amount=one.amount + other.amount, evidence=(*one.evidence, *other.evidence))


_EXPLAINED_BY: Mapping[str, frozenset[str]] = {
    "MISSING_IN_HUB": frozenset({"MISSING_IN_HUB", "STATUS"}),
    "MISSING_IN_CHANNEL": frozenset({"MISSING_IN_CHANNEL", "STATUS"}),
    "AMOUNT": frozenset({"AMOUNT", "STATUS"}),
}
"""A difference in money -> the kinds of ticket breaks of the same order that are its cause."""

_CONTRARY = frozenset({("MISSING_IN_HUB", "hub"), ("MISSING_IN_CHANNEL", "channel")})
"""What the hub lacks cannot come from a ticket on which the hub is further, nor the other way round."""


def _cover(found: Mapping[tuple[str, str], Break], rows: Mapping[tuple[str, str], Row]) -> list[Break]:
    """One cause, one break: what is missing because of a ticket's break stands under that break.

    Money goes under a ticket of its order; the new ticket of an exchange under the old one, whose state differs.
    """
    covers: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    by_order: dict[str | None, list[tuple[str, str]]] = defaultdict(list)
    for key, made in found.items():
        if rows[key].kind == "ticket":
            by_order[made.order_no].append(key)
    covered: set[tuple[str, str]] = set()
    # Tickets first: what is covered itself covers nothing, so every cover hangs on a break that stands.
    for key in sorted(found, key=lambda k: (rows[k].kind != "ticket", k)):
        item = found[key]
        standing = [k for k in sorted(by_order[item.order_no]) if k not in covered]
        cause = next((k for k in standing if _explains(found[k], item, rows[key])), None)
        if cause is not None:
            covered.add(key)
            covers[cause].append(
                {"kind": item.kind, "key": item.key, "amount": item.amount, "left": item.left, "right": item.right}
            )
    return [
        replace(item, covers=tuple(covers[key])) if key in covers else item
        for key, item in sorted(found.items())
        if key not in covered
    ]


def _explains(cause: Break, item: Break, row: Row) -> bool:
    if (item.kind, cause.further) in _CONTRARY:
        return False
    if row.kind == "ticket":
        return (
            cause.kind == "STATUS"
            and cause.key == row.replaces
            and item.kind in {"MISSING_IN_HUB", "MISSING_IN_CHANNEL"}
        )
    return cause.kind in _EXPLAINED_BY.get(item.kind, frozenset())


Accepted = frozenset[tuple[str, str, str, str, str]]
"""(definition, key, kind, the hub's value, the other's value) of every difference that was accepted."""


def accepted_values(adjusted: Iterable[Adjusted]) -> Accepted:
    """The accepted differences of some orders."""
    return frozenset((a.definition, a.subject, a.kind, a.hub_value, a.other_value) for a in adjusted)


def is_accepted(definition: Definition, difference: Difference, context: Context, known: Accepted) -> bool:
    """Whether exactly these two values were accepted before: other values of the same thing are a break again."""
    kind = kind_of(definition, difference, context)
    ours, theirs = said(kind, difference.left), said(kind, difference.right)
    return (definition.name, difference.key, kind, ours, theirs) in known


def said(kind: BreakKind, values: Row | Mapping[str, Any] | None) -> str:
    """One side's value of what a break of this kind is about, as text; ``-`` for a side that says nothing."""
    name = {"AMOUNT": "amount", "STATUS": "state", "SEAT": "seat", "CURRENCY": "currency"}.get(kind, "amount")
    found = getattr(values, name, None) if isinstance(values, Row) else (values or {}).get(name)
    return "-" if found is None else str(found)


def seat_break(definition: Definition, business_date: date, pair: tuple[Row, Row]) -> Break:
    """Two tickets for one seat, as a break under both numbers."""
    first, second = pair
    return Break(
        definition=definition.name,
        business_date=business_date,
        kind="DOUBLE_SOLD_SEAT",
        key=f"{first.key}+{second.key}",
        order_no=first.order_no,
        left={**(_values(first) or {}), "ticket_no": first.key, "order_no": first.order_no, "run": first.train_run},
        right={
            **(_values(second) or {}),
            "ticket_no": second.key,
            "order_no": second.order_no,
            "run": second.train_run,
        },
        amount=max(first.amount or 0, second.amount or 0),
        currency=first.currency,
        since=instant(max(first.at, second.at)),
        evidence=tuple({"side": "hub", "ticket_no": row.key, "seller": row.seller} for row in pair),
    )


def refused_break(
    definition: Definition, business_date: date, name: str, sha256: str, reason: str, seen: datetime
) -> Break:
    """A file that failed its own totals."""
    return Break(
        definition=definition.name,
        business_date=business_date,
        kind="CONTROL_TOTAL",
        key=sha256,
        order_no=None,
        left=None,
        right={"file": name, "reason": reason},
        amount=0,
        currency="CNY",
        since=seen,
        evidence=({"side": "right", "sha256": sha256, "place": name},),
    )
