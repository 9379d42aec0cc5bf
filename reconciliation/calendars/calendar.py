"""A source's calendar: from which instant to which its business date runs, and how long the other side may take.

All instants are aware datetimes in UTC or, where rows are compared, integer microseconds since 1970 UTC.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reconciliation.calendars.business_days import is_business_day, known_through
from reconciliation.rows import instant, microseconds

Window = tuple[int, int]
"""(earliest, latest): how many days the other side's business date may lie after the hub's; -1 is the day before."""

_NOON = time(12, 0)
_ONE = timedelta(days=1)


class Calendar(BaseModel):
    """One source's days.

    ``zone``: IANA name. ``cut_off``: local time at which one business date ends and the next begins. One before noon
    belongs to the next calendar day, as in railways' traffic days (05:00: the date runs from 05:00 to 05:00); one from
    noon on to the day itself, as at acquirers (23:00: the date runs from 23:00 of the day before).

    ``ready_minutes``: how long after the date's end the source usually has its extract or file: then the run is due.
    ``grace_minutes``: how long after the date's end a one-sided row from its last ``edge_minutes`` may still find its
    counterpart in another date of ``window_days``. Until then it is pending, not a break. 1440 edge minutes: every row.

    ``holidays``: the country whose bank days count (ISO 3166-1, two letters); None: every day is a business day.
    ``rest_days``, ``work_days``: what differs from the country's days, or is not in the package yet.
    ``settles_after``: business days between a date and its settlement (T+1: 1). Due and grace count from the end of
    the settlement's date, and move to the next business day when they fall on a rest day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: Annotated[str, Field(description="IANA time zone, such as Asia/Shanghai")] = "Asia/Shanghai"
    cut_off: Annotated[
        time, Field(description="local time of the date's end; before noon: of the next calendar day")
    ] = time(0, 0)
    edge_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    grace_minutes: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 1440
    ready_minutes: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 0
    window_days: Window = (-1, 1)
    holidays: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 code of the bank days")] | None = None
    rest_days: tuple[date, ...] = ()
    work_days: tuple[date, ...] = ()
    settles_after: Annotated[int, Field(ge=0, le=10)] = 0

    @field_validator("zone")
    @classmethod
    def _exists(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(f"no time zone is called {zone!r}; expected an IANA name such as Asia/Shanghai")
        return zone

    @field_validator("cut_off", mode="before")
    @classmethod
    def _no_number(cls, cut_off: object) -> object:
        if isinstance(cut_off, int):
            raise ValueError('the cut-off is a number; write the time in quotes: "23:00"')
        return cut_off

    @field_validator("cut_off")
    @classmethod
    def _plain(cls, cut_off: time) -> time:
        if cut_off.tzinfo is not None or cut_off.microsecond:
            raise ValueError("a cut-off is a plain local time; its zone stands in 'zone'")
        return cut_off

    @field_validator("holidays")
    @classmethod
    def _has_days(cls, country: str | None) -> str | None:
        try:
            if country is not None:
                known_through(country)
        except KeyError as error:
            raise ValueError(f"the holidays of {country} are not known to the package 'holidays'") from error
        return country

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.window_days[0] > 0 or self.window_days[1] < 0 or max(map(abs, self.window_days)) > 31:
            raise ValueError("window_days is [earliest, latest] with earliest <= 0 <= latest, at most 31 days away")
        if (self.rest_days or self.work_days or self.settles_after) and self.holidays is None:
            raise ValueError("rest_days, work_days and settles_after need 'holidays': whose business days?")
        if both := set(self.rest_days) & set(self.work_days):
            raise ValueError(f"{min(both).isoformat()} stands in both rest_days and work_days")
        return self

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    # --- the date

    def begins_at(self, business_date: date) -> datetime:
        """The first instant of the date. A local time that daylight saving skips is the instant of the change; of one
        that comes twice, the first counts."""
        first = business_date if self.cut_off < _NOON else business_date - _ONE
        wall = datetime.combine(first, self.cut_off, self.zone_info)
        found = wall.astimezone(UTC)
        if found.astimezone(self.zone_info).replace(tzinfo=None) == wall.replace(tzinfo=None):
            return found
        return _change_before(found, self.zone_info)

    def ends_at(self, business_date: date) -> datetime:
        """The first instant that no longer belongs to the date."""
        return self.begins_at(business_date + _ONE)

    def span(self, business_date: date) -> tuple[int, int]:
        """Begin (included) and end (excluded) of the date, in microseconds since 1970 UTC."""
        return microseconds(self.begins_at(business_date)), microseconds(self.ends_at(business_date))

    def business_date_of(self, at: datetime | int) -> date:
        """The date that an instant (aware datetime, or microseconds since 1970 UTC) belongs to: exactly one."""
        moment = instant(at) if isinstance(at, int) else at
        day = moment.astimezone(self.zone_info).date() + _ONE
        while self.begins_at(day) > moment:
            day -= _ONE
        return day

    def at_the_edge(self, business_date: date, at: int) -> bool:
        """Whether a row of this instant may stand in the other side's next date."""
        return self.edge_minutes >= 1440 or at >= self.span(business_date)[1] - self.edge_minutes * 60_000_000

    # --- business days

    def is_business_day(self, day: date) -> bool:
        """Raises YearNotKnown."""
        return self.holidays is None or is_business_day(self.holidays, day, self.rest_days, self.work_days)

    def shift(self, day: date, days: int) -> date:
        """``days`` business days later (earlier when negative); 0 is the day itself, business day or not."""
        step = _ONE if days > 0 else -_ONE
        for _ in range(abs(days)):
            day += step
            while not self.is_business_day(day):
                day += step
        return day

    def settlement_date(self, business_date: date) -> date:
        """The date on which the processor settles what was paid on ``business_date``."""
        return self.shift(business_date, self.settles_after)

    def window(self, business_date: date, side: Literal["left", "right"]) -> tuple[date, date]:
        """(first, last) date in which the counterpart of a row of ``side`` may stand."""
        earliest, latest = self.window_days if side == "left" else (-self.window_days[1], -self.window_days[0])
        return self.shift(business_date, earliest), self.shift(business_date, latest)

    # --- when

    def due_at(self, business_date: date) -> datetime:
        """When the source usually has everything of the date. Raises YearNotKnown."""
        return self._after_the_end(business_date, self.ready_minutes)

    def grace_over_at(self, business_date: date) -> datetime:
        """From when on nothing of the date is pending only because it is early. Raises YearNotKnown."""
        return self._after_the_end(business_date, self.grace_minutes)

    def grace_is_over(self, business_date: date, now: datetime) -> bool:
        """Whether nothing of the date can be pending only because it is early."""
        return now >= self.grace_over_at(business_date)

    def _after_the_end(self, business_date: date, minutes: int) -> datetime:
        """So many minutes after the settlement's end; if that is a rest day, at that time of the next business day."""
        found = self.ends_at(self.settlement_date(business_date)) + timedelta(minutes=minutes)
        local = found.astimezone(self.zone_info)
        if self.is_business_day(local.date()):
            return found
        moved = datetime.combine(self.shift(local.date(), 1), local.time(), self.zone_info)
        return moved.astimezone(UTC)


def _change_before(after: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the change of the zone's offset in the day before ``after``, to the second."""
    return _bisect(
        lambda at: at.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset(), after - _ONE, after
    )


def _bisect(holds: Callable[[datetime], bool], low: datetime, high: datetime) -> datetime:
    """The first second of (low, high] for which ``holds`` is true, given that it stays true from there on."""
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
