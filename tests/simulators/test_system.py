"""A channel system: it restarts from its journal, takes another seat when it must, and is deaf only by day."""

from datetime import date, datetime
from pathlib import Path

import pytest

from simulators.calendar import DAY_ENDS, at
from simulators.channels import codec_for
from simulators.day import build_plan
from simulators.hub_client import Answer, is_signed, sign
from simulators.journal import Journal
from simulators.plan import Plan, PlanOptions, Step
from simulators.system import ChannelSystem

OPTIONS = PlanOptions(seed=11, orders=200, date=date(2026, 1, 11))
EVENING = at(OPTIONS.date, DAY_ENDS)
APPLIED = Answer(200, {"outcome": "applied"})


@pytest.fixture(scope="module")
def plan() -> Plan:
    return build_plan(OPTIONS, "web")


def system(plan: Plan, folder: Path) -> ChannelSystem:
    return ChannelSystem("web", plan, codec_for("web"), Journal(folder / "web.journal.jsonl"))


def play(web: ChannelSystem, until: datetime) -> None:
    for things in web.due(until).values():
        for thing in things:
            if thing.kind == "act":
                web.act(thing.step)
            else:
                web.answered(thing.step, APPLIED)
    web.lapse(until)


def racing(plan: Plan) -> Step:
    return next(step for step in plan.steps["web"] if step.alternative)


def test_it_restarts_where_it_was(plan: Plan, tmp_path: Path) -> None:
    noon = at(OPTIONS.date, "12:00")
    before = system(plan, tmp_path)
    play(before, noon)
    before.journal.close()
    after = system(plan, tmp_path)
    after.lapse(noon)
    assert after.waiting == before.waiting > 0
    assert after.outcomes == before.outcomes
    assert after.book.orders == before.book.orders
    before.journal = after.journal
    assert after.extract(OPTIONS.date) == before.extract(OPTIONS.date)
    after.journal.close()


def test_who_lost_the_race_sits_elsewhere_from_then_on(plan: Plan, tmp_path: Path) -> None:
    web = system(plan, tmp_path)
    step = racing(plan)
    play(web, step.act.at)
    planned = web.wire(step, step.message_id).body
    assert web.take_other_seat(step) == f"{step.message_id}-b"
    place = step.alternative[0]
    assert web.wire(step, f"{step.message_id}-b").body != planned
    play(web, EVENING)
    ticket = web.book.orders[step.act.order.order_no].tickets[0]
    assert (ticket.coach, ticket.seat_no, ticket.state) == (place.coach, place.number, "issued")
    assert ticket.ticket_no.endswith(place.number)
    web.journal.close()


def test_a_hold_nobody_pays_lapses_by_the_channels_own_clock(plan: Plan, tmp_path: Path) -> None:
    web = system(plan, tmp_path)
    play(web, EVENING)
    held = [t for order in web.book for t in order.tickets if t.state == "held"]
    expired = [t for order in web.book for t in order.tickets if t.state == "expired"]
    assert not held
    assert expired
    web.journal.close()


def test_the_extract_says_the_wrong_fare_only_where_planned(plan: Plan, tmp_path: Path) -> None:
    web = system(plan, tmp_path)
    play(web, EVENING)
    wrong = {number for number in plan.fare_errors if number in web.book.orders}
    assert wrong
    for order in web.book:
        told = web._as_told(order)
        error = plan.fare_errors.get(order.order_no, 0)
        assert told.tickets[0].fare_fen - order.tickets[0].fare_fen == error
    web.journal.close()


def test_signatures_are_those_of_standard_webhooks() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    # The example of the specification (standardwebhooks 1.0).
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"v1,AAAA {signature}",
    }
    assert is_signed(secret, headers, body)
    assert not is_signed(secret, headers, body + b" ")
