"""Rows that name the same thing by another reference: matched only where each is the other's one candidate.

Of several candidates those of equal amount count first. What remains with several is ambiguous: shown, never guessed.
"""

from reconciliation.matching.engine import DuckDb
from reconciliation.matching.left_over import candidates_sql, free, pair_columns
from reconciliation.matching.plan import Plan
from reconciliation.matching.queries import compared_pairs

_SAME = {
    "other_key": (
        "l.other_key <> '' AND l.other_key = r.key",
        "r.other_key <> '' AND l.key = r.other_key",
        "l.other_key <> '' AND l.other_key = r.other_key",
    ),
    "order_no": ("l.order_no <> '' AND l.order_no = r.order_no",),
}
"""What binds two rows; one condition each, so that each is a hash join."""


def run(engine: DuckDb, plan: Plan, on: str, days: tuple[int, int]) -> None:
    """Claim the pairs, keep those that do not agree, and note who is ambiguous."""
    engine.keep("bound", _bound(on, days))
    for equal_amounts in ("AND same_amount", ""):
        engine.keep("sure", _sure(equal_amounts))
        engine.keep("met", _met())
        engine.keep("compared", compared_pairs(plan, engine.dialect))
        engine.keep("lines_made", "SELECT * FROM lines_made UNION ALL BY NAME SELECT * FROM compared")
        engine.keep("matches", _matches())
        engine.keep("bound", _still_bound())
    engine.keep("hints", f"SELECT * FROM hints UNION ALL BY NAME {_ambiguous('left')}"
                         f" UNION ALL BY NAME {_ambiguous('right')}")  # fmt: skip


def _bound(on: str, days: tuple[int, int]) -> str:
    """Candidates. The same row twice on a side is one candidate: the first; the other stays a duplicate."""
    firsts = {
        side: f"(SELECT * FROM {free(side)} QUALIFY nth = min(nth) OVER (PARTITION BY key))"
        for side in ("left", "right")
    }
    parts = [
        f"SELECT l.key AS l_key, l.nth AS l_nth, r.key AS r_key, r.nth AS r_nth, l.signed = r.signed AS same_amount"
        f" FROM {firsts['left']} l JOIN {firsts['right']} r ON l.kind = r.kind AND {same}"
        f" WHERE r.day - l.day BETWEEN {days[0]} AND {days[1]}"
        for same in _SAME[on]
    ]
    return f"SELECT DISTINCT * FROM ({' UNION ALL '.join(parts)})"


def _sure(which: str) -> str:
    return f"""
        SELECT * FROM bound WHERE true {which}
        QUALIFY count(*) OVER (PARTITION BY l_key, l_nth) = 1 AND count(*) OVER (PARTITION BY r_key, r_nth) = 1
    """


def _met() -> str:
    return f"""
        SELECT l.nth_left, r.nth_right, {pair_columns("l", "r")} FROM sure s
        JOIN files l ON l.status = 'left' AND l.l_key = s.l_key AND l.nth_left = s.l_nth
        JOIN files r ON r.status = 'right' AND r.r_key = s.r_key AND r.nth_right = s.r_nth
    """


def _matches() -> str:
    pair = "l_key || '#' || nth_left || '=' || r_key || '#' || nth_right"
    sides = " UNION ALL BY NAME ".join(
        f"SELECT step, 'secondary|' || {pair} AS group_id, '{side}' AS side, {s}_key AS key, nth_{side} AS nth,"
        f" CASE WHEN {s}_kind = 'refund' THEN -{s}_amount ELSE {s}_amount END AS amount, kinds = '' AS agrees"
        " FROM compared"
        for s, side in (("l", "left"), ("r", "right"))
    )
    return f"SELECT * FROM matches UNION ALL BY NAME {sides}"


def _still_bound() -> str:
    return """
        SELECT b.* FROM bound b
        WHERE NOT EXISTS (SELECT 1 FROM matches m WHERE m.side = 'left' AND m.key = b.l_key AND m.nth = b.l_nth)
          AND NOT EXISTS (SELECT 1 FROM matches m WHERE m.side = 'right' AND m.key = b.r_key AND m.nth = b.r_nth)
    """


def _ambiguous(side: str) -> str:
    """Rows of a side that still have candidates, with these."""
    other = "right" if side == "left" else "left"
    s, o = side[0], other[0]
    pairs = f"SELECT '{side}' AS side, {s}_key AS key, {s}_nth AS nth, {o}_key AS o_key, {o}_nth AS o_nth FROM bound"
    return candidates_sql(pairs, other)
