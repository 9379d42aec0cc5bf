"""The plan of a day: the same every time, no seat twice but in races, every fault on its own order."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise

import pytest

from schemas.identifiers import order_no, resident_id, ticket_no
from simulators.book import SimTicket
from simulators.calendar import DAY_BEGINS, DAY_ENDS, at
from simulators.day import build_plan
from simulators.plan import CHANNELS, Plan, PlanOptions, Step
from simulators.seeded_faults import KINDS
from simulators.timetable import trains

OPTIONS = PlanOptions(seed=7, orders=600, date=date(2026, 1, 11))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return build_plan(OPTIONS)


def steps(plan: Plan) -> list[Step]:
    return [step for channel in CHANNELS for step in plan.steps[channel]]


def said(plan: Plan) -> list[tuple[object, ...]]:
    return [(s.message_id, s.act, s.send_at, s.rank, s.travel, s.alternative) for s in steps(plan)]


def test_the_same_options_give_the_same_plan(plan: Plan) -> None:
    again = build_plan(OPTIONS)
    assert said(again) == said(plan)
    assert (again.captures, again.repayments, again.truth) == (plan.captures, plan.repayments, plan.truth)


def test_another_seed_gives_another_plan(plan: Plan) -> None:
    other = build_plan(PlanOptions(8, OPTIONS.orders, OPTIONS.date))
    assert said(other) != said(plan)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_sees_the_same_plan_alone(plan: Plan, channel: str) -> None:
    alone = build_plan(OPTIONS, channel)
    assert [s.act for s in alone.steps[channel]] == [s.act for s in plan.steps[channel]]
    assert alone.captures == plan.captures


def test_as_many_orders_as_asked_for_in_every_channel(plan: Plan) -> None:
    sold = {s.act.order.order_no: s.act.order.channel for s in steps(plan)}
    assert len(sold) == plan.orders == OPTIONS.orders
    assert set(sold.values()) == set(CHANNELS)


def test_no_seat_is_sold_twice_on_a_leg_but_in_races(plan: Plan) -> None:
    stops = {train.train_no: [call.station for call in train.calls] for train in trains()}
    racing = {o for e in plan.truth if e["fault"].startswith("seat_race") for o in e["orders"]}
    sold: dict[tuple[object, ...], int] = defaultdict(int)
    tickets: dict[str, SimTicket] = {}
    for step in steps(plan):
        if step.act.order.order_no not in racing:
            tickets.update({ticket.ticket_no: ticket for ticket in step.act.order.tickets})
    assert len(tickets) > OPTIONS.orders
    for ticket in tickets.values():
        line = stops[ticket.train_no]
        mask = (1 << line.index(ticket.to_station)) - (1 << line.index(ticket.from_station))
        seat = (ticket.train_no, ticket.service_date, ticket.coach, ticket.seat_no)
        assert sold[seat] & mask == 0, f"{seat} is sold twice"
        sold[seat] |= mask


def test_faults_are_disjoint_and_as_many_as_planned(plan: Plan) -> None:
    kinds = Counter(entry["fault"] for entry in plan.truth)
    assert kinds == dict.fromkeys(KINDS, 2) | {"shift_file_twice": 1, "shift_file_broken_total": 1}
    orders = [order for entry in plan.truth for order in entry["orders"]]
    assert len(orders) == len(set(orders))


def test_numbers_check_themselves(plan: Plan) -> None:
    for step in steps(plan):
        assert order_no.is_valid(step.act.order.order_no)
        for ticket in step.act.order.tickets:
            assert ticket_no.split(ticket.ticket_no)[0] == step.act.order.order_no
            if ticket.document_type == "resident_id":
                assert resident_id.is_valid(ticket.document_no)
                assert ticket.document_no.startswith("99")


def test_nobody_holds_two_tickets_of_one_document_at_a_time(plan: Plan) -> None:
    holders: dict[str, set[str]] = defaultdict(set)
    for step in steps(plan):
        for ticket in step.act.order.tickets:
            holders[ticket.document_no].add(step.act.order.order_no)
    shared = [orders for orders in holders.values() if len(orders) > 1]
    # Only the passenger with a login has two orders; they are days apart.
    assert len(shared) == 1


def test_an_order_adds_up_after_every_act(plan: Plan) -> None:
    for step in steps(plan):
        order = step.act.order
        gone = {n for change in order.changes for n in change.old_ticket_nos}
        sold = sum(t.fare_fen + t.surcharge_fen for t in order.tickets if t.origin == "sale" and t.issued_at)
        changed = sum(change.difference_fen - change.fee_fen for change in order.changes)
        refunded = sum(r.net_fen for r in order.refunds if not set(r.ticket_nos) <= gone)
        kept = sum(p.amount_fen for p in order.payments) - sum(r.net_fen for r in order.refunds)
        assert kept == sold - changed - refunded
        for refund in order.refunds:
            assert refund.gross_fen == refund.fee_fen + refund.net_fen
            assert refund.net_fen > 0


def test_acts_lie_within_the_day_and_an_order_goes_forward(plan: Plan) -> None:
    begin, end = at(OPTIONS.date, DAY_BEGINS), at(OPTIONS.date, DAY_ENDS)
    by_order: dict[str, list[Step]] = defaultdict(list)
    for step in steps(plan):
        assert begin < step.act.at <= end
        assert step.send_at <= end
        by_order[step.act.order.order_no].append(step)
    for story in by_order.values():
        story.sort(key=lambda step: step.act.order.revision)
        assert [s.act.at for s in story] == sorted(s.act.at for s in story)


def test_who_follows_a_window_waits_for_its_file(plan: Plan) -> None:
    by_order: dict[str, list[Step]] = defaultdict(list)
    for step in steps(plan):
        by_order[step.act.order.order_no].append(step)
    for story in by_order.values():
        story.sort(key=lambda step: step.act.at)
        for before, after in pairwise(story):
            if before.act.channel == "windows":
                assert after.act.at >= before.send_at + timedelta(minutes=30)


def test_fares_are_multiples_of_half_a_yuan_and_tickets_are_not_refunded_after_departure(plan: Plan) -> None:
    for step in steps(plan):
        for ticket in step.act.order.tickets:
            assert ticket.fare_fen % 50 == 0
            assert ticket.fare_fen > 0
            assert step.act.at < ticket.depart_at < ticket.arrive_at
