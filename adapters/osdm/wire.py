"""The words of the OSDM channel that both directions use: forms of time, tables of states, prices, names of things.

Source: UIC IRS 90918-10 (OSDM), online part 3.9: schemas Booking, AbstractBookingPart, Fulfillment, RefundOffer,
ExchangeOperation, ReleaseOffer, CancelFulfillmentsOffer, Event, and the webhook BookingEvent.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from adapters.kit.reading import Record
from adapters.kit.refusing import Losses
from adapters.kit.times import SHANGHAI, TimeForm
from schemas.codes import UNKNOWN, code_list
from schemas.facts import PointOfSale
from schemas.money import MAX_MINOR, Money, money
from schemas.stations import station_name

Native = dict[str, Any]

_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")


class OffsetTime(TimeForm):
    """RFC 3339 with an offset: any offset is read, Beijing time is written.

    >>> OffsetTime().read("2026-01-09T04:00:00Z").isoformat()
    '2026-01-09T12:00:00+08:00'
    >>> OffsetTime().read("2026-01-09T12:00:00") is None
    True
    """

    def __init__(self) -> None:
        super().__init__("", "", "2026-01-09T12:00:00+08:00")
        self.words = "a time with its offset (RFC 3339)"

    def _read(self, text: str) -> datetime | None:
        if not _RFC3339.fullmatch(text) or not "1990" <= text[:4] <= "2100":
            return None
        try:
            return datetime.fromisoformat(text).astimezone(SHANGHAI)
        except ValueError:  # a day or an hour that there is not: the caller names the place
            return None

    def _write(self, moment: datetime) -> str:
        return moment.astimezone(SHANGHAI).isoformat()


TIME = OffsetTime()
DAY = TimeForm(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", "%Y-%m-%d", "2026-01-11")

MODES: dict[str, Literal["ask", "tell"]] = {"ask": "ask", "tell": "tell"}

_CHANGE_TYPES = """BOOKING_REAL_TIME_EVENT_OCCURRED BOOKING_REACCOMMODATED BOOKING_TRIP_CHANGED BOOKING_TRIP_CONFIRMED
BOOKING_ON_HOLD DOCUMENT_AVAILABLE FULFILLMENT_AVAILABLE FULFILLMENT_REFUNDED FULFILLMENT_EXCHANGED
FULFILLMENT_CANCELLED FULFILLMENT_RELEASED FULFILLMENT_CONTROLLED ACCOMMODATION_RELEASED PURCHASER_CHANGED
PASSENGER_CHANGED REFUND_INITIATED EXCHANGE_INITIATED RELEASE_INITIATED CANCEL_INITIATED ON_HOLD_INITIATED
AFTERSALES_OVERRIDDEN"""
CHANGE_TYPES = {word: word for word in _CHANGE_TYPES.split()}
"""BookingChangeType: what came last. The booking itself says it; the word is only checked."""

TYPE_OF_EVENT = {
    "order.held": "BOOKING_ON_HOLD",
    "order.issued": "FULFILLMENT_AVAILABLE",
    "order.paid": "FULFILLMENT_AVAILABLE",
    "order.changed": "FULFILLMENT_EXCHANGED",
    "order.refunded": "FULFILLMENT_REFUNDED",
    "order.cancelled": "FULFILLMENT_CANCELLED",
    "order.expired": "FULFILLMENT_CANCELLED",
    "order.collected": "DOCUMENT_AVAILABLE",
    "order.travelled": "FULFILLMENT_CONTROLLED",
}
"""Events without a row are told as ``BOOKING_TRIP_CONFIRMED``: a snapshot."""

STATES: dict[str, str] = {
    "PREBOOKED": "held",
    "ON_HOLD": "held",
    "EXPIRED": "expired",
    "CONFIRMED": "issued",
    "FULFILLED": "issued",
    "EXCHANGE_ONGOING": "issued",
    "CANCELLED": "cancelled",
    "RELEASED": "released",
    "EXCHANGED": "changed",
    "REFUNDED": "refunded",
    "ERROR": "unknown",
}
"""BookingPartStatus -> ticket state. A part that was confirmed and is CANCELLED is ``voided``. ``EXPIRED`` is a word of
fulfilments only in 3.9; providers send it for parts too, so it is read and written."""

STATUS_OF_STATE = {
    "held": "PREBOOKED",
    "expired": "EXPIRED",
    "cancelled": "CANCELLED",
    "issued": "FULFILLED",
    "checked_in": "FULFILLED",
    "entered": "FULFILLED",
    "used": "FULFILLED",
    "released": "RELEASED",
    "changed": "EXCHANGED",
    "voided": "CANCELLED",
    "refunded": "REFUNDED",
}

FULFILLMENT_OF_STATUS: dict[str, frozenset[str]] = {
    "CONFIRMED": frozenset({"CONFIRMED", "AVAILABLE", "ON_HOLD", "FULFILLED"}),
    "FULFILLED": frozenset({"FULFILLED", "CHECKEDIN"}),
    "EXCHANGE_ONGOING": frozenset({"FULFILLED", "CHECKEDIN"}),
    "CANCELLED": frozenset({"CANCELLED"}),
    "EXPIRED": frozenset({"EXPIRED"}),
    "RELEASED": frozenset({"RELEASED"}),
    "EXCHANGED": frozenset({"EXCHANGED", "CANCELLED"}),
    "REFUNDED": frozenset({"REFUNDED", "CANCELLED"}),
}
"""Which states of a fulfilment say no more than the state of its part; others are a loss."""

FULFILLMENT_STATES = {
    word: word
    for word in (
        "AVAILABLE",
        "ON_HOLD",
        "CONFIRMED",
        "FULFILLED",
        "CHECKEDIN",
        "CANCELLED",
        "RELEASED",
        "REFUNDED",
        "EXCHANGED",
        "EXPIRED",
    )
}
OFFER_STATES = {"PROPOSED": False, "CONFIRMED": True}
"""RefundStatus, ReleaseStatus, CancelFulfillmentsStatus -> whether it has happened."""

PAPER = frozenset({"RCT2", "RCCST"})
"""FulfillmentMediaType of value paper (CIT); every other medium is an e-ticket."""

CURRENCY = "CNY"
_PRICE = {"amount", "currency", "scale"}
STATION = re.compile(r"urn:x_crt:stn:([A-Z]{3})")
"""Our stations have telecodes and no UIC numbers of their own, so they have a scheme of their own."""
CARRIER = "urn:x_crt:carrier:CR"

_DETAILS = ("office", "window", "terminal", "clerk", "shift", "agent", "agent_contract", "device", "app_version")
DESK = frozenset(_DETAILS)
"""A requestor is a text between two parties: it can carry every detail of a point of sale."""


def station_urn(telecode: str) -> str:
    """``urn:x_crt:stn:VNP``."""
    return f"urn:x_crt:stn:{telecode}"


def read_station(record: Record, name: str) -> str:
    """The telecode in a stop place reference; one that our list lacks is carried as it is, with a loss."""
    found = STATION.fullmatch(record.text(name, example=station_urn("VNP")))
    if found is None:
        raise record.refuse(
            name,
            "unknown_code",
            "no station of ours",
            expected="urn:x_crt:stn: and telecode",
            example=station_urn("VNP"),
        )
    if station_name(found[1]) is None:
        record.lost(name, "unknown_code", "no station of the list has this telecode")
    return found[1]


def read_price(record: Record, name: str, *, default: int | None = None) -> Money:
    """A ``Price``: a whole number of minor units, CNY only: what another currency is worth is not ours to say."""
    if default is not None and not record.has(name):
        record.take(name)
        return money(default)
    plain = record.fields.get(name)
    if type(plain) is dict and plain.keys() == _PRICE and plain["currency"] == CURRENCY and plain["scale"] == 2:
        amount = plain["amount"]
        if type(amount) is int and 0 <= amount <= MAX_MINOR:
            record.take(name)
            return money(amount)
    return _price(record.child(name))


def _price(price: Record) -> Money:
    """A price that is not written as we write it: most are refused here, with their place."""
    if price.text("currency", example=CURRENCY) != CURRENCY:
        raise price.refuse(
            "currency", "amount_invalid", "our tickets are priced in CNY", expected=CURRENCY, example=CURRENCY
        )
    if price.integer("scale", high=9, default=2) != 2:
        raise price.refuse("scale", "amount_invalid", "CNY is counted in fen: scale 2", expected="2", example="2")
    amount = price.take("amount")
    if type(amount) is not int or not 0 <= amount <= MAX_MINOR:
        raise price.refuse(
            "amount",
            "amount_invalid",
            "amount is no whole number of minor units",
            expected="0 or more",
            example="55300",
        )
    price.finish()
    return money(amount)


def write_price(amount: Money) -> Native:
    """The inverse of :func:`read_price`; the amount is not negative."""
    return {"amount": amount.amount, "currency": amount.currency, "scale": 2}


def read_requestor(record: Record, name: str) -> PointOfSale:
    """``RETAILER;agent=R0001;terminal=SG-04``: a sales channel of the cross-walk, then what else is known."""
    seller, losses = _requestor(record.text(name, example="RETAILER;agent=R0001"))
    for reason, note in losses:
        record.lost(name, reason, note)
    return seller


@lru_cache(maxsize=1024)
def _requestor(text: str) -> tuple[PointOfSale, tuple[tuple[str, str], ...]]:
    """The point of sale and what is lost of it, as reason and note. Remembered: desks sell more than once."""
    word, *pairs = text.split(";")
    channel = code_list("sales_channel").read("osdm", word)
    losses = [] if channel else [("unknown_code", "not in the list sales_channel")]
    details: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key in DESK and value and key not in details:
            details[key] = value.replace("%3B", ";").replace("%25", "%")
        else:
            losses.append(("not_mapped", f"{key[:40]} is no detail of a point of sale"))
    return PointOfSale.model_validate({"channel": channel or UNKNOWN, **details}), tuple(losses)


def read_ids(record: Record, name: str, most: int) -> list[str]:
    """The ids in a list of references such as ``[{"id": "A-1"}]``."""
    value = record.fields.get(name)
    if type(value) is list and len(value) <= most and all(_is_reference(item) for item in value):
        record.take(name)
        return [item["id"] for item in value]
    found = []
    for reference in record.children(name, most=most):
        found.append(reference.text("id"))
        reference.finish()
    return found


def _is_reference(item: object) -> bool:
    return type(item) is dict and len(item) == 1 and type(item.get("id")) is str and item["id"] != ""


def write_requestor(sold: PointOfSale, place: str, losses: Losses) -> str:
    """The inverse of :func:`read_requestor`."""
    details = ((key, getattr(sold, key)) for key in _DETAILS)
    words = [f"{key}={text.replace('%', '%25').replace(';', '%3B')}" for key, text in details if text is not None]
    return ";".join([write_code("sales_channel", sold.channel, f"{place}/channel", losses), *words])


def write_code(name: str, code: str, place: str, losses: Losses) -> str:
    """OSDM's spelling of a code; a code it has none for is told as it is, with a loss."""
    native = code_list(name).write("osdm", code)
    if native is None:
        losses.add(place, "unknown_code", code, f"OSDM has no code for it in {name}")
    return native or code


def write_time(at: datetime | None) -> str | None:
    """RFC 3339, None for None."""
    return TIME.write(at) if at else None


def present(fields: Native) -> Native:
    """The fields that say something: OSDM leaves out what is null or empty."""
    return {name: value for name, value in fields.items() if value not in (None, [], ())}


def not_taken(value: object, pointer: str, losses: Losses, note: str) -> None:
    """Every value of a part of the message that is not carried over, one loss each."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in pairs:
            not_taken(item, f"{pointer}/{name}", losses, note)
    else:
        losses.add(pointer, "not_mapped", value, note)
