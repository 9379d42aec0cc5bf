"""The resident identity number, 18 characters with a check digit. Source: GB 11643-1999 (ISO 7064, MOD 11-2).

>>> is_valid("990101199001010010")
False
>>> check_digit("99010119900101001")
'9'
"""

import re
from datetime import date

from schemas.identifiers.problems import InvalidChecksum, InvalidFormat, InvalidIdentifier, InvalidLength

_DIGITS = "10X98765432"
_FORM = re.compile(r"[0-9]{17}[0-9X]")


def compact(value: str) -> str:
    """Upper case, without blanks."""
    return value.replace(" ", "").upper()


def check_digit(first17: str) -> str:
    """The last character; ``first17`` are digits."""
    # The weights of the standard are the powers of 2 modulo 11, and 13 is 2 modulo 11: read as a number of base 13,
    # the digits weigh themselves. A tenth of the instructions of a sum over 17 products.
    return _DIGITS[int(first17, 13) * 2 % 11]


def validate(value: str) -> str:
    """The clean number; raises InvalidLength, InvalidFormat (also for an impossible birthday), InvalidChecksum."""
    number = value if _FORM.fullmatch(value) else compact(value)
    if len(number) != 18:
        raise InvalidLength(f"a resident id has 18 characters, this has {len(number)}")
    if not _FORM.fullmatch(number):
        raise InvalidFormat("a resident id is 17 digits and a digit or X")
    try:
        date.fromisoformat(number[6:14])
    except ValueError as error:
        raise InvalidFormat("places 7 to 14 of a resident id are a birthday") from error
    if check_digit(number[:17]) != number[17]:
        raise InvalidChecksum("the check digit of the resident id does not fit")
    return number


def is_valid(value: str) -> bool:
    try:
        validate(value)
    except InvalidIdentifier:
        return False
    return True


def format(value: str) -> str:
    """Masked for people: the region and the last four."""
    number = compact(value)
    return f"{number[:4]}**********{number[-4:]}"
