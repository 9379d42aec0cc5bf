"""On which days a country's banks work: public holidays, weekends, and weekends that are worked for a moved rest day.

Source of the days: the package ``holidays``, which follows the yearly notices of the State Council (调休) and the laws
of other countries. A year whose notice is not out yet is not known: asking for one of its days raises
``YearNotKnown``, because a guess would be wrong by several days around Golden Week and nobody would see it.
"""

from collections.abc import Collection
from datetime import date
from functools import cache
from importlib import import_module
from typing import Any


class YearNotKnown(LookupError):
    """A country's rest days of this year have not been announced, or the package is older than the announcement."""

    def __init__(self, country: str, year: int) -> None:
        self.country, self.year = country, year
        super().__init__(
            f"the rest days of {country} in {year} are not known; update the package 'holidays', or state them in the "
            "calendar's rest_days and work_days"
        )


@cache
def known_through(country: str) -> int | None:
    """The last year whose moved rest days are known; None where no days are moved, so that the law is enough.

    Raises KeyError for a country that the package does not have (ISO 3166-1, two letters).
    """
    latest = max(getattr(_days(country, None), "special_public_holidays", ()), default=0)
    moves = latest and any(day.year == latest for day in _days(country, latest).weekend_workdays)
    return latest if moves else None


def is_business_day(
    country: str, day: date, rest_days: Collection[date] = (), work_days: Collection[date] = ()
) -> bool:
    """Whether banks of ``country`` work on ``day``.

    ``rest_days`` and ``work_days`` overrule the package; a year of which any day is stated so counts as known. Raises
    YearNotKnown.
    """
    if day in rest_days:
        return False
    if day in work_days:
        return True
    last = known_through(country)
    stated = any(other.year == day.year for other in (*rest_days, *work_days))
    if last is not None and day.year > last and not stated:
        raise YearNotKnown(country, day.year)
    return bool(_days(country, day.year).is_working_day(day))


@cache
def _days(country: str, year: int | None) -> Any:
    # Loading the package takes a quarter of a second: who has no calendar with holidays does not pay for it.
    package: Any = import_module("holidays")
    try:
        return package.country_holidays(country, years=year)
    except NotImplementedError as error:
        raise KeyError(country) from error
