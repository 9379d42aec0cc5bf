"""What a journey costs, what giving it back costs, what exchanging it costs. Integer fen, no float near it.

Every amount is a multiple of 50 fen. Source: the railway's published refund and change fees (see the design notes,
"Railway facts"): a refund costs nothing 8 days ahead, 5 % from 48 h, 10 % from 24 h, 20 % below, at least 2.00 yuan; a
change costs nothing from 48 h or to the same or an earlier day, else 5 % or 15 % of the lower fare.

>>> refund_fee(55300, timedelta(days=3))
2750
>>> change_terms(1850, 1650, timedelta(days=3), moves_later=False)
ChangeTerms(difference_fen=200, fee_fen=200)
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Speed = Literal["high", "fast", "direct", "slow"]

HALF_YUAN_FEN = 50
MINIMUM_FEE_FEN = 200
AGENT_SURCHARGE_FEN = 500

# Fen per 10 kilometres of each class on each kind of train.
RATES: dict[Speed, dict[str, int]] = {
    "high": {"second": 460, "first": 736, "business": 1450},
    "fast": {"second": 310, "first": 496},
    "direct": {"hard_seat": 125, "hard_sleeper": 220, "soft_sleeper": 340},
    "slow": {"hard_seat": 110, "hard_sleeper": 200, "soft_sleeper": 310},
}
BASE_FEN = {"hard_sleeper": 3000, "soft_sleeper": 5000}
# Per cent of the adult fare that each kind of passenger pays.
SHARE = {"adult": 100, "child": 50, "student": 75, "disabled_veteran": 50}


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    """What an exchange costs. ``difference_fen`` = old fare - new fare; ``fee_fen`` is what the railway keeps."""

    difference_fen: int
    fee_fen: int

    @property
    def net_fen(self) -> int:
        """What the passenger gets (plus) or pays (minus)."""
        return self.difference_fen - self.fee_fen


def to_half_yuan(fen: int) -> int:
    """Rounded to 0.50 yuan: below 0.25 down, 0.25 to 0.749 to 0.50, from 0.75 up."""
    yuan, rest = divmod(fen, 100)
    return yuan * 100 + (0 if rest < 25 else 50 if rest < 75 else 100)


def fare(kilometres: int, speed: Speed, seat_class: str, ticket_type: str = "adult") -> int:
    """The fare of one ticket; a share is given on the cheapest class only, as the railway does for children."""
    adult = max(500, BASE_FEN.get(seat_class, 0) + kilometres * RATES[speed][seat_class] // 10)
    shared = seat_class in ("second", "hard_seat")
    return max(HALF_YUAN_FEN, to_half_yuan(adult * SHARE[ticket_type] // 100 if shared else adult))


def _refund_per_cent(before: timedelta) -> int:
    if before >= timedelta(days=8):
        return 0
    if before >= timedelta(hours=48):
        return 5
    return 10 if before >= timedelta(hours=24) else 20


def _fee(amount_fen: int, per_cent: int) -> int:
    if per_cent == 0:
        return 0
    return min(amount_fen, max(MINIMUM_FEE_FEN, to_half_yuan(amount_fen * per_cent // 100)))


def refund_fee(fare_fen: int, before: timedelta) -> int:
    """The fee for giving back a ticket of ``fare_fen`` this long before departure; never more than the fare."""
    return _fee(fare_fen, _refund_per_cent(before))


def change_terms(old_fen: int, new_fen: int, before: timedelta, *, moves_later: bool) -> ChangeTerms:
    """The money of one exchange this long before the old departure; ``moves_later``: to a later day.

    A cheaper new ticket gives the difference back less the refund fee on it.
    """
    per_cent = 0 if before >= timedelta(hours=48) or not moves_later else 5 if before >= timedelta(hours=24) else 15
    fee = _fee(min(old_fen, new_fen), per_cent)
    difference = old_fen - new_fen
    if difference > 0:
        fee += refund_fee(difference, before)
    return ChangeTerms(difference, fee)
