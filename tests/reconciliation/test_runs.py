"""A day reconciled from end to end on a real database: what is found, what is resolved, what the next run proves."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from interlock.database import Pool
from reconciliation.cases import BreakFilter
from reconciliation.reports.day import day_report
from reconciliation.runs import DayOutcome, Reconciler, ReconOptions
from reconciliation.runs.pieces import take_piece
from reconciliation.runs.worklist import Worklist
from schemas.facts import SeatNotGranted, TicketChanged
from tests.reconciliation.house import (
    DAY,
    Clock,
    House,
    at,
    bill_of,
    captured,
    content,
    expired,
    held,
    issued,
    movements_of,
    reconciler,
    refunded,
    sale,
    tell,
    ticket_no,
    wechat_bill,
)


@pytest.fixture
def house() -> House:
    """Three orders on which everybody agrees, in three channels."""
    world = House()
    world.both(sale("web", "EW10000001", at("09:00")))
    world.both(sale("app", "EA10000001", at("09:10"), coach="06"))
    world.both(sale("agents", "ED10000001", at("09:20"), seat="01A"))
    bill_of(world)
    return world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recon(pool: Pool, house: House, clock: Clock, tmp_path: Path) -> Reconciler:
    return reconciler(pool, house, clock, tmp_path)


NAMES = ["hub-web", "hub-app", "hub-agents", "hub-wechat", "seats"]


def run(recon: Reconciler, day: date = DAY, names: Sequence[str] = NAMES) -> DayOutcome:
    return recon.run_day(day, names)


def breaks(pool: Pool) -> list[tuple[str, str, str, str]]:
    with pool.connection() as connection:
        rows = connection.execute("SELECT definition, kind, key, state FROM recon.breaks ORDER BY 1, 2, 3").fetchall()
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def wechat(order_no: str) -> str:
    return f"wechat|42{order_no[1:]}"


def test_a_day_without_faults_has_no_breaks(recon: Reconciler, pool: Pool) -> None:
    outcome = run(recon)
    assert breaks(pool) == []
    assert [(d.definition, d.state, d.left_rows, d.right_rows) for d in outcome.definitions] == [
        ("hub-web", "done", 2, 2),
        ("hub-app", "done", 2, 2),
        ("hub-agents", "done", 2, 2),
        ("hub-wechat", "done", 3, 3),
        ("seats", "done", 3, 0),
    ]


def test_the_same_inputs_are_the_same_run(recon: Reconciler, house: House, pool: Pool) -> None:
    house.channel(sale("web", "EW10000009", at("10:00"), coach="01"))
    house.silent.add("app")
    first, second = run(recon), run(recon)
    third = run(recon)
    assert [d.unchanged for d in second.definitions] == [False, True, True, False, False]
    assert all(d.unchanged for d in third.definitions)
    assert [d.run_id for d in third.definitions] == [d.run_id for d in second.definitions]
    assert first.definitions[1].state == "waiting"
    assert third.steps == []


def test_a_lost_sale_is_taken_from_the_extract_and_proven(recon: Reconciler, house: House, pool: Pool) -> None:
    lost = sale("web", "EW10000002", at("10:00"), coach="01")
    house.both(lost)
    bill_of(house)
    del house.documents["EW10000002"]
    run(recon)
    assert breaks(pool) == [
        ("hub-web", "MISSING_IN_HUB", ticket_no("EW10000002", "01"), "resolved"),
        ("hub-wechat", "MISSING_IN_HUB", wechat("EW10000002"), "left"),
    ]
    covers = recon.cases.breaks(_web_filter())[0]["covers"]
    assert [c["key"] for c in covers] == [wechat("EW10000002")]
    assert len(house.posted) == 1
    assert house.posted[0][1].startswith("recon-")
    run(recon)
    assert [state for *_, state in breaks(pool)] == ["cleared", "cleared"]
    assert len(house.posted) == 1


def _web_filter() -> BreakFilter:
    return BreakFilter(business_date=DAY, definition="hub-web")


def test_a_cancel_that_was_never_pushed_is_taken_from_the_extract(recon: Reconciler, house: House, pool: Pool) -> None:
    house.channel(
        tell("agents", "ED10000001", at("15:00"), refunded("ED10000001", "R1", 10000, 500, at("15:00"), seat="01A"))
    )
    house.statements["wechat"] = [
        ("bill.csv", wechat_bill([*movements_of(house), ("refund", "R1", "ED10000001", 9500, at("15:00"))]))
    ]
    run(recon)
    assert breaks(pool) == [
        ("hub-agents", "STATUS", ticket_no("ED10000001", seat="01A"), "resolved"),
        ("hub-wechat", "MISSING_IN_HUB", "wechat|R1", "left"),
    ]
    run(recon)
    assert [state for *_, state in breaks(pool)] == ["cleared", "cleared"]


def test_a_refund_the_channel_ignored_is_pushed_again(recon: Reconciler, house: House, pool: Pool) -> None:
    house.hub(tell("phone", "EW10000001", at("15:00"), refunded("EW10000001", "R2", 10000, 500, at("15:00"))))
    bill_of(house)
    run(recon)
    assert breaks(pool) == [("hub-web", "STATUS", ticket_no("EW10000001"), "resolved")]
    assert house.redelivered == [("web", "EW10000001")]
    run(recon)
    assert breaks(pool)[0][3] == "cleared"


def test_a_channel_that_never_listens_ends_with_a_person(recon: Reconciler, house: House, pool: Pool) -> None:
    house.heeding = False
    house.hub(tell("phone", "EW10000001", at("15:00"), refunded("EW10000001", "R2", 10000, 500, at("15:00"))))
    bill_of(house)
    for fare in (1, 2, 3, 4):
        # Something else changes each day, so that each is a new run.
        house.both(sale("web", f"EW2000000{fare}", at("16:00"), coach=f"0{fare}"))
        bill_of(house)
        run(recon)
    assert breaks(pool) == [("hub-web", "STATUS", ticket_no("EW10000001"), "left")]
    assert len(house.redelivered) == 3


def test_a_changed_ticket_the_channel_ignored_is_one_break(recon: Reconciler, house: House, pool: Pool) -> None:
    old, new = ticket_no("EW10000001"), ticket_no("EW10000001", "08", batch=2)
    fact = issued(content("EW10000001", "web", 12000, "08", batch=2, replaces=old), at("15:00"))
    house.hub(
        tell(
            "windows",
            "EW10000001",
            at("15:00"),
            [
                TicketChanged(occurred_at=at("15:00"), ticket_no=old, new_ticket_no=new),
                fact,
                captured("4299", 2000, at("15:00")),
            ],
        )
    )
    bill_of(house)
    run(recon)
    assert breaks(pool) == [("hub-web", "STATUS", old, "resolved")]
    assert sorted(c["key"] for c in recon.cases.breaks(_web_filter())[0]["covers"]) == [new, "wechat|4299"]


@pytest.mark.parametrize(("difference", "state", "later"), [(100, "resolved", "cleared"), (150, "left", "left")])
def test_amounts(recon: Reconciler, house: House, pool: Pool, difference: int, state: str, later: str) -> None:
    """At most one yuan is written off and stays so; more is left for a person."""
    house.hub(sale("web", "EW10000003", at("11:00"), coach="01"))
    facts = [issued(content("EW10000003", "web", 10000 + difference, "01"), at("11:00"))]
    house.channel(tell("web", "EW10000003", at("11:00"), [*facts, captured("420000003", 10000, at("11:00"))]))
    house.documents.pop("EW10000003")
    house.hub(
        tell(
            "web",
            "EW10000003",
            at("11:00"),
            [issued(content("EW10000003", "web", 10000, "01"), at("11:00")), captured("420000003", 10000, at("11:00"))],
        )
    )
    bill_of(house)
    run(recon)
    assert breaks(pool) == [("hub-web", "AMOUNT", ticket_no("EW10000003", "01"), state)]
    second = run(recon)
    assert breaks(pool)[0][3] == later
    assert second.definitions[0].adjusted == (1 if later == "cleared" else 0)


def test_a_written_off_difference_that_grows_is_a_break_again(recon: Reconciler, house: House, pool: Pool) -> None:
    number = ticket_no("EW10000001")
    told = house.beliefs["web", DAY]
    told[0] = tell(
        "web", "EW10000001", at("09:00"),
        [issued(content("EW10000001", "web", 10050), at("09:00")), captured("420000001", 10000, at("09:00"))],
    )  # fmt: skip
    house.documents.pop("EW10000001")
    house.hub(
        tell(
            "web", "EW10000001", at("09:00"),
            [issued(content("EW10000001", "web", 10000), at("09:00")), captured("420000001", 10000, at("09:00"))],
        )
    )  # fmt: skip
    bill_of(house)
    run(recon)
    run(recon)
    assert breaks(pool) == [("hub-web", "AMOUNT", number, "cleared")]
    told[0] = tell(
        "web", "EW10000001", at("09:00"),
        [issued(content("EW10000001", "web", 10100), at("09:00")), captured("420000001", 10000, at("09:00"))],
    )  # fmt: skip
    run(recon)
    assert breaks(pool) == [("hub-web", "AMOUNT", number, "resolved")]


# --- the processors ---------------------------------------------------------------------------------------------


def test_what_a_one_sided_movement_means(recon: Reconciler, house: House, pool: Pool) -> None:
    """The same missing line is four different things, by what else is known of its order."""
    hold = held(content("EW10000005", "web", 5000, "02"), at("10:00"), at("10:30"))
    house.both(tell("web", "EW10000005", at("10:30"), [hold, expired(ticket_no("EW10000005", "02"), at("10:30"))]))
    known = movements_of(house)
    house.both(sale("web", "EW10000006", at("12:00"), coach="03"))
    house.statements["wechat"] = [
        (
            "bill.csv",
            wechat_bill(
                [
                    *known,
                    ("capture", "4277", "EW10000001", 10000, at("09:01")),
                    ("capture", "4278", "EW10000005", 5000, at("10:20")),
                    ("capture", "4279", "EW99999999", 700, at("10:20")),
                    ("refund", "R77", "EA10000001", 900, at("10:20")),
                ]
            ),
        )
    ]
    run(recon)
    assert [(kind, key) for name, kind, key, _ in breaks(pool) if name == "hub-wechat"] == [
        ("DOUBLE_PAYMENT", "wechat|4277"),
        ("MISSING_IN_HUB", "wechat|4279"),
        ("ORPHAN_REFUND", "wechat|R77"),
        ("PAID_NO_TICKET", "wechat|4278"),
        ("TICKET_NO_PAYMENT", wechat("EW10000006")),
    ]
    assert {state for *_, state in breaks(pool)} == {"left"}
    assert len(breaks(pool)) == 5


def test_without_a_statement_nothing_is_invented(recon: Reconciler, house: House, pool: Pool) -> None:
    house.statements.clear()
    outcome = run(recon)
    assert (outcome.definitions[3].state, breaks(pool)) == ("waiting", [])


def test_a_refused_statement_is_one_break_until_a_right_one_comes(recon: Reconciler, house: House, pool: Pool) -> None:
    [(name, raw)] = house.statements["wechat"]
    broken = raw.replace(b"`3,`300.00", b"`4,`300.00")
    house.statements["wechat"] = [(name, broken)]
    outcome = run(recon)
    assert outcome.definitions[3].state == "refused"
    assert [(kind, state) for _, kind, _, state in breaks(pool)] == [("CONTROL_TOTAL", "left")]
    house.statements["wechat"].append(("bill-2.csv", raw))
    assert run(recon).definitions[3].state == "done"
    assert [(kind, state) for _, kind, _, state in breaks(pool)] == [("CONTROL_TOTAL", "cleared")]


def test_a_refused_extract_proves_nothing_about_other_breaks(recon: Reconciler, house: House, pool: Pool) -> None:
    house.channel(sale("web", "EW10000007", at("10:00"), coach="01"))
    house.posted.append(("web", "x"))
    recon.run_day(DAY, ["hub-web"])
    house.refusing.add("web")
    recon.run_day(DAY, ["hub-web"])
    assert [(kind, state) for _, kind, _, state in breaks(pool)] == [
        ("CONTROL_TOTAL", "left"),
        ("MISSING_IN_HUB", "resolved"),
    ]


def test_two_tickets_for_one_seat(recon: Reconciler, house: House, pool: Pool) -> None:
    """Overlapping legs of one seat are sold twice; legs that only touch are not."""
    house.both(sale("web", "EW10000008", at("13:00")))
    later = content("EA10000008", "app", hours=("12:00", "14:00"))
    house.both(tell("app", "EA10000008", at("13:00"), [issued(later, at("13:00"))]))
    bill_of(house)
    run(recon)
    key = f"{ticket_no('EW10000001')}+{ticket_no('EW10000008')}"
    assert breaks(pool) == [("seats", "DOUBLE_SOLD_SEAT", key, "left")]


def test_a_seat_sold_again_days_later(recon: Reconciler, house: House, pool: Pool) -> None:
    """The first holder bought on another date: the hub's own word names him, and the pair is found all the same."""
    house.hub(sale("web", "EW00000001", at("09:00", -3), seat="17F"))
    sold_again = tell("app", "EA10000017", at("13:00"), [issued(content("EA10000017", "app", seat="17F"), at("13:00"))])
    house.both(sold_again)
    holder, loser = ticket_no("EW00000001", seat="17F"), ticket_no("EA10000017", seat="17F")
    house.hub(
        tell(
            "hub", "EA10000017", at("13:00"), [SeatNotGranted(occurred_at=at("13:00"), ticket_no=loser, holder=holder)]
        )
    )
    run(recon)
    assert breaks(pool) == [("seats", "DOUBLE_SOLD_SEAT", f"{loser}+{holder}", "left")]


# --- carry ------------------------------------------------------------------------------------------------------


def carry(pool: Pool, day: date) -> tuple[int, ...]:
    with pool.connection() as connection:
        row = connection.execute(
            "SELECT opening_count, new_count, cleared_count, closing_count, closing_fen FROM recon.runs"
            " WHERE definition = 'hub-wechat' AND business_date = %s ORDER BY finish_order DESC LIMIT 1",
            (day,),
        ).fetchone()
    return tuple(row or ())


def test_a_payment_at_midnight_is_carried_and_clears(recon: Reconciler, house: House, pool: Pool, clock: Clock) -> None:
    """Paid at 23:58, in tomorrow's bill: pending, then TIMING; never a break that somebody has to look at."""
    known = movements_of(house)
    house.both(sale("web", "EW10000011", at("23:58"), coach="01"))
    clock.now = at("01:00", 1)
    run(recon)
    assert breaks(pool) == []
    assert carry(pool, DAY) == (0, 1, 0, 1, 10000)
    tomorrow = DAY + timedelta(days=1)
    late = ("capture", wechat("EW10000011").partition("|")[2], "EW10000011", 10000, at("00:01", 1))
    house.statements["wechat"] = [("1.csv", wechat_bill(known)), ("2.csv", wechat_bill([late]))]
    recon.run_day(tomorrow, ["hub-wechat"])
    assert carry(pool, tomorrow) == (1, 0, 1, 0, 0)
    assert breaks(pool) == [("hub-wechat", "TIMING", wechat("EW10000011"), "resolved")]


def test_what_never_comes_becomes_a_break_when_grace_is_over(
    recon: Reconciler, house: House, pool: Pool, clock: Clock
) -> None:
    house.both(sale("web", "EW10000012", at("23:58"), coach="01"))
    clock.now = at("01:00", 1)
    run(recon)
    assert breaks(pool) == []
    clock.now = at("13:00", 2)
    run(recon)
    assert breaks(pool) == [("hub-wechat", "TICKET_NO_PAYMENT", wechat("EW10000012"), "left")]
    assert carry(pool, DAY) == (0, 0, 0, 0, 0)


def test_the_carry_of_an_earlier_day_ripens(recon: Reconciler, house: House, pool: Pool, clock: Clock) -> None:
    house.both(sale("web", "EW10000013", at("23:58"), coach="01"))
    clock.now = at("01:00", 1)
    run(recon)
    tomorrow = DAY + timedelta(days=1)
    one = ("capture", "4255", "EW99999998", 100, at("09:00", 1))
    house.statements["wechat"].append(("2.csv", wechat_bill([one])))
    recon.run_day(tomorrow, ["hub-wechat"])
    assert carry(pool, tomorrow) == (1, 0, 0, 1, 10000)
    clock.now = at("01:00", 3)
    recon.run_day(tomorrow, ["hub-wechat"])
    assert carry(pool, tomorrow) == (1, 0, 1, 0, 0)
    assert ("hub-wechat", "TICKET_NO_PAYMENT", wechat("EW10000013"), "left") in breaks(pool)


# --- crash, spread, dry run, report -----------------------------------------------------------------------------


def test_a_run_that_died_is_taken_up_again(pool: Pool, house: House, clock: Clock, tmp_path: Path) -> None:
    house.channel(sale("web", "EW10000014", at("10:00"), coach="01"))
    worklist, options = Worklist(pool, "somebody"), ReconOptions(tmp_path)

    def dying(run_id: str, watch: Callable[[], None]) -> None:
        assert take_piece(worklist, options, run_id, clock)
        raise ConnectionError("the worker died")

    with pytest.raises(ConnectionError):
        reconciler(pool, house, clock, tmp_path, dying).run_day(DAY, ["hub-web"])
    recon = reconciler(pool, house, clock, tmp_path)
    outcome = recon.run_day(DAY, ["hub-web"])
    assert outcome.definitions[0].state == "done"
    assert breaks(pool) == [("hub-web", "MISSING_IN_HUB", ticket_no("EW10000014", "01"), "resolved")]


def test_a_resolution_that_died_half_way_is_finished_by_the_next_run(
    recon: Reconciler, house: House, pool: Pool
) -> None:
    """The message was posted, then the process died before it could write that down."""
    house.channel(sale("web", "EW10000016", at("10:00"), coach="01"))
    with pool.connection() as connection:
        connection.execute(
            "CREATE FUNCTION recon.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'died'; END $$;"
            "CREATE TRIGGER die BEFORE UPDATE ON recon.resolutions FOR EACH ROW EXECUTE FUNCTION recon.die()"
        )
    try:
        with pytest.raises(psycopg.errors.RaiseException):
            recon.run_day(DAY, ["hub-web"])
    finally:
        with pool.connection() as connection:
            connection.execute("DROP TRIGGER die ON recon.resolutions; DROP FUNCTION recon.die()")
    assert breaks(pool)[0][3] == "open"
    # Nothing is new for a run to see but the hub, which has taken the message: the break is gone.
    recon.run_day(DAY, ["hub-web"])
    assert breaks(pool) == [("hub-web", "MISSING_IN_HUB", ticket_no("EW10000016", "01"), "cleared")]
    assert len(house.posted) == 1


def test_a_dry_run_keeps_nothing(recon: Reconciler, house: House, pool: Pool) -> None:
    house.channel(sale("web", "EW10000015", at("10:00"), coach="01"))
    outcome = recon.run_day(DAY, ["hub-web"], dry_run=True)
    assert [(s.action, s.outcome) for s in outcome.steps] == [("take_channel", "would be done")]
    assert (breaks(pool), house.posted, recon.journal.runs(DAY, None)) == ([], [], [])


def test_inputs_that_come_back_bring_their_breaks_back(recon: Reconciler, house: House, pool: Pool) -> None:
    """A, B, A: the third run is the first one again, and the table must say so."""
    bill = house.statements["wechat"]
    orphan = wechat_bill([*movements_of(house), ("refund", "R9", "EA10000001", 900, at("10:20"))])
    house.statements["wechat"] = [("bill.csv", orphan)]
    run(recon)
    house.statements["wechat"] = bill
    run(recon)
    assert breaks(pool)[0][3] == "cleared"
    house.statements["wechat"] = [("bill.csv", orphan)]
    run(recon)
    assert breaks(pool) == [("hub-wechat", "ORPHAN_REFUND", "wechat|R9", "left")]


def test_the_report_says_what_is_at_stake(recon: Reconciler, house: House) -> None:
    orphan = wechat_bill([*movements_of(house), ("refund", "R9", "EA10000001", 900, at("10:20"))])
    house.statements["wechat"] = [("bill.csv", orphan)]
    run(recon)
    report = day_report(recon.journal, recon.cases, DAY)
    assert (report["open_fen"], report["breaks"]["left"]) == (900, 1)
    assert {"hub-bank", "hub-phone", "hub-windows"} <= set(report["not_run"])
