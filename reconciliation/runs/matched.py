"""The full list of a run: every row of both sides with what became of it, as Parquet or CSV, made when it is asked for.

    matched   by the exact pass, or by a later one (``step``; ``together``: who was matched with whom)
    pending   it may still find its counterpart
    broken    ``kinds`` says how; ``covered``: it stands under another break of its order
    accepted  the difference was accepted before

Amounts in minor units. A run keeps only what did not match, so its pieces are matched once more for this.
"""

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from reconciliation.definitions import Definition
from reconciliation.matching import MATCHES, MatchOptions, match_files
from reconciliation.runs.options import ReconOptions
from reconciliation.runs.worklist import PieceTask, Worklist

Format = Literal["parquet", "csv"]


def write_list(worklist: Worklist, options: ReconOptions, run_id: str, out: Path, kind: Format) -> int:
    """Write the list of a run to ``out``; returns its number of lines. A run without pieces has an empty list.

    Raises FileNotFoundError when a dataset of the run is no longer kept.
    """
    options.spill.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.spill) as name:
        scratch = Path(name)
        limits = MatchOptions(options.whole_limit, threads=options.at_once, temp_dir=scratch)
        pieces = [_everything(options, task, limits, scratch) for task, _ in worklist.results(run_id)]
        folder = options.run_folder(run_id)
        with duckdb.connect(":memory:") as engine:
            engine.execute(f"SET memory_limit = '{options.whole_limit}'")
            engine.execute(f"SET threads = {options.at_once}")
            engine.execute(f"SET temp_directory = {_text(scratch)}")
            engine.execute("SET preserve_insertion_order = false")
            engine.execute("SET TimeZone = 'UTC'")
            _tables(engine, pieces, folder)
            settings = "FORMAT parquet, COMPRESSION zstd" if kind == "parquet" else "FORMAT csv, HEADER"
            query = _LIST if kind == "parquet" else f"SELECT {_GUARDED} FROM ({_LIST})"
            written = engine.execute(f"COPY ({query}) TO {_text(out)} ({settings})").fetchone()
    return int(written[0]) if written else 0


def _everything(options: ReconOptions, task: PieceTask, limits: MatchOptions, scratch: Path) -> Path:
    """One piece with the pairs that agree."""
    out = scratch / f"{task.piece:02d}.parquet"
    whole = MatchOptions(
        memory_limit=limits.memory_limit,
        threads=limits.threads,
        temp_dir=limits.temp_dir,
        carried_left=tuple(options.data_dir / name for name in task.carried_left),
        carried_right=tuple(options.data_dir / name for name in task.carried_right),
        buckets=task.buckets,
        engine=options.engine,
    )
    left, right = ([options.data_dir / name for name in names] for names in (task.left, task.right))
    for path in (*left, *right):
        if not path.exists():
            raise FileNotFoundError(f"the rows of the run are no longer kept: {path.parent.name}")
    definition = Definition.model_validate_json(task.definition)
    match_files(definition, left, right, date.fromisoformat(task.business_date), out, whole, everything=True)
    return out


def _tables(engine: duckdb.DuckDBPyConnection, pieces: Sequence[Path], folder: Path) -> None:
    # A view takes no parameters: the files are ours, below the data folder.
    listed = ", ".join(_text(path) for path in pieces)
    lines = f"SELECT * FROM read_parquet([{listed}])" if pieces else f"SELECT {_NO_LINES} LIMIT 0"
    engine.execute(f"CREATE VIEW lines AS {lines}")
    matches, waiting, breaks = (folder / "later" / "matches.parquet", *_explained(folder))
    engine.register("no_matches", MATCHES.empty_table())
    claimed = _parquet(matches) if matches.exists() else "no_matches"
    engine.execute(f"CREATE TEMP TABLE matches AS SELECT * FROM {claimed}")
    if waiting.exists():
        engine.execute(
            "CREATE TEMP TABLE waiting AS SELECT status AS side, coalesce(l_key, r_key) AS key,"
            f" coalesce(nth_left, nth_right) AS nth FROM {_parquet(waiting)}"
        )
    else:
        engine.execute("CREATE TEMP TABLE waiting AS SELECT '' AS side, '' AS key, 0::bigint AS nth LIMIT 0")
    if breaks.exists():
        engine.execute(f"CREATE TEMP TABLE broken AS {_BROKEN.format(breaks=_parquet(breaks))}")
    else:
        engine.execute("CREATE TEMP TABLE broken AS SELECT '' AS key, '' AS kinds LIMIT 0")


def _explained(folder: Path) -> tuple[Path, Path]:
    return folder / "explain" / "waiting.parquet", folder / "explain" / "breaks.parquet"


def _parquet(path: Path) -> str:
    return f"read_parquet({_text(path)})"


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


_SHOWN = ("order_no", "kind", "currency", "batch")
_BOTH = ("amount", "fee", "state", "seat")
_NO_LINES = ", ".join(
    [
        "'' AS status", "'' AS step", "0::bigint AS nth_left", "0::bigint AS nth_right",
        *(f"''::varchar AS {side}_{name}" for side in "lr" for name in ("key", *_SHOWN, "state", "seat", "carried")),
        *(f"0::bigint AS {side}_{name}" for side in "lr" for name in ("amount", "fee", "at")),
    ]
)  # fmt: skip

_BROKEN = """
SELECT key, string_agg(DISTINCT kind, ',' ORDER BY kind) AS kinds FROM (
    SELECT unnest(string_split(key, '+')) AS key, kind FROM {breaks}
    UNION ALL
    SELECT unnest(from_json(covers, '[{{"key": "VARCHAR"}}]')).key, 'covered' FROM {breaks} WHERE covers <> '[]'
) GROUP BY key
"""

_LIST = f"""
SELECT CASE WHEN l.status IN ('matched', 'carried') OR m.agrees THEN 'matched' WHEN w.key IS NOT NULL THEN 'pending'
            WHEN b.key IS NOT NULL OR m.agrees IS NOT NULL THEN 'broken' ELSE 'accepted' END AS fate,
       coalesce(m.step, nullif(l.step, '')) AS step, m.group_id AS together, b.kinds AS kinds,
       coalesce(l.l_key, l.r_key) AS key,
       {", ".join(f"coalesce(nullif(l.l_{name}, ''), l.r_{name}) AS {name}" for name in _SHOWN)},
       {", ".join(f"l.l_{name} AS left_{name}, l.r_{name} AS right_{name}" for name in _BOTH)},
       make_timestamp(l.l_at) AS left_at, make_timestamp(l.r_at) AS right_at,
       coalesce(nullif(l.l_carried, ''), l.r_carried, '') AS carried_from
FROM lines l
LEFT JOIN matches m ON l.status IN ('left', 'right') AND m.side = l.status AND m.key = coalesce(l.l_key, l.r_key)
    AND m.nth = coalesce(l.nth_left, l.nth_right)
LEFT JOIN waiting w ON w.side = l.status AND w.key = coalesce(l.l_key, l.r_key)
    AND w.nth = coalesce(l.nth_left, l.nth_right)
LEFT JOIN broken b ON l.status NOT IN ('matched', 'carried') AND b.key = coalesce(l.l_key, l.r_key)
"""

_TEXTS = ("together", "kinds", "key", *_SHOWN, "left_state", "right_state", "left_seat", "right_seat")
# A spreadsheet takes a text that begins so for a formula.
_RISKY = "'^[=+@\\t\\r-]'"
_REPLACED = (
    f"CASE WHEN regexp_matches({name}, {_RISKY}) THEN chr(39) || {name} ELSE {name} END AS {name}" for name in _TEXTS
)
_GUARDED = f"* REPLACE ({', '.join(_REPLACED)})"
