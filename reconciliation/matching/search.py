"""Groups without a shared reference: which few rows of one side make up one row of the other?

Confirmed only when there is exactly one way and nobody else needs one of its members; with several ways the row is
ambiguous, and the ways' members are shown. Integers all the way; bounded, so that a bad day costs minutes to nobody.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from reconciliation.definitions.model import GroupPass
from reconciliation.matching.engine import DuckDb
from reconciliation.matching.left_over import candidates_sql, free

POOL = 40
"""Rows among which the members of one group are searched. With more in the window nothing is searched."""
STEPS = 200_000
"""Sums tried for one row. A search that would take longer ends without an answer."""
WAYS = 3
"""Ways that are told apart: one is an answer, two are a question, more are no better a question."""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One single row: its key and number among rows of this key, its day, and what it counts in minor units."""

    key: str
    nth: int
    day: int
    signed: int
    currency: str


@dataclass(frozen=True, slots=True)
class Found:
    """``sure``: (the one row, its members). ``open``: (the one row, every member of its several ways)."""

    sure: tuple[tuple[Item, tuple[Item, ...]], ...]
    open: tuple[tuple[Item, tuple[Item, ...]], ...]


def run(engine: DuckDb, step: GroupPass, days: tuple[int, int]) -> None:
    """Claim the groups that are sure, and note the ambiguous rows."""
    ones, many = ("left", "right") if step.shape == "1:n" else ("right", "left")
    # A window counts from the left row to the right one: from the one row to its members, or the other way round.
    window = days if ones == "left" else (-days[1], -days[0])
    found = find(_items(engine, ones), _items(engine, many), window, step.tolerance, step.at_most)
    engine.table("found_members", _members(found.sure, ones, many))
    engine.keep("matches", "SELECT * FROM matches UNION ALL BY NAME SELECT * FROM found_members")
    pairs = [(one, member) for one, members in found.open for member in members]
    engine.table("open_pairs", pa.table({
        "side": pa.array([ones for _ in pairs], pa.string()),
        "key": pa.array([one.key for one, _ in pairs], pa.string()),
        "nth": pa.array([one.nth for one, _ in pairs], pa.int64()),
        "o_key": pa.array([member.key for _, member in pairs], pa.string()),
        "o_nth": pa.array([member.nth for _, member in pairs], pa.int64()),
    }))  # fmt: skip
    engine.keep("hints", f"SELECT * FROM hints UNION ALL BY NAME {candidates_sql('SELECT * FROM open_pairs', many)}")


def find(ones: Sequence[Item], many: Sequence[Item], window: tuple[int, int], tolerance: int, at_most: int) -> Found:
    """Every row of ``ones`` that is the sum of 2 to ``at_most`` rows of ``many``.

    The answer does not depend on the order of the rows: all ways of all rows are found first, then it is decided.
    """
    by_day: dict[tuple[str, int], list[Item]] = defaultdict(list)
    for item in sorted(many):
        by_day[(item.currency, item.day)].append(item)
    ways: dict[Item, list[tuple[Item, ...]]] = {}
    for one in sorted(ones):
        days = range(one.day + window[0], one.day + window[1] + 1)
        pool = [item for day in days for item in by_day.get((one.currency, day), ())]
        if 2 <= len(pool) <= POOL:
            ways[one] = _ways(one.signed, pool, tolerance, at_most)
    wanted = Counter(member for found in ways.values() for member in {m for way in found for m in way})
    sure, unsure = [], []
    for one, found in ways.items():
        if len(found) == 1 and all(wanted[member] == 1 for member in found[0]):
            sure.append((one, found[0]))
        elif found:
            unsure.append((one, tuple(sorted({member for way in found for member in way}))))
    return Found(tuple(sure), tuple(unsure))


def _ways(target: int, pool: Sequence[Item], tolerance: int, at_most: int) -> list[tuple[Item, ...]]:
    """Up to ``WAYS`` sets of rows whose sum is ``target``; none when the search was cut short: half an answer is none.

    Rows of equal amount are different rows: two sets that differ only in them are two ways.
    """
    rows = sorted((item for item in pool if item.signed), key=lambda item: (-abs(item.signed), item.key, item.nth))
    # What the rows from a place on can still add or take away: the search turns back where that is not enough.
    up = _sums_behind([max(item.signed, 0) for item in rows])
    down = _sums_behind([min(item.signed, 0) for item in rows])
    found: list[tuple[Item, ...]] = []
    # Each entry: the first row that may still be chosen, what is missing, who is chosen; every set is made once.
    stack: list[tuple[int, int, tuple[Item, ...]]] = [(0, target, ())]
    for _ in range(STEPS):
        if not stack or len(found) == WAYS:
            return found
        first, missing, chosen = stack.pop()
        if len(chosen) >= 2 and abs(missing) <= tolerance:
            found.append(chosen)
        if len(chosen) < at_most and down[first] - tolerance <= missing <= up[first] + tolerance:
            stack.extend(
                (place + 1, missing - rows[place].signed, (*chosen, rows[place])) for place in range(first, len(rows))
            )
    return []


def _sums_behind(values: Sequence[int]) -> list[int]:
    """At each place the sum of the values from there on; one place more than there are values."""
    sums = [0]
    for value in reversed(values):
        sums.append(sums[-1] + value)
    return sums[::-1]


def _items(engine: DuckDb, side: str) -> list[Item]:
    found = engine.fetch(f"SELECT key, nth, day, signed, currency FROM {free(side)} WHERE amount IS NOT NULL")
    return [Item(*record) for record in found]


def _members(sure: Sequence[tuple[Item, tuple[Item, ...]]], ones: str, many: str) -> pa.Table:
    lines = [(f"search|{one.key}#{one.nth}", side, item) for one, members in sure
             for side, item in ((ones, one), *((many, member) for member in members))]  # fmt: skip
    return pa.table({
        "step": pa.array(["search" for _ in lines], pa.string()),
        "group_id": pa.array([group for group, _, _ in lines], pa.string()),
        "side": pa.array([side for _, side, _ in lines], pa.string()),
        "key": pa.array([item.key for _, _, item in lines], pa.string()),
        "nth": pa.array([item.nth for _, _, item in lines], pa.int64()),
        "amount": pa.array([item.signed for _, _, item in lines], pa.int64()),
        "agrees": pa.array([True for _ in lines], pa.bool_()),
    })  # fmt: skip
