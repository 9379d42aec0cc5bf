"""The table of the protocol: what every column must hold, so that a row that slips out of its place is seen."""

from __future__ import annotations

import pytest

from sso.endpoints import steps
from sso.endpoints.rules import asking, authorization, proving


def test_every_cell_is_its_columns_letter_or_empty() -> None:
    letters = list(steps.COLUMNS)
    for cells, rule in steps.TABLE:
        shown = cells.split(" ")
        assert len(shown) == len(letters), rule.__name__
        assert all(cell in (letter, ".") for cell, letter in zip(shown, letters, strict=True)), rule.__name__
        assert set(shown) != {"."}, f"{rule.__name__} is asked by nobody"


def test_every_rule_stands_once_and_says_where_it_comes_from() -> None:
    rules = [rule for _, rule in steps.TABLE]
    assert len(rules) == len(set(rules))
    assert [rule.__name__ for rule in rules if not rule.__doc__] == []


@pytest.mark.parametrize("endpoint", steps.RULES)
def test_nothing_is_read_before_repeats_are_refused_and_nothing_of_a_client_before_it_is_known(endpoint: str) -> None:
    column = list(steps.RULES[endpoint])
    assert asking.no_repeats in column
    if asking.authenticated_client in column:
        assert column.index(asking.no_repeats) < column.index(asking.authenticated_client)
        later = {asking.allowed_grant, asking.confidential_client, authorization.scope, authorization.resource}
        assert all(column.index(asking.authenticated_client) < column.index(rule) for rule in later & set(column))


def test_the_authorization_endpoint_finds_the_redirect_uri_before_anything_that_could_be_answered_to_it() -> None:
    column = steps.RULES["authorize"]
    assert column[:2] == (proving.pushed_request, asking.answerable)


def test_what_is_pushed_is_checked_like_what_is_not() -> None:
    only_in_a_browser = {proving.pushed_request, asking.answerable, authorization.pushed_where_required}
    assert set(steps.RULES["authorize"]) - only_in_a_browser <= set(steps.RULES["par"])
