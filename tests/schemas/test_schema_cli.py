"""`interlock schema`: list, show, validate, publish --check."""

import json
from pathlib import Path

from typer.testing import CliRunner

from interlock.cli.main import app
from schemas.model import SCHEMA_VERSION
from schemas.publish import PUBLISHED

runner = CliRunner()


def test_list_names_every_type() -> None:
    found = json.loads(runner.invoke(app, ["schema", "list", "--json"]).stdout)
    assert [row["name"] for row in found] == list(PUBLISHED)


def test_show_prints_the_published_schema() -> None:
    assert (
        json.loads(runner.invoke(app, ["schema", "show", "money"]).stdout)["$id"]
        == f"/v1/schemas/{SCHEMA_VERSION}/money.json"
    )
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


def test_an_older_version_can_be_listed_shown_and_validated_against(tmp_path: Path) -> None:
    listed = json.loads(runner.invoke(app, ["schema", "list", "--version", "1.0", "--json"]).stdout)
    assert "waitlist" not in {row["name"] for row in listed}
    file = tmp_path / "seat.json"
    file.write_text('{"seat_class": "hard_sleeper", "position": "lower"}')
    arguments = ["schema", "validate", str(file), "--as", "seat", "--version"]
    assert runner.invoke(app, [*arguments, "1.0"]).exit_code == 0
    assert runner.invoke(app, [*arguments, "1.1"]).exit_code == 1
    unknown = runner.invoke(app, [*arguments, "0.9"])
    assert unknown.exit_code == 1
    assert "1.0, 1.1" in unknown.stderr


def test_validate_guesses_the_type(tmp_path: Path) -> None:
    file = tmp_path / "thing.json"
    file.write_text('{"amount": 55300, "currency": "CNY"}')
    assert "a valid money" in runner.invoke(app, ["schema", "validate", str(file)]).stdout
    file.write_text('{"seat_class": "second", "coach": "5", "number": "12A", "standing": "no"}')
    wrong = json.loads(runner.invoke(app, ["schema", "validate", str(file), "--json"]).stdout)
    assert (wrong["as"], [error["pointer"] for error in wrong["errors"]]) == ("seat", ["/standing"])
    file.write_text('{"expires_at": "2026-01-11T10:00:00+08:00", "ticket_nos": []}')
    assert "a valid hold" in runner.invoke(app, ["schema", "validate", str(file)]).stdout


def test_diff_of_versions_says_whom_it_breaks_and_what_answers() -> None:
    told = runner.invoke(app, ["schema", "diff", "1.0", "1.1"])
    assert told.exit_code == 0
    (line,) = [line for line in told.stdout.splitlines() if line.startswith("`seat.position`")]
    assert "writers: documents made for 1.0" in line
    assert "upcaster 1.0 -> 1.1" in line
    assert told.stdout.splitlines()[-1].startswith("Compatible")


def test_diff_refuses_an_incompatible_change(tmp_path: Path) -> None:
    """A colleague narrows a field: the command says so in a sentence, and its status stops the build."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    seat = json.loads(runner.invoke(app, ["schema", "show", "seat"]).stdout)
    old.write_text(json.dumps(seat))
    seat["properties"]["seat_class"]["maxLength"] = 10
    seat["required"].append("coach")
    new.write_text(json.dumps(seat))
    refused = runner.invoke(app, ["schema", "diff", str(old), str(new)])
    assert refused.exit_code == 1
    assert "`old.coach` is required now. BREAKS writers" in refused.stdout
    assert "INCOMPATIBLE: 2 of 2 changes" in refused.stdout
    found = json.loads(runner.invoke(app, ["schema", "diff", str(old), str(new), "--json"]).stdout)
    assert not found["compatible"]
    assert {change["where"] for change in found["changes"]} == {"old.seat_class", "old.coach"}
    same = runner.invoke(app, ["schema", "diff", str(old), str(old)])
    assert (same.exit_code, same.stdout.strip()) == (0, f"{old} and {old} say the same.")


def test_diff_compares_folders_and_explains_what_it_cannot_read(tmp_path: Path) -> None:
    for folder, types in (("old", ("money", "seat")), ("new", ("money",))):
        (tmp_path / folder).mkdir()
        for name in types:
            (tmp_path / folder / f"{name}.json").write_text(runner.invoke(app, ["schema", "show", name]).stdout)
    gone = runner.invoke(app, ["schema", "diff", str(tmp_path / "old"), str(tmp_path / "new")])
    assert gone.exit_code == 1
    assert "`seat` is gone. BREAKS readers" in gone.stdout
    missing = runner.invoke(app, ["schema", "diff", "0.9", "1.1"])
    assert missing.exit_code == 1
    assert "no version of the contract" in missing.stderr
