"""Money: an integer of minor units and an ISO 4217 code. No float touches it, anywhere.

>>> Money(amount=55300) + Money(amount=200)
Money(amount=55500, currency='CNY')
>>> parse_decimal("553.0").amount
55300
>>> format_decimal(Money(amount=-50))
'-0.50'
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field

from schemas.model import Canonical

_DECIMAL = re.compile(r"^(-?)(\d{1,12})(?:\.(\d*))?$")

MAX_MINOR = 10**13
"""The largest amount that a channel may state."""

SUM_MAX_MINOR = 2**53 - 1
"""The largest amount there is: every sum of hundreds of stated ones, and exact in every JSON reader (RFC 8259, 6)."""


class Money(Canonical):
    """An amount in minor units (for CNY: fen) of one currency; the sign is the caller's (see field names)."""

    amount: Annotated[int, Field(ge=-SUM_MAX_MINOR, le=SUM_MAX_MINOR)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"

    def __add__(self, other: Self) -> "Money":
        self._same_currency(other)
        return money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Self) -> "Money":
        self._same_currency(other)
        return money(self.amount - other.amount, self.currency)

    def __neg__(self) -> "Money":
        return money(-self.amount, self.currency)

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {self.currency} and {other.currency}: convert first")


def parse_decimal(text: str, *, scale: int = 2, currency: str = "CNY") -> Money:
    """Money from a decimal text in major units such as ``"553.0"`` (yuan); exact, never through a float.

    Digits beyond ``scale`` must be zero. Raises ``ValueError`` with the expected form otherwise.
    """
    found = _DECIMAL.match(text.strip())
    if found is None:
        raise ValueError(f"not a decimal amount: {text[:40]!r}, expected for example 553.00")
    sign, whole, fraction = found.group(1), found.group(2), found.group(3) or ""
    if fraction[scale:].strip("0"):
        raise ValueError(f"more than {scale} decimals: {text[:40]!r}")
    minor = int(whole) * 10**scale + int(fraction[:scale].ljust(scale, "0") or "0")
    return Money(amount=-minor if sign else minor, currency=currency)


def format_decimal(money: Money, *, scale: int = 2) -> str:
    """The inverse of :func:`parse_decimal`: always ``scale`` decimals."""
    whole, fraction = divmod(abs(money.amount), 10**scale)
    sign = "-" if money.amount < 0 else ""
    return f"{sign}{whole}.{fraction:0{scale}d}" if scale else f"{sign}{whole}"


@lru_cache(maxsize=16384)
def money(amount: int, currency: str = "CNY") -> Money:
    """Money of trusted numbers; the same amount is the same object, because sums are made by the million."""
    return Money(amount=amount, currency=currency)


def total(amounts: Sequence[Money], currency: str = "CNY") -> Money:
    """The sum; zero of ``currency`` for an empty list. Raises ``ValueError`` for amounts of several currencies."""
    if not amounts:
        return money(0, currency)
    first = amounts[0]
    for amount in amounts:
        first._same_currency(amount)
    return money(sum(amount.amount for amount in amounts), first.currency)
