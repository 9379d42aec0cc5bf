"""How a run of reconciliation shows itself in a terminal: one line per pair, its stage, pieces, rows and time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from reconciliation.runs import Moment, silent
from reconciliation.runs.progress import WHOLE_DAY
from reconciliation.runs.progress import Progress as Report

STAGES = {
    "gather": "gathering 取数",
    "prepare": "preparing 准备",
    "match": "matching 比对",
    "later": "later passes 二次比对",
    "explain": "explaining 归因",
    "persist": "keeping 入库",
    "resolve": "resolving 处理",
    "finished": "finished 完成",
}


class RowsPerSecond(ProgressColumn):
    """How many rows of both sides are matched in a second."""

    def render(self, task: Task) -> Text:
        elapsed, rows = task.elapsed or 0, task.fields.get("rows_done", 0)
        return Text(f"{rows / elapsed:,.0f} rows/s" if elapsed > 0 and rows else "", style="progress.data.speed")


@contextmanager
def shown(wanted: bool) -> Iterator[Report]:
    """A report for ``Reconciler.run_day`` that draws on standard error; silent where nobody looks."""
    if not wanted or not sys.stderr.isatty():
        yield silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RowsPerSecond(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[stage]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Lines(progress)


class Lines:
    """Keeps one line per pair up to date."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines: dict[str, TaskID] = {}
        self._last: str | None = None

    def __call__(self, moment: Moment) -> None:
        if self._last not in {None, moment.definition}:
            self._end(str(self._last))
        self._last = moment.definition
        total = moment.pieces_total or None
        if moment.definition not in self._lines:
            title = "the day 全天" if moment.definition == WHOLE_DAY else moment.definition
            self._lines[moment.definition] = self._progress.add_task(title, total=total, stage="", rows_done=0)
        line = self._lines[moment.definition]
        if moment.stage == "match":
            self._progress.update(line, total=total, completed=moment.pieces_done, rows_done=moment.rows_done)
        self._progress.update(line, stage=STAGES[moment.stage])

    def _end(self, definition: str) -> None:
        line = self._lines[definition]
        task = next(task for task in self._progress.tasks if task.id == line)
        total = task.total or 1
        self._progress.update(line, total=total, completed=total, stage=STAGES["finished"])
