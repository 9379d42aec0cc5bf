"""The interlock: never two valid tickets on one seat and leg, never a free seat refused."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import combinations, permutations

import pytest

from hub.intake.freed import grant_freed_seats
from hub.intake.holds import expire_holds
from hub.store import seats
from hub.store.checks import ledger_complaints, ledger_digest
from schemas.facts import Fact, Retracted, TicketChanged, TicketHeld, TicketIssued, TicketStep
from tests.hub.railway import (
    CHANNELS,
    Railway,
    Speaker,
    cancel,
    content,
    hold,
    observation,
    passenger,
    refund,
    sale,
)
from tests.hub.test_any_order import emptied


def healthy(railway: Railway) -> bool:
    with railway.pool.connection() as connection:
        return seats.mismatches(connection) == []


def test_an_ask_for_a_sold_seat_is_refused_and_leaves_nothing(railway: Railway) -> None:
    now = railway.clock()
    railway.tell("north", "m-1", sale("EW00000001", "north", now, legs=(0, 4)))
    answer = railway.tell("south", "s-1", hold("ES00000001", "south", now, legs=(3, 6)))
    assert (answer.status, answer.body["code"]) == (409, "seat_already_sold")
    assert "coach 5 seat 12A" in answer.body["detail"]
    with railway.pool.connection() as connection:
        assert connection.execute("SELECT count(*) FROM hub.orders").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM hub.refs WHERE value = 'ES00000001'").fetchone() == (0,)
    assert healthy(railway)


def test_the_same_seat_on_other_legs_is_free(railway: Railway) -> None:
    now = railway.clock()
    assert railway.tell("north", "m-1", sale("EW00000001", "north", now, legs=(0, 3))).outcome == "applied"
    assert railway.tell("south", "s-1", hold("ES00000001", "south", now, legs=(3, 6))).outcome == "applied"
    assert healthy(railway)


def test_a_tell_for_a_sold_seat_is_a_dispute_and_the_first_holder_keeps_it(railway: Railway) -> None:
    now = railway.clock()
    railway.tell("north", "m-1", sale("EW00000001", "north", now))
    answer = railway.tell("south", "s-1", sale("ES00000001", "south", now))
    assert answer.outcome == "disputed"
    assert answer.body["disputes"] == ["seat_already_sold|ES000000011050012A".replace("0012A", "012A")]
    with railway.pool.connection() as connection:
        held = connection.execute("SELECT ticket_no, state, holds_seat FROM hub.tickets ORDER BY 1").fetchall()
    assert held == [("ES00000001105012A", "issued", False), ("EW00000001105012A", "issued", True)]
    assert healthy(railway)


def test_both_in_one_batch_still_make_one_holder(railway: Railway) -> None:
    now = railway.clock()
    answers = railway.intake.take(
        [
            railway.receipt("north", "m-1", sale("EW00000001", "north", now)),
            railway.receipt("south", "s-1", sale("ES00000001", "south", now)),
            railway.receipt("east", "e-1", hold("EE00000001", "east", now)),
        ]
    )
    assert sorted(answer.outcome for answer in answers) == ["applied", "disputed", "refused"]
    assert healthy(railway)


@pytest.mark.parametrize("asked", [True, False])
def test_who_lost_within_a_batch_to_a_party_that_is_refused_has_the_seat(railway: Railway, asked: bool) -> None:
    """The party wants 12A and 12B; 12B is sold. So 12A is free for who asked next, in the same transaction too."""
    now = railway.clock()
    railway.tell("north", "m-1", sale("EW00000001", "north", now, seat="12B"))
    party = [hold("ES00000001", "south", now, seat=seat).facts[0] for seat in ("12A", "12B")]
    other = replace_passenger(party)
    answers = railway.intake.take(
        [
            railway.receipt("south", "s-1", observation("ES00000001", "south", other, now, mode="ask")),
            railway.receipt("east", "e-1", (hold if asked else sale)("EE00000002", "east", now, seat="12A")),
        ]
    )
    assert [answer.outcome for answer in answers] == ["refused", "applied"]
    assert healthy(railway)


def replace_passenger(held: list[Fact]) -> list[Fact]:
    """The same holds, each for somebody else: nobody can be on two seats."""
    found: list[Fact] = []
    for number, fact in enumerate(held):
        assert isinstance(fact, TicketHeld)
        ticket = fact.ticket.model_copy(update={"passenger": passenger(7000 + number)})
        found.append(fact.model_copy(update={"ticket": ticket}))
    return found


def test_a_cancelled_hold_frees_the_seat_for_the_next(railway: Railway) -> None:
    now = railway.clock()
    railway.tell("north", "m-1", hold("EW00000001", "north", now))
    assert railway.tell("south", "s-1", hold("ES00000001", "south", now)).body["code"] == "seat_already_sold"
    railway.tell("north", "m-2", cancel("EW00000001", "north", now, content("EW00000001", "north").ticket_no))
    assert railway.tell("south", "s-2", hold("ES00000001", "south", now)).outcome == "applied"
    assert healthy(railway)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("asked", [True, False])
def test_a_hold_whose_time_is_over_is_in_nobodys_way(railway: Railway, asked: bool, batch: bool) -> None:
    """Even before the beat comes by to let it expire: its seat is free from that moment on."""
    began = railway.clock()
    railway.tell("north", "m-1", hold("EW00000001", "north", began, minutes=30, legs=(0, 3)))
    railway.tell("north", "m-2", hold("EW00000002", "north", began, minutes=30, legs=(3, 6)))
    railway.clock.advance(timedelta(minutes=31))
    now = railway.clock()
    wanted = (hold if asked else sale)("ES00000001", "south", now, legs=(2, 4))
    receipts = [railway.receipt("south", "s-1", wanted)]
    if batch:
        receipts.append(railway.receipt("east", "e-1", sale("EE00000001", "east", now, seat="13A")))
    assert {answer.outcome for answer in railway.intake.take(receipts)} == {"applied"}
    with railway.pool.connection() as connection:
        states = connection.execute("SELECT ticket_no, state FROM hub.tickets ORDER BY 1").fetchall()
        assert ledger_complaints(connection) == []
    assert [state for ticket_no, state in states if ticket_no.startswith("EW")] == ["expired", "expired"]
    assert expire_holds(railway.intake, railway.pool, railway.clock) == 0
    assert healthy(railway)


def test_a_hold_that_is_over_is_left_to_the_beat_while_somebody_else_is_in_the_way_too(railway: Railway) -> None:
    began = railway.clock()
    railway.tell("north", "m-1", hold("EW00000001", "north", began, minutes=30, legs=(0, 3)))
    railway.tell("north", "m-2", sale("EW00000002", "north", began, legs=(3, 6)))
    railway.clock.advance(timedelta(minutes=31))
    answer = railway.tell("south", "s-1", hold("ES00000001", "south", railway.clock(), legs=(2, 4)))
    assert answer.body["code"] == "seat_already_sold"
    assert expire_holds(railway.intake, railway.pool, railway.clock) == 1
    assert healthy(railway)


def test_an_unknown_train_cannot_be_asked_for_but_a_sale_on_it_is_kept(railway: Railway) -> None:
    now = railway.clock()
    there = hold("EW00000001", "north", now, legs=(5, 2))
    assert railway.tell("north", "m-1", there).body["code"] == "train_unknown"
    told = sale("EW00000002", "north", now, legs=(5, 2))
    assert railway.tell("north", "m-2", told).outcome == "applied"


def test_five_channels_claim_one_train_at_once(railway: Railway) -> None:
    """1,500 asks for 12 seats x 6 legs from five threads: exactly the granted ones are disjoint, none is refused
    without somebody in the way."""
    rng = random.Random(20260312)
    wanted = []
    for number in range(1500):
        start = rng.randrange(6)
        legs = (start, rng.randrange(start + 1, 7))
        channel = CHANNELS[number % 5]
        order_no = f"E{channel[0].upper()}{number:08d}"
        wanted.append((channel, order_no, f"{rng.randrange(12) + 1}A", legs))
    now = railway.clock()

    def ask(start: int) -> list[bool]:
        result = []
        mine = wanted[start::5]
        for at in range(0, len(mine), 10):
            batch = [
                railway.receipt(channel, order_no, hold(order_no, channel, now, seat=seat, legs=legs))
                for channel, order_no, seat, legs in mine[at : at + 10]
            ]
            result += [answer.outcome == "applied" for answer in railway.intake.take(batch)]
        return result

    with ThreadPoolExecutor(5) as threads:
        granted_by_thread = list(threads.map(ask, range(5)))
    granted = [
        item for place in range(5) for item, won in zip(wanted[place::5], granted_by_thread[place], strict=True) if won
    ]
    refused = [
        item
        for place in range(5)
        for item, won in zip(wanted[place::5], granted_by_thread[place], strict=True)
        if not won
    ]
    by_seat: dict[str, list[tuple[int, int]]] = {}
    for _, _, seat, legs in granted:
        by_seat.setdefault(seat, []).append(legs)
    for taken in by_seat.values():
        assert not any(overlap(one, other) for one, other in combinations(taken, 2))
    for _, order_no, seat, legs in refused:
        assert any(overlap(legs, other) for other in by_seat[seat]), f"{order_no} was refused a free seat"
    assert len(granted) > 12
    assert healthy(railway)


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def test_a_refused_change_keeps_the_seat_that_it_would_have_given_up(railway: Railway) -> None:
    """The ask gives one seat up and claims another, which is sold: the order has what it had, in every table."""
    now = railway.clock()
    old, new = content("ES00000001", "south", seat="12A"), content("ES00000001", "south", seat="12B")
    railway.tell("south", "s-1", sale("ES00000001", "south", now, seat="12A"))
    railway.tell("north", "n-1", sale("EN00000002", "north", now, seat="12B"))
    changed: list[Fact] = [
        TicketChanged(occurred_at=now, ticket_no=old.ticket_no, new_ticket_no=new.ticket_no),
        TicketIssued(occurred_at=now, ticket=new.model_copy(update={"origin": "change", "replaces": old.ticket_no})),
    ]
    answer = railway.tell("south", "s-2", observation("ES00000001", "south", changed, now, mode="ask"))
    assert answer.body["code"] == "seat_already_sold"
    assert healthy(railway)
    assert railway.tell("east", "e-1", hold("EE00000003", "east", now, seat="12A")).body["code"] == "seat_already_sold"


def test_a_ticket_that_is_valid_again_may_find_its_seat_sold(railway: Railway) -> None:
    """Its refund is withdrawn, as it was another ticket's; meanwhile somebody has bought the seat, and keeps it."""
    now = railway.clock()
    sold = sale("ES00000001", "south", now)
    ticket_no = sold.facts[0].ticket.ticket_no  # type: ignore[union-attr]  # an issued ticket
    railway.tell("south", "s-1", sold)
    given_back = refund("ES00000001", "south", now, ticket_no)
    railway.tell("south", "s-2", given_back)
    assert railway.tell("north", "n-1", sale("EN00000002", "north", now)).outcome == "applied"
    back = Retracted(occurred_at=now, retracts=given_back.facts[0].identity, reason="another ticket was meant")
    answer = railway.tell("south", "s-3", observation("ES00000001", "south", [back], now))
    assert (answer.outcome, answer.body["disputes"]) == ("disputed", [f"seat_already_sold|{ticket_no}"])
    assert healthy(railway)


def test_whoever_lost_a_seat_gets_it_when_it_comes_free(railway: Railway) -> None:
    """Sold, given back and sold again, told in any order: the second buyer sits there, and nothing is in dispute."""
    now = railway.clock()
    first, second = sale("ES00000001", "south", now), sale("EN00000002", "north", now + timedelta(hours=2))
    given_back = refund("ES00000001", "south", now + timedelta(hours=1), first.facts[0].ticket.ticket_no)  # type: ignore[union-attr]
    told = [("south", "s-1", first), ("south", "s-2", given_back), ("north", "n-1", second)]
    found = set()
    for order in permutations(told):
        emptied(railway)
        for message in order:
            assert railway.tell(*message).status == 200
        while grant_freed_seats(railway.intake, railway.pool, railway.clock):
            railway.clock.set(railway.clock() + timedelta(seconds=2))
        assert grant_freed_seats(railway.intake, railway.pool, railway.clock) == 0
        with railway.pool.connection() as connection:
            holders = connection.execute("SELECT ticket_no FROM hub.tickets WHERE holds_seat").fetchall()
            found.add(ledger_digest(connection, {name: Speaker(name) for name in CHANNELS}, railway.seal).digest)
            assert ledger_complaints(connection) == []
        assert holders == [(second.facts[0].ticket.ticket_no,)]  # type: ignore[union-attr]  # an issued ticket
    assert len(found) == 1


def test_a_seat_that_is_lost_got_and_lost_again(railway: Railway) -> None:
    """It came free, its refund was withdrawn, it came free for good: the order says each time what is so."""
    now = railway.clock()
    first, second = sale("ES00000001", "south", now), sale("EN00000002", "north", now)
    number = first.facts[0].ticket.ticket_no  # type: ignore[union-attr]  # an issued ticket
    given_back = refund("ES00000001", "south", now, number)
    railway.tell("south", "s-1", first)
    railway.tell("north", "n-1", second)
    railway.tell("south", "s-2", given_back)
    assert grant_freed_seats(railway.intake, railway.pool, railway.clock) == 1
    back = Retracted(occurred_at=now, retracts=given_back.facts[0].identity, reason="another ticket was meant")
    assert railway.tell("south", "s-3", observation("ES00000001", "south", [back], now)).outcome == "disputed"
    voided = TicketStep(fact="ticket.voided", occurred_at=now, ticket_no=second.facts[0].ticket.ticket_no)  # type: ignore[union-attr]
    railway.tell("north", "n-2", observation("EN00000002", "north", [voided], now))
    assert grant_freed_seats(railway.intake, railway.pool, railway.clock) == 1
    undone = Retracted(occurred_at=now, retracts=voided.identity, reason="it was the other ticket")
    assert railway.tell("north", "n-3", observation("EN00000002", "north", [undone], now)).outcome == "disputed"
    with railway.pool.connection() as connection:
        assert ledger_complaints(connection) == []
