"""Writing native records, the other half of ``reading`` and ``money_records``: one table of names, both directions.

A ``Pen`` knows how one channel spells codes, amounts and times; what it cannot spell is told as it is, or less
exactly, with a loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from adapters.kit.money_records import ChangeNames, InvoiceNames, PaymentNames, RefundNames
from adapters.kit.refusing import Losses
from adapters.kit.times import TimeForm
from schemas.codes import code_list
from schemas.money import Money
from schemas.order import Change, Invoice, Payment, Refund

Native = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pen:
    """One message being written. ``system``: the column of the code lists; ``fen``: the unit of amounts."""

    system: str
    fen: int
    form: TimeForm
    losses: Losses

    def code(self, name: str, ours: str, place: str) -> Any:
        """The channel's spelling of a code; a code it has none for is told as it is, with a loss."""
        native = code_list(name).write(self.system, ours)
        if native is None:
            self.losses.add(place, "unknown_code", ours, f"{self.system} has no code for it in {name}")
        return native or ours

    def money(self, amount: Money, place: str) -> Any:
        """Whole units; the rest is cut off, with a loss that names the exact amount in fen."""
        units, rest = divmod(abs(amount.amount), self.fen)
        if rest:
            note = f"{rest} fen are cut off: {self.system} counts in units of {self.fen} fen"
            self.losses.add(place, "less_precise", str(amount.amount), note)
        return -units if amount.amount < 0 else units

    def time(self, moment: datetime | None) -> Any:
        """The local time; empty when there is none."""
        return self.form.write(moment) if moment else ""


def write_payment(pen: Pen, names: PaymentNames, payment: Payment, number: str) -> Native:
    """One payment record; ``number`` is the order's, for channels that repeat it."""
    place = f"/payments/{payment.payment_id}"
    record = {
        names.processor: pen.code("processor", payment.processor, f"{place}/processor"),
        names.method: pen.code("payment_method", payment.method, f"{place}/method"),
        names.reference: payment.processor_ref,
        names.amount: pen.money(payment.amount_gross, f"{place}/amount_gross"),
        names.at: pen.time(payment.captured_at or payment.state_since),
    }
    if names.status:
        record[names.status] = word(names.words, f"payment.{payment.state}")
    if names.became_at and payment.state == "charged_back":
        record[names.became_at] = pen.time(payment.state_since)
    return _of_order(record, names.order, number)


def write_refund(pen: Pen, names: RefundNames, refund: Refund, number: str) -> Native:
    """One refund record. An amount that is cut off is cut off in gross and fee, so that the record still adds up."""
    place = f"/refunds/{refund.refund_id}"
    gross, fee = pen.money(refund.amount_gross, place), pen.money(refund.fee, place)
    later = refund.state != "requested" and not refund.external
    record = {
        names.processor: pen.code("processor", refund.processor, f"{place}/processor"),
        names.reference: refund.refund_ref,
        names.tickets: list(refund.ticket_nos),
        names.gross: gross,
        names.fee: fee,
        names.net: gross - fee,
        names.at: pen.time(refund.state_since if refund.external else refund.requested_at),
        names.status: word(names.words, f"refund.{refund.state}"),
        names.became_at: pen.time(refund.state_since) if later else "",
    }
    for name, value in ((names.payment, refund.payment_ref), (names.part_of, refund.part_of)):
        if name and value:
            record[name] = value
    if names.source and refund.external:
        record[names.source] = word(names.sources, True)
    return _of_order(record, names.order, number)


def write_change(pen: Pen, names: ChangeNames, change: Change) -> Native:
    """One change record."""
    place = f"/changes/{change.change_id}"
    return {
        names.reference: change.change_id,
        names.kind: word(names.words, change.kind),
        names.old: list(change.old_ticket_nos),
        names.new: list(change.new_ticket_nos),
        names.fee: pen.money(change.fee, f"{place}/fee"),
        names.difference: pen.money(change.difference, f"{place}/difference"),
        names.at: pen.time(change.confirmed_at),
    }


def write_invoice(pen: Pen, names: InvoiceNames, invoice: Invoice) -> Native:
    """One invoice record."""
    return {
        names.reference: invoice.invoice_no,
        names.tickets: list(invoice.ticket_nos),
        names.amount: pen.money(invoice.amount_gross, f"/invoices/{invoice.invoice_no}/amount_gross"),
        names.at: pen.time(invoice.issued_at),
        names.status: word(names.words, f"invoice.{invoice.state}"),
        names.reversed_at: pen.time(invoice.state_since) if invoice.state == "reversed" else "",
    }


def _of_order(record: Native, field: str | None, number: str) -> Native:
    return {field: number} | record if field else record


def word(words: Mapping[str, T], ours: object) -> str:
    """The channel's word: the first one of its table that means this."""
    return next(native for native, meaning in words.items() if meaning == ours)
