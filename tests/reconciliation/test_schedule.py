"""What is due, and why: from calendars, runs and files; and whole rounds against the database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from interlock.database import Pool
from reconciliation.carry.files import EMPTY
from reconciliation.definitions import Calendar, definitions
from reconciliation.schedule import ScheduleOptions, Scheduler, State, agenda_of, take_arrivals
from reconciliation.schedule.state import LastRun, Try

DAY = date(2026, 1, 11)
NEXT = DAY + timedelta(days=1)
WEB, WECHAT = definitions()["hub-web"], definitions()["hub-wechat"]
OPTIONS = ScheduleOptions()


def shanghai(clock: str, day: date = NEXT) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}+08:00").astimezone(UTC)


NOON = shanghai("12:00")
RAN = LastRun(
    definition="hub-wechat",
    business_date=DAY,
    state="done",
    reason=None,
    started_at=shanghai("10:30"),
    finished_at=shanghai("10:31"),
    in_force="r",
    break_count=0,
    opening_digest=EMPTY,
    closing_digest=EMPTY,
    followed=False,
    origins=[],
)


def ran(day: date = DAY, definition: str = "hub-wechat", **changes: Any) -> LastRun:
    return replace(RAN, business_date=day, definition=definition, **changes)


def state(*runs: LastRun, **others: Any) -> State:
    return State(runs={(run.definition, run.business_date): run for run in runs}, **others)


def due(known: State, now: datetime = NOON, pairs: Sequence[str] = ("hub-wechat",)) -> list[tuple[date, str]]:
    chosen = [definitions()[name] for name in pairs]
    return [(each.business_date, each.reason) for each in agenda_of(chosen, known, now, OPTIONS).due]


# --- due by the calendar


def test_the_first_date_is_the_last_that_has_ended_and_is_ready() -> None:
    assert due(State(), shanghai("09:59")) == []
    assert due(State(), shanghai("10:00")) == [(DAY, "never run")]


def test_every_date_since_the_first_run_is_looked_after() -> None:
    known = state(ran(DAY), ran(DAY, "hub-web"))
    now = shanghai("12:00", DAY + timedelta(days=4))
    assert due(known, now, ["hub-web", "hub-wechat"]) == [
        (DAY + timedelta(days=n), "never run") for n in (1, 2, 3) for _ in range(2)
    ]
    assert due(known) == []


def test_dates_of_long_ago_are_left_alone() -> None:
    known = state(ran(DAY - timedelta(days=400)))
    found = due(known, NOON)
    assert found[0] == (NOON.date() - timedelta(days=45), "never run")
    assert found[-1] == (DAY, "never run")


def test_a_bank_is_due_after_golden_week() -> None:
    """Paid on 30 September 2026, settled on the 8th of October: due on the 9th at six."""
    first = date(2026, 9, 30)
    known = state(ran(first - timedelta(days=1), "hub-web"))
    before, after = shanghai("05:59", date(2026, 10, 9)), shanghai("06:00", date(2026, 10, 9))
    assert (first, "never run") not in due(known, before, ["wechat-bank"])
    assert (first, "never run") in due(known, after, ["wechat-bank"])


def test_a_year_that_is_not_announced_blocks_that_pair_alone() -> None:
    now = shanghai("12:00", date(2031, 3, 4))
    known = state(ran(date(2031, 3, 2), "hub-web"))
    found = agenda_of([definitions()["wechat-bank"], WEB], known, now, OPTIONS)
    assert {each.definition for each in found.due} == {"hub-web"}
    assert {(each.definition, each.reason) for each in found.blocked} == {("wechat-bank", "calendar")}
    assert "'holidays'" in found.blocked[0].detail


# --- due again


def test_a_file_that_comes_after_the_run_makes_its_dates_due() -> None:
    came = {("wechat", DAY): [(shanghai("11:00"), "late.csv")]}
    assert due(state(ran(), arrived=came)) == [(DAY, "file came")]
    assert due(state(ran(), arrived={("wechat", DAY): [(shanghai("10:00"), "early.csv")]})) == []
    # Looked at since: the file changed nothing, and is not looked at again.
    assert due(state(ran(), arrived=came, tries={("hub-wechat", DAY): Try(1, shanghai("11:30"))})) == []
    assert due(state(ran(definition="hub-web"), arrived=came), pairs=["hub-web"]) == []


def test_a_date_whose_opening_changed_is_due_and_so_on() -> None:
    two = [ran(DAY), ran(NEXT, opening_digest=EMPTY)]
    now = shanghai("12:00", NEXT + timedelta(days=1))
    assert due(state(*two), now) == []
    assert due(state(ran(DAY, closing_digest="other"), two[1]), now) == [(NEXT, "earlier date")]
    # A date in between that has not come to its end passes the carry on.
    gap = ran(NEXT, state="waiting", in_force=None, opening_digest=None, closing_digest=None)
    third = ran(NEXT + timedelta(days=1), opening_digest="other")
    now = shanghai("12:00", NEXT + timedelta(days=2))
    assert due(state(ran(DAY, closing_digest="other"), gap, third), now) == []


def test_a_channel_that_does_not_answer_is_asked_at_growing_intervals() -> None:
    waiting = ran(definition="hub-web", state="waiting", reason="web does not answer", in_force=None)
    tries = {("hub-web", DAY): Try(3, shanghai("11:00"))}
    known = state(waiting, tries=tries)
    assert due(known, shanghai("11:19"), ["hub-web"]) == []
    assert due(known, shanghai("11:20"), ["hub-web"]) == [(DAY, "input missing")]
    # A file is not asked for: it tells when it has come.
    assert due(state(ran(state="waiting", in_force=None)), shanghai("23:00")) == []


def test_what_is_missing_past_grace_says_since_when_and_whom_to_ask() -> None:
    waiting = state(ran(state="waiting", reason="no statement of wechat for 2026-01-11 has come yet", in_force=None))
    after = NEXT + timedelta(days=1)
    assert agenda_of([WECHAT], waiting, shanghai("11:59", after), OPTIONS).missing == ()
    (missing,) = agenda_of([WECHAT], waiting, shanghai("12:00", after), OPTIONS).missing
    assert (missing.source, missing.business_date, missing.since) == ("processor:wechat", DAY, shanghai("10:00"))
    assert "微信支付" in missing.contact
    assert "no statement" in missing.what


def test_rows_left_waiting_are_looked_at_when_their_grace_is_over() -> None:
    left = ran(closing_digest="x", origins=[["left", DAY.isoformat(), 1]])
    after = NEXT + timedelta(days=1)
    assert (DAY, "grace is over") not in due(state(left), shanghai("11:59", after))
    assert (DAY, "grace is over") in due(state(left), shanghai("12:00", after))


def test_a_date_that_gave_up_waiting_too_early_is_run_again_when_a_later_one_was_run() -> None:
    """The next date came late. What this one broke may have its counterpart there."""
    late = shanghai("12:00", DAY + timedelta(days=5))
    gave_up = ran(break_count=1, started_at=late - timedelta(hours=1))
    followed = state(gave_up, ran(NEXT))
    now = shanghai("13:00", NEXT + timedelta(days=1))
    assert (DAY, "decided later") in due(followed, max(now, late))
    assert (DAY, "decided later") not in due(state(replace(gave_up, followed=True), ran(NEXT)), late)
    assert (DAY, "decided later") not in due(state(replace(gave_up, break_count=0), ran(NEXT)), late)


def test_what_was_told_late_or_corrected_is_looked_at_when_it_is_quiet() -> None:
    at_eleven = shanghai("11:00")
    late = state(ran(), ran(definition="hub-web"), late={("web", DAY): at_eleven})
    assert due(late, shanghai("11:09"), ["hub-web", "hub-wechat"]) == []
    assert due(late, shanghai("11:10"), ["hub-web", "hub-wechat"]) == [(DAY, "told late")] * 2
    assert due(state(ran(definition="hub-app"), late={("web", DAY): at_eleven}), pairs=["hub-app"]) == []
    corrected = state(ran(), corrected={("hub-wechat", DAY): at_eleven})
    assert due(corrected, shanghai("11:10")) == [(DAY, "corrected")]
    assert due(replace(corrected, tries={("hub-wechat", DAY): Try(1, shanghai("11:01"))}), shanghai("11:10")) == []


def test_a_closed_date_is_never_run_and_says_what_would_have_been() -> None:
    came = {("wechat", DAY): [(shanghai("11:00"), "late.csv")]}
    known = state(ran(), arrived=came, closed=frozenset({DAY}))
    found = agenda_of([WECHAT], known, NOON, OPTIONS)
    assert found.due == ()
    assert [(each.reason, each.detail) for each in found.blocked] == [("file came", "late.csv")]


def test_an_interrupted_run_is_taken_up() -> None:
    known = state(ran(state="running", in_force=None, finished_at=None))
    assert due(known, shanghai("10:34")) == []
    assert due(known, shanghai("10:35")) == [(DAY, "interrupted")]


# --- rounds


class Days:
    """Stands where the reconciler stands, and writes runs as one would: what they contain is not the question here."""

    def __init__(self, pool: Pool, clock: "Clock") -> None:
        self.pool = pool
        self.clock = clock
        self.ran: list[tuple[date, tuple[str, ...]]] = []
        self.closings: dict[tuple[str, date], str] = {}
        self.fails: set[date] = set()

    def run_day(self, business_date: date, names: Sequence[str] | None = None) -> None:
        self.ran.append((business_date, tuple(names or ())))
        if business_date in self.fails:
            raise ValueError("no")
        with self.pool.connection() as connection:
            for name in names or ():
                opened = connection.execute(
                    "SELECT c.closing_digest FROM recon.runs r JOIN recon.carries c USING (run_id)"
                    " WHERE r.definition = %s AND r.business_date < %s"
                    " ORDER BY r.business_date DESC, r.finish_order DESC LIMIT 1",
                    (name, business_date),
                ).fetchone()
                connection.execute(
                    "WITH made AS (INSERT INTO recon.runs (run_id, definition, business_date, policy_version,"
                    " definition_digest, left_digest, right_digest, context_digest, state, started_at, finished_at,"
                    " finish_order) SELECT lpad(to_hex(n), 64, '0'), %(name)s, %(day)s, '', '', '', '', '', 'done',"
                    " %(now)s, %(now)s, n FROM nextval('recon.run_order') AS n RETURNING run_id)"
                    " INSERT INTO recon.carries (run_id, definition, business_date, opening_digest, closing_digest,"
                    " origins, followed, recorded_at) SELECT run_id, %(name)s, %(day)s, %(opened)s, %(closed)s,"
                    " %(none)s, false, %(now)s FROM made",
                    {
                        "name": name,
                        "day": business_date,
                        "now": self.clock(),
                        "opened": opened[0] if opened else EMPTY,
                        "closed": self.closings.get((name, business_date), EMPTY),
                        "none": Jsonb([]),
                    },
                )


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(shanghai("12:00"))


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    (tmp_path / "wechat").mkdir()
    return tmp_path


@pytest.fixture
def days(pool: Pool, clock: Clock) -> Days:
    return Days(pool, clock)


@pytest.fixture
def scheduler(pool: Pool, days: Days, clock: Clock, drop: Path) -> Scheduler:
    def files(source: str) -> list[tuple[str, Path]]:
        return [(path.name, path) for path in sorted((drop / source).glob("*.csv"))]

    def dates_of(source: str, path: Path) -> tuple[tuple[date, ...], str | None]:
        text = path.read_text(encoding="utf-8").split()
        return (tuple(date.fromisoformat(word) for word in text), None) if text else ((), "it is empty")

    return Scheduler(pool, days, files, dates_of, clock, drop)


def test_a_round_runs_what_is_due_and_the_next_has_nothing_to_do(scheduler: Scheduler, days: Days) -> None:
    first = scheduler.round()
    assert [day for day, _ in days.ran] == [DAY]
    assert len(first.ran) == len(days.ran[0][1]) > 8
    assert "hub-wechat" in days.ran[0][1]
    assert scheduler.round().ran == []
    assert scheduler.agenda().due == ()


def test_a_late_file_runs_exactly_what_it_concerns_and_what_follows(
    scheduler: Scheduler, days: Days, clock: Clock, drop: Path
) -> None:
    scheduler.round()
    clock.now = shanghai("12:00", NEXT + timedelta(days=1))
    scheduler.round()
    days.ran.clear()
    # Its name says the thirteenth, its lines are of the eleventh; the date's closing changes with it.
    clock.now += timedelta(minutes=5)
    (drop / "wechat" / "bill-20260113.csv").write_text(DAY.isoformat(), encoding="utf-8")
    days.closings["hub-wechat", DAY] = "other"
    done = scheduler.round()
    assert [(a.source, a.business_dates) for a in done.arrivals] == [("wechat", (DAY,))]
    assert days.ran == [(DAY, ("hub-wechat", "wechat-bank")), (NEXT, ("hub-wechat",))]
    assert [each.reason for each in done.ran] == ["file came", "file came", "earlier date"]
    # The same bytes under another name concern nothing.
    (drop / "wechat" / "again.csv").write_text(DAY.isoformat(), encoding="utf-8")
    clock.now += timedelta(minutes=5)
    assert (scheduler.round().ran, len(days.ran)) == ([], 2)


def test_a_date_that_fails_does_not_stop_the_others(scheduler: Scheduler, days: Days, clock: Clock) -> None:
    scheduler.round()
    clock.now = shanghai("12:00", NEXT + timedelta(days=2))
    days.fails = {NEXT}
    done = scheduler.round()
    assert {day for _, day, _ in done.failed} == {NEXT}
    assert done.failed[0][2] == "ValueError: no"
    assert {each.business_date for each in done.ran if each.definition == "hub-web"} == {NEXT + timedelta(days=1)}
    days.fails = set()
    assert scheduler.round().ran == []
    clock.now += timedelta(minutes=5)
    assert {each.business_date for each in scheduler.round().ran} >= {NEXT}


def test_one_round_at_a_time(scheduler: Scheduler, pool: Pool) -> None:
    with pool.connection() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('recon|schedule', 0))")
        assert scheduler.round().elsewhere
        connection.execute("SELECT pg_advisory_unlock_all()")
    assert not scheduler.round().elsewhere


def test_a_refused_file_is_an_arrival_without_dates(pool: Pool, drop: Path) -> None:
    (drop / "empty.csv").write_text("", encoding="utf-8")
    files = [("empty.csv", drop / "empty.csv")]
    with pool.connection() as connection:
        (found,) = take_arrivals(connection, ["wechat"], lambda _: files, lambda *_: ((), "it is empty"), NOON)
        assert (found.refused, found.business_dates) == ("it is empty", ())
        assert take_arrivals(connection, ["wechat"], lambda _: files, lambda *_: ((), "it is empty"), NOON) == []
        connection.rollback()


def test_a_calendar_of_the_operators_own_counts(scheduler: Scheduler, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    slow = WEB.model_copy(update={"name": "hub-slow", "calendar": Calendar(ready_minutes=1200)})
    (folder / "hub-slow.json").write_text(slow.model_dump_json(), encoding="utf-8")
    found = replace(scheduler, definitions=folder).agenda()
    assert "hub-slow" not in {each.definition for each in found.due}
    assert "hub-web" in {each.definition for each in found.due}
