"""The documents: what is shipped, what an operator adds, every fault with its place, and the published schema."""

import json
import re
import textwrap
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError
from typer.testing import CliRunner

from interlock.cli.main import app
from reconciliation.definitions import (
    Calendar,
    Comparison,
    Definition,
    DocumentError,
    GroupPass,
    catalogue,
    chosen,
    definitions,
    load,
    views,
)
from reconciliation.definitions.catalogue import SCHEMA_NAME
from reconciliation.definitions.checking import check_catalogue, check_files
from reconciliation.definitions.reading import parse_document
from reconciliation.definitions.schema import json_schema, published, schema_text

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 1, 11)
SHIPPED = catalogue()


def own(folder: Path, name: str = "hub-web", suffix: str = ".json", **changes: Any) -> Path:
    """An operator's document: a shipped one with changes."""
    content = {**json.loads(definitions()["hub-web"].model_dump_json()), "name": name, **changes}
    text = json.dumps(content) if suffix == ".json" else yaml.safe_dump(content, allow_unicode=True)
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}{suffix}"
    path.write_text(text, encoding="utf-8")
    return path


def faults(raw: str, file: str = "x.json") -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        parse_document(raw.encode(), file)
    return [(finding.place, finding.said) for finding in caught.value.findings]


def test_the_pairs_of_the_house() -> None:
    assert list(definitions()) == [
        "hub-adyen", "hub-agents", "hub-alipay", "hub-app", "hub-bank", "hub-phone", "hub-stripe", "hub-unionpay",
        "hub-web", "hub-wechat", "hub-windows", "seats", "wechat-bank",
    ]  # fmt: skip
    assert {name: view.pairs for name, view in views().items()} == {"hub-wechat-bank": ("hub-wechat", "wechat-bank")}
    with pytest.raises(KeyError):
        chosen(["hub-nobody"])


def test_the_shipped_documents_are_right_and_wise() -> None:
    assert check_catalogue(SHIPPED, {"default"}, TODAY) == []


def test_the_published_schema_is_that_of_the_models(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--write-golden"):
        (ROOT / "reconciliation/definitions" / SCHEMA_NAME).write_text(schema_text(), encoding="utf-8")
    assert published() == schema_text()


@pytest.mark.parametrize("name", [*SHIPPED.pairs, *SHIPPED.views])
def test_a_shipped_document_fits_the_schema_and_survives_the_journey(name: str) -> None:
    content = json.loads((ROOT / "reconciliation/definitions" / f"{name}.json").read_bytes())
    jsonschema.validate(content, json_schema())
    if name in SHIPPED.pairs:
        assert Definition.model_validate_json(SHIPPED.pairs[name].model_dump_json()) == SHIPPED.pairs[name]


def test_a_wrong_definition_is_not_taken() -> None:
    good = json.loads(definitions()["hub-web"].model_dump_json())
    for wrong in ({"right": {"source": "channel"}}, {"compare": [{"field": "name", "kind": "SEAT"}]}, {"colour": 1}):
        with pytest.raises(ValidationError):
            Definition.model_validate_json(json.dumps(good | wrong))


def test_another_definition_has_another_digest() -> None:
    web = definitions()["hub-web"]
    assert web.digest != web.model_copy(update={"calendar": Calendar(edge_minutes=5)}).digest
    assert web.digest != web.model_copy(update={"version": 2}).digest


def test_a_tolerance_may_differ_to_each_side() -> None:
    both = Comparison(field="amount", kind="AMOUNT", tolerance=3)
    more = Comparison(field="amount", kind="AMOUNT", tolerance=(-1, 3))
    assert (both.bounds, more.bounds) == ((-3, 3), (-1, 3))


def test_a_pass_is_called_pass_in_documents() -> None:
    found = definitions()["wechat-bank"]
    assert found.model_dump(mode="json")["passes"][0]["pass"] == "group"
    assert isinstance(found.passes[0], GroupPass)
    assert (found.rows_of("left"), found.rows_of("right")) == (("payment", "refund", "adjustment"), ("payout",))


# --- faults: all at once, each with its place


def test_every_fault_is_told_at_once_with_its_place() -> None:
    content = json.loads(definitions()["hub-web"].model_dump_json())
    content["calendar"] |= {"zone": "Asia/Peking", "grace_minutes": -1, "holidays": "XX"}
    content["compare"][1] |= {"kind": "SEAT", "tolerance": "much"}
    content["passes"] = [{"pass": "guess"}]
    content["colour"] = "red"
    found = dict(faults(json.dumps(content), "hub-web.json"))
    assert (
        set(found)
        == {
            "/calendar/zone",
            "/calendar/grace_minutes",
            "/calendar/holidays",
            "/compare/1/tolerance/int",
            "/compare/1/tolerance/tuple[int, int]",
            "/passes/0",
            "/colour",
        }
        or "/passes/0" in found
    )
    assert "Asia/Shanghai" in found["/calendar/zone"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"passes": [{"pass": "suggest"}, {"pass": "exact"}]}, "comes first"),
        ({"compare": [{"field": "amount", "kind": "SEAT"}]}, "of the kind AMOUNT"),
        ({"compare": [{"field": "seat", "kind": "SEAT", "tolerance": 1}]}, "equal or not"),
        ({"left": {"source": "seats"}}, "the hub or a processor"),
        ({"fee": {"rate_ppm": 6000}}, "only a processor"),
        ({"calendar": {"settles_after": 1}}, "whose business days"),
        ({"calendar": {"window_days": [1, 2]}}, "earliest <= 0 <= latest"),
        ({"calendar": {"cut_off": 1380}}, "in quotes"),
    ],
)
def test_what_does_not_hold_together_is_said(changes: dict[str, Any], said: str) -> None:
    content = {**json.loads(definitions()["hub-web"].model_dump_json()), **changes}
    assert any(said in words for _, words in faults(json.dumps(content), "hub-web.json"))


def test_a_document_that_is_none() -> None:
    assert faults("{") == [
        ("", "this is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)")
    ]
    assert "stands twice" in faults('{"name": 1, "name": 2}')[0][1]
    assert "stands twice" in faults("a: 1\nb: {c: 1, c: 2}", "x.yaml")[0][1]
    assert "no YAML" in faults("a: [", "x.yaml")[0][1]
    assert "expected names and values" in faults("- 1", "x.yaml")[0][1]


def test_a_file_is_called_as_its_document() -> None:
    raw = (ROOT / "reconciliation/definitions/hub-web.json").read_text(encoding="utf-8")
    assert faults(raw, "web.json") == [("/name", "the document is called 'hub-web', its file 'web.json'")]


# --- an operator's own


def test_an_own_document_replaces_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    own(tmp_path, suffix=".yaml", version=7, close={"threshold": 100})
    own(tmp_path, "hub-kiosk", right={"source": "channel", "of": "kiosk"})
    found = catalogue(tmp_path)
    assert (found.pairs["hub-web"].version, found.replaced) == (7, ("hub-web",))
    assert found.origins["hub-kiosk"] == str(tmp_path / "hub-kiosk.json")
    assert definitions(tmp_path).keys() - definitions().keys() == {"hub-kiosk"}
    assert chosen(["hub-kiosk"], tmp_path)[0].right.of == "kiosk"


def test_a_wrong_own_document_takes_only_its_own_pair_out(tmp_path: Path) -> None:
    own(tmp_path, calendar={"zone": "Mars/Olympus"})
    found = catalogue(tmp_path)
    assert found.pairs.keys() == definitions().keys() - {"hub-web"}
    assert [finding.place for finding in found.broken["hub-web"]] == ["/calendar/zone"]
    assert [f.severity for f in check_catalogue(found, {"default"}, TODAY)] == ["error"]


def test_two_own_files_of_one_name_are_both_left_out(tmp_path: Path) -> None:
    own(tmp_path, "hub-kiosk")
    own(tmp_path, "hub-kiosk", ".yaml")
    found = catalogue(tmp_path)
    assert "hub-kiosk" not in found.pairs
    assert "same name" in found.broken["hub-kiosk"][0].said


def test_what_is_valid_but_unwise_is_a_warning(tmp_path: Path) -> None:
    path = own(
        tmp_path,
        "hub-slow",
        right={"source": "processor", "of": "wechat"},
        rows=["payment"],
        key=["order_no"],
        compare=[
            {"field": "amount", "kind": "AMOUNT", "tolerance": [-1, 5000]},
            {"field": "seat", "kind": "SEAT"},
        ],
        passes=[{"pass": "exact"}, {"pass": "secondary", "window_days": [-1, 5]}],
        calendar={"grace_minutes": 60, "window_days": [-1, 3], "holidays": "CN"},
        policy="generous",
    )
    found = check_files([path], SHIPPED, {"default"}, date(2031, 1, 1))
    assert sorted((f.severity, f.place) for f in found) == [
        ("error", "/policy"),
        ("warning", "/calendar/edge_minutes"),
        ("warning", "/calendar/grace_minutes"),
        ("warning", "/calendar/grace_minutes"),
        ("warning", "/calendar/holidays"),
        ("warning", "/compare/0/tolerance"),
        ("warning", "/compare/1"),
        ("warning", "/key"),
        ("warning", "/passes/1/window_days"),
    ]
    assert all(f.remedy and f.file == "hub-slow.json" for f in found)


def test_a_view_names_pairs_that_exist(tmp_path: Path) -> None:
    path = tmp_path / "chain.yaml"
    path.write_text("name: chain\ntitle_zh: 链\ntitle_en: chain\npairs: [hub-wechat, wechat-mars]\n", encoding="utf-8")
    (finding,) = check_files([path], SHIPPED, {"default"}, TODAY)
    assert (finding.place, finding.severity) == ("/pairs/1", "error")
    with pytest.raises(DocumentError, match="this is a view"):
        load(path)


# --- by command


def test_definitions_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))
    folder = tmp_path / "recon" / "definitions"
    folder.parent.mkdir()
    run = CliRunner().invoke
    right = run(app, ["recon", "definitions", "check", "--json"])
    assert (right.exit_code, json.loads(right.stdout)["findings"]) == (0, [])
    path = own(folder, calendar={"zone": "Mars/Olympus"})
    wrong = run(app, ["recon", "definitions", "check"])
    assert (wrong.exit_code, "1 of 1 findings are errors" in wrong.stderr) == (1, True)
    assert run(app, ["recon", "definitions", "check", str(path), str(tmp_path / "none.json")]).exit_code == 1
    listed = json.loads(run(app, ["recon", "definitions", "list", "--json"]).stdout)
    assert (list(listed["broken"]), "hub-web" in [line["name"] for line in listed["documents"]]) == (["hub-web"], False)
    shown = run(app, ["recon", "definitions", "show", "hub-wechat"])
    assert Definition.model_validate_json(shown.stdout) == definitions()["hub-wechat"]
    assert "hub-wechat-bank" in run(app, ["recon", "definitions", "show", "hub-nobody"]).stderr
    assert json.loads(run(app, ["recon", "definitions", "schema"]).stdout) == json_schema()


# --- the guide


def test_the_documents_of_the_guide_are_right_and_wise(tmp_path: Path) -> None:
    """docs/how-to/write-a-definition.md is followed to the letter: its documents written, checked, taken over."""
    text = (ROOT / "docs/how-to/write-a-definition.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)]
    paths = []
    for block in blocks:
        paths.append(tmp_path / f"{yaml.safe_load(block)['name']}.yaml")
        paths[-1].write_text(block, encoding="utf-8")
    assert [path.stem for path in paths] == ["hub-citypay", "hub-citypay-bank"]
    assert check_files(paths, SHIPPED, {"default"}, TODAY) == []
    pair = catalogue(tmp_path).pairs["hub-citypay"]
    assert [step.step for step in pair.passes] == ["exact", "secondary", "suggest"]
    assert (pair.bounds("amount"), pair.calendar.cut_off.hour) == ((-1, 0), 23)
    unquoted = paths[0].read_text(encoding="utf-8").replace('"23:00"', "23:00")
    assert parse_document(unquoted.encode(), "hub-citypay.yaml") == pair


def test_the_guide_knows_every_field_of_a_calendar() -> None:
    text = (ROOT / "docs/how-to/write-a-definition.md").read_text(encoding="utf-8")
    assert [name for name in Calendar.model_fields if name not in text] == []
    assert [name for name in Definition.model_fields if f"`{name}`" not in text and f"{name}:" not in text] == [
        "right_rows"
    ]
