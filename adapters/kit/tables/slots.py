"""Slots: everything one flat record (one act on one ticket) can say, with its usual form and its place in the order.

A column of a channel's table binds a native name to one of these. ``place`` is the pointer of the value in the
canonical order, for losses: ``{t}`` stands for the ticket's place there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.kit import people, trains
from adapters.kit.reading import Record
from adapters.kit.tables.codecs import (
    Amount,
    Code,
    Codec,
    Day,
    Flag,
    Identifier,
    Moment,
    Number,
    Reads,
    Seller,
    Text,
    Words,
)
from schemas.identifiers import order_no, ticket_no

_TICKET = "/tickets/{t}"
_PERSON = f"{_TICKET}/passenger"


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot. ``codec`` is the usual one; a column may bring another."""

    name: str
    codec: Codec
    place: str
    meaning: str


def _text(name: str, place: str, meaning: str) -> Slot:
    return Slot(name, Text(), place, meaning)


def _reads(reader: Callable[[Record, str], Any], words: str, writer: Callable[[Any], str] = str) -> Reads:
    return Reads(reader, words, writer)


_REFERENCE = _reads(trains.processor_ref, "1 to 64 letters, digits and _ . : -")
_TELECODE = _reads(trains.telecode, "a station's telecode, such as VNP")
_ORDER_NO = Identifier(order_no, "EW00000001")
_TICKET_NO = Identifier(ticket_no, "EW00000001105012A")
_DESK = {
    "office": "where it was done",
    "window": "at which window",
    "terminal": "at which machine or gate",
    "clerk": "by whom",
    "shift": "in which shift",
    "agent": "by which agent",
    "agent_contract": "under which contract",
    "device": "on which device",
    "app_version": "with which version",
}
DESK = tuple(_DESK)
"""The details of a point of sale."""

_ALL = (
    Slot("act", Words({}), f"{_TICKET}/state", "what was done: the table of acts gives the words"),
    Slot("at", Moment(), f"{_TICKET}/state_since", "when it was done"),
    Slot("sequence", Number(), "/version", "orders statements of one moment"),
    Slot("rows", Number(1, 20), "/version", "how many rows this message has, so that a lost one is noticed"),
    Slot("order_no", _ORDER_NO, "/references", "the rail order number"),
    Slot("own_order", _REFERENCE, "/references", "the channel's own order number"),
    Slot("ticket_no", _TICKET_NO, f"{_TICKET}/ticket_no", "the ticket number"),
    Slot("ticket_type", Code("ticket_type"), f"{_TICKET}/ticket_type", "adult, child, student ..."),
    Slot("passenger_name", Text(60), f"{_PERSON}/name", "as on the document"),
    Slot("document_type", Code("document_type"), f"{_PERSON}/document/type", "which document"),
    Slot("document_no", Text(40), f"{_PERSON}/document/number", "its number; a resident id must fit its check digit"),
    Slot("phone", _reads(people.phone, "a mobile number", people.national), f"{_PERSON}/phone", "mobile number"),
    Slot("train_no", _reads(trains.train_no, "the internal train number"), f"{_TICKET}/leg/train_no", "internal"),
    Slot("train_code", _reads(trains.train_code, "such as G11"), f"{_TICKET}/leg/train_code", "as passengers see it"),
    Slot("service_date", Day(), f"{_TICKET}/leg/service_date", "the day on which the run leaves its origin"),
    Slot("origin", _TELECODE, f"{_TICKET}/leg/origin/station", "from where"),
    Slot("destination", _TELECODE, f"{_TICKET}/leg/destination/station", "to where"),
    Slot("depart", Moment(), f"{_TICKET}/leg/origin/at", "when the train leaves"),
    Slot("arrive", Moment(), f"{_TICKET}/leg/destination/at", "when it arrives"),
    Slot("seat_class", Code("seat_class"), f"{_TICKET}/seat/seat_class", "class of the seat"),
    Slot("coach", _reads(trains.coach, "a coach number, such as 05"), f"{_TICKET}/seat/coach", "coach"),
    Slot("seat_number", _reads(trains.seat_number, "such as 012A"), f"{_TICKET}/seat/number", "seat"),
    Slot("position", Words({letter: letter for letter in "abcdef"}), f"{_TICKET}/seat/position", "place in its row"),
    Slot("berth", Words({w: w for w in ("lower", "middle", "upper")}), f"{_TICKET}/seat/berth", "berth of a sleeper"),
    Slot("standing", Flag(), f"{_TICKET}/seat/standing", "whether the passenger stands"),
    Slot("fare", Amount("yuan"), f"{_TICKET}/fare_gross", "what the ticket costs"),
    Slot("service_fee", Amount("yuan"), f"{_TICKET}/surcharges", "the agents' fee on top of the fare"),
    Slot("sold_in", Seller(), f"{_TICKET}/point_of_sale/channel", "the channel that sold it"),
    Slot("expires_at", Moment(), f"{_TICKET}/hold_expires_at", "until when a seat is held"),
    Slot(
        "control_no", _reads(trains.processor_ref, "letters and digits"), f"{_TICKET}/control_no", "number of the paper"
    ),
    Slot("replaces", _TICKET_NO, f"{_TICKET}/replaces", "the ticket given up for this one"),
    Slot("change_ref", _REFERENCE, "/changes", "number of the change"),
    Slot("change_fee", Amount("yuan"), "/changes/fee", "what the change costs"),
    Slot("change_difference", Amount("yuan", True), "/changes/difference", "plus: the passenger gets money back"),
    Slot("processor", Code("processor", needed=True), "/payments/processor", "who moved the money"),
    Slot("method", Code("payment_method"), "/payments/method", "how it was paid"),
    Slot("payment_ref", _REFERENCE, "/payments/processor_ref", "number of the payment"),
    Slot("paid", Amount("yuan"), "/payments/amount_gross", "the amount of the whole payment"),
    Slot("paid_at", Moment(), "/payments/captured_at", "when it was paid, if not at the moment of the act"),
    Slot("refund_ref", _REFERENCE, "/refunds/refund_ref", "number of the refund"),
    Slot("refund_gross", Amount("yuan"), "/refunds/amount_gross", "what is given back before the fee"),
    Slot("refund_fee", Amount("yuan"), "/refunds/fee", "what the railway keeps of it"),
    Slot("refund_net", Amount("yuan"), "/refunds/amount_net", "what the passenger gets"),
    Slot("pickup_ref", _REFERENCE, "/pickups", "number under which tickets are collected"),
    *(_text(name, f"{_TICKET}/point_of_sale/{name}", meaning) for name, meaning in _DESK.items()),
)
SLOTS: dict[str, Slot] = {slot.name: slot for slot in _ALL}
