"""The passes over what all pieces have left over, in the definition's order. Every row is claimed at most once.

    secondary  another reference of the same thing
    group      several rows against one or several: by a shared batch or order, or searched for
    suggest    candidates of like amount and time for a person; matches nothing

What is left is small beside the sides, so it is matched in one place, by SQL over the pieces' files. The tables:

    files                   the pieces' lines (PAIRS)
    left_over, right_over   the columns by which single rows are matched
    matches                 who was claimed by which pass (MATCHES)
    lines_made              pairs and groups that do not agree (PAIRS)
    hints                   rows with several counterparts that fit equally, and these
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from reconciliation.definitions import Definition
from reconciliation.matching import groups, search, secondary, suggest
from reconciliation.matching.engine import DuckDb
from reconciliation.matching.left_over import over
from reconciliation.matching.plan import DAY, plan_of
from reconciliation.matching.tables import MATCHES, PAIRS, LaterResult, MatchOptions

Window = tuple[int, int]


def later_passes(
    definition: Definition, pieces: Sequence[Path], business_date: date, out: Path, options: MatchOptions
) -> LaterResult:
    """Run the passes behind the exact one. ``out`` (a folder) gets ``differences.parquet`` and ``matches.parquet``.

    A definition without such passes costs nothing: its differences are the pieces' files. Twice is as good as once.
    """
    passes = [step for step in definition.passes if step.step != "exact"]
    if not passes or not pieces:
        return LaterResult(tuple(pieces))
    plan = plan_of(definition, business_date)
    with DuckDb(options) as engine:
        engine.view("files", pieces)
        engine.keep("left_over", over("left", plan.left_begin, DAY))
        engine.keep("right_over", over("right", plan.right_begin, DAY))
        engine.table("no_matches", MATCHES.empty_table())
        engine.keep("matches", "SELECT * FROM no_matches")
        engine.table("no_lines", PAIRS.empty_table())
        engine.keep("lines_made", "SELECT * FROM no_lines")
        engine.keep("hints", "SELECT '' AS side, '' AS key, 0::bigint AS nth, '[]' AS candidates LIMIT 0")
        bound: list[str] = []
        for step in passes:
            days = _days(definition, business_date, step.window_days)
            if step.step == "secondary":
                secondary.run(engine, plan, step.on, days)
            elif step.step == "group" and step.by == "none":
                search.run(engine, step, days)
            elif step.step == "group":
                groups.run(engine, step, days)
                bound += groups.bound_sides(step)
            else:
                suggest.run(engine, step.tolerance, days)
        engine.write(_differences(bound, "suggest" in {step.step for step in passes}), out / "differences.parquet")
        engine.write("SELECT * FROM matches ORDER BY group_id, side, key, nth", out / "matches.parquet")
        claimed = {step: (left, right) for step, left, right in engine.fetch(_PER_PASS)}
        left, right = engine.fetch(_IN_BROKEN_GROUPS)[0]
    return LaterResult((out / "differences.parquet",), out / "matches.parquet", claimed, (left, right))


def _days(definition: Definition, business_date: date, window: Window) -> Window:
    """A window as calendar days, where the definition counts it in business days."""
    calendar = definition.days("right")
    earliest, latest = (calendar.shift(business_date, days) - business_date for days in window)
    return earliest.days, latest.days


def _differences(bound: Sequence[str], suggested: bool) -> str:
    """Everything that still needs an explanation, as PAIRS."""
    parts = [
        "SELECT * FROM files WHERE status NOT IN ('left', 'right')",
        "SELECT * FROM lines_made WHERE status <> 'matched'",
        *(_left_over(side, side in bound, suggested) for side in ("left", "right")),
    ]
    columns = ", ".join(PAIRS.names)
    return " UNION ALL BY NAME ".join(f"SELECT {columns} FROM ({part})" for part in parts)


def _left_over(side: str, bound: bool, suggested: bool) -> str:
    s = side[0]
    same = f"key = f.{s}_key AND {{}}.nth = f.nth_{side}"
    candidates = f"LEFT JOIN candidates c ON c.side = '{side}' AND c.{same.format('c')}" if suggested else ""
    # A row with several counterparts that fit equally shows these; any other shows what might fit.
    shown = "coalesce(h.candidates, c.candidates, '')" if suggested else "coalesce(h.candidates, '')"
    return f"""
        SELECT f.* REPLACE (
            CASE WHEN h.key IS NOT NULL THEN 'AMBIGUOUS' ELSE '' END AS hint,
            {f"f.{s}_batch" if bound else "''"} AS bound_by, {shown} AS suggestions)
        FROM files f LEFT JOIN hints h ON h.side = '{side}' AND h.{same.format("h")} {candidates}
        WHERE f.status = '{side}' AND NOT EXISTS
            (SELECT 1 FROM matches m WHERE m.side = '{side}' AND m.{same.format("m")})
    """


_PER_PASS = """
SELECT step, count(*) FILTER (side = 'left'), count(*) FILTER (side = 'right')
FROM matches WHERE agrees GROUP BY step ORDER BY step
"""

_IN_BROKEN_GROUPS = """
SELECT count(*) FILTER (side = 'left'), count(*) FILTER (side = 'right')
FROM matches WHERE NOT agrees AND step = 'group'
"""
