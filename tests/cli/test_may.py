"""`interlock channel may`: answered from profiles, offline, as the hub answers an ask."""

from __future__ import annotations

import json

from adapters.kit.registry import registered
from interlock.documentation.channels import capabilities_page
from schemas.acts import ACTS
from tests.cli.conftest import Run


def test_yes_and_no_with_the_reason_and_where_to_go(run: Run) -> None:
    yes = run("channel", "may", "web", "hold")
    assert yes.exit_code == 0, yes.output
    assert yes.stdout.startswith("yes: ")
    no = run("channel", "may", "web", "refund", "--ask")
    assert no.exit_code == 1
    assert no.stdout.startswith("no: web does not ask to “refund”")
    assert "windows (车站窗口)" in no.stdout
    assert "退票" in no.stdout


def test_for_programs(run: Run) -> None:
    answer = json.loads(run("channel", "may", "web", "refund", "--tell", "--json").stdout)
    assert (answer["may"], answer["act"], answer["direction"]) == (True, "refund", "tell")
    assert "web" not in answer["elsewhere"]
    for name, found in registered().items():
        for act in ACTS:
            said = json.loads(run("channel", "may", name, act, "--json").stdout)
            assert said["may"] == (act in found.adapter.profile.asks)


def test_what_is_none_is_said(run: Run) -> None:
    assert "The acts are: hold, sell" in run("channel", "may", "web", "fly").stderr
    assert "no adapter is called 'telex'" in run("channel", "may", "telex", "hold").stderr


def test_the_page_shows_every_act_and_channel() -> None:
    page = capabilities_page()
    for act in ACTS:
        assert f"| `{act}` " in page
    for name, found in registered().items():
        assert f"{name} {found.adapter.profile.name_zh}" in page
    assert "silently" not in page
