"""What has to be run when: computed from calendars, inputs and results, never remembered.

due        which (definition, date) is due, not run, or stale, and why; which inputs are missing past grace
state      what is known of the runs so far, read in one go
arrivals   settlement files as they come, and the business dates that are inside them
wake       one round: what came, what is due, and running it, date by date
"""

from reconciliation.schedule.arrivals import Arrival, take_arrivals
from reconciliation.schedule.due import Agenda, Due, Missing, ScheduleOptions, agenda_of
from reconciliation.schedule.state import State, read_state
from reconciliation.schedule.wake import Round, Scheduler

__all__ = [
    "Agenda",
    "Arrival",
    "Due",
    "Missing",
    "Round",
    "ScheduleOptions",
    "Scheduler",
    "State",
    "agenda_of",
    "read_state",
    "take_arrivals",
]
