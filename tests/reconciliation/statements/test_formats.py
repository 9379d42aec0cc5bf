"""Documents of formats: the how-to is followed, wrong documents are told where, the schema is published."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from interlock.cli.recon_formats import formats_app
from reconciliation.sources.statement import read_processor_day
from reconciliation.statements import FormatError, Formats, Refused, Statement, formats, read_statement
from reconciliation.statements.amounts import integers
from reconciliation.statements.documents import load_format, schema_text
from reconciliation.vault import Vault

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "reconciliation/statements/format.schema.json"
SHIPPED = sorted((ROOT / "reconciliation/statements/formats").glob("*.yaml"))
HOW_TO = (ROOT / "docs/how-to/add-a-statement-format.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(?:text|yaml) (\S+)\n(.*?)```", HOW_TO, re.DOTALL))


def of_how_to(document: str) -> Formats:
    found = load_format(BLOCKS[document], document)
    return Formats({found.format: found}, (found.format,))


# --- the how-to


def test_the_semicolons_of_the_how_to() -> None:
    found = read_statement(
        "city-cards", BLOCKS["city-cards-20260111.csv"].encode(), "x.csv", of_how_to("city-cards.yaml")
    )
    assert isinstance(found, Statement), found
    lines = found.table.to_pylist()
    assert [(line["kind"], line["ref"], line["amount"], line["fee"]) for line in lines] == [
        ("payment", "CC0000000001", 55300, 332000),
        ("refund", "CC0000000002", 52500, 0),
    ]
    assert {total.name: total.said for total in found.totals} == {"rows": "3", "net": "28.00"}
    assert (found.business_date, found.processor, found.quarantined) == (date(2026, 1, 11), "city_cards", ())


def test_a_changed_digit_refuses_the_file_of_the_how_to() -> None:
    known = of_how_to("city-cards.yaml")
    for right, wrong in (("553.00", "553.01"), ("合计;3", "合计;4"), (";525.00", ";5x5.00")):
        raw = BLOCKS["city-cards-20260111.csv"].replace(right, wrong).encode()
        found = read_statement("city-cards", raw, "x.csv", known)
        assert isinstance(found, Refused), wrong


def test_the_fixed_widths_of_the_how_to() -> None:
    raw = BLOCKS["depot-20260111.txt"].encode("gb18030")
    found = read_statement("depot", raw, "depot-20260111.txt", of_how_to("depot.yaml"))
    assert isinstance(found, Statement), found
    lines = found.table.to_pylist()
    assert [(line["kind"], line["ref"], line["order_no"], line["amount"], line["batch"]) for line in lines] == [
        ("payment", "DP00000001", "EW12345671", 55300, "2026-01-11"),
        ("refund", "DP00000002", "EW12345671", 52500, "2026-01-11"),
    ]
    wrong = read_statement("depot", raw.replace(b"2800\n", b"2900\n"), "depot-20260111.txt", of_how_to("depot.yaml"))
    assert isinstance(wrong, Refused)
    assert "net says 000000002900, the lines sum to 2800" in wrong.reason


def test_the_commands_of_the_how_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path / "data"))
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    commands = [line.split()[4:] for line in HOW_TO.splitlines() if line.startswith("$ interlock recon formats")]
    assert len(commands) == 2
    for command in commands:
        result = CliRunner().invoke(formats_app, [*command, "--json"])
        assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["totals"] == {"rows": "3", "net": "28.00"}


def test_an_operators_own_format_is_used_and_replaces_a_shipped_one(tmp_path: Path) -> None:
    folder = tmp_path / "formats"
    folder.mkdir()
    (folder / "city-cards.yaml").write_text(BLOCKS["city-cards.yaml"], encoding="utf-8")
    shipped = yaml.safe_load((ROOT / "reconciliation/statements/formats/wechat-trade-bill.yaml").read_text("utf-8"))
    (folder / "bill.json").write_text(json.dumps({**shipped, "title_en": "ours"}), encoding="utf-8")
    (folder / "broken.yaml").write_text("format: 7", encoding="utf-8")
    known = formats(folder)
    assert known.documents["wechat-trade-bill"].title_en == "ours"
    assert set(known.own) == {"wechat-trade-bill", "city-cards"}
    assert "title_zh: Field required" in known.broken["broken.yaml"]
    raw = BLOCKS["city-cards-20260111.csv"].encode()
    day = read_processor_day(
        Vault(tmp_path / "raw"), "city-cards", [("x.csv", raw)], date(2026, 1, 11), tmp_path / "datasets"
    )
    assert [row.key for row in day.rows] == sorted(row.key for row in day.rows)
    assert {row.key for row in day.rows} == {"city_cards|CC0000000001", "city_cards|CC0000000002"}


# --- documents


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_a_shipped_document_fits_the_published_schema(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.validate(content, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert load_format(path.read_text(encoding="utf-8"), path.name).format == path.stem


def test_the_published_schema_is_that_of_the_model(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--write-golden"):
        SCHEMA.write_text(schema_text(), encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ({"masked": ["nobody"]}, "no column is called nobody"),
    ({"cells": {"kind": "fixed"}}, "'widths' belong to cells of kind fixed"),
    ({"cells": {"kind": "fixed", "widths": [3]}}, "cells of fixed width have no header"),
    ({"cells": {"kind": "quoted", "delimiter": "||"}}, "a delimiter of one character"),
    ({"cells": {"kind": "plain", "header": False}}, "without a header, number needs a position"),
    ({"totals": [{"count": True}]}, "'said' in the summary, or proven by"),
    ({"totals": [{"said": "n"}]}, "a total counts or sums"),
    ({"rows": {"time": {"columns": "time"}, "currency": "CNY"}}, "give 'by' with a 'table'"),
    ({"rows": {"otherwise": {"kind": "payment"}, "time": {"columns": "time"}, "currency": "CNY"}}, "lacks ref, amount"),
    ({"files": "("}, "is no regular expression"),
    ({"business_date": {"source": "name", "pattern": "x"}}, "has one group"),
    ({"rows": {"otherwise": {"ref": [{"column": "number", "pattern": "(?<!x)y"}]}}}, "cannot be used on a column"),
    ({"rows": {"otherwise": {}, "time": {"columns": "time", "zone": "Mars/Base"}, "currency": "CNY"}}, "no time zone"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_document_is_told_where(change: dict[str, Any], sentence: str) -> None:
    content = {**yaml.safe_load(BLOCKS["city-cards.yaml"]), **change}
    with pytest.raises(FormatError, match="(?s)bad.yaml: .*" + re.escape(sentence)):
        load_format(json.dumps(content), "bad.yaml")


def test_a_wrong_document_ends_the_check_with_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))
    (tmp_path / "bad.yaml").write_text("a: [", encoding="utf-8")
    result = CliRunner().invoke(formats_app, ["check", str(tmp_path / "bad.yaml")])
    assert result.exit_code == 1
    assert "neither YAML nor JSON" in result.output
    assert CliRunner().invoke(formats_app, ["check"]).exit_code == 0


# --- amounts: the quick way and the slow way agree


@settings(max_examples=40, deadline=None)
@given(st.lists(st.from_regex(r"-?[0-9]{0,14}\.?[0-9]{0,8}", fullmatch=True), min_size=1, max_size=6))
def test_amounts_are_the_same_read_together_and_one_by_one(texts: list[str]) -> None:
    units: tuple[Literal["currency", "minor"], ...] = ("currency", "minor")
    for unit in units:
        together = integers(pa.array(texts, pa.string()), unit).to_pylist()
        assert together == [integers(pa.array([text, "x"], pa.string()), unit)[0].as_py() for text in texts]


@pytest.mark.parametrize(
    ("text", "millionths"),
    [
        ("553.00", 553_000_000),
        ("-0.00001", -10),
        ("", 0),
        (".5", 500_000),
        ("5.0000000", 5_000_000),
        ("5.0000001", None),
        ("1e3", None),
        ("١", None),
        ("1_000", None),
        ("999999999999.999999", 999_999_999_999_999_999),
        ("1000000000000", None),
        ("-", None),
        ("+5", 5_000_000),
    ],
)
def test_an_amount_is_exact_or_none(text: str, millionths: int | None) -> None:
    assert integers(pa.array([text], pa.string()), "currency").to_pylist() == [millionths]
