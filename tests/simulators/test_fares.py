"""What giving back and exchanging costs: golden cases in fen, readable by a revenue accountant."""

from datetime import timedelta

import pytest

from simulators.fares import change_terms, fare, refund_fee, to_half_yuan


@pytest.mark.parametrize(
    ("fare_fen", "hours_before", "fee_fen"),
    [
        (55300, 8 * 24, 0),  # eight days ahead: nothing
        (55300, 8 * 24 - 1, 2750),  # 5 % = 27.65, to half yuan 27.50
        (55300, 48, 2750),
        (55300, 47, 5550),  # 10 % = 55.30, to half yuan 55.50
        (55300, 24, 5550),
        (55300, 23, 11050),  # 20 % = 110.60, to half yuan 110.50
        (1850, 72, 200),  # 5 % = 0.93: the minimum
        (900, 30, 200),
        (150, 1, 150),  # never more than the fare
    ],
)
def test_refund_fee(fare_fen: int, hours_before: int, fee_fen: int) -> None:
    assert refund_fee(fare_fen, timedelta(hours=hours_before)) == fee_fen


@pytest.mark.parametrize(
    ("old_fen", "new_fen", "hours_before", "later", "difference_fen", "fee_fen", "net_fen"),
    [
        (1850, 1650, 72, False, 200, 200, 0),  # 18.50 to 16.50: difference 2.00, fee 2.00 (the minimum), refunded 0
        (1850, 1850, 72, True, 0, 0, 0),
        (1850, 2850, 72, True, -1000, 0, -1000),  # dearer: the passenger pays the difference
        (10000, 10000, 30, True, 0, 500, -500),  # 24 to 48 h, to a later day: 5 %
        (10000, 8000, 30, True, 2000, 600, 1400),  # 5 % of the lower fare, 10 % of the difference given back
        (10000, 8000, 30, False, 2000, 200, 1800),  # the same day: only the fee on the difference
        (10000, 12000, 10, True, -2000, 1500, -3500),  # under 24 h, to a later day: 15 % of the lower fare
    ],
)
def test_change_terms(
    old_fen: int, new_fen: int, hours_before: int, later: bool, difference_fen: int, fee_fen: int, net_fen: int
) -> None:
    terms = change_terms(old_fen, new_fen, timedelta(hours=hours_before), moves_later=later)
    assert (terms.difference_fen, terms.fee_fen, terms.net_fen) == (difference_fen, fee_fen, net_fen)


@pytest.mark.parametrize(("fen", "rounded"), [(1024, 1000), (1025, 1050), (1074, 1050), (1075, 1100), (1000, 1000)])
def test_rounding_to_half_yuan(fen: int, rounded: int) -> None:
    assert to_half_yuan(fen) == rounded


def test_every_fare_is_a_multiple_of_half_a_yuan() -> None:
    for kilometres in range(10, 2300, 37):
        for kind in ("adult", "child", "student", "disabled_veteran"):
            assert fare(kilometres, "high", "second", kind) % 50 == 0
            assert fare(kilometres, "slow", "hard_seat", kind) % 50 == 0
