"""The table: a row for each module, a column for each provider. `make conformance` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.modules import MODULES, function_name

Results = dict[tuple[str, str, str], str]
"""(column, mode, function) -> what came out."""

KEY = pytest.StashKey[Results]()
PASSED, FAILED = "passed", "FAILED"


def keep(item: pytest.Item, report: pytest.TestReport) -> None:
    """Note one outcome; a failure stays a failure."""
    callspec = getattr(item, "callspec", None)
    if callspec is None or "column" not in callspec.params or not (report.when == "call" or not report.passed):
        return
    results = item.config.stash.setdefault(KEY, {})
    place = (callspec.params["column"], callspec.params.get("mode", "query"), item.function.__name__)  # type: ignore[attr-defined]
    if results.get(place) != FAILED:
        results[place] = _said(report)


def _said(report: pytest.TestReport) -> str:
    if report.skipped:
        reason: Any = report.longrepr
        return str(reason[2]).removeprefix("Skipped: ") if isinstance(reason, tuple) else "not applicable"
    return PASSED if report.passed else FAILED


def table(results: Mapping[tuple[str, str, str], str], control_version: str) -> str:
    """The two columns, with a count below each and the reasons why something does not apply."""
    columns = ["ours", "control"]
    lines = [f"{'':74}{'ours':10}{'control'}", f"{'':74}{'':10}{control_version}"]
    counts = {column: {PASSED: 0, FAILED: 0, "n/a": 0, "not run": 0} for column in columns}
    reasons: list[str] = []
    for plan, modules in MODULES.items():
        mode = "form_post" if plan == "Form Post OP" else "query"
        lines.append(plan)
        for module in modules:
            cells = []
            for column in columns:
                said = results.get((column, mode, function_name(module)), "not run")
                cell = said if said in counts[column] else "n/a"
                if cell == "n/a":
                    reasons.append(f"  {column}: {module}: {said}")
                counts[column][cell] += 1
                cells.append(cell)
            lines.append(f"  {module:72}{cells[0]:10}{cells[1]}")
    for column in columns:
        said = ", ".join(f"{count} {name}" for name, count in counts[column].items() if count)
        lines.append(f"{column}: {said}")
    return "\n".join([*lines, *(["not applicable, because:", *dict.fromkeys(reasons)] if reasons else [])])
