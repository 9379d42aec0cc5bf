"""The seat interlock under load: thousands of claims from five channels to two processes, on one train of 63 legs."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from hub.store import seats
from hub.store.checks import ledger_complaints
from tests.processes.house import Crowd, House, Said
from tests.processes.model import Answered, broken_rules, sold_legs
from tests.processes.traffic import ASKING, SELLING, Claim, native

LANES = 64
LEGS = 63
ASKED_AT = datetime(2026, 5, 19, 4, 0, tzinfo=UTC)
TRIES = 40
PATIENCE = 100.0


@pytest.fixture
def number(request: pytest.FixtureRequest) -> int:
    found: int = request.config.getoption("--claims")
    return found


def claims(count: int, day: date, first: int, seed: int) -> list[Claim]:
    """Asks and tells for more legs than there are; short rides and long ones, alone and up to three together."""
    rng = random.Random(seed)
    places = [(f"{coach:02d}", f"{row}{letter}") for coach in range(1, 9) for row in range(1, 18) for letter in "ABCDF"]
    places = places[: max(4, count // 12)]
    found = []
    for serial in range(first, first + count):
        mode = rng.choice(("ask", "ask", "tell"))
        begins = rng.randrange(LEGS)
        ends = min(LEGS, begins + rng.choice((1, 2, 3, 5, 8, 13, 30, 63)))
        place = rng.randrange(len(places))
        coach, seat = places[place]
        party = places[place + 1 : place + rng.choice((1, 1, 1, 2, 3))]
        others = tuple(other for where, other in party if where == coach)
        channel = rng.choice(ASKING if mode == "ask" else SELLING)
        found.append(Claim(serial, channel, mode, seat, (begins, ends), coach, day, others))
    return found


async def claimed(house: House, wanted: Sequence[Claim], crowd: Crowd) -> list[Answered]:
    """Make all claims in many lanes at both doors; what gets no answer is sent again, to the other door."""
    bodies = [native(claim, ASKED_AT, hold_minutes=60 * 24 * 365) for claim in wanted]

    async def make(number: int) -> Answered:
        claim, began = wanted[number], time.monotonic()
        for attempt in range(TRIES):
            said = await crowd.say(house.claim((number + attempt) % 2, claim, bodies[number]))
            if said.status not in (0, 503):
                return answered(claim, said, began)
            await asyncio.sleep(0.05)
        raise AssertionError(f"{claim.order_no} got no answer in {TRIES} tries")

    waiting = iter(range(len(wanted)))
    found: list[Answered] = []

    async def lane() -> None:
        for number in waiting:
            found.append(await make(number))

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return found


def answered(claim: Claim, said: Said, began: float) -> Answered:
    """An answer that got lost and came again at the second asking counts as the first one."""
    outcome = str(said.body.get("first_outcome") or said.body["outcome"])
    disputes = tuple(said.body.get("disputes", ()))
    return Answered(claim, outcome, str(said.body.get("code", "")), disputes, began, said.ended)


def stands(house: House, day: date, answers: Sequence[Answered]) -> None:
    """Answers, seat rows, tickets and disputes all tell the same story."""
    assert list(broken_rules(answers)) == []
    with psycopg.connect(house.database_url) as connection:
        assert seats.mismatches(connection) == []
        assert ledger_complaints(connection) == []
        rows = connection.execute(
            "SELECT service_date::text, coach, seat, sold FROM hub.seats WHERE service_date = %s AND sold <> 0", (day,)
        ).fetchall()
        disputed = connection.execute(
            """SELECT d.subject FROM hub.disputes d JOIN hub.orders o USING (order_id)
               WHERE d.kind = 'seat_already_sold' AND d.state = 'open' AND o.order_no = ANY(%s)""",
            ([answer.claim.order_no for answer in answers],),
        ).fetchall()
    assert {(date_, coach, seat): sold for date_, coach, seat, sold in rows} == sold_legs(answers)
    lost = [a.claim.ticket_no(seat) for a in answers if a.claim.mode == "tell" for seat in a.lost]
    assert sorted(ticket_no for (ticket_no,) in disputed) == sorted(lost)


async def test_thousands_of_claims_at_once_leave_one_holder_for_every_leg(two_doors: House, number: int) -> None:
    day = date(2026, 7, 1)
    wanted = claims(number, day, 2_000_000, seed=63)
    began = time.monotonic()
    async with Crowd(two_doors, LANES) as crowd:
        answers = await claimed(two_doors, wanted, crowd)
    seconds = time.monotonic() - began
    stands(two_doors, day, answers)
    counts = Counter(f"{a.claim.mode} {'lost' if a.lost else 'granted'}" for a in answers)
    print(f"{len(answers)} claims in {seconds:.1f} s, {len(answers) / seconds:.0f} a second: {dict(counts)}")
    assert all(counts[f"{mode} {end}"] > number // 50 for mode in ("ask", "tell") for end in ("granted", "lost"))
    assert {answer.claim.channel for answer in answers if answer.granted} == {*ASKING, *SELLING}


async def test_the_interlock_holds_when_a_process_is_killed_in_the_middle(two_doors: House, number: int) -> None:
    """What was under way there is sent again to the other one, under its id: nobody gets a seat twice, or none."""
    house, day = two_doors, date(2026, 7, 2)
    wanted = claims(number // 2, day, 2_500_000, seed=64)

    def kill() -> None:
        house.kill(1)
        house.open(1)

    async with Crowd(house, LANES) as crowd:
        killing = threading.Timer(number / 8000, kill)
        killing.start()
        answers = await claimed(house, wanted, crowd)
    await asyncio.to_thread(killing.join)
    stands(house, day, answers)


async def test_holds_that_ran_out_free_their_seats_by_themselves(two_doors: House) -> None:
    """Nobody cancels: the beat's wake-up lets them expire, in real time, and the next one has the seat."""
    house, day = two_doors, date(2026, 7, 3)
    held_for = timedelta(seconds=4)
    first = [Claim(2_800_000 + n, "web", "ask", f"{n + 1}A", (0, LEGS), "01", day) for n in range(20)]
    with house.beside("worker", "beat"):
        async with Crowd(house) as crowd:
            now = datetime.now(UTC).replace(microsecond=0)
            bodies = [native(claim, now, held_for.total_seconds() / 60) for claim in first]
            said = await crowd.at_once(house.claim(0, claim, body) for claim, body in zip(first, bodies, strict=True))
            assert Counter(item.outcome for item in said) == {"applied": len(first)}
            got: dict[str, datetime] = {}
            deadline, serial = time.monotonic() + PATIENCE, 2_810_000
            while len(got) < len(first) and time.monotonic() < deadline:
                wanted = [claim for claim in first if claim.seat not in got]
                again = [Claim(serial + n, "app", "ask", c.seat, (3, 9), "01", day) for n, c in enumerate(wanted)]
                serial += len(again)
                said = await crowd.at_once(house.claim(1, claim, native(claim, ASKED_AT)) for claim in again)
                known_at = datetime.now(UTC)
                for claim, item in zip(again, said, strict=True):
                    assert item.outcome == "applied" or item.body["code"] == "seat_already_sold", item.body
                    if item.outcome == "applied":
                        got[claim.seat] = known_at
                await asyncio.sleep(0.1)
    assert len(got) == len(first)
    assert min(got.values()) >= now + held_for, "a hold was let go before its time"
    with psycopg.connect(house.database_url) as connection:
        assert seats.mismatches(connection) == []
        states = connection.execute(
            "SELECT t.state, count(*) FROM hub.tickets t JOIN hub.orders o USING (order_id)"
            " WHERE o.order_no = ANY(%s) GROUP BY 1",
            ([claim.order_no for claim in first],),
        ).fetchall()
    assert states == [("expired", len(first))]
