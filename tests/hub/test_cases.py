"""What a person has to look at: found when it is so, gone when it is not, whatever the order of arrival."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from hub.store import cases
from schemas.facts import Stop, TicketContent, TicketHeld, TicketIssued
from tests.hub.railway import Railway, content, hold, observation, passenger, refund, sale

NOBODY_ELSE = passenger(77)


def journey(order_no: str, departs: datetime, minutes: int, seat: str) -> TicketContent:
    """A ticket of the one passenger of this file, on the train of that time."""
    ticket = content(order_no, "north", seat=seat)
    leg = ticket.leg.model_copy(
        update={
            "origin": Stop(station="AAA", at=departs),
            "destination": Stop(station="GGG", at=departs + timedelta(minutes=minutes)),
        }
    )
    return ticket.model_copy(update={"leg": leg, "passenger": NOBODY_ELSE})


def told(railway: Railway, order_no: str, ticket: TicketContent, channel: str = "north") -> str:
    at = railway.clock()
    fact = TicketIssued(occurred_at=at, ticket=ticket)
    return railway.tell(channel, f"m-{order_no}", observation(order_no, channel, [fact], at)).outcome


def asked(railway: Railway, order_no: str, ticket: TicketContent, channel: str = "south") -> tuple[str, str | None]:
    at = railway.clock()
    fact = TicketHeld(occurred_at=at, ticket=ticket, expires_at=at + timedelta(minutes=30))
    answer = railway.tell(channel, f"a-{order_no}", observation(order_no, channel, [fact], at, mode="ask"))
    return answer.outcome, answer.body.get("code")


def found(railway: Railway, kind: cases.CaseKind | None = None) -> list[cases.Case]:
    with railway.pool.connection() as connection:
        return cases.open_cases(connection, railway.clock() - timedelta(minutes=60), kind)


MORNING = datetime.fromisoformat("2026-03-12T08:00:00+08:00")


@pytest.mark.parametrize(
    ("departs", "outcome"),
    [
        (0, ("refused", "same_person_on_overlapping_trains")),
        (119, ("refused", "same_person_on_overlapping_trains")),
        (-119, ("refused", "same_person_on_overlapping_trains")),
        (120, ("applied", None)),
        (-120, ("applied", None)),
    ],
)
def test_an_ask_for_a_second_train_at_the_same_time_is_refused(
    railway: Railway, departs: int, outcome: tuple[str, str | None]
) -> None:
    """Two hours each; the minute in which one arrives may be the minute in which the other leaves."""
    told(railway, "EW00000001", journey("EW00000001", MORNING, 120, "1A"))
    second = journey("EW00000002", MORNING + timedelta(minutes=departs), 120, "2A")
    assert asked(railway, "EW00000002", second) == outcome


def test_a_tell_is_taken_and_is_a_case_until_one_ticket_is_given_back(railway: Railway) -> None:
    first, second = journey("EW00000001", MORNING, 120, "1A"), journey("EW00000002", MORNING, 120, "2A")
    assert told(railway, "EW00000001", first) == "applied"
    assert told(railway, "EW00000002", second, "south") == "applied"
    (case,) = found(railway, "overlap")
    assert case.detail == f"{first.ticket_no} and {second.ticket_no}"
    assert len(case.subjects) == 2
    railway.tell("south", "r-1", refund("EW00000002", "south", railway.clock(), second.ticket_no))
    assert found(railway) == []


def test_a_refused_ask_leaves_nothing_behind_and_a_later_one_may_pass(railway: Railway) -> None:
    first = journey("EW00000001", MORNING, 120, "1A")
    told(railway, "EW00000001", first)
    assert asked(railway, "EW00000002", journey("EW00000002", MORNING, 120, "2A"))[0] == "refused"
    railway.tell("north", "r-1", refund("EW00000001", "north", railway.clock(), first.ticket_no))
    again = journey("EW00000003", MORNING, 120, "2A")
    assert asked(railway, "EW00000003", again) == ("applied", None)


def test_of_eight_asks_for_one_person_at_once_one_is_granted(railway: Railway) -> None:
    tickets = [journey(f"EW0000000{n}", MORNING, 120, f"{n}A") for n in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda t: asked(railway, t.ticket_no[:10], t), tickets))
    assert sorted(outcome for outcome, _ in answers) == ["applied"] + ["refused"] * 7
    assert {code for _, code in answers} == {None, "same_person_on_overlapping_trains"}
    assert found(railway) == []


def test_two_asks_in_one_batch_see_each_other(railway: Railway) -> None:
    at = railway.clock()
    receipts = []
    for n in (1, 2):
        ticket = journey(f"EW0000000{n}", MORNING, 120, f"{n}A")
        fact = TicketHeld(occurred_at=at, ticket=ticket, expires_at=at + timedelta(minutes=30))
        receipts.append(
            railway.receipt("south", f"a-{n}", observation(f"EW0000000{n}", "south", [fact], at, mode="ask"))
        )
    assert [answer.outcome for answer in railway.intake.take(receipts)] == ["applied", "refused"]


def test_an_order_without_its_sale_is_a_case_after_an_hour_and_none_once_it_came(railway: Railway) -> None:
    whole = sale("EW00000001", "north", railway.clock())
    number = whole.facts[0].ticket.ticket_no  # type: ignore[union-attr]  # a sale begins with its ticket
    railway.tell("south", "s-1", refund("EW00000001", "south", railway.clock(), number))
    assert found(railway) == []
    railway.clock.advance(timedelta(minutes=61))
    (case,) = found(railway)
    assert (case.kind, case.detail) == ("incomplete", "EW00000001: only south spoke of it, no sale came")
    railway.tell("north", "m-1", whole)
    assert found(railway) == []


def test_disputes_are_cases_oldest_first(railway: Railway) -> None:
    now = railway.clock()
    for n, fare in enumerate((55800, 55900), 1):
        order_no = f"EW0000000{n}"
        railway.tell("north", f"m-{n}", sale(order_no, "north", now + timedelta(minutes=n), seat=f"{n}A"))
        railway.tell("south", f"s-{n}", sale(order_no, "south", now + timedelta(minutes=n), seat=f"{n}A", fare=fare))
    # The ticket and its payment are each told with two amounts.
    assert [case.name for case in found(railway)] == ["amount_differs"] * 4
    assert found(railway)[0].since < found(railway)[-1].since
    assert found(railway, "overlap") == []


def test_a_hold_without_times_is_granted(railway: Railway) -> None:
    """A channel that does not say when its train runs is not punished for it."""
    at = railway.clock()
    assert railway.tell("south", "a-1", hold("EW00000009", "south", at)).outcome == "applied"
