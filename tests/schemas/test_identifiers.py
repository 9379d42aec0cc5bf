"""Identifiers: the runnable examples in their docstrings, and the laws of their common grammar."""

import doctest
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas.codes
import schemas.money
from schemas.identifiers import (
    InvalidChecksum,
    InvalidFormat,
    InvalidIdentifier,
    InvalidLength,
    order_no,
    resident_id,
    ticket_no,
)

GRAMMAR = (order_no, ticket_no, resident_id)

order_numbers = st.from_regex(r"E[A-Z0-9][0-9]{8}", fullmatch=True)
seats = st.from_regex(r"[0-9]{1,3}[A-F]", fullmatch=True)
birthdays = st.dates().map(lambda day: day.strftime("%Y%m%d")).filter(lambda text: len(text) == 8)
firsts = st.builds(lambda day, serial: f"990101{day}{serial:03d}", birthdays, st.integers(0, 999))


@pytest.mark.parametrize("module", [*GRAMMAR, schemas.codes, schemas.money], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_run(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("module", GRAMMAR, ids=lambda module: module.__name__)
def test_the_same_four_verbs_everywhere(module: ModuleType) -> None:
    assert all(callable(getattr(module, verb)) for verb in ("compact", "validate", "is_valid", "format"))


@given(st.text(max_size=30))
def test_any_text_is_valid_or_refused_with_an_identifier_error(text: str) -> None:
    for module in GRAMMAR:
        try:
            clean = module.validate(text)
        except InvalidIdentifier:
            assert not module.is_valid(text)
        else:
            assert module.is_valid(text)
            assert module.validate(clean) == clean == module.compact(text)


@given(order_numbers, st.integers(1, 9), st.integers(1, 17), seats)
def test_a_ticket_number_is_built_and_taken_apart(order: str, batch: int, coach: int, seat: str) -> None:
    number = ticket_no.build(order, batch, str(coach), seat)
    assert len(number) == 17
    assert ticket_no.split(number) == (order, batch, f"{coach:02d}", seat.zfill(4))
    assert ticket_no.compact(ticket_no.format(number)) == number


@given(firsts)
def test_one_wrong_digit_of_a_resident_id_is_seen(first: str) -> None:
    """ISO 7064 MOD 11-2 finds every single substitution."""
    number = first + resident_id.check_digit(first)
    assert resident_id.validate(number) == number
    serial = number[:16] + str((int(number[16]) + 1) % 10) + number[17]
    with pytest.raises(InvalidChecksum):
        resident_id.validate(serial)


@given(firsts)
def test_two_swapped_digits_of_a_resident_id_are_seen(first: str) -> None:
    swapped = first[:14] + first[15] + first[14] + first[16]
    if swapped != first:
        assert not resident_id.is_valid(swapped + resident_id.check_digit(first))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("99010119900101001", InvalidLength),
        ("9901011990010100A5", InvalidFormat),
        ("990101199002300015", InvalidFormat),
        ("990101199001010016", InvalidChecksum),
    ],
)
def test_what_is_wrong_with_a_resident_id_is_told(value: str, error: type[InvalidIdentifier]) -> None:
    with pytest.raises(error):
        resident_id.validate(value)


def test_a_masked_resident_id_shows_neither_birthday_nor_serial() -> None:
    number = "99010119900101001" + resident_id.check_digit("99010119900101001")
    assert "19900101" not in resident_id.format(number)
    assert len(resident_id.format(number)) == 18
