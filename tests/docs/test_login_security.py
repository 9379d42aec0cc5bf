"""The page of what protects the login names tests that exist, and leaves none of the incidents' tests out."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reference/sso-security.md").read_text(encoding="utf-8")
SSO = ROOT / "tests/sso"


def named() -> set[tuple[str, str]]:
    """(file, test) of every test on the page."""
    return set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE))


def functions_of(path: str) -> set[str]:
    file = ROOT / path if path.startswith("tests/") else SSO / path
    return set(re.findall(r"^(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_test_on_the_page_exists() -> None:
    assert {(path, test) for path, test in named() if test not in functions_of(path)} == set()


def test_every_row_is_proven() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| item ")]
    assert len(rows) > 30
    assert [row for row in rows if "::test_" not in row] == []


def test_no_test_of_an_incident_is_left_out() -> None:
    files = {file.name for file in SSO.glob("test_incidents*.py")}
    assert len(files) == 3
    assert {(file, test) for file in files for test in functions_of(file)} - named() == set()
