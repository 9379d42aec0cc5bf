"""The canonical row: what one system says about one ticket, one payment or one refund, in comparable form.

Amounts are integer minor units, instants integer microseconds since 1970 UTC, seats ``coach-number`` without leading
zeros. No row carries personal data: rows live in files and in the breaks that people read.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any, Literal
from zoneinfo import ZoneInfo

from schemas.order import Order, OrderPassenger, Payment, Refund, Ticket

BUCKETS = 64
FEE_UNIT = 1000
"""Fees are in thousandths of a minor unit."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

RowKind = Literal["ticket", "payment", "refund", "payout", "adjustment"]

COARSE_STATE: Mapping[str, str] = {
    "unknown": "unknown",
    "held": "held",
    "expired": "lapsed",
    "cancelled": "lapsed",
    "issued": "issued",
    "checked_in": "issued",
    "entered": "issued",
    "used": "issued",
    "released": "released",
    "changed": "changed",
    "voided": "voided",
    "refunded": "refunded",
}
"""Ticket states as coarse as the least talkative channel can say them."""

STATE_RANK: Mapping[str, int] = {
    "unknown": 0,
    "held": 10,
    "lapsed": 20,
    "issued": 30,
    "released": 70,
    "changed": 80,
    "voided": 85,
    "refunded": 90,
}
"""How far a ticket has come: the order of ``schemas/states/ticket.json``, coarsened."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparable statement.

    ``key``: the ticket number, or ``processor|reference``. ``seller`` sold the order on ``sold_on``; ``actors`` are the
    channels that acted on this very thing on the business date, as ``|web|phone|``. ``replaces``: the ticket given up
    for it. ``leg_*``: stop indexes and instants of the two ends, for seats. ``carried``: the date the row comes from
    when it was carried into this one. ``fee``: what was kept of the amount, in thousandths of a minor unit (bills of
    WeChat Pay have fees of five decimals). ``other_key``: a second reference of the same thing, in the form of ``key``.
    ``batch``: the settlement, payout or deposit that the line belongs to. ``person``: keyed blind index of the
    passenger's document. ``sha256``, ``place`` and ``raw`` lead back to the bytes and are never compared.

    A ``payout`` is one movement that pays out a batch; an ``adjustment`` is any other movement that a processor books
    (chargeback, fee, correction). Their amounts are signed, plus = to the railway; those of payments and refunds never.
    """

    key: str
    kind: RowKind
    order_no: str
    at: int
    amount: int | None = None
    currency: str = "CNY"
    state: str | None = None
    seat: str | None = None
    replaces: str | None = None
    seller: str = ""
    sold_on: str = ""
    actors: str = ""
    train_run: str | None = None
    leg_from: int | None = None
    leg_to: int | None = None
    leg_departs: int | None = None
    leg_arrives: int | None = None
    carried: str = ""
    fee: int | None = None
    other_key: str = ""
    batch: str = ""
    person: str = ""
    sha256: str = ""
    place: str = ""
    raw: str = ""

    @property
    def content(self) -> tuple[Any, ...]:
        """What is compared and digested: everything but the way back to the bytes."""
        return _CONTENT(self)


CONTENT_NAMES = tuple(f.name for f in fields(Row) if f.name not in {"sha256", "place", "raw"})
_CONTENT: Callable[[Row], tuple[Any, ...]] = attrgetter(*CONTENT_NAMES)


def microseconds(at: datetime) -> int:
    """An aware datetime as integer microseconds since 1970 UTC."""
    return (at - EPOCH) // MICROSECOND


def instant(at: int) -> datetime:
    """The inverse of :func:`microseconds`, in UTC."""
    return EPOCH + at * MICROSECOND


def local_date(at: int, zone: ZoneInfo) -> date:
    """The business date of an instant in a source's zone (cut-off at midnight)."""
    return instant(at).astimezone(zone).date()


def bucket_of(key: str) -> int:
    """The hash bucket of a key: the first byte of its MD5 (RFC 1321) modulo 64, which every engine can say too."""
    return hashlib.md5(key.encode(), usedforsecurity=False).digest()[0] % BUCKETS


def content_hash(row: Row) -> int:
    """The first 60 bits of the MD5 of what a row says; ``datasets`` says the same for millions at once."""
    text = "\x1f".join("\0" if value is None else str(value) for value in row.content)
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:15], 16)


def seat_text(coach: str | None, number: str | None) -> str | None:
    """``05``, ``012A`` -> ``5-12A``; None when either is unknown."""
    if not coach or not number:
        return None
    return f"{coach.lstrip('0') or '0'}-{number.lstrip('0') or '0'}"


def money_key(processor: str, reference: str) -> str:
    """The key of a payment or refund."""
    return f"{processor}|{reference}"


def order_number(order: Order) -> str:
    """The rail order number, or the first reference of an order that has none."""
    rail = order.reference("rail", "order")
    if rail is not None:
        return rail
    return order.references[0].value if order.references else str(order.order_id)


Persons = Callable[[OrderPassenger], str]
"""The keyed index of a passenger's document, ``resident_id|`` and 32 hexadecimal digits; "" for who has none."""


def nobody(_: OrderPassenger) -> str:
    """Where there is no key, nobody is told from another."""
    return ""


def rows_of_order(
    order: Order,
    touched: Mapping[str, frozenset[str]] | None = None,
    sha256: str = "",
    place: str = "",
    persons: Persons = nobody,
) -> Iterator[Row]:
    """Every ticket, captured payment and standing refund of an order as rows.

    ``touched``: channel -> keys of the rows on which it acted on the business date. Money has the order's number as
    its second reference: bills name it beside the processor's.
    """
    acted = touched or {}
    indexes = {passenger.passenger_id: persons(passenger) for passenger in order.passengers}
    base = Row(
        key="",
        kind="ticket",
        order_no=order_number(order),
        at=0,
        seller=order.channel or "",
        sold_on=order.business_date.isoformat(),
        sha256=sha256,
        place=place,
    )
    for ticket in order.tickets:
        yield _ticket_row(ticket, _actors(acted, ticket.ticket_no), indexes.get(ticket.passenger_id or "", ""), base)
    for payment in order.payments:
        if payment.state == "captured":
            key = money_key(payment.processor, payment.processor_ref)
            yield _payment_row(payment, key, order, _actors(acted, key), base)
    for refund in order.refunds:
        if refund.state != "failed":
            key = money_key(refund.processor, refund.refund_ref)
            yield _refund_row(refund, key, _actors(acted, key), base)


def _actors(touched: Mapping[str, frozenset[str]], key: str) -> str:
    names = sorted(channel for channel, keys in touched.items() if key in keys)
    return f"|{'|'.join(names)}|" if names else ""


def _ticket_row(ticket: Ticket, actors: str, person: str, base: Row) -> Row:
    leg, seat, fare = ticket.leg, ticket.seat, ticket.fare_gross
    return replace(
        base,
        key=ticket.ticket_no,
        kind="ticket",
        at=microseconds(ticket.issued_at or ticket.state_since),
        amount=fare.amount if fare else None,
        currency=fare.currency if fare else "CNY",
        state=COARSE_STATE[ticket.state],
        seat=seat_text(seat.coach, seat.number) if seat else None,
        replaces=ticket.replaces,
        actors=actors,
        train_run=f"{leg.train_code}|{leg.service_date.isoformat()}" if leg else None,
        leg_from=leg.origin.index if leg else None,
        leg_to=leg.destination.index if leg else None,
        leg_departs=microseconds(leg.origin.at) if leg and leg.origin.at else None,
        leg_arrives=microseconds(leg.destination.at) if leg and leg.destination.at else None,
        person=person,
    )


def _payment_row(payment: Payment, key: str, order: Order, actors: str, base: Row) -> Row:
    return replace(
        base,
        key=key,
        kind="payment",
        at=microseconds(payment.captured_at or order.updated_at),
        amount=payment.amount_gross.amount,
        currency=payment.amount_gross.currency,
        actors=actors,
        fee=payment.fee.amount * FEE_UNIT if payment.fee is not None else None,
        other_key=money_key(payment.processor, base.order_no),
    )


def _refund_row(refund: Refund, key: str, actors: str, base: Row) -> Row:
    return replace(
        base,
        key=key,
        kind="refund",
        at=microseconds(refund.requested_at),
        amount=refund.amount_net.amount,
        currency=refund.amount_net.currency,
        actors=actors,
        fee=refund.fee.amount * FEE_UNIT,
        other_key=money_key(refund.processor, base.order_no),
    )
