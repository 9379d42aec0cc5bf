"""Business dates of any source: they tile the line of time, in every zone, over every change of the clocks."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reconciliation.calendars import Calendar, YearNotKnown, known_through
from reconciliation.rows import instant, microseconds

DAY = date(2026, 1, 11)
ZONES = (
    "Asia/Shanghai",
    "UTC",
    "Europe/Amsterdam",
    "Pacific/Chatham",  # +12:45, +13:45 in summer
    "Australia/Lord_Howe",  # half an hour of summer time
    "Africa/Cairo",  # clocks change at midnight
    "America/Havana",
    "Asia/Kathmandu",
    "Pacific/Apia",  # 30 December 2011 did not exist
    "Africa/Casablanca",  # negative summer time
)
calendars = st.builds(
    Calendar,
    zone=st.sampled_from(ZONES),
    cut_off=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
instants = st.integers(0, 20 * 365 * 86_400).map(lambda s: datetime(2011, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def at(clock: str, day: int = 0) -> datetime:
    """A time of DAY in Beijing, ``day`` days later."""
    return shanghai(f"{DAY + timedelta(days=day)}T{clock}")


# --- dates


def test_a_business_date_begins_and_ends_in_its_own_zone() -> None:
    begin, end = Calendar().span(DAY)
    assert (instant(begin), instant(end)) == (at("00:00"), at("00:00", 1))


@pytest.mark.parametrize(
    ("cut_off", "begin", "end"),
    [
        ("23:00", ("23:00", -1), ("23:00", 0)),  # an acquirer: the last hour is tomorrow's
        ("22:00", ("22:00", -1), ("22:00", 0)),
        ("12:00", ("12:00", -1), ("12:00", 0)),
        ("05:00", ("05:00", 0), ("05:00", 1)),  # a traffic day: the night is yesterday's
        ("00:00", ("00:00", 0), ("00:00", 1)),
    ],
)
def test_cut_offs_of_evening_and_morning(cut_off: str, begin: tuple[str, int], end: tuple[str, int]) -> None:
    cut = Calendar.model_validate({"cut_off": cut_off})
    assert [instant(edge) for edge in cut.span(DAY)] == [at(*begin), at(*end)]
    assert cut.business_date_of(at(*begin)) == DAY
    assert cut.business_date_of(at(*end)) == DAY + timedelta(days=1)


@settings(max_examples=100, deadline=None)
@given(calendar=calendars, moment=instants)
@example(calendar=Calendar(zone="Pacific/Apia"), moment=datetime(2011, 12, 30, 10, 0, tzinfo=UTC))
@example(calendar=Calendar(zone="Africa/Cairo"), moment=datetime(2026, 4, 23, 22, 0, tzinfo=UTC))
@example(calendar=Calendar(zone="America/Havana"), moment=datetime(2026, 11, 1, 4, 30, tzinfo=UTC))
def test_every_instant_belongs_to_exactly_one_date(calendar: Calendar, moment: datetime) -> None:
    day = calendar.business_date_of(moment)
    begin, end = calendar.span(day)
    assert begin <= microseconds(moment) < end
    assert calendar.business_date_of(begin) == day
    assert calendar.business_date_of(microseconds(moment)) == day


@settings(max_examples=100, deadline=None)
@given(calendar=calendars, day=st.dates(date(2011, 1, 1), date(2030, 12, 30)))
@example(calendar=Calendar(zone="Pacific/Apia"), day=date(2011, 12, 30))
@example(calendar=Calendar(zone="Africa/Cairo"), day=date(2026, 4, 24))
def test_dates_follow_each_other_without_a_gap(calendar: Calendar, day: date) -> None:
    assert calendar.ends_at(day) == calendar.begins_at(day + timedelta(days=1))
    length = calendar.ends_at(day) - calendar.begins_at(day)
    assert timedelta(0) <= length <= timedelta(hours=25, minutes=30)


def test_a_day_of_changing_clocks_is_longer_or_shorter() -> None:
    amsterdam = Calendar(zone="Europe/Amsterdam")
    hours = [
        (amsterdam.ends_at(day) - amsterdam.begins_at(day)) / timedelta(hours=1)
        for day in (date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25))
    ]
    assert hours == [24, 23, 25]
    # A cut-off in the hour that is skipped is the change itself; of one that comes twice, the first counts.
    night = Calendar(zone="Europe/Amsterdam", cut_off=time(2, 30))
    assert night.begins_at(date(2026, 3, 29)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert night.begins_at(date(2026, 10, 25)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_day_that_a_country_left_out_is_empty() -> None:
    apia = Calendar(zone="Pacific/Apia")
    begin, end = apia.span(date(2011, 12, 30))
    assert begin == end


# --- business days

BANK = Calendar(holidays="CN", settles_after=1, grace_minutes=1440, ready_minutes=360, window_days=(0, 3))


def test_moved_rest_days_count() -> None:
    worked_saturday, moved_rest_day = date(2026, 2, 14), date(2026, 2, 23)
    assert BANK.is_business_day(worked_saturday)
    assert not BANK.is_business_day(moved_rest_day)
    assert [BANK.is_business_day(DAY + timedelta(days=n)) for n in range(-1, 6)] == [False, False, *[True] * 5]


def test_golden_week_settles_on_the_first_day_after_it() -> None:
    """What is paid from 30 September to 7 October 2026 arrives on the 8th."""
    days = [date(2026, 9, 30) + timedelta(days=n) for n in range(8)]
    assert {BANK.settlement_date(day) for day in days} == {date(2026, 10, 8)}
    # Due when the 8th is over and the bank has its statement ready; nothing is late before.
    assert BANK.due_at(date(2026, 9, 30)) == shanghai("2026-10-09T06:00")
    assert BANK.window(date(2026, 9, 30), "left") == (date(2026, 9, 30), date(2026, 10, 10))


def test_grace_does_not_run_out_on_a_rest_day() -> None:
    """Paid on Thursday, settled on Friday: the day of grace ends on Sunday at midnight, so it ends on Monday."""
    assert BANK.grace_over_at(date(2026, 1, 15)) == shanghai("2026-01-19T00:00")
    plain = Calendar(grace_minutes=1440)
    assert plain.grace_over_at(DAY) == shanghai("2026-01-13T00:00")


@settings(max_examples=50, deadline=None)
@given(day=st.dates(date(2024, 2, 1), date(2026, 11, 30)), days=st.integers(-6, 6))
def test_shifting_lands_on_business_days_and_keeps_order(day: date, days: int) -> None:
    moved = BANK.shift(day, days)
    assert days == 0 or BANK.is_business_day(moved)
    assert (moved > day) == (days > 0)
    assert BANK.shift(day + timedelta(days=1), days) >= moved
    first, last = BANK.window(day, "left")
    assert first <= day <= last
    assert BANK.due_at(day) <= BANK.due_at(day + timedelta(days=1))
    assert BANK.grace_over_at(day) <= BANK.grace_over_at(day + timedelta(days=1))


@given(day=st.dates(date(2024, 2, 1), date(2026, 11, 30)), low=st.integers(-3, 0), high=st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_the_window_of_one_side_is_the_mirror_of_the_others(day: date, low: int, high: int) -> None:
    """Where holidays do not count, a row may meet exactly those rows that may meet it."""
    calendar = Calendar(window_days=(low, high))
    first, last = calendar.window(day, "left")
    for n in range((last - first).days + 1):
        other = first + timedelta(days=n)
        back = calendar.window(other, "right")
        assert back[0] <= day <= back[1]


def test_a_year_that_is_not_announced_is_not_guessed() -> None:
    last = known_through("CN")
    assert last is not None
    with pytest.raises(YearNotKnown, match=f"in {last + 1} are not known"):
        BANK.is_business_day(date(last + 1, 3, 1))
    with pytest.raises(YearNotKnown):
        BANK.due_at(date(last, 12, 31))
    # The operator states what was announced, and the package is asked for the rest.
    stated = BANK.model_copy(update={"rest_days": (date(last + 1, 1, 2),), "work_days": (date(last + 1, 1, 3),)})
    assert not stated.is_business_day(date(last + 1, 1, 2))
    assert stated.is_business_day(date(last + 1, 1, 3))
    # Where no rest days are moved, the law is enough for any year.
    assert known_through("DE") is None
    assert not Calendar(holidays="DE").is_business_day(date(2040, 12, 25))


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Asia/Peking"},
        {"cut_off": 1380},
        {"cut_off": "23:00+08:00"},
        {"holidays": "XX"},
        {"rest_days": ["2027-01-02"]},
        {"holidays": "CN", "rest_days": ["2027-01-02"], "work_days": ["2027-01-02"]},
        {"window_days": [0, 32]},
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Calendar.model_validate(wrong)
