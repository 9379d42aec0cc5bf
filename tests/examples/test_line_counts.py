"""How little an adapter is: the bars of the kit, counted on the examples that people copy."""

import pytest

from tests.docs.pages import ROOT

BARS = {"station-gates/station_gates": 30, "coach-partner/coach_partner": 60}


def lines_of_python(package: str) -> int:
    """Lines of the package's modules that are neither blank nor comment; docstrings count."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "examples" / package).glob("**/*.py")]
    assert sources
    return sum(1 for text in sources for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))


@pytest.mark.parametrize(("package", "bar"), BARS.items())
def test_an_adapter_is_at_most(package: str, bar: int) -> None:
    assert lines_of_python(package) <= bar
