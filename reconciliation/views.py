"""Views: a chain of systems, such as hub, processor and bank, read off the results of its pairs.

Nothing is matched here, and never are three sides joined at once: each pair has been run, its breaks are rows. A line
of a view is an order (or whatever a break is about where it names no order) that does not hold through the whole
chain; every other order does, as far as all pairs were run.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import dict_row

from reconciliation.definitions.model import Definition, View

LegState = Literal["agrees", "differs", "not told"]
"""Of one leg of a line: no open break; an open break; not run to its end, so that nothing can be said."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One pair of the chain on the date: how its last run ended, and what of it is open, in minor units."""

    pair: str
    title_zh: str
    title_en: str
    run_state: str
    matched: int
    pending: int
    breaks: int
    at_stake: int


@dataclass(frozen=True, slots=True)
class Line:
    """What does not hold through the chain. ``breaks_at``: the first leg that differs; ``kinds`` by leg."""

    about: str
    legs: Mapping[str, LegState]
    breaks_at: str | None
    kinds: Mapping[str, tuple[str, ...]]
    at_stake: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A view on one date. ``whole``: every pair was run to its end, and nothing differs or waits."""

    view: str
    business_date: date
    legs: tuple[Leg, ...]
    lines: tuple[Line, ...]
    lines_total: int

    @property
    def whole(self) -> bool:
        return not self.lines_total and all(leg.run_state == "done" and not leg.pending for leg in self.legs)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "business_date": self.business_date.isoformat(), "whole": self.whole}


def chain_of(
    connection: Connection[Any], view: View, pairs: Mapping[str, Definition], business_date: date, limit: int = 1000
) -> Chain:
    """The chain of ``view`` on a date, with at most ``limit`` lines, the dearest first.

    Raises KeyError when the view names a pair that does not exist (``definitions check`` says so before).
    """
    parameters = {"pairs": list(view.pairs), "date": business_date, "limit": limit, "per": view.per}
    with connection.cursor(row_factory=dict_row) as cursor:
        runs = {row["definition"]: row for row in cursor.execute(_RUNS, parameters)}
        found = cursor.execute(_LINES, parameters).fetchall()
    legs = tuple(_leg(pairs[name], runs.get(name)) for name in view.pairs)
    lines = tuple(_line(legs, row) for row in found)
    return Chain(view.name, business_date, legs, lines, found[0]["total"] if found else 0)


def _leg(pair: Definition, run: Mapping[str, Any] | None) -> Leg:
    if run is None:
        return Leg(pair.name, pair.title_zh, pair.title_en, "not run", 0, 0, 0, 0)
    figures = (run["matched"], run["pending"], run["breaks"], run["at_stake"])
    return Leg(pair.name, pair.title_zh, pair.title_en, run["state"], *figures)


def _line(legs: tuple[Leg, ...], row: Mapping[str, Any]) -> Line:
    kinds = {name: tuple(sorted(set(found))) for name, found in row["kinds"].items()}
    states: dict[str, LegState] = {leg.pair: _state(leg, leg.pair in kinds) for leg in legs}
    first = next((name for name, state in states.items() if state == "differs"), None)
    return Line(row["about"], states, first, kinds, row["at_stake"])


def _state(leg: Leg, differs: bool) -> LegState:
    if differs:
        return "differs"
    return "agrees" if leg.run_state == "done" else "not told"


_RUNS = """
SELECT DISTINCT ON (r.definition) r.definition, r.state, r.matched, r.pending,
       coalesce(b.breaks, 0) AS breaks, coalesce(b.at_stake, 0)::bigint AS at_stake
FROM recon.runs r LEFT JOIN (
    SELECT definition, count(*) AS breaks, sum(amount_at_stake) AS at_stake FROM recon.breaks
    WHERE business_date = %(date)s AND definition = ANY(%(pairs)s) AND state IN ('open', 'left') GROUP BY definition
) b USING (definition)
WHERE r.business_date = %(date)s AND r.definition = ANY(%(pairs)s) AND r.state <> 'running'
ORDER BY r.definition, r.finish_order DESC
"""

# One cause seen by several pairs is worth what the dearest of them says, not their sum.
_LINES = """
WITH lines AS (
    SELECT CASE WHEN %(per)s = 'order' AND order_no IS NOT NULL THEN order_no ELSE key END AS about, definition,
           array_agg(DISTINCT kind) AS kinds, sum(amount_at_stake) AS at_stake
    FROM recon.breaks
    WHERE business_date = %(date)s AND definition = ANY(%(pairs)s) AND state IN ('open', 'left')
    GROUP BY 1, 2
)
SELECT about, jsonb_object_agg(definition, to_jsonb(kinds)) AS kinds, max(at_stake)::bigint AS at_stake,
       count(*) OVER () AS total
FROM lines GROUP BY about ORDER BY max(at_stake) DESC, about LIMIT %(limit)s
"""
