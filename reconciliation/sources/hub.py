"""The hub as a source: its orders, who stated what on the date, and the differences that were accepted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.ledger import Document, fold
from hub.ledger.reading import withdrawal
from hub.ledger.tickets import ticket_of
from reconciliation.datasets import write_dataset
from reconciliation.ports import HubDay, HubOrder
from reconciliation.rows import Persons, Row, money_key, nobody, rows_of_order
from schemas.facts import Adjusted, Fact, PaymentFact, RefundFact, SeatNotGranted
from schemas.identifiers import ticket_no

RAILWAY_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(slots=True)
class Stated:
    """Who stated what, by business date, and what was said of the order besides. ``touched``: date -> channel -> keys
    (ticket numbers, ``processor|reference``)."""

    touched: dict[date, dict[str, set[str]]] = field(default_factory=dict)
    adjusted: list[Adjusted] = field(default_factory=list)
    rivals: set[str] = field(default_factory=set)

    def on(self, business_date: date) -> dict[str, frozenset[str]]:
        """Channel -> keys of one date."""
        return {channel: frozenset(keys) for channel, keys in self.touched.get(business_date, {}).items()}


def stated(document: Document, zone: ZoneInfo = RAILWAY_ZONE) -> Stated:
    """What the latest statements of a document say, date by date."""
    found = Stated()
    for identity, said in document.facts.items():
        for witness, statement in said.items():
            if isinstance(statement.fact, Adjusted):
                # What was accepted and taken back is a difference again.
                if withdrawal(document, identity, stands=True) is not None:
                    found.adjusted.append(statement.fact)
            elif isinstance(statement.fact, SeatNotGranted):
                found.rivals.update(_order_of(statement.fact.holder))
            elif keys := set(_keys(statement.fact)):
                day = found.touched.setdefault(statement.stated_at.astimezone(zone).date(), {})
                day.setdefault(witness, set()).update(keys)
    return found


def hub_order(document: Document, business_date: date, zone: ZoneInfo = RAILWAY_ZONE) -> HubOrder:
    """A ledger document as reconciliation sees it on ``business_date``."""
    said = stated(document, zone)
    return HubOrder(
        order=fold(document),
        touched=said.on(business_date),
        adjusted=tuple(said.adjusted),
        rivals=frozenset(said.rivals),
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


def hub_rows(known: HubOrder, persons: Persons = nobody) -> Iterator[Row]:
    """The rows of one hub order."""
    return rows_of_order(known.order, known.touched, persons=persons)


def export_orders_of(known: Iterable[HubOrder], root: Path, width: int | None = None) -> HubDay:
    """Orders in hand as an export: for a ledger that is small enough to be held in memory."""
    listed = list(known)
    return HubDay(
        dataset=write_dataset(root, [row for order in listed for row in hub_rows(order)], width),
        adjusted=tuple(fact for order in listed for fact in order.adjusted),
        rivals=frozenset(number for order in listed for number in order.rivals),
    )
