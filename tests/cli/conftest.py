"""Commands against a hub with a small day on its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from interlock.cli.main import app
from interlock.database import Pool
from interlock.wiring import Hub
from tests.console.harness import open_test_hub, play_day

Run = Callable[..., Result]


@pytest.fixture
def hub(
    pool: Pool, database_url: str, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    """A hub with a small day; the environment names its engines, as for an operator's shell."""
    opened = open_test_hub(tmp_path, database_url, valkey_url)
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", database_url)
    monkeypatch.setenv("INTERLOCK_REDIS_URL", valkey_url)
    monkeypatch.setenv("INTERLOCK_CLOCK_FILE", str(tmp_path / "clock"))
    monkeypatch.setenv("COLUMNS", "200")
    play_day(opened)
    yield opened
    opened.close()


@pytest.fixture
def run() -> Run:
    """``run("order", "show", ...)``: the command line, in this process."""

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    return invoke
