"""`interlock recon`: what it shows of a day, and what it says when something is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interlock.cli.recon import PANELS
from interlock.wiring import Hub
from tests.cli.conftest import Run
from tests.console.test_reconciling import BREAK, LEFT, a_day


@pytest.fixture
def day(hub: Hub) -> None:
    """A date with two runs of one pair, a break that is gone and one that is left."""
    a_day(hub)


DATE = ("--date", "2026-01-09")


def test_every_command_stands_in_the_help_and_teaches(run: Run) -> None:
    told = run("recon", "--help").output
    for names in PANELS.values():
        for name in names:
            assert f" {name} " in told
            assert "Usage: interlock recon" in run("recon", name, "--help").output.replace(
                "root recon", "interlock recon"
            )


def test_breaks_one_break_and_what_can_be_done(run: Run, day: None) -> None:
    listed = json.loads(run("recon", "breaks", *DATE, "--json").stdout)
    assert [found["state"] for found in listed] == ["cleared", "left"]
    assert "553.00" in run("recon", "breaks", *DATE, "--state", "left").stdout
    shown = run("recon", "show", str(LEFT)).stdout
    for said in ("STATUS of hub-web", "553.00", "line 3", "take_channel", f"/console/recon/breaks/{LEFT}"):
        assert said in shown
    assert "990101199003070015" not in shown
    gone = json.loads(run("recon", "show", str(BREAK), "--json").stdout)
    assert gone["resolutions"][0]["state"] == "applied"


def test_a_break_is_named_by_its_beginning_when_that_is_enough(run: Run, day: None) -> None:
    both = run("recon", "show", str(LEFT)[:8])
    assert both.exit_code == 1
    assert "more than one break" in both.stderr
    none = run("recon", "show", "ffffffff")
    assert none.exit_code == 1
    assert "recon breaks --date" in none.stderr


def test_what_keeps_the_day_open_and_what_waits(run: Run, day: None) -> None:
    hindrances = json.loads(run("recon", "closing", *DATE, "--json").stdout)["hindrances"]
    assert {h["what"] for h in hindrances} == {"not_run", "open_breaks"}
    assert "5.00 CNY at stake" in run("recon", "closing", *DATE).stdout
    assert json.loads(run("recon", "waiting", "--json").stdout) == []
    assert json.loads(run("recon", "files", *DATE, "--json").stdout) == []
    assert json.loads(run("recon", "suspense", "--json").stdout)["complaints"] == []
    assert "hub-web" in run("recon", "ageing").stdout
    assert "hub-web" in run("recon", "report", *DATE).stdout


@pytest.mark.parametrize(
    "words",
    [
        ("breaks", *DATE), ("show", "abc"), ("waiting",), ("files", *DATE), ("closing", *DATE), ("ageing",),
        ("suspense",), ("report", *DATE), ("policy", "show", "default"), ("due",), ("run", *DATE),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_without_a_database_it_says_what_to_do(
    run: Run, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path / "empty"))
    monkeypatch.delenv("INTERLOCK_DATABASE_URL", raising=False)
    answer = run("recon", *words)
    assert answer.exit_code == 1
    assert "the database is not running" in answer.stderr
    assert "interlock up" in answer.stderr
    assert not (tmp_path / "empty" / "postgres").exists()
