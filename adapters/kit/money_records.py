"""Payment, refund, change and invoice records: one reading for every channel that declares its names and units.

A record that repeats the order's number must repeat it rightly: money of another order must not slip in. The same
tables serve the other direction, see ``writing``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from adapters.kit import built, trains
from adapters.kit.reading import Record
from adapters.kit.times import TimeForm
from schemas.codes import code_list
from schemas.facts import ChangeFact, InvoiceFact, PaymentFact, RefundFact
from schemas.identifiers import ticket_no
from schemas.model import altered

PaymentWord = Literal[
    "payment.captured", "payment.initiated", "payment.failed", "payment.cancelled", "payment.charged_back"
]
RefundWord = Literal["refund.requested", "refund.sent", "refund.settled", "refund.failed"]
InvoiceWord = Literal["invoice.issued", "invoice.reversed"]
ChangeKind = Literal["train", "destination"]

_METHOD, _PROCESSOR = code_list("payment_method"), code_list("processor")


@dataclass(frozen=True, slots=True)
class PaymentNames:
    """What a channel calls the fields of a payment; ``words`` are those of ``status``.

    ``order`` is None where records do not repeat the order's number, ``status`` where only captured ones are told.
    ``became_at`` says since when a captured payment is charged back.
    """

    processor: str
    method: str
    reference: str
    amount: str
    at: str
    order: str | None = None
    status: str | None = None
    words: Mapping[str, PaymentWord] = field(default_factory=dict)
    became_at: str | None = None


@dataclass(frozen=True, slots=True)
class RefundNames:
    """What a channel calls the fields of a refund; ``became_at`` says since when ``status`` holds.

    ``assumed`` is the word of a record that has no ``status``, where a channel may leave it out. ``payment`` and
    ``part_of`` are those of a repayment over several payments; ``source`` says whether it is
    external: asked for by nobody here; absent is no.
    """

    processor: str
    reference: str
    tickets: str
    gross: str
    fee: str
    net: str
    at: str
    status: str
    became_at: str
    words: Mapping[str, RefundWord]
    order: str | None = None
    assumed: RefundWord | None = None
    payment: str | None = None
    part_of: str | None = None
    source: str | None = None
    sources: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeNames:
    """What a channel calls the fields of a change; ``difference`` is signed, plus = the passenger gets money."""

    reference: str
    kind: str
    old: str
    new: str
    fee: str
    difference: str
    at: str
    words: Mapping[str, ChangeKind]


@dataclass(frozen=True, slots=True)
class InvoiceNames:
    """What a channel calls the fields of an invoice; ``reversed_at`` is empty until it is reversed."""

    reference: str
    tickets: str
    amount: str
    at: str
    status: str
    reversed_at: str
    words: Mapping[str, InvoiceWord]


@dataclass(frozen=True, slots=True)
class MoneyWire:
    """A channel's money: units of ``fen`` (1, 10 or 100), its form of time, its names."""

    fen: int
    time: TimeForm
    payment: PaymentNames
    refund: RefundNames
    change: ChangeNames


def read_payment(record: Record, wire: MoneyWire, order_number: str) -> list[PaymentFact]:
    """The capture, and the charge-back when the record says when; of other payments what became of them."""
    names = wire.payment
    _same_order(record, names.order, order_number)
    status = record.choice(names.status, names.words) if names.status else "payment.captured"
    charged_back = status == "payment.charged_back"
    fact = built.payment_fact(
        fact="payment.captured" if charged_back else status,
        processor=record.code(names.processor, _PROCESSOR),
        processor_ref=trains.processor_ref(record, names.reference),
        method=record.code_or_unknown(names.method, _METHOD),
        amount_gross=record.money(names.amount, fen=wire.fen),
        occurred_at=record.time(names.at, wire.time),
    )
    became_at = None
    if names.status and names.became_at and charged_back:
        became_at = record.optional_time(names.became_at, wire.time)
        if became_at is None:
            record.lost(names.status, "less_precise", "no field says when")
    elif names.became_at:
        record.surplus(names.became_at)
    record.finish()
    if not charged_back or became_at is None:
        return [fact]
    return [fact, altered(fact, {"fact": status, "occurred_at": became_at})]


def read_refund(record: Record, wire: MoneyWire, order_number: str) -> list[RefundFact]:
    """The request, and what became of it when the record says when.

    An external refund was not requested: there is only what became of it.
    """
    names = wire.refund
    _same_order(record, names.order, order_number)
    gross, fee = record.money(names.gross, fen=wire.fen), record.money(names.fee, fen=wire.fen, default=0)
    net = record.money(names.net, fen=wire.fen)
    if gross != fee + net:
        raise record.refuse(names.net, "amount_invalid", f"{names.gross} less {names.fee} is another amount")
    assumes = names.assumed is not None and not record.has(names.status)
    status = names.assumed if assumes and names.assumed else record.choice(names.status, names.words)
    source = names.source if names.source and record.has(names.source) else None
    external = record.choice(source, names.sources) if source else False
    request = RefundFact(
        fact=status if external else "refund.requested",
        processor=record.code(names.processor, _PROCESSOR),
        refund_ref=trains.processor_ref(record, names.reference),
        ticket_nos=_ticket_nos(record, names.tickets, order_number),
        amount_gross=gross,
        fee=fee,
        amount_net=net,
        external=external,
        occurred_at=record.time(names.at, wire.time),
        **_split(record, names),
    )
    steps = [request, *_became(record, wire, request, status)]
    record.finish()
    return steps


def _became(record: Record, wire: MoneyWire, request: RefundFact, status: RefundWord) -> list[RefundFact]:
    """What became of a request, when its record says when."""
    names = wire.refund
    if status == request.fact:
        record.surplus(names.became_at)
        return []
    became_at = record.optional_time(names.became_at, wire.time)
    if became_at is None:
        record.lost(names.status, "less_precise", "no field says when")
        return []
    return [altered(request, {"fact": status, "occurred_at": became_at})]


def _split(record: Record, names: RefundNames) -> dict[str, Any]:
    """The payment that the money goes back over, and the refund that this one is a part of."""
    fields = {"payment_ref": names.payment, "part_of": names.part_of}
    said = {ours: name for ours, name in fields.items() if name is not None and record.has(name)}
    record.repeated(*(name for name in fields.values() if name is not None and name not in said.values()))
    return {ours: trains.processor_ref(record, name) for ours, name in said.items()}


def read_change(record: Record, wire: MoneyWire, order_number: str) -> ChangeFact:
    """The fact of one change record."""
    names = wire.change
    fact = ChangeFact(
        fact="change.confirmed",
        change_ref=trains.processor_ref(record, names.reference),
        kind=record.choice(names.kind, names.words),
        old_ticket_nos=_ticket_nos(record, names.old, order_number),
        new_ticket_nos=_ticket_nos(record, names.new, order_number),
        fee=record.money(names.fee, fen=wire.fen, default=0),
        difference=record.money(names.difference, fen=wire.fen, signed=True),
        occurred_at=record.time(names.at, wire.time),
    )
    record.finish()
    return fact


def read_invoice(record: Record, wire: MoneyWire, names: InvoiceNames, order_number: str) -> list[InvoiceFact]:
    """The issue and, when the record says when, the reversal."""
    status = record.choice(names.status, names.words)
    issued_at = record.optional_time(names.at, wire.time)
    reversed_at = record.optional_time(names.reversed_at, wire.time) if status == "invoice.reversed" else None
    if status == "invoice.issued" and issued_at is None:
        raise record.refuse(names.at, "time_invalid", "an issued invoice says when", example=wire.time.example)
    if status == "invoice.issued":
        record.surplus(names.reversed_at)
    elif reversed_at is None:
        raise record.refuse(
            names.reversed_at, "time_invalid", "a reversed invoice says when", example=wire.time.example
        )
    steps: list[tuple[InvoiceWord, datetime | None]] = [("invoice.issued", issued_at)]
    steps += [("invoice.reversed", reversed_at)] if status == "invoice.reversed" else []
    number, tickets = trains.processor_ref(record, names.reference), _ticket_nos(record, names.tickets, order_number)
    amount = record.money(names.amount, fen=wire.fen)
    record.finish()
    return [
        InvoiceFact(fact=fact, invoice_no=number, ticket_nos=tickets, amount_gross=amount, occurred_at=at)
        for fact, at in steps
        if at is not None
    ]


def _same_order(record: Record, field: str | None, order_number: str) -> None:
    if field is not None and record.text(field) != order_number:
        raise record.refuse(field, "identifier_invalid", f"money of another order in {order_number}")


def _ticket_nos(record: Record, field: str, order_number: str) -> tuple[str, ...]:
    numbers = [ticket_no.compact(number) for number in record.texts(field, most=10)]
    for index, number in enumerate(numbers, 1):
        if not ticket_no.is_valid(number):
            example = f"{order_number}105012A"
            raise record.refuse(field, "identifier_invalid", f"number {index} is no ticket number", example=example)
        if not number.startswith(order_number):
            raise record.refuse(
                field, "identifier_invalid", f"ticket {index} is of another order", expected=f"{order_number}..."
            )
    return tuple(numbers)


def replaced(changes: tuple[ChangeFact, ...], number: str) -> tuple[ChangeFact | None, str | None]:
    """The change that made a ticket, and the ticket it replaces when old and new can be paired."""
    change = next((c for c in changes if number in c.new_ticket_nos), None)
    if change is None or len(change.old_ticket_nos) != len(change.new_ticket_nos):
        return change, None
    return change, change.old_ticket_nos[change.new_ticket_nos.index(number)]


ORIGIN_OF_CHANGE: dict[ChangeKind, Literal["change", "destination_change"]] = {
    "train": "change",
    "destination": "destination_change",
}
