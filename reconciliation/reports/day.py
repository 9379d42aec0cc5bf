"""A day's reconciliation in one dictionary: for the command line, the console and whoever closes the day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from reconciliation.cases import BreakFilter, Cases
from reconciliation.definitions import definitions
from reconciliation.journal import Journal

STATES = ("open", "resolved", "cleared", "left")


def day_report(journal: Journal, cases: Cases, business_date: date) -> dict[str, Any]:
    """What was run for the date, what was found, and what became of it. Amounts in minor units.

    ``definitions``: the latest run of each pair, with breaks by kind and state. ``not_run``: pairs without a run.
    ``open_fen``: money at stake in breaks that are neither cleared nor resolved.
    """
    latest: dict[str, Mapping[str, Any]] = {}
    for run in journal.runs(business_date, None, limit=10_000):
        latest.setdefault(run["definition"], run)
    found = cases.every_break(BreakFilter(business_date=business_date))
    by_definition: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in found:
        by_definition[record["definition"]].append(record)
    return {
        "business_date": business_date.isoformat(),
        "definitions": [_line(run, by_definition[name]) for name, run in sorted(latest.items())],
        "not_run": sorted(definitions().keys() - latest.keys()),
        "breaks": _states(found),
        "open_fen": sum(r["amount_at_stake"] for r in found if r["state"] in {"open", "left"}),
        "carry_fen": sum(run["closing_fen"] for run in latest.values()),
    }


def _line(run: Mapping[str, Any], found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    records = list(found)
    kinds: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        kinds[record["kind"]].append(record)
    definition = definitions().get(run["definition"])
    counted = ("state", "reason", "left_rows", "right_rows", "matched", "adjusted", "pending")
    return {
        "definition": run["definition"],
        "title_zh": definition.title_zh if definition else run["definition"],
        "title_en": definition.title_en if definition else run["definition"],
        "run_id": run["run_id"],
        **{name: run[name] for name in counted},
        "carry": {name: run[f"{name}_fen"] for name in ("opening", "new", "cleared", "closing")},
        "breaks": _states(records),
        "kinds": {kind: _states(members) for kind, members in sorted(kinds.items())},
        "at_stake_fen": sum(r["amount_at_stake"] for r in records if r["state"] in {"open", "left"}),
    }


def _states(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts = dict.fromkeys(STATES, 0)
    for record in records:
        counts[record["state"]] += 1
    return counts
