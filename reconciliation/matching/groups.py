"""Several rows against one or several that share a batch or an order: matched when their sums agree.

A group that is there on both sides and does not agree is one break with both sums, not one for every member.
"""

from typing import Literal

from reconciliation.definitions.model import GroupPass
from reconciliation.matching.engine import DuckDb
from reconciliation.matching.left_over import free
from reconciliation.matching.tables import COLUMNS

_SHAPES = {"1:n": "l.members = 1", "n:1": "r.members = 1", "n:m": "true"}


def bound_sides(step: GroupPass) -> tuple[Literal["left", "right"], ...]:
    """The sides on which unmatched rows of one batch are one break together."""
    if step.by != "batch":
        return ()
    return {"1:n": ("right",), "n:1": ("left",), "n:m": ("left", "right")}[step.shape]  # type: ignore[return-value]  # words of the table


def run(engine: DuckDb, step: GroupPass, days: tuple[int, int]) -> None:
    """Claim every whole group; note the sums of those that do not agree."""
    for side in ("left", "right"):
        engine.keep(f"{side}_groups", _groups(side, step))
    engine.keep("grouped", _grouped(step, days))
    engine.keep("matches", f"SELECT * FROM matches UNION ALL BY NAME {_members('left', step)}"
                           f" UNION ALL BY NAME {_members('right', step)}")  # fmt: skip
    engine.keep("lines_made", f"SELECT * FROM lines_made UNION ALL BY NAME ({_sums_that_differ()})")


_OF_A_GROUP = ("members", "total", "at_first", "first_key", "first_nth", "kind", "order_no")


def _groups(side: str, step: GroupPass) -> str:
    """Per batch or order and currency: how many, the sum in minor units (rounded once, over the whole group)."""
    amount = "signed * 1000 - fee" if step.net_of_fees else "signed * 1000"
    return f"""
        SELECT {step.by} AS name, currency, count(*) AS members, floor((sum({amount}) + 500) / 1000)::bigint AS total,
               min(day) AS first_day, max(day) AS last_day, min(said_at) AS at_first,
               min(key) AS first_key, min(nth) AS first_nth, min(kind) AS kind,
               CASE WHEN count(DISTINCT order_no) = 1 THEN min(order_no) ELSE '' END AS order_no
        FROM {free(side)} WHERE {step.by} <> '' AND amount IS NOT NULL GROUP BY 1, 2
    """


def _grouped(step: GroupPass, days: tuple[int, int]) -> str:
    """Groups of both sides with one name; ``agrees``: their sums do, within the tolerance."""
    at_most = step.at_most if step.by == "order_no" else 2**62
    both = ", ".join(f"{side}.{name} AS {side}_{name}" for side in "lr" for name in _OF_A_GROUP)
    return f"""
        SELECT l.name, l.currency, {both}, abs(l.total - r.total) <= {step.tolerance} AS agrees
        FROM left_groups l JOIN right_groups r ON l.name = r.name AND l.currency = r.currency
        WHERE {_SHAPES[step.shape]} AND greatest(l.members, r.members) <= {at_most}
          AND r.first_day - l.last_day >= {days[0]} AND r.last_day - l.first_day <= {days[1]}
    """


def _members(side: str, step: GroupPass) -> str:
    """Every row of a claimed group, with its own amount as its part of the sum."""
    return f"""
        SELECT 'group' AS step, 'group|{step.by}|' || g.name || '|' || g.currency AS group_id, '{side}' AS side,
               o.key, o.nth, o.signed AS amount, g.agrees
        FROM {free(side)} o JOIN grouped g ON o.{step.by} = g.name AND o.currency = g.currency
        WHERE o.amount IS NOT NULL
    """


def _sums_that_differ() -> str:
    """One line per group that does not agree. A side of one row stands as that row, a side of many as their sum."""
    columns = [column for side in ("left", "right") for column in _side(side)]
    return f"""
        SELECT 'differs' AS status, 'group' AS step, 1::bigint AS nth_left, 1::bigint AS nth_right, 'AMOUNT' AS kinds,
               '' AS hint, '' AS bound_by, '' AS suggestions, {", ".join(columns)}
        FROM grouped g
        LEFT JOIN files l
            ON g.l_members = 1 AND l.status = 'left' AND l.l_key = g.l_first_key AND l.nth_left = g.l_first_nth
        LEFT JOIN files r
            ON g.r_members = 1 AND r.status = 'right' AND r.r_key = g.r_first_key AND r.nth_right = g.r_first_nth
        WHERE NOT g.agrees
    """


def _side(side: str) -> list[str]:
    s = side[0]
    sums = {
        "key": "g.name",
        "kind": f"g.{s}_kind",
        "order_no": f"g.{s}_order_no",
        "at": f"g.{s}_at_first",
        "amount": f"g.{s}_total",
        "currency": "g.currency",
        "batch": "g.name",
        "place": f"'the sum of ' || g.{s}_members || ' rows'",
    }
    made = []
    for name in COLUMNS:
        whole = f"{s}.{s}_{name}"
        # What was compared is what is shown: a side of one row too counts less its fee.
        of_many = sums.get(name, "NULL")
        if name == "amount":
            made.append(f"{of_many} AS {s}_{name}")
        else:
            made.append(f"CASE WHEN g.{s}_members = 1 THEN {whole} ELSE {of_many} END AS {s}_{name}")
    return made
