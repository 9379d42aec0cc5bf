"""Candidates for a person: left-overs of the same kind and currency, like amount and time. Nothing is matched here."""

from reconciliation.matching.engine import DuckDb
from reconciliation.matching.left_over import CANDIDATES, candidates_sql, free

TOLERANT_UP_TO = 20_000
"""More single rows than this on either side, and only equal amounts are suggested: every amount would fit another."""


def run(engine: DuckDb, tolerance: int, days: tuple[int, int]) -> None:
    """Keep the table ``candidates``: (side, key, nth) -> JSON, for both sides."""
    for side in ("left", "right"):
        engine.keep(f"{side}_free", f"SELECT * FROM {free(side)} WHERE amount IS NOT NULL")
    left, right = (engine.fetch(f"SELECT count(*) FROM {side}_free")[0][0] for side in ("left", "right"))
    near = _near(days) if tolerance == 0 or max(left, right) > TOLERANT_UP_TO else _alike(tolerance, days)
    engine.keep("alike", near)
    sides = " UNION ALL BY NAME ".join(
        candidates_sql(
            f"SELECT '{side}' AS side, {s}_key AS key, {s}_nth AS nth, {o}_key AS o_key, {o}_nth AS o_nth FROM alike"
            f" QUALIFY row_number() OVER (PARTITION BY {s}_key, {s}_nth ORDER BY apart, {o}_key, {o}_nth)"
            f" <= {CANDIDATES}",
            other,
        )
        for side, other, s, o in (("left", "right", "l", "r"), ("right", "left", "r", "l"))
    )
    engine.keep("candidates", sides)


_PAIR = "l.key AS l_key, l.nth AS l_nth, r.key AS r_key, r.nth AS r_nth, abs(l.said_at - r.said_at) AS apart"


def _alike(tolerance: int, days: tuple[int, int]) -> str:
    return f"""
        SELECT {_PAIR} FROM left_free l JOIN right_free r ON l.kind = r.kind AND l.currency = r.currency
            AND r.amount BETWEEN l.amount - {tolerance} AND l.amount + {tolerance}
        WHERE r.day - l.day BETWEEN {days[0]} AND {days[1]}
    """


def _near(days: tuple[int, int]) -> str:
    """Equal amounts, and of these only the nearest neighbours in time: a thousand rows of one fare stay a thousand."""
    return f"""
        WITH both_sides AS (
            SELECT *, 'l' AS side FROM left_free UNION ALL BY NAME SELECT *, 'r' AS side FROM right_free
        ), placed AS (
            SELECT *, count(*) FILTER (side = 'r') OVER (PARTITION BY kind, currency, amount
                                                         ORDER BY said_at, side, key, nth) AS r_before,
                   count(*) FILTER (side = 'l') OVER (PARTITION BY kind, currency, amount
                                                      ORDER BY said_at, side, key, nth) AS l_before
            FROM both_sides
        )
        SELECT {_PAIR} FROM (SELECT * FROM placed WHERE side = 'l') l JOIN (SELECT * FROM placed WHERE side = 'r') r
            ON l.kind = r.kind AND l.currency = r.currency AND l.amount = r.amount
            AND (r.r_before BETWEEN l.r_before - {CANDIDATES - 1} AND l.r_before + {CANDIDATES}
                 OR l.l_before BETWEEN r.l_before - {CANDIDATES - 1} AND r.l_before + {CANDIDATES})
        WHERE r.day - l.day BETWEEN {days[0]} AND {days[1]}
    """
