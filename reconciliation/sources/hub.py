"""The hub as a source: its orders, who stated what on the date, and the differences that were accepted."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from hub.ledger import Document, fold
from hub.ledger.tickets import ticket_of
from reconciliation.ports import HubOrder
from reconciliation.rows import Row, money_key, rows_of_order
from schemas.facts import Adjusted, Fact, PaymentFact, RefundFact, SeatNotGranted
from schemas.identifiers import ticket_no

RAILWAY_ZONE = ZoneInfo("Asia/Shanghai")


def hub_order(document: Document, business_date: date, zone: ZoneInfo = RAILWAY_ZONE) -> HubOrder:
    """A ledger document as reconciliation sees it on ``business_date``."""
    touched: dict[str, set[str]] = defaultdict(set)
    adjusted: list[Adjusted] = []
    rivals: set[str] = set()
    for said in document.facts.values():
        for witness, statement in said.items():
            if isinstance(statement.fact, Adjusted):
                adjusted.append(statement.fact)
            elif isinstance(statement.fact, SeatNotGranted):
                rivals.update(_order_of(statement.fact.holder))
            elif statement.stated_at.astimezone(zone).date() == business_date:
                touched[witness].update(_keys(statement.fact))
    return HubOrder(
        order=fold(document),
        touched={witness: frozenset(keys) for witness, keys in touched.items() if keys},
        adjusted=tuple(adjusted),
        rivals=frozenset(rivals),
    )


def _order_of(holder: str | None) -> Iterator[str]:
    """The order number inside a rail ticket number; nothing for a channel's own kind of number."""
    if holder is not None and ticket_no.is_valid(holder):
        yield ticket_no.split(holder)[0]


def _keys(fact: Fact) -> Iterator[str]:
    if (number := ticket_of(fact)) is not None:
        yield number
    elif isinstance(fact, PaymentFact):
        yield money_key(fact.processor, fact.processor_ref)
    elif isinstance(fact, RefundFact):
        yield money_key(fact.processor, fact.refund_ref)


def hub_rows(known: HubOrder) -> Iterator[Row]:
    """The rows of one hub order."""
    return rows_of_order(known.order, known.touched)
