"""From two sides to breaks: the pieces matched, the later passes over what they leave, then the kinds and the carry.

Every stage reads files and writes files. A stage that was interrupted is done again from the files of the one before.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from reconciliation.breaks import Around, Explained, explain, refused_break, seat_breaks, write_breaks
from reconciliation.carry import Closing, close, record
from reconciliation.journal import Journal, RunHead, RunResult
from reconciliation.matching import LaterResult, MatchOptions, PieceResult, later_passes
from reconciliation.ports import Spread
from reconciliation.runs.options import ReconOptions
from reconciliation.runs.pieces import match_piece, tasks_of
from reconciliation.runs.prepare import NOTHING, Prepared
from reconciliation.runs.progress import Moment, Progress, silent
from reconciliation.runs.steps import Steps
from reconciliation.runs.worklist import PieceTask, Worklist
from reconciliation.sources.seats import double_sold

Pieces = Sequence[tuple[PieceTask, PieceResult]]


@dataclass(slots=True)
class Matched:
    """A definition's result before it is written down. ``breaks``: Parquet, ready for COPY."""

    breaks: Path
    result: RunResult
    kinds: dict[str, int] = field(default_factory=dict)
    closing: Closing | None = None

    def record_carry(
        self, connection: Connection[TupleRow], head: RunHead, prepared: Prepared, root: Path, now: datetime
    ) -> None:
        """Write the closing carry into the run's transaction."""
        if self.closing is not None:
            record(
                connection, head.run_id, head.definition, head.business_date, prepared.opening, self.closing,
                prepared.followed, root, now,
            )  # fmt: skip


class Matcher:
    """Takes a prepared pair to its breaks, stage by stage."""

    def __init__(
        self,
        journal: Journal,
        worklist: Worklist,
        options: ReconOptions,
        clock: Callable[[], datetime],
        steps: Steps,
        worker: str,
    ) -> None:
        self.journal = journal
        self.worklist = worklist
        self.options = options
        self.clock = clock
        self.steps = steps
        self.worker = worker

    def match(self, prepared: Prepared, run_id: str, spread: Spread, tell: Progress) -> Matched:
        """Match a pair and keep every stage in the journal; raises PieceFailed."""
        folder = self.options.run_folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        if not prepared.ready:
            return self._not_matched(prepared, folder)
        if prepared.definition.right.source == "seats":
            with self.journal.stage(run_id, "explain", self.worker, self.clock, prepared.rows):
                tell(Moment(prepared.definition.name, "explain", rows_total=prepared.rows))
                return self._seats(prepared, folder)
        pieces = self._pieces(prepared, run_id, spread, tell)
        return self._explained(prepared, pieces, folder, run_id, tell)

    def match_dry(self, prepared: Prepared) -> Matched:
        """The same, leaving nothing in the journal; its files are those that the real run would find and use."""
        self.options.spill.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.options.spill, prefix="dry-"))
        if not prepared.ready:
            return self._not_matched(prepared, folder)
        if prepared.definition.right.source == "seats":
            return self._seats(prepared, folder)
        pieces = [(task, match_piece(self.options, task)) for task in tasks_of(prepared, self.options)]
        return self._explained(prepared, pieces, folder, None, silent)

    def _pieces(self, prepared: Prepared, run_id: str, spread: Spread, tell: Progress) -> Pieces:
        name = prepared.definition.name

        def watch() -> None:
            tell(self.worklist.look(run_id, name))

        with self.journal.stage(run_id, "match", self.worker, self.clock, prepared.rows):
            self.worklist.plan(run_id, tasks_of(prepared, self.options))
            self.steps(f"{name}/planned")
            watch()
            if self.worklist.open_pieces(run_id):
                spread(run_id, watch)
            watch()
        self.steps(f"{name}/matched")
        return self.worklist.results(run_id)

    def _explained(
        self, prepared: Prepared, pieces: Pieces, folder: Path, run_id: str | None, tell: Progress
    ) -> Matched:
        """Differences into matches of later passes, accepted ones, pending ones and breaks."""
        definition, day = prepared.definition, prepared.business_date
        counts = PieceResult()
        for _, counted in pieces:
            counts.add(counted)
        files = [self.options.data_dir / task.out for task, counted in pieces if _left_over(counted)]
        with self._limits() as limits:
            with self._stage(run_id, "later"):
                tell(Moment(definition.name, "later"))
                self.steps(f"{definition.name}/later")
                later = later_passes(definition, files, day, folder / "later", limits)
            with self._stage(run_id, "explain"):
                tell(Moment(definition.name, "explain"))
                self.steps(f"{definition.name}/explain")
                explained = self._explain(prepared, later, folder / "explain", limits)
                waiting = explained.waiting if explained.pending else None
                closing = close(prepared.opening, waiting, day, self.options.carries)
        self.steps(f"{definition.name}/explained")
        result = RunResult(
            state="done",
            left_rows=counts.left_rows,
            right_rows=counts.right_rows,
            matched=counts.matched + counts.carried + sum(left for left, _ in later.claimed.values()),
            adjusted=explained.adjusted,
            break_count=explained.break_count,
            break_fen=explained.break_fen,
            carry=closing.total,
            passes=dict(later.claimed),
        )
        kinds = {kind: count for kind, (count, _) in explained.kinds.items()}
        return Matched(explained.breaks, result, kinds, closing)

    def _explain(self, prepared: Prepared, later: LaterResult, folder: Path, limits: MatchOptions) -> Explained:
        if not later.differences:
            folder.mkdir(parents=True, exist_ok=True)
            breaks = folder / "breaks.parquet"
            write_breaks([], breaks)
            return Explained(breaks, folder / "waiting.parquet", adjusted=0, pending=0, kinds={})
        around = Around(
            hub=[path for dataset in prepared.left for path in dataset.paths],
            claims=[path for dataset in prepared.claims for path in dataset.paths],
            accepted=prepared.accepted,
            waits_from=prepared.waits,
        )
        return explain(prepared.definition, prepared.business_date, later, around, folder, limits)

    def _seats(self, prepared: Prepared, folder: Path) -> Matched:
        definition, day = prepared.definition, prepared.business_date
        out = folder / "breaks.parquet"
        paths = [path for dataset in prepared.left for path in dataset.paths]
        self.steps(f"{definition.name}/explain")
        found = seat_breaks(definition, day, double_sold(paths, day), out)
        kinds = {kind: count for kind, (count, _) in found.items()}
        rows = prepared.left_rows
        result = RunResult(
            state="done",
            left_rows=rows,
            matched=rows,
            break_count=sum(kinds.values()),
            break_fen=sum(amount for _, amount in found.values()),
        )
        return Matched(out, result, kinds)

    def _not_matched(self, prepared: Prepared, folder: Path) -> Matched:
        """An input is not there, or wrong; or there is nothing to compare."""
        definition, day = prepared.definition, prepared.business_date
        breaks = [
            refused_break(definition, day, i.name, i.sha256, i.refused or "", self.clock()) for i in prepared.refused
        ]
        out = folder / "breaks.parquet"
        write_breaks(breaks, out)
        if prepared.idle:
            return Matched(out, RunResult("done", NOTHING))
        if prepared.refused:
            reason = breaks[0].right["reason"] if breaks[0].right else None
            return Matched(out, RunResult("refused", reason, break_count=len(breaks)), {"CONTROL_TOTAL": len(breaks)})
        return Matched(out, RunResult("waiting", prepared.waiting))

    @contextmanager
    def _limits(self) -> Iterator[MatchOptions]:
        """What one process alone may take: both workers' share, since none of them works now."""
        self.options.spill.mkdir(parents=True, exist_ok=True)
        spill = Path(tempfile.mkdtemp(dir=self.options.spill))
        try:
            yield MatchOptions(self.options.whole_limit, threads=self.options.at_once, temp_dir=spill)
        finally:
            shutil.rmtree(spill)

    def _stage(self, run_id: str | None, stage: str) -> AbstractContextManager[None]:
        return self.journal.stage(run_id, stage, self.worker, self.clock) if run_id else nullcontext()


def _left_over(counted: PieceResult) -> bool:
    """Whether a piece's file has a line in it: most of a quiet day's have none."""
    return bool(counted.carried or counted.differing or counted.left_only or counted.right_only)
