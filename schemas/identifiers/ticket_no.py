"""The 17-character ticket number: order number (10), batch (1), coach (2), seat (4). Source: 12306 ``ticket_no``.

A change keeps the order number and raises the batch from 1 to 2.

>>> split("E123456789105012A")
('E123456789', 1, '05', '012A')
>>> build("E123456789", 2, "05", "12A")
'E123456789205012A'
"""

import re

from schemas.identifiers.problems import InvalidFormat, InvalidIdentifier, InvalidLength

_FORM = re.compile(r"E[A-Z0-9][0-9]{8}[1-9][0-9]{2}[0-9A-Z]{4}")


def compact(value: str) -> str:
    """Upper case, without blanks and hyphens."""
    return value.replace(" ", "").replace("-", "").upper()


def validate(value: str) -> str:
    """The clean number; raises InvalidLength or InvalidFormat."""
    if _FORM.fullmatch(value):
        return value  # as nearly all are written
    number = compact(value)
    if len(number) != 17:
        raise InvalidLength(f"a ticket number has 17 characters, this has {len(number)}")
    if not _FORM.fullmatch(number):
        raise InvalidFormat("a ticket number is order number, batch, coach (2), seat (4): E123456789105012A")
    return number


def is_valid(value: str) -> bool:
    try:
        validate(value)
    except InvalidIdentifier:
        return False
    return True


def format(value: str) -> str:
    """In groups for reading aloud: order number, batch and coach, seat."""
    number = compact(value)
    return f"{number[:10]}-{number[10:13]}-{number[13:]}"


def build(order_no: str, batch: int, coach: str, seat: str) -> str:
    """A ticket number from its parts; the seat is filled up with zeros on the left."""
    return validate(f"{order_no}{batch}{coach:0>2}{seat:0>4}")


def split(value: str) -> tuple[str, int, str, str]:
    """(order number, batch, coach, seat)."""
    number = validate(value)
    return number[:10], int(number[10]), number[11:13], number[13:]
