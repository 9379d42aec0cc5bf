"""One round of the schedule: what came, what is due, and running it, earlier dates first.

Any number of processes may be woken at once; one of them does the round, under an advisory lock. A round that dies is
the next one's work: nothing is remembered but runs, arrivals and tries. Running a date may make later ones due
(their opening changes): the round goes on until nothing is due, or its time is over.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from reconciliation import digests
from reconciliation.definitions import Catalogue, Definition, catalogue
from reconciliation.schedule.arrivals import Arrival, DatesOf, Files, take_arrivals
from reconciliation.schedule.due import Agenda, Due, ScheduleOptions, agenda_of, first_date
from reconciliation.schedule.state import read_state

log = logging.getLogger(__name__)

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('recon|schedule', 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('recon|schedule', 0))"


class RunsDays(Protocol):
    """What the schedule needs of the reconciler."""

    def run_day(self, business_date: date, names: Sequence[str] | None = None) -> Any: ...


@dataclass(slots=True)
class Round:
    """What one round did. ``elsewhere``: another process is at it. ``failed``: (definition, date, why)."""

    arrivals: list[Arrival] = field(default_factory=list)
    ran: list[Due] = field(default_factory=list)
    failed: list[tuple[str, date, str]] = field(default_factory=list)
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Everything a round needs. ``definitions``: the operator's folder; ``files``, ``dates_of``: as in ``arrivals``."""

    pool: ConnectionPool[Connection[TupleRow]]
    reconciler: RunsDays
    files: Files
    dates_of: DatesOf
    clock: Callable[[], datetime]
    data_dir: Path
    definitions: Path | None = None
    options: ScheduleOptions = field(default_factory=ScheduleOptions)

    def agenda(self) -> Agenda:
        """What is due, missing and blocked at this moment; changes nothing."""
        now = self.clock()
        with self.pool.connection() as connection:
            state = read_state(connection, first_date(now, self.options))
        return agenda_of(self._catalogue().pairs.values(), state, now, self.options)

    def round(self, most_dates: int = 100) -> Round:
        """Take what came and run what is due, at most ``most_dates`` times a date."""
        done = Round()
        with self._alone() as alone:
            if not alone:
                done.elsewhere = True
                return done
            done.arrivals = self._take_arrivals()
            tried: set[tuple[str, date, str]] = set()
            for _ in range(most_dates):
                due = [each for each in self.agenda().due if _mark(each) not in tried]
                if not due:
                    break
                day, batch = next((day, list(each)) for day, each in groupby(due, key=lambda d: d.business_date))
                tried |= {_mark(each) for each in batch}
                self._run(day, batch, done)
        return done

    def _take_arrivals(self) -> list[Arrival]:
        with self.pool.connection() as connection:
            return take_arrivals(
                connection, _processors(self._catalogue().pairs.values()), self.files, self.dates_of, self.clock()
            )

    def _run(self, day: date, batch: Sequence[Due], done: Round) -> None:
        """Run the pairs of one date together: they share a snapshot. A date that fails does not stop the others."""
        for due in batch:
            log.info("reconciliation: %s of %s is due: %s", due.definition, day, due.reason)
        names = [due.definition for due in batch]
        begun = self.clock()
        try:
            self.reconciler.run_day(day, names)
            self._digest(day, names)
            done.ran += batch
        except Exception as error:  # whatever it was, it is logged, written down and tried again
            log.exception("reconciliation: %s of %s failed", ", ".join(names), day)
            done.failed += [(name, day, f"{type(error).__name__}: {error}") for name in names]
        with self.pool.connection() as connection:
            for due in batch:
                # What comes or is corrected while it runs is news to it.
                _note(connection, due, begun)

    def _digest(self, day: date, names: Sequence[str]) -> None:
        """Keep, by five minutes, what both sides of the channels' pairs said in this run."""
        pairs = self._catalogue().pairs
        with self.pool.connection() as connection:
            for pair in (pairs[name] for name in names if name in pairs):
                if pair.right.source == "channel" and pair.right.of:
                    digests.keep_run(connection, self.data_dir, pair.right.of, pair.name, day, self.clock())

    def _catalogue(self) -> Catalogue:
        return catalogue(self.definitions)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        with self.pool.connection() as connection:
            row = connection.execute(_LOCK).fetchone()
            connection.commit()
            alone = bool(row and row[0])
            try:
                yield alone
            finally:
                if alone:
                    connection.rollback()
                    connection.execute(_UNLOCK)
                    connection.commit()


def _mark(due: Due) -> tuple[str, date, str]:
    return due.definition, due.business_date, due.reason


def _processors(pairs: Iterable[Definition]) -> set[str]:
    sources = [source for pair in pairs for source in (pair.left, pair.right)]
    return {source.of for source in sources if source.source == "processor" and source.of}


def _note(connection: Connection[TupleRow], due: Due, now: datetime) -> None:
    """Write down that the pair was looked at; tries count on while the reason stays the same."""
    connection.execute(_NOTE, {"name": due.definition, "day": due.business_date, "reason": due.reason, "now": now})


_NOTE = """
INSERT INTO recon.tries AS known (definition, business_date, tries, first_at, last_at, reason)
VALUES (%(name)s, %(day)s, 1, %(now)s, %(now)s, %(reason)s)
ON CONFLICT (definition, business_date) DO UPDATE SET
    tries = CASE WHEN excluded.reason = known.reason THEN known.tries + 1 ELSE 1 END,
    last_at = excluded.last_at, reason = excluded.reason
"""
