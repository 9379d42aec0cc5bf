"""Raw and expected side by side: ``samples/<source>/<file>`` and ``<file>.expected.json``, damaged files too.

``pytest --write-golden`` writes what is read today; a person compares it with the raw file before it is kept.
"""

import json
from pathlib import Path

import pytest

from reconciliation.rows import instant
from reconciliation.statements import READERS, Refused, Statement, formats, read_statement

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(p for p in SAMPLES.glob("*/*") if not p.name.endswith(".expected.json"))


def told(found: Statement | Refused) -> object:
    """What a revenue accountant compares: every line without its raw text."""
    if isinstance(found, Refused):
        return {
            "format": found.format,
            "refused": found.reason,
            "place": found.place,
            "remedy": found.remedy,
            "business_date": str(found.business_date),
        }
    return {
        "format": found.format,
        "processor": found.processor,
        "business_date": str(found.business_date),
        "lines": [
            {name: value for name, value in line.items() if name != "raw"} | {"at": instant(line["at"]).isoformat()}
            for line in found.table.to_pylist()
        ],
        "quarantined": [[q.line, q.reason] for q in found.quarantined],
        "totals": {total.name: total.said for total in found.totals},
    }


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_golden(path: Path, pytestconfig: pytest.Config) -> None:
    found = json.dumps(told(read_statement(path.parent.name, path, path.name)), ensure_ascii=False, indent=2)
    golden = path.with_name(f"{path.name}.expected.json")
    if pytestconfig.getoption("--write-golden"):
        golden.write_text(found + "\n", encoding="utf-8")
    assert found + "\n" == golden.read_text(encoding="utf-8")


def test_every_format_has_a_good_and_a_damaged_file() -> None:
    good: set[str] = set()
    damaged: set[str] = set()
    for path in FILES:
        expected = json.loads(path.with_name(f"{path.name}.expected.json").read_text(encoding="utf-8"))
        for name in expected["format"].split(" + "):
            (damaged if expected.get("refused") or expected["quarantined"] else good).add(name)
            if expected.get("lines"):
                good.add(name)
    everything = set(formats().documents) | set(READERS)
    assert good == everything
    assert damaged >= everything - {"camt-054"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_no_payer_is_named(path: Path) -> None:
    """Openids, buyers' accounts, cards, addresses and names of the samples stand in no line and no quarantined row."""
    found = read_statement(path.parent.name, path, path.name)
    shown = repr(found if isinstance(found, Refused) else (found.table.to_pylist(), found.quarantined))
    for secret in ("o000", "*测试", "622200", "nobody@", "测试甲", "/NAME/", "CN00TEST"):
        assert secret not in shown
