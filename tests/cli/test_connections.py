"""An operator connects a second agent with its own code table; the hub reads its messages by that table."""

from __future__ import annotations

import json
from pathlib import Path

import adapters.agents
from hub.intake import Receipt
from hub.store import channels
from interlock.settings import Settings
from interlock.wiring import Hub, open_hub
from tests.cli.conftest import Run

SAMPLE = Path(str(adapters.agents.__file__)).parent / "samples" / "documents-of-all-types.native.json"
CODES = "document_type:3=hk_macau_permit,4=taiwan_permit"


def test_a_second_agent_with_the_other_table(hub: Hub, run: Run) -> None:
    words = ("channel", "register", "agents_south", "--adapter", "agents", "--codes", CODES, "--json")
    made = run(*words)
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["code_tables"] == {"document_type": {"3": "hk_macau_permit", "4": "taiwan_permit"}}
    again = open_hub(Settings.load(), "test")  # processes read connections when they start
    try:
        assert "agents_south" in again.channels
        answer = again.intake.take([Receipt("agents_south", "m-1", SAMPLE.read_bytes(), "http", again.clock())])[0]
        assert answer.status == 200, answer  # the small day has sold two of its seats: disputed, and recorded
    finally:
        again.close()
    order = json.loads(run("order", "show", "ED00000222", "--json").stdout)
    assert order["channel"] == "agents_south"
    kinds = {person["passenger_id"]: person["document"]["type"] for person in order["passengers"]}
    assert sorted(kinds.values()) == sorted(
        ["resident_id", "passport", "hk_macau_permit", "taiwan_permit", "foreign_permanent_resident"]
    )
    references = {(found["system"], found["kind"]) for found in order["references"]}
    assert ("agents_south", "agent_order") in references


def test_a_later_rotation_keeps_the_table(hub: Hub, run: Run) -> None:
    assert run("channel", "register", "agents_south", "--adapter", "agents", "--codes", CODES).exit_code == 0
    assert run("channel", "register", "agents_south", "--adapter", "agents", "--json").exit_code == 0
    again = open_hub(Settings.load(), "test")
    try:
        assert again.adapters["agents_south"].profile.code_tables["document_type"]["3"] == "hk_macau_permit"
    finally:
        again.close()


def test_a_half_swapped_table_is_refused(hub: Hub, run: Run) -> None:
    refused = run("channel", "register", "south", "--adapter", "agents", "--codes", "document_type:3=hk_macau_permit")
    assert refused.exit_code == 1
    assert "nothing is left for taiwan_permit" in refused.stderr
    assert "Say also" in refused.stderr


def test_a_new_connection_may_ask_for_what_was_before(hub: Hub, run: Run) -> None:
    words = ("channel", "register", "agents_south", "--adapter", "agents", "--endpoint", "http://127.0.0.1:9")
    for wrong in ("yesterday", "2026-11-22T14:00"):
        refused = run(*words, "--from", wrong)
        assert (refused.exit_code, wrong in refused.stderr) == (1, True)
    refused = run(*words[:5], "--from", "BEGINNING")
    assert "name one" in refused.stderr
    made = json.loads(run(*words, "--from", "2026-01-11", "--json").stdout)
    assert made["history_from"] == "2026-01-11"
    with hub.pool.connection() as connection:
        found = channels.find(connection, "agents_south")
        assert connection.execute("SELECT detail->>'history_from' FROM hub.audit").fetchall() == [("2026-01-11",)]
    assert found is not None
    assert int(found.history_txid) > 0
    told = run(*words, "--from", "BEGINNING")
    assert (told.exit_code, "channel replay agents_south" in told.stderr) == (1, True)
