"""Payment, refund and change records: one reading for every JSON channel; a channel declares its names and units.

A record that repeats the order's number must repeat it rightly: money of another order must not slip in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from adapters.kit import trains
from adapters.kit.reading import Record
from adapters.kit.times import TimeForm
from schemas.codes import code_list
from schemas.facts import ChangeFact, PaymentFact, RefundFact
from schemas.identifiers import ticket_no

PaymentWord = Literal["payment.captured", "payment.initiated", "payment.failed", "payment.cancelled"]
RefundWord = Literal["refund.requested", "refund.sent", "refund.settled", "refund.failed"]
ChangeKind = Literal["train", "destination"]

_METHOD, _PROCESSOR = code_list("payment_method"), code_list("processor")


@dataclass(frozen=True, slots=True)
class PaymentNames:
    """What a channel calls the fields of a payment; ``words`` are those of ``status``."""

    order: str
    processor: str
    method: str
    reference: str
    amount: str
    at: str
    status: str
    words: Mapping[str, PaymentWord]


@dataclass(frozen=True, slots=True)
class RefundNames:
    """What a channel calls the fields of a refund; ``became_at`` says since when ``status`` holds."""

    order: str
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
class MoneyWire:
    """A channel's money: units of ``fen`` (1, 10 or 100), its form of time, its names."""

    fen: int
    time: TimeForm
    payment: PaymentNames
    refund: RefundNames
    change: ChangeNames


def read_payment(record: Record, wire: MoneyWire, order_number: str) -> PaymentFact:
    """The fact of one payment record."""
    names = wire.payment
    _same_order(record, names.order, order_number)
    fact = PaymentFact(
        fact=record.choice(names.status, names.words),
        processor=record.code(names.processor, _PROCESSOR),
        processor_ref=trains.processor_ref(record, names.reference),
        method=record.code_or_unknown(names.method, _METHOD),
        amount_gross=record.money(names.amount, fen=wire.fen),
        occurred_at=record.time(names.at, wire.time),
    )
    record.finish()
    return fact


def read_refund(record: Record, wire: MoneyWire, order_number: str) -> list[RefundFact]:
    """The request, and what became of it when the record says when."""
    names = wire.refund
    _same_order(record, names.order, order_number)
    gross, fee = record.money(names.gross, fen=wire.fen), record.money(names.fee, fen=wire.fen, default=0)
    net = record.money(names.net, fen=wire.fen)
    if gross != fee + net:
        raise record.refuse(names.net, "amount_invalid", f"{names.gross} less {names.fee} is another amount")
    status = record.choice(names.status, names.words)
    became_at = record.optional_time(names.became_at, wire.time)
    request = RefundFact(
        fact="refund.requested",
        processor=record.code(names.processor, _PROCESSOR),
        refund_ref=trains.processor_ref(record, names.reference),
        ticket_nos=_ticket_nos(record, names.tickets),
        amount_gross=gross,
        fee=fee,
        amount_net=net,
        occurred_at=record.time(names.at, wire.time),
    )
    if status != request.fact and became_at is None:
        record.lost(names.status, "less_precise", "no field says when")
    record.finish()
    if status == request.fact or became_at is None:
        return [request]
    return [request, request.model_copy(update={"fact": status, "occurred_at": became_at})]


def read_change(record: Record, wire: MoneyWire) -> ChangeFact:
    """The fact of one change record."""
    names = wire.change
    fact = ChangeFact(
        fact="change.confirmed",
        change_ref=trains.processor_ref(record, names.reference),
        kind=record.choice(names.kind, names.words),
        old_ticket_nos=_ticket_nos(record, names.old),
        new_ticket_nos=_ticket_nos(record, names.new),
        fee=record.money(names.fee, fen=wire.fen, default=0),
        difference=record.money(names.difference, fen=wire.fen, signed=True),
        occurred_at=record.time(names.at, wire.time),
    )
    record.finish()
    return fact


def _same_order(record: Record, field: str, order_number: str) -> None:
    if record.text(field) != order_number:
        raise record.refuse(field, "identifier_invalid", f"money of another order in {order_number}")


def _ticket_nos(record: Record, field: str) -> tuple[str, ...]:
    numbers = record.texts(field, most=10)
    for index, number in enumerate(numbers):
        if not ticket_no.is_valid(number):
            raise record.refuse(field, "identifier_invalid", f"number {index + 1} is no ticket number")
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
