"""A month by seller, carrier and product: its control totals are the books' own income, its form is kept as text."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from interlock.clock import SetClock
from interlock.database import Pool
from reconciliation.reports.uic import as_json, as_text, draw_account, month_of
from tests.hub.railway import open_railway, refund, sale

AT = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
NOW = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "accounting-2026-03.csv"


def test_a_month_in_the_shape_of_uic_accounting(pool: Pool, clock: SetClock, request: pytest.FixtureRequest) -> None:
    railway = open_railway(pool, clock)
    told = (
        ("north", sale("E100000071", "north", AT)),
        ("north", sale("E100000072", "north", AT + timedelta(days=1), seat="12B", fare=61200)),
        ("north", refund("E100000071", "north", AT + timedelta(days=1), "E100000071105012A")),
        ("south", sale("E100000073", "south", AT, seat="12C")),
    )
    for number, (channel, said) in enumerate(told):
        assert railway.tell(channel, f"m{number}", said).status == 200
    with pool.connection() as connection:
        account = draw_account(connection, *month_of("2026-03"), NOW)
    assert account.ties
    text = as_text(account)
    if request.config.getoption("--write-golden"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")
    told_as_json = as_json(account)
    assert told_as_json["controls"][0]["net"] == 55300 + 61200 + 55300 - 55300 + 2750
    assert len(told_as_json["lines"]) == 3


def test_an_empty_month_ties(pool: Pool) -> None:
    with pool.connection() as connection:
        account = draw_account(connection, *month_of("2024-02"), NOW)
    assert (account.ties, account.last, len(account.lines)) == (True, date(2024, 2, 29), 0)


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-1", "26-01", "2026-01-01"])
def test_a_month_is_written_one_way(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        month_of(text)
