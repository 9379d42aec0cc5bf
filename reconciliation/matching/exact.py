"""The first pass: equal keys. Written once as Ibis expressions, compiled for the engine that runs them.

Two steps, because nearly all rows agree:

    narrow   both sides are joined on the hash of the key that every dataset carries; what comes out are the hashes that
             need a closer look: one-sided, differing, or there more than once on a side
    settle   whole rows of these hashes only, compared by their keys and values; the n-th row of a key on one side meets
             the n-th on the other, and a row with an equal counterpart meets that one first

Where both sides know the same columns, ``narrow`` compares one hash of all that is said (``said_hash``) and reads
sixteen bytes of a row; else it reads the compared columns. What has another hash is only looked at more closely. What
is not looked at has equal hashes, 60 bits of MD5 each: two different keys of a day of 20 million rows share one with a
probability of 0.0002, and even then go unnoticed only if both lack their counterparts and say the same.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from reconciliation.datasets import SAID
from reconciliation.definitions import Definition
from reconciliation.matching.engine import DuckDb, Engine
from reconciliation.matching.plan import Plan, plan_of
from reconciliation.matching.queries import compiled
from reconciliation.matching.spark import Spark
from reconciliation.matching.tables import COLUMNS, MatchOptions, PieceResult


def match_files(
    definition: Definition,
    left: Sequence[Path],
    right: Sequence[Path],
    business_date: date,
    out: Path,
    options: MatchOptions,
    everything: bool = False,
) -> PieceResult:
    """Match one piece: file n of both datasets. ``out`` gets what did not match exactly (``tables.PAIRS``).

    ``everything``: it gets the pairs that agree too, as ``matched``: for who asks for the full list, at its price.
    ``left`` may be the whole hub's dataset of the date: kinds, prefix and scope of the definition are applied here.
    Twice is as good as once. Raises duckdb.OutOfMemoryException when the piece does not fit even spilled, and
    EngineFailed when another engine cannot do it.
    """
    with _engine(options) as engine:
        engine.view("l", left)
        engine.view("r", right)
        # Behind a dot, ``at`` is no word of either SQL.
        columns = ", ".join(f"c.{name}" for name in COLUMNS)
        for name, paths in (("cl", options.carried_left), ("cr", options.carried_right)):
            engine.view(f"all_{name}", paths)
            first, end = options.buckets
            engine.keep(
                name,
                f"SELECT {columns}, {engine.key_hash} AS key_hash FROM all_{name} c"
                f" WHERE {engine.bucket} BETWEEN {first} AND {end - 1}",
            )
        return match_on(engine, plan_of(definition, business_date), out, know_the_same(left, right), everything)


def _engine(options: MatchOptions) -> DuckDb | Spark:
    return Spark(options) if options.engine == "spark" else DuckDb(options)


def match_on(engine: Engine, plan: Plan, out: Path, by_hash: bool = False, everything: bool = False) -> PieceResult:
    """The pass on any engine that has the tables ``l``, ``r``, and ``cl``, ``cr`` for carried rows.

    ``by_hash``: both sides know the same columns, so that rows which say the same have the same ``said_hash``.
    """
    queries = compiled(plan, engine.dialect, by_hash and plan.fee is None, everything)
    matched = 0
    if plan.exact:
        engine.keep("narrow", queries.narrow)
        engine.keep("keep", queries.keep)
        # What is not looked at again is one row on each side, and they agree.
        matched = int(engine.fetch(queries.looked_at)[0][0])
    for name in ("wl", "wr", "nl", "nr", "pairs"):
        engine.keep(name, getattr(queries, name))
    counted = {status: int(rows) for status, rows in engine.fetch(queries.counts)}
    engine.write(queries.lines, out)
    result = PieceResult(
        matched=matched + counted.get("matched", 0),
        carried=counted.get("carried", 0),
        differing=counted.get("differs", 0),
        left_only=counted.get("left", 0),
        right_only=counted.get("right", 0),
    )
    both = result.matched + result.carried + result.differing
    result.left_rows, result.right_rows = both + result.left_only, both + result.right_only
    return result


def know_the_same(left: Sequence[Path], right: Sequence[Path]) -> bool:
    """Whether every compared column is known on both sides or on neither, by the files' own statistics."""
    ours, theirs = ({name for name in SAID if _is_known(paths, name)} for paths in (left, right))
    return ours == theirs


def _is_known(paths: Sequence[Path], name: str) -> bool:
    for path in paths:
        metadata = pq.read_metadata(path)
        place = metadata.schema.names.index(name)
        for group in range(metadata.num_row_groups):
            said = metadata.row_group(group).column(place).statistics
            if said is None or not said.has_min_max:
                # Nothing but nulls has no least value; without statistics one must look.
                if said is None or said.null_count != metadata.row_group(group).num_rows:
                    return True
            elif said.max not in {"", b""}:
                return True
    return False
