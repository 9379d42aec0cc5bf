"""The command line: what is there, what it prints for programs, and what it says when something is wrong."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from interlock.cli.main import app
from interlock.engines import find_postgres, find_valkey, start_postgres
from interlock.engines.directory import DataDirectory


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> CliRunner:
    """Runs commands against an empty data directory."""
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(data_dir))
    monkeypatch.delenv("INTERLOCK_DATABASE_URL", raising=False)
    monkeypatch.delenv("INTERLOCK_REDIS_URL", raising=False)
    return CliRunner()


def checks(output: str) -> dict[str, dict[str, object]]:
    """The doctor's checks by name."""
    return {check["name"]: check for check in json.loads(output)["checks"]}


def test_the_promised_commands_exist(runner: CliRunner) -> None:
    help_text = runner.invoke(app, ["--help"]).output
    for command in ("up", "down", "doctor", "migrate", "serve"):
        assert f" {command} " in help_text
    serve = runner.invoke(app, ["serve", "--help"]).output
    for kind in ("api", "worker", "beat", "simulator"):
        assert f" {kind} " in serve


def test_the_doctor_says_what_to_do_next_when_nothing_runs(runner: CliRunner) -> None:
    result = runner.invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    found = checks(result.output)
    assert found["python"]["ok"] is True
    assert found["postgres"]["ok"] is False
    assert all(check["remedy"] for check in found.values() if not check["ok"])


def test_the_doctor_checks_one_thing_when_asked(runner: CliRunner) -> None:
    assert runner.invoke(app, ["doctor", "--only", "disk"]).exit_code == 0
    assert runner.invoke(app, ["doctor", "--only", "broker"]).exit_code == 1
    assert runner.invoke(app, ["doctor", "--only", "weather"]).exit_code == 2


def test_the_doctor_finds_a_database_that_is_away(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:1/none")
    result = runner.invoke(app, ["doctor", "--json", "--only", "postgres"])
    assert result.exit_code == 1
    assert "INTERLOCK_DATABASE_URL" in str(checks(result.output)["postgres"]["remedy"])
    assert "hunter2" not in result.output


def test_migrate_then_doctor_then_down(runner: CliRunner) -> None:
    migrated = runner.invoke(app, ["migrate", "--json"])
    assert migrated.exit_code == 0, migrated.output
    assert json.loads(migrated.output)["current"] == json.loads(migrated.output)["head"]
    assert runner.invoke(app, ["doctor", "--only", "migrations"]).exit_code == 0
    assert runner.invoke(app, ["doctor", "--only", "clock"]).exit_code == 0
    assert json.loads(runner.invoke(app, ["down", "--json"]).output) == {"stopped": ["postgres"]}
    assert json.loads(runner.invoke(app, ["down", "--json"]).output) == {"stopped": []}


def test_a_database_that_cannot_be_migrated_is_said_in_a_sentence(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = runner.invoke(app, ["migrate"])
    assert result.exit_code == 1
    assert "could not be migrated" in result.output
    assert "interlock doctor" in result.output


def test_a_second_up_is_refused(runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))
    with (DataDirectory.prepare(tmp_path).run / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = runner.invoke(app, ["up"])
    assert result.exit_code == 1
    assert "already up" in result.output
    assert find_postgres(tmp_path) is None
    assert find_valkey(tmp_path) is None


def test_keys_that_others_can_read_are_found(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))
    directory = DataDirectory.prepare(tmp_path)
    directory.secret("field")
    assert runner.invoke(app, ["doctor", "--only", "keys"]).exit_code == 0
    (directory.keys / "field").chmod(0o644)
    assert runner.invoke(app, ["doctor", "--only", "keys"]).exit_code == 1


def test_every_command_that_prints_data_has_json(runner: CliRunner) -> None:
    for command in ("doctor", "migrate", "down"):
        assert "--json" in runner.invoke(app, [command, "--help"]).output


def test_down_stops_an_engine_that_was_started_by_hand(runner: CliRunner, data_dir: Path) -> None:
    start_postgres(data_dir)
    assert json.loads(runner.invoke(app, ["down", "--json"]).output) == {"stopped": ["postgres"]}
    assert find_postgres(data_dir) is None
