"""What happens in the samples of a new adapter: a sale, its change, its refund ... People and numbers are invented."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from adapters.kit.tables.news import Told
from adapters.kit.times import SHANGHAI
from hub.ports import Act
from schemas.identifiers import resident_id, ticket_no
from schemas.money import Money

_NOON = datetime(2026, 1, 9, 12, 0, 5, tzinfo=SHANGHAI)
_ORDER = "EX00000001"

SALE_DAMAGES = {
    "reject-amount": (b"553.00", b"5x3.00"),
    "reject-impossible-date": (b"2026-01-09", b"2026-13-09"),
    "reject-order-number": (_ORDER.encode(), b"EX0000000I"),
    "reject-unknown-act": (b"SELL", b"SOLD"),
    "loss-unknown-class": (b"2ND", b"Q9Z"),
}
"""Sample -> (bytes of the sale, their damage)."""


def stories() -> dict[str, list[Told]]:
    """Sample -> the rows that it says."""
    first, second = _ticket(0), _ticket(1)
    changed = _ticket(0, batch=2, train="G13", fare=60000) | {"replaces": first["ticket_no"], "change_ref": "C1"}
    later, travel = _NOON + timedelta(hours=3), datetime(2026, 1, 11, 7, 41, tzinfo=SHANGHAI)
    number = {"order_no": _ORDER, "ticket_no": first["ticket_no"]}
    return {
        "sale": [_row("sell", first | _payment(55300))],
        "sale-two-tickets": [_row("sell", one | _payment(82950)) for one in (first, second)],
        "sale-passport-and-fee": [_row("sell", _passport() | _payment(55800))],
        "sale-standing": [_row("sell", _standing() | _payment(10000, "cash"))],
        "sale-sleeper-after-midnight": [_row("sell", _sleeper() | _payment(32150))],
        "hold": [_row("hold", first | {"expires_at": _NOON + timedelta(minutes=30)})],
        "cancel": [_row("cancel", number, later)],
        "change-dearer": [_row("change", changed | _difference(-4700) | _payment(4700, ref="P2"), later)],
        "change-of-destination": [_row("change_destination", changed | _difference(0), later)],
        "refund": [_row("refund", number | _refund(55300, 2750), later)],
        "print": [_row("print", number | {"control_no": "A0000017"}, later)],
        "enter": [_row("enter", number, travel)],
        "exit": [_row("exit", number, travel + timedelta(hours=5))],
    }


def _row(act: Act, values: dict[str, Any], at: datetime = _NOON) -> Told:
    return Told(act, 0, {"at": at.astimezone(UTC)} | values)


def _resident(serial: int, birthday: str) -> str:
    digits = f"990101{birthday}{serial:03d}"
    return digits + resident_id.check_digit(digits)


def _ticket(index: int, *, batch: int = 1, train: str = "G11", fare: int = 0) -> dict[str, Any]:
    adult = index == 0
    seat = ("12A", "12B")[index]
    return {
        "order_no": _ORDER,
        "ticket_no": ticket_no.build(_ORDER, batch, "05", seat),
        "ticket_type": "adult" if adult else "child",
        "fare": Money(amount=fare or (55300 if adult else 27650)),
        "passenger_name": ("测试甲", "测试乙")[index],
        "document_type": "resident_id",
        "document_no": _resident(1 + index, "19900307" if adult else "20170512"),
        "phone": "+8619900000001" if adult else None,
        "train_code": train,
        "train_no": "24000000G11A" if train == "G11" else None,
        "service_date": date(2026, 1, 11),
        "origin": "VNP",
        "destination": "AOH",
        "depart": datetime(2026, 1, 11, 8, 0, tzinfo=SHANGHAI),
        "arrive": datetime(2026, 1, 11, 12, 36, tzinfo=SHANGHAI),
        "seat_class": "second",
        "coach": "05",
        "seat_number": seat,
    }


def _passport() -> dict[str, Any]:
    fee = {"service_fee": Money(amount=500)}
    return _ticket(0) | fee | {"document_type": "passport", "document_no": "EX0000001", "passenger_name": "TEST DOE"}


def _standing() -> dict[str, Any]:
    seat = {"seat_class": "hard_seat", "seat_number": None, "coach": "05", "standing": True}
    number = ticket_no.build(_ORDER, 1, "05", "0")
    return _ticket(0) | seat | {"ticket_no": number, "train_code": "K7", "fare": Money(amount=10000)}


def _sleeper() -> dict[str, Any]:
    """Boarded at 00:26: the run left its origin the evening before, and its service date says so."""
    return _ticket(0) | {
        "train_code": "T109",
        "train_no": None,
        "origin": "JNK",
        "destination": "SHH",
        "depart": datetime(2026, 1, 12, 0, 26, tzinfo=SHANGHAI),
        "arrive": datetime(2026, 1, 12, 10, 30, tzinfo=SHANGHAI),
        "seat_class": "hard_sleeper",
        "seat_number": "12",
        "berth": "upper",
        "fare": Money(amount=32150),
    }


def _payment(fen: int, processor: str = "wechat", ref: str = "P1") -> dict[str, Any]:
    method = "cash" if processor == "cash" else "wechat_pay"
    return {"processor": processor, "method": method, "payment_ref": f"42000000{ref}", "paid": Money(amount=fen)}


def _refund(gross: int, fee: int) -> dict[str, Any]:
    return {
        "processor": "wechat",
        "refund_ref": "50300000R1",
        "refund_gross": Money(amount=gross),
        "refund_fee": Money(amount=fee),
        "refund_net": Money(amount=gross - fee),
    }


def _difference(fen: int) -> dict[str, Any]:
    return {"change_fee": Money(amount=0), "change_difference": Money(amount=fen)}
