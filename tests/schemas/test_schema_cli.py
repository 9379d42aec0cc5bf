"""`interlock schema`: list, show, validate, publish --check."""

import json
from pathlib import Path

from typer.testing import CliRunner

from interlock.cli.main import app
from schemas.publish import PUBLISHED

runner = CliRunner()


def test_list_names_every_type() -> None:
    found = json.loads(runner.invoke(app, ["schema", "list", "--json"]).stdout)
    assert [row["name"] for row in found] == list(PUBLISHED)


def test_show_prints_the_published_schema() -> None:
    assert json.loads(runner.invoke(app, ["schema", "show", "money"]).stdout)["$id"] == "/v1/schemas/1.0/money.json"
    unknown = runner.invoke(app, ["schema", "show", "wagon"])
    assert unknown.exit_code == 1
    assert "interlock schema list" in unknown.stderr


def test_validate_lists_every_wrong_place(tmp_path: Path) -> None:
    file = tmp_path / "money.json"
    file.write_text('{"amount": 55300, "currency": "CNY"}')
    assert runner.invoke(app, ["schema", "validate", str(file), "--as", "money"]).exit_code == 0
    file.write_text('{"amount": "55300", "currency": "yuan"}')
    wrong = runner.invoke(app, ["schema", "validate", str(file), "--as", "money", "--json"])
    assert wrong.exit_code == 1
    assert [error["pointer"] for error in json.loads(wrong.stdout)["errors"]] == ["/amount", "/currency"]


def test_validate_checks_formats_too(tmp_path: Path) -> None:
    """Validators ignore formats unless told; a time without offset must not pass."""
    file = tmp_path / "hold.json"
    file.write_text('{"expires_at": "2026-01-11 10:00:00", "ticket_nos": []}')
    assert runner.invoke(app, ["schema", "validate", str(file), "--as", "hold"]).exit_code == 1


def test_validate_says_when_a_file_is_no_json(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text("{")
    broken = runner.invoke(app, ["schema", "validate", str(file)])
    assert broken.exit_code == 1
    assert "is not JSON" in broken.stderr


def test_publish_check_is_quiet_about_nothing() -> None:
    assert runner.invoke(app, ["schema", "publish", "--check"]).exit_code == 0
