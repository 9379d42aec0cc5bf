"""What is known of the runs so far: the last one of each definition and date, the carry in force, arrivals, tries."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from reconciliation.carry.waiting import Origin
from reconciliation.definitions.model import Side


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a definition and date, and the carry of the last one that came to its end (``in_force``)."""

    definition: str
    business_date: date
    state: str
    reason: str | None
    started_at: datetime
    finished_at: datetime | None
    in_force: str | None
    break_count: int
    opening_digest: str | None
    closing_digest: str | None
    followed: bool | None
    origins: list[list[Any]] | None

    @property
    def waiting_from(self) -> tuple[Origin, ...]:
        """Where the rows come from that the run left waiting."""
        return tuple((_side(side), date.fromisoformat(origin)) for side, origin, _ in self.origins or ())


def _side(text: str) -> Side:
    return "left" if text == "left" else "right"


@dataclass(frozen=True, slots=True)
class Try:
    """When the schedule last looked at a definition and date, and how often in a row without coming to an end."""

    tries: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """Everything :func:`due.agenda_of` decides from.

    ``arrived``: (source, date) -> (when, file name), oldest first; ``undated``: the same by source, of files whose
    content names no date, such as an empty day's bill. ``late``: (channel, date) -> when it last stated something
    of the date after it was over. ``corrected``: (definition, date) -> when a resolution was last carried out.
    """

    runs: Mapping[tuple[str, date], LastRun] = field(default_factory=dict)
    arrived: Mapping[tuple[str, date], list[tuple[datetime, str]]] = field(default_factory=dict)
    undated: Mapping[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    tries: Mapping[tuple[str, date], Try] = field(default_factory=dict)
    closed: frozenset[date] = frozenset()
    late: Mapping[tuple[str, date], datetime] = field(default_factory=dict)
    corrected: Mapping[tuple[str, date], datetime] = field(default_factory=dict)

    @property
    def begins(self) -> date | None:
        """The first date that was ever run."""
        return min((day for _, day in self.runs), default=None)


def read_state(connection: Connection[Any], since: date) -> State:
    """The state of all dates from ``since`` on."""
    with connection.cursor(row_factory=class_row(LastRun)) as cursor:
        runs = {(run.definition, run.business_date): run for run in cursor.execute(_LAST_RUNS, {"since": since})}
    arrived, undated = _arrivals(connection, since)
    tries = {
        (name, day): Try(count, at)
        for name, day, count, at in connection.execute(
            "SELECT definition, business_date, tries, last_at FROM recon.tries WHERE business_date >= %s", (since,)
        )
    }
    closed = connection.execute(
        "SELECT DISTINCT business_date FROM recon.closings"
        " WHERE business_date >= %s AND recon.is_closed(business_date)",
        (since,),
    ).fetchall()
    late = {
        (channel, day): at
        for channel, day, at in connection.execute(
            "SELECT channel, business_date, last_at FROM recon.late_messages WHERE business_date >= %s", (since,)
        )
    }
    corrected = {(name, day): at for name, day, at in connection.execute(_CORRECTED, (since,))}
    return State(runs, arrived, undated, tries, frozenset(row[0] for row in closed), late, corrected)


Came = list[tuple[datetime, str]]


def _arrivals(connection: Connection[Any], since: date) -> tuple[dict[tuple[str, date], Came], dict[str, Came]]:
    arrived: dict[tuple[str, date], Came] = defaultdict(list)
    undated: dict[str, Came] = defaultdict(list)
    for source, name, days, at, refused in connection.execute(
        "SELECT source, name, business_dates, arrived_at, refused FROM recon.arrivals"
        " WHERE business_dates && ARRAY(SELECT %(since)s::date + n FROM generate_series(0, 400) AS n)"
        " OR (business_dates = '{}' AND arrived_at >= %(since)s) ORDER BY arrived_at, name",
        {"since": since},
    ):
        for day in days:
            arrived[source, day].append((at, name))
        if not days and refused is None:
            undated[source].append((at, name))
    return arrived, undated


_CORRECTED = """
SELECT b.definition, b.business_date, max(greatest(r.proposed_at, r.approved_at))
FROM recon.resolutions r JOIN recon.breaks b USING (break_id)
WHERE r.state = 'applied' AND b.business_date >= %s GROUP BY 1, 2
"""

_LAST_RUNS = """
WITH last AS (
    SELECT DISTINCT ON (definition, business_date) definition, business_date, state, reason, started_at, finished_at
    FROM recon.runs WHERE business_date >= %(since)s
    ORDER BY definition, business_date, finish_order DESC NULLS FIRST, started_at DESC
), in_force AS (
    SELECT DISTINCT ON (r.definition, r.business_date) r.definition, r.business_date, r.run_id, r.break_count,
           c.opening_digest, c.closing_digest, c.followed, c.origins
    FROM recon.runs r LEFT JOIN recon.carries c USING (run_id)
    WHERE r.state = 'done' AND r.business_date >= %(since)s
    ORDER BY r.definition, r.business_date, r.finish_order DESC
)
SELECT last.*, f.run_id AS in_force, coalesce(f.break_count, 0) AS break_count, f.opening_digest, f.closing_digest,
       f.followed, f.origins
FROM last LEFT JOIN in_force f USING (definition, business_date)
"""
