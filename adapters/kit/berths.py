"""Berths: in a sleeper the four seat characters of a wire are the number and one digit for the berth.

``0051`` is number 5, lower berth; people read ``05号下铺``. Numbers of seats are never split: ``0051`` in a second
class coach is seat 51, so the text decides, or the class where a wire has no text. Source: the seat fields that
public clients of the railway's site read.
"""

from typing import Literal

from schemas.codes import code_list
from schemas.facts import Seat

Berth = Literal["lower", "middle", "upper"]

DIGITS: dict[str, Berth] = {"1": "lower", "2": "middle", "3": "upper"}
NAMES: dict[str, Berth] = {code_list("berth").label(berth, "zh"): berth for berth in DIGITS.values()}
"""What passengers read: 下铺, 中铺, 上铺."""
SLEEPERS = frozenset(
    {
        "emu_premium_sleeper",
        "emu_sleeper",
        "deluxe_soft_sleeper",
        "soft_sleeper",
        "hard_sleeper",
        "compartment_hard_sleeper",
    }
)
"""The seat classes in which one lies."""

_DIGIT_OF = {berth: digit for digit, berth in DIGITS.items()}
_NAME_OF = {berth: name for name, berth in NAMES.items()}


def four(seat: Seat) -> str:
    """The four characters of a seat or berth: ``012A``, ``0051``; ``0000`` for who stands."""
    digit = _DIGIT_OF[seat.berth] if seat.berth else ""
    return f"{seat.number or ''}{digit}".rjust(4, "0")


def apart(characters: str) -> tuple[str, Berth | None]:
    """Number and berth of the four characters of a berth; no berth when the last one is none of 1, 2, 3.

    >>> apart("0051")
    ('5', 'lower')
    """
    berth = DIGITS.get(characters[-1:])
    return (characters[:-1] if berth else characters).lstrip("0"), berth


def words(seat: Seat) -> str:
    """What a passenger reads: ``12A号``, ``05号下铺``."""
    if seat.berth:
        return f"{(seat.number or '').rjust(2, '0')}号{_NAME_OF[seat.berth]}"
    return f"{seat.number or ''}号"
