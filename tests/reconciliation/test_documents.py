"""Definitions, documentation and command line say the same as the code."""

from pathlib import Path

from typer.testing import CliRunner

from interlock.cli.main import app
from reconciliation.kinds import KINDS
from reconciliation.rows import COARSE_STATE, STATE_RANK
from schemas.states import ranks, state_machine

ROOT = Path(__file__).parents[2]


def test_every_kind_of_break_is_documented() -> None:
    text = (ROOT / "docs/reference/breaks.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"| `{kind}` |" not in text] == []


def test_every_ticket_state_is_comparable_and_ranked_as_in_the_state_machine() -> None:
    states = state_machine("ticket")["states"]
    assert set(COARSE_STATE) == set(states)
    by_rank = sorted(states, key=lambda name: ranks("ticket")[name])
    coarse = [STATE_RANK[COARSE_STATE[name]] for name in by_rank]
    assert coarse == sorted(coarse)


def test_an_unknown_definition_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(app, ["recon", "run", "--date", "2026-01-11", "--definition", "hub-nobody"])
    assert result.exit_code == 1
    assert "hub-windows" in result.stderr
