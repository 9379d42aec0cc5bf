"""What a difference means: the order around it, what was accepted, who still waits; and groups of rows."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from reconciliation.breaks import said, seat_breaks
from reconciliation.datasets import write_dataset
from reconciliation.definitions import definitions
from reconciliation.sources.seats import double_sold
from tests.reconciliation.matching.sides import (
    BEGIN,
    DAY,
    MINUTE,
    PAYOUTS,
    WEB,
    WECHAT,
    Matched,
    days_later,
    definition,
    match,
    row,
    rows,
)

# --- hub and processor: one-sided money gets its kind from its order

HUB = [
    "E1-T ticket 100 issued order=E1",
    "wechat|1 payment 100 order=E1",
    "E2-T ticket 100 issued order=E2",
    "wechat|2 payment 100 order=E2",
    "E3-T ticket 100 refunded order=E3",
    "E4-T ticket 100 issued order=E4",
    "E5-T ticket 100 lapsed order=E5",
    "wechat|5 payment 100 order=E5",
    "E6-T ticket 100 refunded order=E6",
    "wechat|6r refund 95 order=E6",
    "wechat|8 payment 10000 order=E8",
    "alipay|9 payment 100 order=E9",
]
BILL = [
    "wechat|1 payment 100 order=E1 fee=600",
    "wechat|1b payment 100 order=E1",
    "wechat|3 payment 100 order=E3",
    "wechat|4 payment 100 order=E4",
    "wechat|7 payment 100 order=E7",
    "wechat|1r refund 95 order=E1",
    "wechat|4r refund 95 order=E4",
    "wechat|6 payment 100 order=E6",
    "wechat|8 payment 10000 order=E8 fee=50000",
]
MEANT = [
    ("DOUBLE_PAYMENT", "wechat|1b", "the order has another capture"),
    ("PAID_NO_TICKET", "wechat|3", "the order has no valid ticket"),
    ("MISSING_IN_HUB", "wechat|4", "its ticket is valid: a lost message"),
    ("MISSING_IN_HUB", "wechat|6", "a channel claims it"),
    ("MISSING_IN_HUB", "wechat|7", "nobody of ours knows the order"),
    ("MISSING_IN_HUB", "wechat|4r", "a refund that a channel claims"),
    ("ORPHAN_REFUND", "wechat|1r", "a refund that nobody ordered"),
    ("TICKET_NO_PAYMENT", "wechat|2", "a ticket was issued against it"),
    ("MISSING_IN_CHANNEL", "wechat|5", "no ticket was ever issued"),
    ("MISSING_IN_CHANNEL", "wechat|6r", "a refund that the processor does not have"),
    ("FEE", "wechat|8", "0.5 % where 0.6 % is agreed"),
]


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Matched:
    folder = tmp_path_factory.mktemp("bill")
    claims = write_dataset(
        folder / "claims", rows(["wechat|6 payment 100", "wechat|4r refund 95", "wechat|1b ticket 1"])
    )
    pair = definition(WECHAT, fee={"rate_ppm": 6000, "tolerance": 500}, passes=[{"pass": "exact"}])
    return match(folder, pair, rows(HUB), rows(BILL), around={"claims": claims.paths})


@pytest.mark.parametrize(("kind", "key", "why"), MEANT, ids=[m[2] for m in MEANT])
def test_money_is_explained_by_its_order(bill: Matched, kind: str, key: str, why: str) -> None:
    assert [b.kind for b in bill.breaks if b.key == key] == [kind]


def test_nothing_else_is_a_break(bill: Matched) -> None:
    assert bill.found == sorted((kind, key) for kind, key, _ in MEANT)


def test_a_fee_is_worth_what_it_is_off(bill: Matched) -> None:
    fee = bill.one("FEE")
    assert (fee.amount, fee.right and fee.right["fee"]) == (10, 50000)


# --- what a break carries


def test_a_break_carries_both_sides_and_the_way_to_the_bytes(tmp_path: Path) -> None:
    left = row("A ticket 100 issued seat=5-1A person=resident_id|" + "a" * 32)
    right = row("A ticket 130 refunded seat=5-2A at=7 place=line-7 sha256=ff raw=A,130 person=resident_id|" + "b" * 32)
    found = match(tmp_path, WEB, [left], [right])
    by_kind = {b.kind: b for b in found.breaks}
    assert set(by_kind) == {"AMOUNT", "STATUS", "SEAT", "IDENTITY"}
    state = by_kind["STATUS"]
    assert state.left == {
        "kind": "ticket", "state": "issued", "amount": 100, "currency": "CNY", "seat": "5-1A",
        "at": "2026-01-10T16:01:00+00:00",
    }  # fmt: skip
    assert state.evidence == ({"side": "left"}, {"side": "right", "sha256": "ff", "place": "line-7", "raw": "A,130"})
    assert (state.further, state.order_no, state.since.isoformat()) == ("channel", "E1", "2026-01-10T16:01:00+00:00")
    assert {kind: b.amount for kind, b in by_kind.items()} == {
        "AMOUNT": 30,
        "STATUS": 130,
        "SEAT": 130,
        "IDENTITY": 130,
    }
    person = by_kind["IDENTITY"]
    assert person.left is not None
    assert person.left["person"] == "resident_id|" + "a" * 12
    assert said("IDENTITY", left) == said("IDENTITY", person.left)


def test_the_file_of_breaks_names_them_as_the_breaks_do(tmp_path: Path) -> None:
    found = match(tmp_path, WEB, rows(["A ticket 100 issued"]), rows(["票 ticket 100 issued order=E2"]))
    ids = pq.read_table(found.explained.breaks).column("break_id").to_pylist()
    assert sorted(ids) == sorted(str(b.break_id) for b in found.breaks)


# --- accepted, waiting, carried


def test_accepted_values_are_no_break_other_values_are(tmp_path: Path) -> None:
    accepted = {("hub-web", key, "AMOUNT", "100", "150") for key in ("A", "B")}
    accepted |= {("hub-web", "C", "MISSING_IN_CHANNEL", "100", "-"), ("hub-app", "D", "MISSING_IN_CHANNEL", "100", "-")}
    left = rows([f"{key} ticket 100 issued order={key}" for key in "ABCD"])
    right = rows(["A ticket 150 issued order=A", "B ticket 151 issued order=B"])
    found = match(tmp_path, WEB, left, right, around={"accepted": frozenset(accepted)})
    assert found.found == [("AMOUNT", "B"), ("MISSING_IN_CHANNEL", "D")]
    assert (found.explained.adjusted, found.explained.rows["left"]) == (2, {"accepted": 2, "broken": 2})


def test_who_is_young_enough_waits(tmp_path: Path) -> None:
    waits = {("left", DAY): BEGIN + 1430 * MINUTE, ("right", DAY): None}
    left = rows(["A ticket 100 issued at=1429 order=A", "B ticket 100 issued at=1430 order=B"])
    right = rows(["C ticket 100 issued at=1439 order=C"])
    found = match(tmp_path, WEB, left, right, around={"waits_from": waits})
    assert found.found == [("MISSING_IN_CHANNEL", "A"), ("MISSING_IN_HUB", "C")]
    assert pq.read_table(found.explained.waiting).column("l_key").to_pylist() == ["B"]
    assert found.explained.pending == 1


def test_carried_rows(tmp_path: Path) -> None:
    """One that came again keeps its values and is marked; one that found its counterpart clears; one still waits."""
    yesterday = days_later(-1)
    carried = rows([f"{key} ticket 100 issued order={key} sold={yesterday} carried={yesterday}" for key in "ABC"])
    left = rows([f"A ticket 120 issued order=A sold={yesterday}"])
    right = rows(["A ticket 120 issued order=A", "B ticket 100 issued order=B"])
    waits = {("left", date.fromisoformat(yesterday)): 0}
    found = match(tmp_path, WEB, left, right, width=32, carried=(carried, []), around={"waits_from": waits})
    assert found.found == [("TIMING", "A"), ("TIMING", "B")]
    assert (found.counts.carried, found.explained.pending) == (2, 1)


def test_what_the_hub_dates_later_is_matched_at_its_own_date(tmp_path: Path) -> None:
    """23:59 in the bill, 00:01 in the hub: the line waits today and meets the hub's row tomorrow, not both."""
    hub, line = rows(["wechat|1 payment 10000 at=1441"]), rows(["wechat|1 payment 10000 fee=60000 at=1439"])
    waits = {("right", DAY): BEGIN + 1430 * MINUTE}
    today = match(tmp_path / "today", WECHAT, hub, line, around={"waits_from": waits})
    assert (today.found, today.counts.left_rows, today.explained.rows["right"]) == ([], 0, {"waiting": 1, "broken": 0})
    carried = [replace(line[0], carried=DAY.isoformat())]
    early = [replace(hub[0], at=BEGIN + MINUTE)]
    assert match(tmp_path / "next", WECHAT, early, [], carried=([], carried)).found == [("TIMING", "wechat|1")]


# --- groups

NET = [{"pass": "group", "shape": "n:1", "by": "batch", "net_of_fees": True}]


@pytest.fixture(scope="module")
def payouts(tmp_path_factory: pytest.TempPathFactory) -> Matched:
    left = [
        "wechat|1 payment 10000 fee=60000 batch=whole",
        "wechat|2 payment 20000 fee=120000 batch=whole",
        "wechat|3 refund 5000 fee=-30000 batch=whole",
        "wechat|4 payment 10000 batch=short",
        "wechat|5 payment 300 batch=short order=E2",
        "wechat|6 payment 100 batch=unpaid",
        "wechat|7 payment 200 batch=unpaid",
    ]
    right = ["bank|1 payout 24850 batch=whole", "bank|2 payout 10000 batch=short", "bank|9 payout 77 batch=nobodys"]
    return match(tmp_path_factory.mktemp("payouts"), definition(PAYOUTS, passes=NET), rows(left), rows(right), width=32)


def test_a_payout_clears_every_payment_of_its_batch(payouts: Matched) -> None:
    whole = [m for m in payouts.matches() if m["group_id"] == "group|batch|whole|CNY"]
    assert [(m["key"], m["amount"]) for m in whole] == [
        ("wechat|1", 10000), ("wechat|2", 20000), ("wechat|3", -5000), ("bank|1", 24850),
    ]  # fmt: skip
    assert payouts.later.claimed == {"group": (3, 1)}


def test_sums_that_differ_are_one_break_with_both_sums(payouts: Matched) -> None:
    short = payouts.one("AMOUNT")
    assert (short.key, short.amount) == ("short", 300)
    assert short.left is not None
    assert short.right is not None
    assert (short.left["amount"], short.right["amount"]) == (10300, 10000)
    assert short.evidence[0]["place"] == "the sum of 2 rows"


def test_an_unpaid_batch_is_one_break_not_one_for_every_payment(payouts: Matched) -> None:
    missing = payouts.one("MISSING_IN_CHANNEL")
    assert (missing.key, missing.left) == ("unpaid", {"rows": 2, "amount": 300, "currency": "CNY"})
    assert payouts.one("MISSING_IN_HUB").key == "bank|9"


def test_many_to_many_by_order(tmp_path: Path) -> None:
    passes = [{"pass": "exact"}, {"pass": "group", "shape": "n:m", "by": "order_no"}]
    left = ["w|1 payment 100", "w|2 payment 200", "w|3 payment 100 order=E2", "w|4 payment 50 order=E2"]
    right = ["w|8 payment 150", "w|9 payment 150", "w|7 payment 100 order=E2"]
    found = match(tmp_path, definition(WEB, passes=passes), rows(left), rows(right))
    assert found.later.claimed == {"group": (2, 2)}
    assert [(b.kind, b.key, b.amount) for b in found.breaks] == [("AMOUNT", "E2", 50)]


def test_suggestions_are_shown_and_never_matched(tmp_path: Path) -> None:
    passes = [{"pass": "exact"}, {"pass": "suggest", "tolerance": 5, "window_days": [0, 1]}]
    left = ["w|1 payment 100 at=10"]
    right = [
        "w|2 payment 104 at=30 order=E2 batch=b7 place=line-9",
        "w|3 payment 100 at=20 order=E3",
        "w|4 payment 106 at=11 order=E4",
        "w|5 refund 100 at=11 order=E5",
        "w|6 payment 100 at=2890 order=E6",
    ]
    found = match(tmp_path, definition(WEB, passes=passes), rows(left), rows(right))
    assert found.later.claimed == {}
    shown = found.one("MISSING_IN_CHANNEL").suggestions
    assert [s["key"] for s in shown] == ["w|3", "w|2"]
    assert shown[1] == {
        "side": "right", "key": "w|2", "kind": "payment", "order_no": "E2", "amount": 104, "currency": "CNY",
        "batch": "b7", "at": "2026-01-10T16:30:00+00:00", "place": "line-9",
    }  # fmt: skip
    assert json.dumps(shown)


def test_two_tickets_for_one_seat(tmp_path: Path) -> None:
    seats = [
        row(f"{key} ticket {amount} issued seat=5-1A train_run=G1|2026-01-11 order={key} at={at}")
        for key, amount, at in (("B", 100, 1), ("A", 120, 2))
    ]
    timed = write_dataset(tmp_path, [replace(seat, leg_from=1, leg_to=3) for seat in seats])
    pair = definitions()["seats"]
    kinds = seat_breaks(pair, DAY, double_sold(timed.paths, DAY), tmp_path / "seats.parquet")
    assert kinds == {"DOUBLE_SOLD_SEAT": (1, 120)}
    [record] = pq.read_table(tmp_path / "seats.parquet").to_pylist()
    assert (record["key"], json.loads(record["left_value"])["ticket_no"]) == ("A+B", "A")
    assert json.loads(record["evidence"])[1] == {"side": "hub", "ticket_no": "B", "seller": "web"}
