"""The same message, or the same fact, to two API processes at the same instant: one effect, one word about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.processes.house import Call, Crowd, House, Said
from tests.processes.traffic import Claim, native

AT_ONCE = 8
SOLD_AT = datetime(2026, 5, 19, 4, 0, tzinfo=UTC)
DAY = date(2026, 6, 1)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    found: int = request.config.getoption("--rounds")
    return found


def sold(number: int, channel: str = "web") -> Claim:
    """A sale on a seat that no other test wants."""
    seat, day = f"{number % 90 + 1}A", DAY + timedelta(days=number // 90 % 90)
    return Claim(number, channel, "tell", seat, (0, 63), "01", day)


def rows(house: House, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.database_url) as connection:
        return connection.execute(query.encode(), values).fetchall()


def one_of_each(house: House, table: str, first: int, last: int) -> Counter[int]:
    """How many orders of this range of numbers have how many rows in a table of the ledger."""
    found = rows(
        house,
        f"""SELECT count(t.order_id) FROM hub.orders o LEFT JOIN hub.{table} t USING (order_id)
            WHERE o.order_no BETWEEN %s AND %s GROUP BY o.order_id""",
        f"EW{first:08d}",
        f"EW{last:08d}",
    )
    return Counter(count for (count,) in found)


def told_apart(said: Iterable[Said]) -> dict[str, Any]:
    """What all these answers say besides the outcome; fails when they do not say the same."""
    bodies = [{k: v for k, v in item.body.items() if k not in ("outcome", "first_outcome")} for item in said]
    assert all(body == bodies[0] for body in bodies), bodies
    return bodies[0]


async def test_the_same_message_has_one_effect_and_one_answer(two_doors: House, rounds: int) -> None:
    house, first = two_doors, 1_000_000
    async with Crowd(house) as crowd:
        for number in range(first, first + rounds):
            claim = sold(number)
            body = native(claim, SOLD_AT)
            said = await crowd.at_once(house.claim(door % 2, claim, body) for door in range(AT_ONCE))
            assert Counter(item.outcome for item in said) == {"applied": 1, "duplicate": AT_ONCE - 1}
            told_apart(said)
    last = first + rounds - 1
    for table in ("messages", "events", "tickets"):
        assert one_of_each(house, table, first, last) == {1: rounds}, table
    (repeats,) = rows(house, "SELECT count(*) FROM hub.repeats WHERE message_id BETWEEN %s AND %s",
                      sold(first).message_id, sold(last).message_id)  # fmt: skip
    assert repeats == (rounds * (AT_ONCE - 1),)


async def test_of_different_bytes_under_one_id_one_is_taken(two_doors: House, rounds: int) -> None:
    house, first = two_doors, 1_100_000
    async with Crowd(house) as crowd:
        for number in range(first, first + rounds // 4):
            claim = sold(number)
            bodies = [native(claim, SOLD_AT + timedelta(minutes=n)) for n in range(4)]
            calls = [house.claim(n % 2, claim, bodies[n // 2]) for n in range(AT_ONCE)]
            said = await crowd.at_once(calls)
            (winner,) = [call.body for call, item in zip(calls, said, strict=True) if item.outcome == "applied"]
            for call, item in zip(calls, said, strict=True):
                if call.body != winner:
                    assert (item.status, item.outcome, item.body["code"]) == (409, "refused", "message_id_reused")
                else:
                    assert item.outcome in ("applied", "duplicate")
    assert one_of_each(house, "events", first, first + rounds // 4 - 1) == {1: rounds // 4}


async def test_one_fact_from_two_channels_is_new_once_and_then_attested(two_doors: House, rounds: int) -> None:
    """Web and app each tell the same sale under ids of their own: one has news, the other one confirms it."""
    house, first = two_doors, 1_200_000
    async with Crowd(house) as crowd:
        for number in range(first, first + rounds):
            said = await crowd.at_once(_from_both(house, sold(number)))
            by_outcome = {item.outcome: item.body for item in said}
            assert by_outcome.keys() == {"applied", "witnessed"}, [item.body for item in said]
            assert by_outcome["witnessed"]["facts"] == []
            assert len(by_outcome["applied"]["facts"]) == 2
            assert len({item.body["order_id"] for item in said}) == 1
    last = first + rounds - 1
    assert one_of_each(house, "events", first, last) == {2: rounds}
    changes = rows(house, "SELECT type, count(*) FROM hub.events JOIN hub.orders USING (order_id)"
                   " WHERE order_no BETWEEN %s AND %s GROUP BY type ORDER BY type",
                   f"EW{first:08d}", f"EW{last:08d}")  # fmt: skip
    assert changes == [("order.issued", rounds), ("order.witnessed", rounds)]


def _from_both(house: House, claim: Claim) -> list[Call]:
    """The order of the web channel, as it stands in its own book and in the app's."""
    told_by_app = native(claim, SOLD_AT, wire="app")
    return [
        house.claim(0, claim, native(claim, SOLD_AT)),
        house.message(1, "app", f"seen-{claim.order_no}", told_by_app),
    ]
