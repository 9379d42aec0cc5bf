"""Days run by the schedule with the real reconciler: payments over midnight, late bills, a chain without gaps."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from interlock.database import Pool
from reconciliation.carry import gaps
from reconciliation.definitions import definitions
from reconciliation.schedule import Scheduler
from tests.reconciliation.house import DAY, Clock, House, at, reconciler, sale, wechat_bill

NEXT, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)


class DropFolder:
    """Where bills are dropped: the reconciler and the schedule see the same files. Only hub x WeChat is due here."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.folder = folder
        self.dates: dict[str, date] = {}

    def drop(self, name: str, day: date, *orders: tuple[str, str]) -> None:
        """A bill of a date: (order number, time)."""
        movements = [("capture", f"42{no[1:]}", no, 10000, at(when, (day - DAY).days)) for no, when in orders]
        raw = wechat_bill(movements)
        (self.folder / name).write_bytes(raw)
        self.dates[name] = day
        self.house.statements.setdefault("wechat", []).append((name, raw))

    def files(self, source: str) -> list[tuple[str, Path]]:
        return [(path.name, path) for path in sorted(self.folder.glob("*.csv"))] if source == "wechat" else []

    def dates_of(self, source: str, path: Path) -> tuple[tuple[date, ...], str | None]:
        return (self.dates[path.name],), None


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def drop(house: House, tmp_path: Path) -> DropFolder:
    (tmp_path / "drop").mkdir()
    return DropFolder(house, tmp_path / "drop")


@pytest.fixture
def scheduler(pool: Pool, house: House, clock: Clock, drop: DropFolder, tmp_path: Path) -> Scheduler:
    # Every other pair is left alone: an operator's folder whose documents are wrong takes them out of the day.
    own = tmp_path / "own"
    own.mkdir()
    for name in definitions().keys() - {"hub-wechat"}:
        (own / f"{name}.json").write_text("{}", encoding="utf-8")
    recon = reconciler(pool, house, clock, tmp_path)
    return Scheduler(pool, recon, drop.files, drop.dates_of, clock, tmp_path, own)


def breaks(pool: Pool) -> list[tuple[date, str, str]]:
    with pool.connection() as connection:
        rows = connection.execute(
            "SELECT business_date, kind, state FROM recon.breaks WHERE state <> 'cleared' ORDER BY 1, 2, key"
        ).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


def reasons(scheduler: Scheduler) -> list[tuple[date, str]]:
    return [(due.business_date, due.reason) for due in scheduler.round().ran]


def no_gaps(pool: Pool) -> bool:
    with pool.connection() as connection:
        return gaps(connection) == []


def paid(house: House, number: int, clock: str, day: date) -> str:
    """A sale of the web at a time of a date; returns its order number."""
    order_no = f"EW1000{number:04d}"
    house.both(sale("web", order_no, at(clock, (day - DAY).days), coach=f"{number:02d}"), day)
    return order_no


def test_a_payment_over_midnight_clears_in_the_next_date_by_itself(
    scheduler: Scheduler, house: House, drop: DropFolder, clock: Clock, pool: Pool
) -> None:
    early, late = paid(house, 1, "09:00", DAY), paid(house, 2, "23:58", DAY)
    drop.drop("one.csv", DAY, (early, "09:00"))
    clock.now = at("12:00", 1)
    assert reasons(scheduler) == [(DAY, "never run")]
    assert breaks(pool) == []
    drop.drop("two.csv", NEXT, (late, "00:01"))
    clock.now = at("11:00", 2)
    assert reasons(scheduler) == [(NEXT, "never run")]
    assert breaks(pool) == [(NEXT, "TIMING", "resolved")]
    # Long after its grace the first date is run again, by hand: what the second has cleared stays cleared.
    clock.now = at("12:00", 9)
    scheduler.reconciler.run_day(DAY, ["hub-wechat"])
    assert breaks(pool) == [(NEXT, "TIMING", "resolved")]
    assert no_gaps(pool)


def test_a_bill_that_comes_late_is_set_right_without_anybody(
    scheduler: Scheduler, house: House, drop: DropFolder, clock: Clock, pool: Pool
) -> None:
    """The next date's bill is two days late. What waited for it has become a break meanwhile, and clears."""
    early, late = paid(house, 1, "09:00", DAY), paid(house, 2, "23:58", DAY)
    drop.drop("one.csv", DAY, (early, "09:00"))
    clock.now = at("12:00", 1)
    scheduler.round()
    clock.now = at("13:00", 2)
    assert reasons(scheduler) == [(DAY, "grace is over"), (NEXT, "never run")]
    assert [kind for _, kind, _ in breaks(pool)] == ["TICKET_NO_PAYMENT"]
    assert scheduler.agenda().missing == ()
    clock.now = at("13:00", 3)
    missing = scheduler.agenda().missing
    assert [(m.definition, m.business_date, m.since) for m in missing] == [("hub-wechat", NEXT, at("10:00", 2))]
    drop.drop("two.csv", NEXT, (late, "00:01"))
    found = reasons(scheduler)
    assert found[0] == (NEXT, "file came")
    assert (DAY, "decided later") in found
    assert (NEXT, "earlier date") in found
    assert breaks(pool) == [(NEXT, "TIMING", "resolved")]
    assert no_gaps(pool)
    assert reasons(scheduler) == []


def test_a_corrected_bill_moves_the_carry_of_all_later_dates(
    scheduler: Scheduler, house: House, drop: DropFolder, clock: Clock, pool: Pool
) -> None:
    first, second = paid(house, 1, "09:00", DAY), paid(house, 2, "23:57", DAY)
    drop.drop("one.csv", DAY, (first, "09:00"))
    drop.drop("two.csv", NEXT, (paid(house, 3, "09:00", NEXT), "09:00"))
    clock.now = at("11:00", 2)
    assert reasons(scheduler) == [(NEXT, "never run")]
    scheduler.reconciler.run_day(DAY, ["hub-wechat"])
    clock.now = at("11:10", 2)
    # The second date opened with nothing; now there is a first one that carries a row into it.
    assert (NEXT, "earlier date") in reasons(scheduler) or no_gaps(pool)
    drop.drop("one-corrected.csv", DAY, (first, "09:00"), (second, "23:57"))
    clock.now = at("11:20", 2)
    assert (DAY, "file came") in reasons(scheduler)
    assert breaks(pool) == []
    assert no_gaps(pool)
