"""The matrix: a row for each relying party, a column for each flow; what a library does not know is left empty."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

FLOWS = (
    "code",
    "userinfo",
    "refresh",
    "public",
    "private_key_jwt",
    "par",
    "dpop",
    "client_credentials",
    "jwt_access_token",
    "introspection",
    "revocation",
    "device",
    "ciba",
    "rp_logout",
    "backchannel_logout",
)
KEY = pytest.StashKey[dict[tuple[str, str], str]]()


def keep(item: pytest.Item, report: pytest.TestReport) -> None:
    """Note one outcome: the flow is the test's parameter `flow`, the party `party` or the name of its module."""
    callspec = getattr(item, "callspec", None)
    if callspec is None or "flow" not in callspec.params or not (report.when == "call" or not report.passed):
        return
    results = item.config.stash.setdefault(KEY, {})
    party = callspec.params.get("party") or item.path.stem.removeprefix("test_").replace("_", "-")
    said = "yes" if report.passed else "n/a" if report.skipped else "FAILED"
    if results.get((party, callspec.params["flow"])) != "FAILED":
        results[party, callspec.params["flow"]] = said


def table(results: Mapping[tuple[str, str], str], versions: Mapping[str, str]) -> str:
    """A line for each party, with its version; `-` where the party does not know the flow or was not tried."""
    parties = sorted({party for party, _ in results})
    wide = max([len(flow) for flow in FLOWS])
    head = " " * (wide + 2) + "".join(f"{party:20}" for party in parties)
    lines = [head, " " * (wide + 2) + "".join(f"{versions.get(party, ''):20}" for party in parties)]
    for flow in FLOWS:
        cells = "".join(f"{results.get((party, flow), '-'):20}" for party in parties)
        lines.append(f"{flow:{wide + 2}}{cells}".rstrip())
    return "\n".join(lines)
