"""Exact fen of native numbers: a JSON number, a decimal, or a text; never through a float."""

import re
from decimal import Decimal
from functools import lru_cache

_DECIMAL = re.compile(r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$")
_DIGITS_MOST = 24


def fen_of(value: object, fen: int) -> int | None:
    """Fen of a native number or text in units of ``fen``; None for what is no amount, or has fractions of fen."""
    if type(value) is int:
        return value * fen
    exact = _exact(value)
    if exact is None:
        return None
    text = str(exact)
    return _scaled(text, fen) if len(text) <= _DIGITS_MOST else _scaled.__wrapped__(text, fen)


@lru_cache(maxsize=8192)
def _scaled(exact: str, fen: int) -> int | None:
    """Fen, if they are whole. Remembered: fares repeat, and arithmetic of decimals costs six times a look-up."""
    scaled = Decimal(exact) * fen
    minor = int(scaled)
    return minor if minor == scaled else None


def _exact(value: object) -> Decimal | None:
    """A decimal from a native number or text, when it is of a sane size."""
    if isinstance(value, Decimal) and value.is_finite() and -7 < value.adjusted() < 14:
        return value
    if isinstance(value, Decimal) and value == 0:
        return Decimal(0)
    return Decimal(value) if isinstance(value, str) and _DECIMAL.match(value) else None
