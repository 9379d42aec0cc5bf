"""The rail order number: ``E``, one letter or digit, eight digits. Source: 12306 order pages (``sequence_no``).

>>> validate(" e123456789 ")
'E123456789'
>>> is_valid("X123456789")
False
"""

import re

from schemas.identifiers.problems import InvalidFormat, InvalidIdentifier, InvalidLength

_FORM = re.compile(r"E[A-Z0-9][0-9]{8}")


def compact(value: str) -> str:
    """Upper case, without blanks and hyphens."""
    return value.replace(" ", "").replace("-", "").upper()


def validate(value: str) -> str:
    """The clean number; raises InvalidLength or InvalidFormat."""
    if _FORM.fullmatch(value):
        return value  # as nearly all are written
    number = compact(value)
    if len(number) != 10:
        raise InvalidLength(f"an order number has 10 characters, this has {len(number)}")
    if not _FORM.fullmatch(number):
        raise InvalidFormat("an order number is E, a letter or digit, eight digits, for example E123456789")
    return number


def is_valid(value: str) -> bool:
    try:
        validate(value)
    except InvalidIdentifier:
        return False
    return True


def format(value: str) -> str:
    """As printed on a ticket: in one piece."""
    return compact(value)
