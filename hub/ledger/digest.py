"""The ledger digest: a hash over business content alone.

In: references, ticket states, money, seats. Out: hub ids, every clock, and who won a race: for an order that met a
contested seat the link between order and seat is left out on both sides, while the set of sold seats stays in; a name
that two orders claim is nobody's.
"""

import hashlib
import json
from collections.abc import Container, Iterable
from typing import Any

from schemas.money import Money
from schemas.order import Order


def order_content(order: Order, *, contested: bool = False, clashing: Container[str] = ()) -> dict[str, Any]:
    """The business content of one order as plain JSON values.

    ``contested`` leaves out the seats it won or lost, ``clashing`` names (``system|kind|value``) that it won or lost.
    """

    def number(ticket_no: str) -> str:
        return ticket_no[:11] if contested else ticket_no

    return {
        "references": sorted(
            [r.system, r.kind, r.value] for r in order.references if f"{r.system}|{r.kind}|{r.value}" not in clashing
        ),
        "channel": order.channel,
        "business_date": order.business_date.isoformat(),
        "tickets": sorted(
            [number(t.ticket_no), t.state, _money(t.fare_gross), t.origin, _leg(t), t.medium] for t in order.tickets
        ),
        "payments": [[p.payment_id, p.state, _money(p.amount_gross)] for p in order.payments],
        "refunds": [[r.refund_id, _money(r.amount_net), _money(r.fee)] for r in order.refunds],
        "changes": sorted([number(c.change_id), _money(c.fee), _money(c.difference)] for c in order.changes),
        "disputes": [] if contested else [d.dispute_id for d in order.disputes if d.kind != "references_clash"],
        "balance": _money(order.balance),
    }


def digest(contents: Iterable[dict[str, Any]], seats: Iterable[list[Any]]) -> str:
    """SHA-256 over the sorted order contents and the sorted sold seats (run, coach, number, mask)."""
    lines = sorted(json.dumps(content, sort_keys=True, ensure_ascii=False) for content in contents)
    places = sorted(json.dumps(seat, ensure_ascii=False) for seat in seats)
    return hashlib.sha256("\n".join([*lines, "--", *places]).encode()).hexdigest()


def _money(money: Money | None) -> str:
    return "" if money is None else f"{money.amount} {money.currency}"


def _leg(ticket: Any) -> str:
    leg = ticket.leg
    if leg is None:
        return ""
    return f"{leg.train_code}|{leg.service_date}|{leg.origin.station}|{leg.destination.station}"
