"""Definitions, documentation and command line say the same as the code."""

import json
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from interlock.cli.main import app
from reconciliation.definitions import Calendar, Definition, chosen, definitions
from reconciliation.kinds import KINDS
from reconciliation.rows import COARSE_STATE, STATE_RANK, instant
from schemas.states import ranks, state_machine
from tests.reconciliation.house import at

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


def test_the_pairs_of_the_house() -> None:
    assert list(definitions()) == [
        "hub-agents", "hub-app", "hub-bank", "hub-phone", "hub-web", "hub-wechat", "hub-windows", "seats",
    ]  # fmt: skip
    with pytest.raises(KeyError):
        chosen(["hub-nobody"])


def test_a_wrong_definition_is_not_taken() -> None:
    good = json.loads(definitions()["hub-web"].model_dump_json())
    for wrong in ({"right": {"source": "channel"}}, {"compare": [{"field": "name", "kind": "SEAT"}]}, {"colour": 1}):
        with pytest.raises(ValidationError):
            Definition.model_validate_json(json.dumps(good | wrong))


def test_another_definition_has_another_digest() -> None:
    web = definitions()["hub-web"]
    assert web.digest != web.model_copy(update={"calendar": Calendar(edge_minutes=5)}).digest


def test_a_business_date_begins_and_ends_in_its_own_zone() -> None:
    begin, end = Calendar().span(date(2026, 1, 11))
    assert (instant(begin), instant(end)) == (at("00:00"), at("00:00", 1))
    cut = Calendar.model_validate({"cut_off": "22:00:00"})
    assert [instant(edge) for edge in cut.span(date(2026, 1, 11))] == [at("22:00", -1), at("22:00")]


def test_definitions_check_by_command() -> None:
    result = CliRunner().invoke(app, ["recon", "definitions", "check", "--json"])
    assert result.exit_code == 0
    assert [line["definition"] for line in json.loads(result.stdout)] == list(definitions())


def test_an_unknown_definition_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(app, ["recon", "run", "--date", "2026-01-11", "--definition", "hub-nobody"])
    assert result.exit_code == 1
    assert "hub-windows" in result.stderr
