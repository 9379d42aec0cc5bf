"""`interlock recon due`, `carry`, `chain`, `health`, on a real database and a real hub."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interlock.cli.main import app
from interlock.database import Pool

Command = Callable[..., Any]


@pytest.fixture
def command(pool: Pool, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command of `interlock recon`, over the test's database; its JSON when it ends well."""
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", database_url)
    monkeypatch.setenv("INTERLOCK_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))

    def run(*words: str) -> Any:
        done = CliRunner().invoke(app, ["recon", *words])
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in words else done.stdout

    return run


def test_the_commands_of_the_calendar(command: Command) -> None:
    """On an empty installation. No channel answers and no file has come: every pair waits, and nothing is invented."""
    found = command("due", "--run", "--json")
    assert found["failed"] == []
    assert "never run" not in {each["reason"] for each in found["due"]}
    assert command("carry", "--date", "2026-01-11", "--json") == {"carry": [], "gaps": []}
    assert "hub-wechat" in command("chain", "--date", "2026-01-11")
    assert {line["channel"] for line in command("health", "--date", "2026-01-11", "--json")} >= {"web", "windows"}
