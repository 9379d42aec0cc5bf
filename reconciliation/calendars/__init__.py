"""Where a business date begins and ends, when its inputs are due, and which days are business days.

calendar        a source's zone, cut-off, delay, grace, holidays, and how far a counterpart may stand away
business_days   the days on which a country's banks work, moved rest days included
"""

from reconciliation.calendars.business_days import YearNotKnown, known_through
from reconciliation.calendars.calendar import Calendar, Window

__all__ = ["Calendar", "Window", "YearNotKnown", "known_through"]
