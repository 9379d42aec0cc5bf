"""The window system's records: names and widths, overpunched fen, MMDDhhmm, blanks to the right."""

from datetime import datetime, timedelta, timezone
from typing import Literal

from schemas.codes import code_list

BEIJING = timezone(timedelta(hours=8))
MONEY = frozenset({"fare", "surcharge", "fee", "difference", "gross", "net", "amount"})

HEAD = {"code": 3, "running": 6, "at": 8, "acted_in": 1, "order_no": 10}
_TICKET = {
    "ticket_no": 17,
    "sold_in": 1,
    "origin": 1,
    "replaces": 17,
    "ticket_type": 1,
    "document_type": 1,
    "document_no": 24,
    "name": 40,
    "mobile": 15,
    "train_no": 12,
    "train_code": 5,
    "run_date": 4,
    "from": 3,
    "depart": 8,
    "to": 3,
    "arrive": 8,
    "seat": 7,
    "fare": 11,
    "surcharge": 11,
    "control_no": 8,
    "pickup_code": 12,
    "limit": 8,
    "berth": 1,
}
_CHANGE = {"ticket_no": 17, "new_ticket_no": 17, "change_ref": 35, "kind": 1, "fee": 11, "difference": 11}
_BACK = {"gross": 11, "fee": 11, "net": 11}
WIDTHS = {
    "SL0": _TICKET,
    "HD0": _TICKET,
    "HX0": {"ticket_no": 17, "reason": 1},
    "CH1": {**_CHANGE, "refund_ref": 35},
    "CH2": _TICKET,
    "RF0": {"ticket_no": 17, "refund_ref": 35, "fare": 11},
    "RB0": {"processor": 1, "refund_ref": 35, **_BACK},
    "RB1": {"processor": 1, "refund_ref": 35, "payment_ref": 35, "part_of": 35, **_BACK},
    "PY0": {"processor": 1, "method": 1, "payment_ref": 35, "amount": 11},
    "VD0": {"ticket_no": 17},
    "RL0": {"ticket_no": 17},
    "RP0": {"ticket_no": 17, "control_no": 8},
    "PU0": {"ticket_no": 17, "control_no": 8, "pickup_code": 12},
    "OV0": {"about": 1, "ref": 35, "reason": 2, "staff": 12, "note": 60},
    "IV0": {"kind": 1, "invoice_no": 35, "ticket_no": 17, "amount": 11},
}
RESERVE = 8
TICKET_RESERVE = 7

Fields = dict[str, str]
OriginName = Literal["sale", "change", "destination_change", "waitlist"]
ORIGINS: dict[str, OriginName] = {"S": "sale", "C": "change", "D": "destination_change", "W": "waitlist"}
ORIGIN_CODES = {origin: letter for letter, origin in ORIGINS.items()}


def native(name: str, code: str) -> str:
    return code_list(name).write("windows", code) or "?"


def money(fen: int, width: int = 11) -> str:
    """Overpunched: the last digit carries the sign."""
    digits = f"{abs(fen):0{width}d}"
    return digits[:-1] + ("}JKLMNOPQR" if fen < 0 else "{ABCDEFGHI")[int(digits[-1])]


def fen(text: str) -> int:
    if not text.strip():
        return 0
    minus = text[-1] in "}JKLMNOPQR"
    fen = int(text[:-1]) * 10 + ("}JKLMNOPQR" if minus else "{ABCDEFGHI").index(text[-1])
    return -fen if minus else fen


def stamp(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%m%d%H%M")


def pad(text: str, width: int) -> bytes:
    """Blanks to the right, cut at a whole character."""
    raw = text.encode("gb18030")
    while len(raw) > width:
        text = text[:-1]
        raw = text.encode("gb18030")
    return raw.ljust(width)


def record(code: str, running: str, at: datetime, acted_in: str, order_no: str, fields: Fields) -> bytes:
    values = {"code": code, "running": f"{running or '0':0>6}", "at": stamp(at), "acted_in": acted_in}
    values |= {"order_no": order_no, **fields}
    widths = {**HEAD, **WIDTHS[code], "reserve": TICKET_RESERVE if WIDTHS[code] is _TICKET else RESERVE}
    return b"".join(pad(values.get(name, ""), width) for name, width in widths.items()) + b"\r\n"


def sum_of(line: bytes) -> int:
    """All money columns of one record."""
    widths = {**HEAD, **WIDTHS[line[:3].decode()]}
    total = offset = 0
    for name, width in widths.items():
        if name in MONEY:
            total += fen(line[offset : offset + width].decode())
        offset += width
    return total


def code_of(name: str, native: str) -> str:
    return code_list(name).read("windows", native) or "unknown"
