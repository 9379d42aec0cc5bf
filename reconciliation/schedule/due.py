"""Which (definition, date) is to be run now, and why. A pure function of documents, state and the time.

    never run           the date is due and has no run
    input missing       the channel did not answer; asked again at growing intervals
    file came           a file with lines of the date came after the last run
    told late           a channel has stated something of the date after it was run
    corrected           a resolution was carried out after the run: the next one proves it
    earlier date        the date before has another closing than this one opened with: it is run again, and so on
    decided later       a later date was run after this one had given up waiting: what waited is that one's to decide
    grace is over       rows were left waiting whose grace has run out since

What is missing past its grace is listed with the time since when and whom to ask. A closed date is never run; what
would have changed it is listed as blocked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from reconciliation.calendars import YearNotKnown
from reconciliation.carry.files import EMPTY
from reconciliation.carry.waiting import waits
from reconciliation.definitions.model import Definition, Side
from reconciliation.schedule.state import LastRun, State, Try

_ONE = timedelta(days=1)
SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """``look_back_days``: how far back dates are looked after. A missing input is asked for again after
    ``retry_minutes``, then after twice as long, up to ``retry_minutes_max``. What was corrected or told late is looked
    at when nothing more of it has come for ``quiet_minutes``."""

    look_back_days: int = 45
    retry_minutes: int = 5
    quiet_minutes: int = 10
    retry_minutes_max: int = 120


@dataclass(frozen=True, slots=True)
class Due:
    """A pair to be run now. ``since``: from when on it has been due."""

    definition: str
    business_date: date
    reason: str
    detail: str
    since: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "definition": self.definition,
            "business_date": self.business_date.isoformat(),
            "reason": self.reason,
            "detail": self.detail,
            "since": self.since.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """An input that has not come though its grace is over: what, since when, whom to ask."""

    definition: str
    business_date: date
    source: str
    what: str
    since: datetime
    contact: str

    def to_json(self) -> dict[str, Any]:
        return {
            "definition": self.definition,
            "business_date": self.business_date.isoformat(),
            "source": self.source,
            "what": self.what,
            "since": self.since.isoformat(),
            "contact": self.contact,
        }


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is to be done, in order: earlier dates first, because later ones open with what they close with.

    ``blocked``: what would be due if its date were not closed, or its calendar knew the year.
    """

    due: tuple[Due, ...] = ()
    missing: tuple[Missing, ...] = ()
    blocked: tuple[Due, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "due": [each.to_json() for each in self.due],
            "missing": [each.to_json() for each in self.missing],
            "blocked": [each.to_json() for each in self.blocked],
        }


@dataclass(slots=True)
class _Notes:
    due: list[Due] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    blocked: list[Due] = field(default_factory=list)


def agenda_of(pairs: Iterable[Definition], state: State, now: datetime, options: ScheduleOptions) -> Agenda:
    """What is to be run at ``now``. Dates begin with the first one that was ever run, else with the last one due."""
    notes = _Notes()
    for definition in pairs:
        days = _dates(definition, state, now, options)
        for number, day in enumerate(days):
            earlier = _closing_before(definition, state, days[:number])
            try:
                _look_at(definition, day, earlier, state, now, options, notes)
            except YearNotKnown as error:
                notes.blocked.append(Due(definition.name, day, "calendar", str(error), now))
    in_order = sorted(notes.due, key=lambda due: (due.business_date, due.definition))
    return Agenda(tuple(in_order), tuple(notes.missing), tuple(notes.blocked))


def first_date(now: datetime, options: ScheduleOptions) -> date:
    """The first date that is looked after."""
    return now.date() - options.look_back_days * _ONE


def _dates(definition: Definition, state: State, now: datetime, options: ScheduleOptions) -> list[date]:
    """The dates that have ended, from the first one that was ever run; the last one alone when there is none."""
    last = definition.calendar.business_date_of(now) - _ONE
    begins = state.begins or last
    begin = max(begins, first_date(now, options))
    return [begin + n * _ONE for n in range((last - begin).days + 1)]


def _closing_before(definition: Definition, state: State, days: Sequence[date]) -> str | None:
    """The closing of the last date before that came to its end; None when that cannot be said."""
    for day in reversed(days):
        run = state.runs.get((definition.name, day))
        if run is not None and run.in_force is not None:
            return run.closing_digest
    return None


def due_at(definition: Definition, day: date) -> datetime:
    """When both sides usually have everything of the date. Raises YearNotKnown."""
    return max(definition.days(side).due_at(day) for side in SIDES)


def _look_at(
    definition: Definition,
    day: date,
    earlier: str | None,
    state: State,
    now: datetime,
    options: ScheduleOptions,
    notes: _Notes,
) -> None:
    since = due_at(definition, day)
    if now < since:
        return
    run = state.runs.get((definition.name, day))
    found = _reason(definition, day, run, earlier, state, now, options)
    if found is not None:
        due = Due(definition.name, day, *found, since)
        (notes.blocked if day in state.closed else notes.due).append(due)
    waited = run is not None and run.state == "waiting"
    if waited and day not in state.closed and definition.days("right").grace_is_over(day, now):
        notes.missing.append(_missing(definition, day, run, since))


def _missing(definition: Definition, day: date, run: LastRun | None, since: datetime) -> Missing:
    what = (run.reason if run is not None else None) or "the other side has said nothing of this date"
    return Missing(definition.name, day, str(definition.right), what, since, definition.contact)


Reason = tuple[str, str]


def _reason(
    definition: Definition,
    day: date,
    run: LastRun | None,
    earlier: str | None,
    state: State,
    now: datetime,
    options: ScheduleOptions,
) -> Reason | None:
    """Why the pair is to be run now; None when it is not."""
    looked = state.tries.get((definition.name, day))
    if run is None:
        detail = "the date has ended and both sides are usually ready"
        return ("never run", detail) if looked is None or now >= _again(looked.last_at, looked, options) else None
    seen = max(filter(None, (run.started_at, looked.last_at if looked else None)))
    if (came := next(_came(definition, day, run, state, seen), None)) is not None:
        return "file came", came
    if run.state == "running":
        stale = seen + timedelta(minutes=options.retry_minutes)
        return ("interrupted", "a run has begun and not come to its end") if now >= stale else None
    if run.state == "waiting":
        # A file tells when it has come; a channel has to be asked.
        asked = definition.right.source == "channel" and now >= _again(seen, looked, options)
        return ("input missing", run.reason or "an input is not there") if asked else None
    if run.in_force is None or run.opening_digest is None:
        return None
    if run.opening_digest != (earlier if earlier is not None else _opening_of_the_first(run)):
        return "earlier date", "the date before closes with other rows than this one opened with"
    if (changed := _changed(definition, day, state, seen, now - timedelta(minutes=options.quiet_minutes))) is not None:
        return changed
    return _clock_reason(definition, day, run, state, now)


def _again(seen: datetime, looked: Try | None, options: ScheduleOptions) -> datetime:
    """When what did not come to an end is tried again: each pause is twice the one before."""
    doublings = min((looked.tries if looked else 1) - 1, 12)
    return seen + timedelta(minutes=min(options.retry_minutes * 2**doublings, options.retry_minutes_max))


def _opening_of_the_first(run: LastRun) -> str:
    # The first date looked after may have opened with an older one's closing: that cannot be judged from here.
    return run.opening_digest or EMPTY


def _came(definition: Definition, day: date, run: LastRun, state: State, seen: datetime) -> Iterator[str]:
    """Files with lines of the date that arrived after the pair was last looked at.

    A file without any line may be the one that a waiting date waits for; nobody else is concerned.
    """
    for side in SIDES:
        source = definition.source(side)
        if source.source == "processor" and source.of:
            yield from (name for at, name in state.arrived.get((source.of, day), ()) if at > seen)
            if run.state == "waiting":
                yield from (name for at, name in state.undated.get(source.of, ()) if at > seen)


def _changed(definition: Definition, day: date, state: State, seen: datetime, quiet: datetime) -> Reason | None:
    """What the hub has come to know, or was told to do, since the pair was last looked at."""
    if definition.right.source == "channel":
        late = [state.late[key] for key in [(definition.right.of or "", day)] if key in state.late]
    else:
        # Money at a processor may belong to any channel's order; so may a seat.
        late = [at for (_, other), at in state.late.items() if other == day] if definition.left.source == "hub" else []
    if late and seen < max(late) <= quiet:
        return "told late", "messages of the date came after it was run"
    corrected = state.corrected.get((definition.name, day))
    if corrected is not None and seen < corrected <= quiet:
        return "corrected", "resolutions were carried out after the run"
    return None


def _clock_reason(definition: Definition, day: date, run: LastRun, state: State, now: datetime) -> Reason | None:
    """What only the time, or a later date, has changed since the run."""
    if not run.waiting_from and not run.break_count:
        return None
    followed = _followed(definition, day, state.runs)
    at_the_time = waits(definition, day, run.waiting_from, run.started_at, bool(run.followed))
    at_present = waits(definition, day, run.waiting_from, now, followed)
    if at_the_time == at_present:
        return None
    if followed and not run.followed:
        return "decided later", "a later date has been run since, and decides what waited"
    if any(at_present[origin] is None for origin in run.waiting_from):
        return "grace is over", "rows were left waiting, and their grace has run out"
    return None


def _followed(definition: Definition, day: date, runs: Mapping[tuple[str, date], LastRun]) -> bool:
    """:func:`carry.followed` from the state in hand."""
    last = max(definition.days(side).window(day, side)[1] for side in SIDES)
    later = (day + n * _ONE for n in range(1, (last - day).days + 1))
    found = (runs.get((definition.name, each)) for each in later)
    return any(run is not None and run.in_force is not None for run in found)
