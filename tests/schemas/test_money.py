"""Money: whole minor units, exact both ways, no float anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.money import SUM_MAX_MINOR, Money, format_decimal, parse_decimal, total

amounts = st.integers(-(10**11), 10**11)
money = amounts.map(lambda amount: Money(amount=amount))


@given(amounts, st.integers(0, 4))
def test_decimal_text_and_back(amount: int, scale: int) -> None:
    assert parse_decimal(format_decimal(Money(amount=amount), scale=scale), scale=scale).amount == amount


@given(money, money, money)
def test_sums(one: Money, two: Money, three: Money) -> None:
    zero = Money(amount=0)
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one - two == -(two - one)
    assert one + zero == one
    assert total([one, two, three]) == one + two + three


@given(st.integers(0, 10**9), st.sampled_from(["", ".", "0", ".0", ".00", ".000"]))
def test_trailing_zeros_change_nothing(yuan: int, tail: str) -> None:
    text = f"{yuan}{tail}" if tail.startswith(".") else str(yuan)
    assert parse_decimal(text).amount == yuan * 100


@pytest.mark.parametrize("text", ["", "-", "1,5", "1.005", "1e3", "NaN", "inf", "+1", "5５3.0元", "0x10", "1" * 13])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        parse_decimal(text)


@pytest.mark.parametrize("amount", [1.0, "1", True, None, SUM_MAX_MINOR + 1, -SUM_MAX_MINOR - 1])
def test_only_an_integer_within_bounds_is_an_amount(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": amount})


def test_two_currencies_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="convert first"):
        Money(amount=1, currency="CNY") + Money(amount=1, currency="HKD")


def test_an_empty_sum_is_zero_of_its_currency() -> None:
    assert total([], currency="HKD") == Money(amount=0, currency="HKD")


def test_money_does_not_change() -> None:
    with pytest.raises(ValidationError):
        Money(amount=1).__setattr__("amount", 2)
