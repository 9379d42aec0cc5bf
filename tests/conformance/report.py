"""The table: a row for each module, a column for each provider. `make conformance` prints it."""

from __future__ import annotations

import subprocess
from collections import Counter
from importlib import metadata
from pathlib import Path

import pytest

from tests.conformance import control
from tests.conformance.modules import MODULES, NOT_OFFERED, function_name
from tests.relying_parties import matrix

Results = dict[tuple[str, str, str], str]
"""(column, mode, function) -> what came out."""

KEY = pytest.StashKey[Results]()
PASSED, FAILED, NOT_APPLICABLE, NOT_RUN = "passed", "FAILED", "n/a", "not run"
WIDTH = max(len(module) for modules in MODULES.values() for module in modules) + 4


def place(item: pytest.Item) -> tuple[str, str, str]:
    """Where a test's outcome belongs: column (empty: not in the table), mode, function."""
    here = item.path.parent == Path(__file__).parent
    parameters = getattr(getattr(item, "callspec", None), "params", {}) if here else {}
    return parameters.get("column", ""), parameters.get("mode", "query"), item.name.partition("[")[0]


def keep(item: pytest.Item, report: pytest.TestReport) -> None:
    """Note one outcome; a failure stays a failure."""
    where = place(item)
    if not where[0] or not (report.when == "call" or not report.passed):
        return
    results = item.config.stash.setdefault(KEY, {})
    if results.get(where) != FAILED:
        results[where] = PASSED if report.passed else NOT_RUN if report.skipped else FAILED


def whole(results: Results, parties: dict[tuple[str, str], str]) -> str:
    """Both tables of a run, with the versions of everybody who took part."""
    versions = {name: _version(name) for name, _ in parties}
    said = (
        f"oidc-provider {control.version('oidc-provider')}" if not control.missing("oidc-provider") else "not installed"
    )
    return "\n\n".join([table(results, said), matrix.table(parties, versions)]) + "\n"


def _version(party: str) -> str:
    if party in ("openid-client", "oauth4webapi"):
        return control.version(party) if not control.missing(party) else "not installed"
    if party == "mod-auth-openidc":
        asked = ["dpkg-query", "--show", "--showformat=${Version}", "libapache2-mod-auth-openidc"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout or "unknown"
    return metadata.version({"pyoidc": "oic"}.get(party, party))


def table(results: Results, control_version: str) -> str:
    """The two columns, with a count below each and the reasons why something does not apply."""
    columns = ["ours", "control"]
    lines = [f"{'':{WIDTH}}{'ours':10}control", f"{'':{WIDTH + 10}}{control_version}"]
    counts: dict[str, Counter[str]] = {column: Counter() for column in columns}
    for plan, modules in MODULES.items():
        mode = "form_post" if plan == "Form Post OP" else "query"
        lines.append(plan)
        for module in modules:
            cells = [_cell(results, column, mode, module) for column in columns]
            for column, cell in zip(columns, cells, strict=True):
                counts[column][cell] += 1
            lines.append(f"  {module:{WIDTH - 2}}{cells[0]:10}{cells[1]}")
    for column in columns:
        lines.append(f"{column}: " + ", ".join(f"{count} {name}" for name, count in counts[column].most_common()))
    reasons = [f"  {column}: {module}: {reason}" for (column, module), reason in NOT_OFFERED.items()]
    return "\n".join([*lines, "n/a, because:", *reasons])


def _cell(results: Results, column: str, mode: str, module: str) -> str:
    if (column, module) in NOT_OFFERED:
        return NOT_APPLICABLE
    return results.get((column, mode, function_name(module)), NOT_RUN)
