"""Playing the days: every noon the schedule runs, people work, dates close; after each step the auditor looks.

python -m tests.reconciliation.days --days 60 --seed 1
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from interlock.database import Pool
from reconciliation.carry import gaps
from reconciliation.definitions import definitions
from reconciliation.resolution import Closing
from reconciliation.resolution.suspense import balances, check
from reconciliation.runs import Reconciler
from reconciliation.schedule import Scheduler
from schemas.problems import ProblemError
from tests.reconciliation.days.auditor import Auditor, Key, Verdict, noon_after
from tests.reconciliation.days.systems import Folder, Systems, digest_of, install, local_days
from tests.reconciliation.days.world import FIRST, ONE, files_of, sales_of
from tests.reconciliation.house import Clock, reconciler

PAIRS = ("hub-acquirer", "hub-agents", "hub-web", "hub-wechat")
CLOSE_AFTER = 5
PATIENCE = 3


@dataclass(slots=True)
class Line:
    """One day of the table."""

    day: date
    sales: int = 0
    files: int = 0
    ran: int = 0
    opened: int = 0
    cleared: int = 0
    pending: int = 0
    unsettled: int = 0
    suspense: int = 0
    timing: int = 0
    written_off: int = 0
    undone: int = 0
    closed: str = "-"
    disagreements: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Play:
    """The whole play. ``settle`` is called after every act, and compares the books with the auditor's."""

    pool: Pool
    folder: Path
    seed: int
    per_day: int = 8
    systems: Systems = field(default_factory=Systems)
    auditor: Auditor = field(default_factory=Auditor)
    clock: Clock = field(default_factory=Clock)
    days: list[date] = field(default_factory=list)
    offs: dict[Key, UUID] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def run(self, count: int) -> Iterator[Line]:
        """One line per day; after the last, the days until everything has come."""
        install(self.folder)
        self._only_these_pairs()
        recon = reconciler(self.pool, self.systems, self.clock, self.folder)
        drop = Folder(self.systems, self.folder / "drop")
        own = self.folder / "recon" / "definitions"
        scheduler = Scheduler(self.pool, recon, drop.files, drop.dates_of, self.clock, self.folder, own)
        for day in local_days(FIRST, count):
            yield self._day(day, recon, scheduler, drop)

    def _only_these_pairs(self) -> None:
        """Every other pair is taken out of the day: a document of that name that says nothing."""
        for name in definitions().keys() - set(PAIRS):
            (self.folder / "recon" / "definitions" / f"{name}.json").write_text("{}", encoding="utf-8")

    def _day(self, day: date, recon: Reconciler, scheduler: Scheduler, drop: Folder) -> Line:
        line = Line(day)
        sales = sales_of(day, self.seed, self.per_day)
        self.auditor.sales += sales
        for sale in sales:
            self.systems.sell(sale)
        self.days.append(day)
        for processor in ("wechat", "acquirer"):
            # What stands in yesterday's file because it was early is only known now.
            self.auditor.files += files_of(processor, day - ONE, self.auditor.sales, self.seed) if day > FIRST else []
        self.clock.now = noon_after(day - ONE)
        self._drop(drop, line)
        before = self._states()
        self._settle(recon, scheduler, line)
        self._people(recon, scheduler, line)
        self._close(recon.closing, line)
        after = self._states()
        line.sales = len(sales)
        line.opened = sum(key not in before for key in after)
        line.cleared = sum(state == "cleared" and before.get(key) != "cleared" for key, state in after.items())
        return line

    def _drop(self, drop: Folder, line: Line) -> None:
        known = {file.name for file in self.systems.here}
        for file in self.auditor.files:
            if file.comes <= self.clock.now and file.name not in known:
                drop.drop(file)
                self.names[digest_of(file)] = file.name
                line.files += 1

    # --- the schedule, and the proof that what was resolved is gone

    def _settle(self, recon: Reconciler, scheduler: Scheduler, line: Line) -> None:
        """Everything that is due, then once more every date whose breaks were resolved: the next run is the proof."""
        ran = scheduler.round()
        line.ran += len(ran.ran)
        line.disagreements += [f"failed: {name} {day}: {why}" for name, day, why in ran.failed]
        for day, names in sorted(self._resolved().items()):
            recon.run_day(day, sorted(names))
            line.ran += len(names)
        line.ran += len(scheduler.round().ran)
        self._compare(line)

    def _resolved(self) -> dict[date, set[str]]:
        """Dates with breaks that wait for their proof, and every pair of the date: one cause may show in two."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT business_date FROM recon.breaks WHERE state = 'resolved' AND kind <> 'TIMING'"
            ).fetchall()
            ran = connection.execute("SELECT DISTINCT business_date, definition FROM recon.runs").fetchall()
        due = {row[0] for row in rows}
        return {day: {name for other, name in ran if other == day} for day in due}

    # --- people: what is old is written off by two; some of that is undone

    def _people(self, recon: Reconciler, scheduler: Scheduler, line: Line) -> None:
        old = [key for key in self._unsettled() if self._may_be_written_off(key)]
        for key in old[:2]:
            proposed = recon.resolver.propose(self._break_id(key), "write_off", "old and small", "anna")
            recon.resolver.approve(proposed["resolution_id"], "ben", recon.kept_parts)
            self.auditor.written_off.add(key)
            self.offs[key] = proposed["resolution_id"]
            line.written_off += 1
        for key in [k for k in self.offs if (line.day - k[1]).days == PATIENCE + 2][:1]:
            undo = recon.resolver.propose_undo(self.offs.pop(key), "it was not small after all", "ben")
            recon.resolver.approve(undo["resolution_id"], "anna", recon.kept_parts)
            self.auditor.written_off.discard(key)
            line.undone += 1
            recon.run_day(key[1], [key[0]])
        if line.written_off or line.undone:
            self._settle(recon, scheduler, line)

    def _may_be_written_off(self, key: Key) -> bool:
        _, day, kind, _ = key
        return kind == "AMOUNT" and key not in self.offs and (self.days[-1] - day).days == PATIENCE

    # --- closing

    def _close(self, closing: Closing, line: Line) -> None:
        day = line.day - CLOSE_AFTER * ONE
        if day < FIRST:
            return
        hindered = {h.definition for h in closing.hindrances(day)}
        expected = self._expected()
        wanted = {pair for pair, other, *_ in expected.breaks if other == day}
        wanted |= {pair for (pair, other), state in expected.states.items() if other == day and state != "done"}
        if hindered != wanted:
            line.disagreements.append(f"closing {day}: hindered by {sorted(hindered)}, should be {sorted(wanted)}")
        line.closed = f"{len(hindered)} hinder"
        if not hindered:
            proposed = closing.propose(day, "close", "all is explained", "anna")
            line.disagreements += self._alone(lambda: closing.decide(proposed["closing_id"], "anna", True))
            closing.decide(proposed["closing_id"], "ben", True)
            line.closed = "closed"
            again = closing.propose(day, "reopen", "another file may come", "ben")
            closing.decide(again["closing_id"], "anna", True)

    @staticmethod
    def _alone(act: Callable[[], object]) -> list[str]:
        """One person alone must be refused."""
        try:
            act()
        except ProblemError as refused:
            return [] if refused.problem.code == "second_person_needed" else [f"refused as {refused.problem.code}"]
        return ["one person has closed a date alone"]

    # --- the comparison

    def _expected(self) -> Verdict:
        ran = [day for day in self.days if noon_after(day) <= self.clock.now]
        return self.auditor.verdict(ran, self.clock.now)

    def _compare(self, line: Line) -> None:
        expected = self._expected()
        unsettled, timing = self._unsettled(), self._timing()
        line.disagreements += _apart("unsettled", unsettled, expected.breaks)
        line.disagreements += _apart("timing", dict.fromkeys(timing, 0), dict.fromkeys(expected.timing, 0))
        pending = self._pending()
        wanted = Counter((pair, day) for pair, day, _ in expected.pending)
        line.disagreements += _apart("pending", pending, {key: wanted[key] for key in wanted})
        with self.pool.connection() as connection:
            line.disagreements += [f"gap: {gap}" for gap in gaps(connection)]
            line.disagreements += [f"suspense: {complaint}" for complaint in check(connection)]
            held = sum(b.amount for b in balances(connection) if b.account.startswith("suspense:"))
        if held != expected.at_stake():
            line.disagreements.append(f"suspense holds {held}, {expected.at_stake()} are open")
        line.pending, line.unsettled, line.timing = sum(pending.values()), len(unsettled), len(timing)
        line.suspense = held

    def _rows(self, states: tuple[str, ...]) -> list[tuple[Key, int]]:
        with self.pool.connection() as connection:
            found = connection.execute(
                "SELECT definition, business_date, kind, key, amount_at_stake FROM recon.breaks WHERE state = ANY(%s)",
                (list(states),),
            ).fetchall()
        return [((pair, day, kind, self._name(key)), fen) for pair, day, kind, key, fen in found]

    def _name(self, key: str) -> str:
        """A refused file is known by its digest; here by its name."""
        return self.names.get(key, key)

    def _unsettled(self) -> dict[Key, int]:
        return {key: fen for key, fen in self._rows(("open", "left", "resolved")) if key[2] != "TIMING"}

    def _timing(self) -> set[Key]:
        return {key for key, _ in self._rows(("open", "left", "resolved")) if key[2] == "TIMING"}

    def _pending(self) -> dict[tuple[str, date], int]:
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT ON (definition, business_date) definition, business_date, pending FROM recon.runs"
                " WHERE state = 'done' ORDER BY 1, 2, finish_order DESC"
            ).fetchall()
        return {(row[0], row[1]): row[2] for row in rows if row[2]}

    def _states(self) -> dict[UUID, str]:
        with self.pool.connection() as connection:
            return dict(connection.execute("SELECT break_id, state FROM recon.breaks").fetchall())

    def _break_id(self, key: Key) -> UUID:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT break_id FROM recon.breaks WHERE (definition, business_date, kind, key) = (%s, %s, %s, %s)", key
            ).fetchone()
        assert row is not None
        found: UUID = row[0]
        return found


def _apart(what: str, found: Mapping[Any, int], wanted: Mapping[Any, int]) -> list[str]:
    """Where two books differ, in words."""
    return [
        f"{what}: {key} is {found.get(key, 'not there')}, should be {wanted.get(key, 'not there')}"
        for key in sorted(found.keys() | wanted.keys(), key=str)
        if found.get(key) != wanted.get(key)
    ]


def table(lines: list[Line]) -> str:
    """The play as text."""
    head = "day sales files runs opened cleared pending unsettled suspense timing written-off undone close agree"
    widths = (-10, 5, 5, 4, 6, 7, 7, 9, 9, 6, 11, 6, -9, 5)
    cells = [head.split(), *(_cells(line) for line in lines)]
    return "\n".join(
        " ".join(f"{cell:<{-w}}" if w < 0 else f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _cells(line: Line) -> list[str]:
    counted = (line.sales, line.files, line.ran, line.opened, line.cleared, line.pending, line.unsettled)
    return [
        line.day.isoformat(),
        *map(str, counted),
        f"{line.suspense / 100:.2f}",
        *map(str, (line.timing, line.written_off, line.undone)),
        line.closed,
        "NO" if line.disagreements else "yes",
    ]
