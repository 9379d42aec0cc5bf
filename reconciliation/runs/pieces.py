"""One piece of matching: some buckets of both sides, by one worker, within its memory. Files in, a file out.

A result is named by everything that goes into it, so a piece that was matched before, in this run or in another one, is
found and not matched again.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date
from functools import lru_cache
from pathlib import Path

import duckdb

from reconciliation.datasets import Dataset
from reconciliation.definitions import Definition
from reconciliation.matching import EngineFailed, MatchOptions, PieceResult, match_files
from reconciliation.rows import BUCKETS
from reconciliation.runs.options import ReconOptions
from reconciliation.runs.prepare import Prepared
from reconciliation.runs.steps import Steps, unhindered
from reconciliation.runs.worklist import Clock, PieceTask, Worklist

RULES = 1
"""Counted up when matching answers differently to the same files: results of the rules before are not taken up."""

_ASK_EVERY_SECONDS = 0.2


def tasks_of(prepared: Prepared, options: ReconOptions) -> list[PieceTask]:
    """A pair cut into pieces: one bucket of a peak day each, a quiet day in one."""
    definition, day = prepared.definition, prepared.business_date
    width = _width(prepared, options.rows_at_once)
    carried_left, carried_right = _names(options, prepared.opening.left), _names(options, prepared.opening.right)
    tasks = []
    for piece in range(BUCKETS // width):
        left, right = _files(options, prepared.left, piece, width), _files(options, prepared.right, piece, width)
        sides = (left, right, carried_left, carried_right)
        tasks.append(
            PieceTask(
                piece=piece,
                definition=definition.model_dump_json(),
                business_date=day.isoformat(),
                left=left,
                right=right,
                rows=prepared.rows * width // BUCKETS,
                out=result_name(definition, day, piece * width, width, *sides),
                memory_limit=options.memory_limit,
                carried_left=carried_left,
                carried_right=carried_right,
                buckets=(piece * width, (piece + 1) * width),
            )
        )
    return tasks


def _width(prepared: Prepared, rows_at_once: int) -> int:
    """How many buckets make a piece: as many as fit, and no fewer than share a file on either side."""
    fitting = next((w for w in (64, 32, 16, 8, 4, 2) if prepared.rows * w // BUCKETS <= rows_at_once), 1)
    return max(fitting, *(dataset.width for dataset in (*prepared.left, *prepared.right)))


def _files(options: ReconOptions, side: tuple[Dataset, ...], piece: int, width: int) -> tuple[str, ...]:
    return tuple(str(path.relative_to(options.data_dir)) for dataset in side for path in dataset.pieces(width)[piece])


def _names(options: ReconOptions, carried: Path | None) -> tuple[str, ...]:
    return (str(carried.relative_to(options.data_dir)),) if carried is not None else ()


def match_piece(options: ReconOptions, task: PieceTask) -> PieceResult:
    """Match a piece, or find its result. Raises duckdb.Error or EngineFailed when the engine cannot do it."""
    out = options.data_dir / task.out
    counts = out.with_suffix(".json")
    if counts.exists() and out.exists():
        return PieceResult.from_json(json.loads(counts.read_bytes()))
    out.parent.mkdir(parents=True, exist_ok=True)
    options.spill.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.spill) as spill:
        limits = MatchOptions(
            memory_limit=task.memory_limit,
            threads=1,
            temp_dir=Path(spill),
            carried_left=_below(options, task.carried_left),
            carried_right=_below(options, task.carried_right),
            buckets=task.buckets,
            engine=options.engine,
        )
        definition = _definition(task.definition)
        left, right = _below(options, task.left), _below(options, task.right)
        result = match_files(definition, left, right, date.fromisoformat(task.business_date), out, limits)
    # The counts come last: where they are, the file of differences is whole.
    draft = counts.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
    draft.write_text(json.dumps(result.to_json()))
    draft.rename(counts)
    return result


@lru_cache(maxsize=64)
def _definition(text: str) -> Definition:
    """A task carries its definition; the pieces of a run all carry the same."""
    return Definition.model_validate_json(text)


def _below(options: ReconOptions, names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(options.data_dir / name for name in names)


def result_name(definition: Definition, business_date: date, first: int, width: int, *files: tuple[str, ...]) -> str:
    """Where the result of a piece lies below the data folder; files are named by their content already."""
    parts = [RULES, definition.digest, business_date.isoformat(), first, width, *files]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return f"recon/pieces/{digest[:2]}/{digest}.parquet"


def take_piece(worklist: Worklist, options: ReconOptions, run_id: str, clock: Clock, steps: Steps = unhindered) -> bool:
    """Do one piece of a run, if there is one to do; False when there is none. Twice is as good as once."""
    with worklist.claimed(run_id, clock) as task:
        if task is None:
            return False
        try:
            result = match_piece(options, task)
        except (duckdb.OutOfMemoryException, duckdb.IOException, EngineFailed) as error:
            worklist.failed(run_id, task.piece, _why(task, error))
            return False
        steps(f"piece {task.piece} matched")
        worklist.done(run_id, task.piece, result, clock())
    return True


def _why(task: PieceTask, error: Exception) -> str:
    said = str(error).splitlines()[0]
    if isinstance(error, EngineFailed):
        return said
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"{task.rows} rows do not fit into {task.memory_limit}, even with the disk's help: {said}"
    return f"a file cannot be read or written: {said}"


def take_pieces(
    worklist: Worklist,
    options: ReconOptions,
    run_id: str,
    clock: Clock,
    watch: Callable[[], None],
    steps: Steps = unhindered,
) -> None:
    """Do all pieces of a run here, several at once. The engine works outside of Python's lock, so threads do."""

    def drain() -> None:
        while take_piece(worklist, options, run_id, clock, steps):
            steps("next piece")

    if worklist.open_pieces(run_id) == 1:
        drain()
        return
    with ThreadPoolExecutor(options.at_once, thread_name_prefix="recon") as threads:
        at_work = {threads.submit(drain) for _ in range(options.at_once)}
        while at_work:
            finished, at_work = wait(at_work, timeout=_ASK_EVERY_SECONDS)
            for each in finished:
                each.result()
            watch()
