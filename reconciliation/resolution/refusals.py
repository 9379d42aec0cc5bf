"""What the database refuses, as problems: its constraints are the rules, these are their sentences."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from psycopg.errors import CheckViolation, UniqueViolation

from schemas.problems import Problem, ProblemError, problem

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "two_people": ("second_person_needed", "Who proposed a resolution may not decide on it."),
    "closing_by_two_people": ("second_person_needed", "Who proposed to close or reopen a date may not decide on it."),
    "enough_people": ("second_person_needed", "Not enough different people have agreed."),
    "date_is_closed": ("date_closed", "The business date is closed."),
    "closing_changes_something": ("query_invalid", "The business date is in that state already."),
    "closings_one_waits": ("query_invalid", "A proposal to close or reopen this date waits already."),
    "claimed_once": ("query_invalid", "One of the rows is accepted or linked already; undo that first."),
    "resolutions_undone_once": ("query_invalid", "It is undone already, or its undo waits for somebody's approval."),
}
"""constraint -> (code, sentence)"""


@contextmanager
def as_problems() -> Iterator[None]:
    """Turn the refusals of our own constraints into problems; everything else goes on as it is."""
    try:
        yield
    except (CheckViolation, UniqueViolation) as violated:
        known = _SENTENCES.get(violated.diag.constraint_name or "")
        if known is None:
            raise
        raise ProblemError(problem(*known)) from None


def closed(day: object) -> Problem:
    """The problem of a closed business date; its remedy says how two people open it again."""
    return problem("date_closed", f"Business date {day} is closed.")
