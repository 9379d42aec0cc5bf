"""The resident identity number, 18 characters with a check digit. Source: GB 11643-1999 (ISO 7064, MOD 11-2).

>>> is_valid("990101199001010010")
False
>>> check_digit("99010119900101001")
'9'
"""

import re
from datetime import date
from operator import mul

from schemas.identifiers.problems import InvalidChecksum, InvalidFormat, InvalidIdentifier, InvalidLength

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_DIGITS = "10X98765432"
_FORM = re.compile(r"^\d{17}[\dX]$")


def compact(value: str) -> str:
    """Upper case, without blanks."""
    return value.replace(" ", "").upper()


def check_digit(first17: str) -> str:
    return _DIGITS[sum(map(mul, _WEIGHTS, map(int, first17))) % 11]


def validate(value: str) -> str:
    """The clean number; raises InvalidLength, InvalidFormat (also for an impossible birthday), InvalidChecksum."""
    number = compact(value)
    if len(number) != 18:
        raise InvalidLength(f"a resident id has 18 characters, this has {len(number)}")
    if not _FORM.match(number):
        raise InvalidFormat("a resident id is 17 digits and a digit or X")
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
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
