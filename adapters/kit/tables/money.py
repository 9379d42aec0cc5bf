"""The money of an order in rows of slot values: payments, refunds, changes."""

from datetime import datetime
from typing import Any

from adapters.kit.refusing import Losses
from adapters.kit.tables.news import SOLD, News, Told, head_of
from hub.ports import Act
from schemas.order import Order, Payment


def change_of(new: str, news: News) -> dict[str, Any]:
    """The change that made a ticket."""
    change = next((c for c in news.changes if new in c.new_ticket_nos), None)
    if change is None:
        return {}
    return {"change_ref": change.change_id, "change_fee": change.fee, "change_difference": change.difference}


def refund_of(number: str, at: datetime, news: News, order: Order, losses: Losses) -> dict[str, Any]:
    """The refund of a ticket, told as requested when the ticket was given back."""
    refund = next((r for r in news.refunds if number in r.ticket_nos and r.part_of is None), None)
    if refund is None:
        return {}
    place = f"/refunds/{order.refunds.index(refund)}"
    if refund.state != "requested":
        losses.add(f"{place}/state", "not_expressible", refund.state, "told as requested")
    if refund.requested_at != at:
        losses.add(f"{place}/requested_at", "less_precise", refund.requested_at.isoformat(), "told with its ticket")
    if refund.external:
        losses.add(f"{place}/external", "not_expressible", "true")
    for name in ("payment_ref", "override"):
        if getattr(refund, name) is not None:
            losses.add(f"{place}/{name}", "not_expressible")
    return {
        "processor": refund.processor,
        "refund_ref": refund.refund_ref,
        "refund_gross": refund.amount_gross,
        "refund_fee": refund.fee,
        "refund_net": refund.amount_net,
    }


def place_payments(rows: list[Told], news: News, order: Order, acts: frozenset[Act], losses: Losses) -> None:
    """Put every new payment into a row: those of its moment, else any that has none, else one of its own."""
    free = [row for row in rows if row.act in SOLD and "processor" not in row.values]
    waiting: list[Payment] = []
    for moment in dict.fromkeys(payment.captured_at for payment in news.payments):
        payments = [payment for payment in news.payments if payment.captured_at == moment]
        sold = [row for row in free if row.values["at"] == moment]
        for number, row in enumerate(sold):
            row.values.update(_payment(payments[number % len(payments)]))
        waiting += payments[len(sold) :]
    for payment in waiting:
        assert payment.captured_at is not None  # news_of
        unpaid = next((row for row in free if "payment_ref" not in row.values), None)
        if unpaid is not None:
            unpaid.values.update(_payment(payment))
        elif "pay" in acts:
            rows.append(Told("pay", 0, head_of(order, payment.captured_at) | _payment(payment)))
        else:
            losses.add(f"/payments/{order.payments.index(payment)}", "not_expressible", payment.processor_ref)


def _payment(payment: Payment) -> dict[str, Any]:
    return {
        "processor": payment.processor,
        "method": payment.method,
        "payment_ref": payment.processor_ref,
        "paid": payment.amount_gross,
        "paid_at": payment.captured_at,
    }
