"""An agency answers to the hub's figures, order by order: accord, or its own amounts; late, twice, about strangers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock.clock import SetClock
from interlock.database import Pool
from reconciliation.cases import BreakFilter, Cases
from reconciliation.confirming import Answer, answer, draw_up, missing, page, record_differences
from schemas.problems import ProblemError
from tests.hub.railway import Railway, open_railway, refund, sale

AT = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
DAY = AT.date()
NEXT_DAY = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    """Two orders of the north, one of them given back; one of the south."""
    opened = open_railway(pool, clock)
    told = (
        ("north", sale("E100000071", "north", AT)),
        ("north", sale("E100000072", "north", AT, seat="12B")),
        ("north", refund("E100000072", "north", AT + timedelta(hours=1), "E100000072105012B")),
        ("south", sale("E100000073", "south", AT, seat="12C")),
    )
    for number, (channel, said) in enumerate(told):
        assert opened.tell(channel, f"m{number}", said).status == 200
    return opened


def figures(pool: Pool, channel: str = "north", now: datetime = NEXT_DAY, after: str = "", limit: int = 100) -> Any:
    with pool.connection() as connection:
        draw_up(connection, channel, DAY, now)
    with pool.connection() as connection:
        return page(connection, channel, DAY, after, limit)


def say(pool: Pool, *answers: dict[str, Any], channel: str = "north", now: datetime = NEXT_DAY) -> list[str]:
    with pool.connection() as connection:
        done = answer(connection, channel, DAY, [Answer.model_validate(a) for a in answers], "north-system", now)
        record_differences(connection, channel, DAY, now)
    return [a.outcome for a in done]


def standing(pool: Pool) -> list[tuple[str, str, int]]:
    found = Cases(pool).every_break(BreakFilter(definition="confirm-north"))
    return sorted((b["key"], b["kind"], b["amount_at_stake"]) for b in found if b["state"] == "open")


def test_each_channel_gets_its_own_orders_out_of_the_books(railway: Railway, pool: Pool) -> None:
    found = figures(pool)
    names = ("order_no", "fare", "refund", "fee", "commission")
    assert [tuple(o[n] for n in names) for o in found.orders] == [
        ("E100000071", 55300, 0, 0, 0),
        ("E100000072", 55300, 52550, 2750, 0),
    ]
    assert {n: found.head[n] for n in ("orders", "fare", "answered")} == {"orders": 2, "fare": 110600, "answered": 0}
    assert [o["order_no"] for o in figures(pool, "south").orders] == ["E100000073"]
    first = figures(pool, limit=1)
    assert [o["order_no"] for o in figures(pool, after=first.next).orders] == ["E100000072"]


def test_a_day_that_is_not_over_has_no_figures(railway: Railway, pool: Pool) -> None:
    with pytest.raises(ProblemError, match="not over"):
        figures(pool, now=AT)


def test_answers_are_taken_one_by_one_and_once(railway: Railway, pool: Pool) -> None:
    first, second = figures(pool).orders
    accord = {"order_no": first["order_no"], "version": first["version"], "answer": "accord"}
    differs = {
        "order_no": second["order_no"], "version": second["version"], "answer": "difference",
        "theirs": {"refund": 52000, "fee": 3300, "fare": 55300}, "note": "we kept 33.00",
    }  # fmt: skip
    same = {**differs, "theirs": {"fare": 55300}}
    foreign = {"order_no": "E100000073", "version": "0" * 16, "answer": "accord"}
    stale = {**accord, "version": "0" * 16}
    assert say(pool, same, foreign, stale) == ["nothing_differs", "order_unknown", "figures_changed"]
    assert say(pool, accord, differs, differs) == ["recorded", "recorded", "answered_twice"]
    assert say(pool, accord, differs) == ["repeated", "repeated"]
    assert standing(pool) == [("E100000072|fee|CNY", "FEE", 550), ("E100000072|refund|CNY", "AMOUNT", 550)]
    assert say(pool, {**differs, "answer": "accord", "theirs": None}) == ["replaced"]
    assert standing(pool) == []
    with pool.connection() as connection:
        assert connection.execute("SELECT count(*) FROM recon.confirmation_answers").fetchone() == (3,)


def test_figures_that_change_ask_again(railway: Railway, pool: Pool) -> None:
    first, _ = figures(pool).orders
    accord = {"order_no": first["order_no"], "version": first["version"], "answer": "accord"}
    assert say(pool, accord) == ["recorded"]
    late = refund("E100000071", "north", AT + timedelta(hours=2), "E100000071105012A")
    assert railway.tell("north", "late", late).status == 200
    assert figures(pool, now=NEXT_DAY + timedelta(minutes=1)).orders[0]["settled"] is True  # fresh enough
    now = NEXT_DAY + timedelta(minutes=10)
    again = figures(pool, now=now).orders[0]
    assert (again["settled"], again["answer"], again["refund"]) == (False, "accord", 52550)
    assert say(pool, accord, now=now) == ["figures_changed"]
    assert say(pool, {**accord, "version": again["version"]}, now=now) == ["replaced"]


def test_silence_is_reported_and_late_answers_are_marked(railway: Railway, pool: Pool) -> None:
    first, _ = figures(pool).orders
    late = NEXT_DAY + timedelta(days=2)
    with pool.connection() as connection:
        assert missing(connection, NEXT_DAY) == []
        (found,) = missing(connection, late)
    assert (found["channel"], found["orders"], found["unanswered"]) == ("north", 2, 2)
    say(pool, {"order_no": first["order_no"], "version": first["version"], "answer": "accord"}, now=late)
    assert [o["late"] for o in figures(pool).orders] == [True, False]
    with pool.connection() as connection:
        assert missing(connection, late)[0]["unanswered"] == 1


def test_an_order_of_an_earlier_day_is_known_but_not_of_this_date(railway: Railway, pool: Pool) -> None:
    figures(pool)
    told = sale("E100000079", "north", AT - timedelta(days=3), seat="14A")
    assert railway.tell("north", "earlier", told).status == 200
    assert say(pool, {"order_no": "E100000079", "version": "0" * 16, "answer": "accord"}) == ["not_of_this_date"]
