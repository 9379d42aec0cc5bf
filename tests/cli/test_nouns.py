"""What an operator types, what is printed for people and for programs, and what is said when it cannot be done."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from hub.store.deliveries import Exceptional, set_aside
from interlock.wiring import Hub
from tests.cli.conftest import Run
from tests.console.harness import G11, MOBILE, RESIDENT_ID, SALE


def test_an_order_by_any_reference_now_and_as_it_was(hub: Hub, run: Run) -> None:
    shown = run("order", "show", SALE, "--json")
    assert shown.exit_code == 0, shown.output
    order = json.loads(shown.stdout)
    assert order["fulfilment"] == "issued"
    assert RESIDENT_ID not in shown.stdout
    for word in (order["order_id"], f"{SALE}105012A", f"rail:order:{SALE}"):
        assert json.loads(run("order", "show", word, "--json").stdout)["order_id"] == order["order_id"]
    people = run("order", "show", SALE)
    assert "553.00" in people.stdout
    assert "sold by web" in people.stdout
    assert run("order", "show", SALE, "--as-of", "2020-01-01T00:00:00+08:00").exit_code == 1
    assert run("order", "show", SALE, "--recorded-as-of", "2030-01-01T00:00:00+08:00").exit_code == 0
    assert run("order", "show", SALE, "--as-of", "noon").exit_code == 2
    assert run("order", "show", SALE, "--as-of", "2026-01-01T00:00:00").exit_code == 2
    unknown = run("order", "show", "EW99999999")
    assert unknown.exit_code == 1
    assert "Look up by" in unknown.stderr


def test_the_timeline(hub: Hub, run: Run) -> None:
    entries = json.loads(run("order", "timeline", SALE, "--json").stdout)["entries"]
    assert [e["kind"] for e in entries if e["sequence"] == 1] == ["message", "event"]
    table = run("order", "timeline", SALE).stdout
    assert "ticket.issued" in table
    assert "4 postings" in table


def test_messages(hub: Hub, run: Run) -> None:
    listed = json.loads(run("message", "list", "--outcome", "refused", "--json").stdout)["messages"]
    assert [m["code"] for m in listed] == ["amount_invalid"]
    table = run("message", "list", "--limit", "1").stdout
    assert "Older ones: --before" in table
    shown = run("message", "show", "web/web-1", "--raw")
    assert "OrderDTODataList" in shown.stdout
    assert RESIDENT_ID not in shown.stdout
    assert MOBILE not in shown.stdout
    refused = json.loads(run("message", "show", str(listed[0]["position"]), "--json").stdout)
    assert refused["answer"]["pointers"][0]["pointer"]
    assert "native" not in refused["exhibit"]
    missing = run("message", "show", "web/nothing")
    assert missing.exit_code == 1
    assert "message list" in missing.stderr
    assert run("message", "list", "--outcome", "rejected", "--json").exit_code == 0


def test_channels_are_registered_listed_paused_and_resumed(hub: Hub, run: Run) -> None:
    made = json.loads(run("channel", "register", "web", "--endpoint", "http://127.0.0.1:9/", "--json").stdout)
    assert made["secret"].startswith("whsec_")
    listed = {c["channel"]: c for c in json.loads(run("channel", "list", "--json").stdout)["channels"]}
    assert listed["web"]["endpoint"] == "http://127.0.0.1:9"
    assert listed["web"]["applied"] == 3
    assert "web" in run("channel", "list").stdout
    assert json.loads(run("channel", "pause", "app", "--json").stdout) == {"channel": "app", "state": "paused"}
    assert "app is active" in run("channel", "resume", "app").stdout
    run("channel", "disable", "app", "--reason", "moves house, call 19900000001")
    assert json.loads(run("channel", "show", "app", "--json").stdout)["state"] == "disabled"
    acts = json.loads(run("channel", "acts", "app", "--json").stdout)["acts"]
    assert [a["action"] for a in acts] == ["channel.disable", "channel.resume", "channel.pause"]
    assert acts[0]["detail"] == {"reason": "moves house, call 199********"}
    assert "channel.disable" in run("channel", "acts", "app").stdout
    for wrong in (
        ("channel", "register", "carrier-pigeon"),
        ("channel", "register", "web", "--secret", "hunter2"),
        ("channel", "register", "web", "--secret", "whsec_YQ=="),
        ("channel", "register", "web", "--endpoint", "ftp://x"),
        ("channel", "pause", "nobody"),
    ):
        refused = run(*wrong)
        assert refused.exit_code == 1, wrong
        assert refused.stderr.count("\n") >= 2  # what is wrong, and what to do
        assert "hunter2" not in refused.output
    audited = json.loads(run("audit", "verify", "--json").stdout)
    assert audited == {"ok": True, "rows": 4, "broken_at": None}


def test_dead_letters_are_listed_and_replayed(hub: Hub, run: Run) -> None:
    assert "no dead letters" in run("deadletter", "list").stdout
    with hub.pool.connection() as connection:
        row = connection.execute("SELECT position, order_id FROM hub.events ORDER BY position LIMIT 1").fetchone()
        assert row
        set_aside(connection, [Exceptional("app", row[0], row[1], "dead", 9, None, "500 boom")])
    listed = json.loads(run("deadletter", "list", "--json").stdout)["deadletters"]
    assert [(d["channel"], d["event"]) for d in listed] == [("app", row[0])]
    assert "500 boom" in run("deadletter", "list", "--channel", "app").stdout
    assert json.loads(run("deadletter", "replay", "app", "--event", str(row[0]), "--json").stdout)["replayed"] == 1
    assert "no such dead letter" in run("deadletter", "replay", "app").stdout
    assert run("deadletter", "replay", "nobody").exit_code == 1


def test_a_broken_audit_chain_is_found(hub: Hub, run: Run) -> None:
    run("channel", "pause", "app")
    run("channel", "resume", "app")
    with hub.pool.connection() as connection:
        connection.execute("ALTER TABLE hub.audit DISABLE TRIGGER append_only")
        connection.execute("UPDATE hub.audit SET actor = 'nobody' WHERE position = 1")
        connection.execute("ALTER TABLE hub.audit ENABLE TRIGGER append_only")
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert "row 1" in broken.stderr
    assert json.loads(run("audit", "verify", "--json").stdout)["broken_at"] == 1


def test_a_timetable_is_loaded_or_refused_whole(hub: Hub, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "timetable.json"
    file.write_text(json.dumps({"trains": [G11]}))
    assert json.loads(run("timetable", "load", str(file), "--json").stdout) == {"trains": 1}
    for wrong in (
        "{",
        "[]",
        '{"trains": []}',
        '{"trains": [{"train_no": "1"}]}',
        json.dumps({"trains": [{**G11, "stops": []}]}),
    ):
        file.write_text(wrong)
        assert run("timetable", "load", str(file)).exit_code == 1, wrong
    assert run("timetable", "load", str(tmp_path / "none.json")).exit_code == 1


def test_nothing_is_started_when_nothing_runs(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path / "empty"))
    monkeypatch.delenv("INTERLOCK_DATABASE_URL", raising=False)
    for words in (("channel", "list"), ("ledger", "digest"), ("order", "show", "x")):
        result = run(*words)
        assert result.exit_code == 1
        assert "interlock up" in result.stderr
    assert not (tmp_path / "empty" / "postgres").exists()
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:1/none")
    away = run("channel", "list")
    assert away.exit_code == 1
    assert "interlock doctor" in away.stderr
    assert "hunter2" not in away.output


def test_a_database_without_our_tables_says_migrate(
    run: Run, empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", empty_database_url)
    result = run("channel", "list")
    assert result.exit_code == 1
    assert "interlock migrate" in result.stderr


def test_a_message_is_sent_only_by_a_channel_to_a_hub_that_runs(
    hub: Hub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapters.kit.registry import registered

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("INTERLOCK_PUBLIC_URL", f"http://127.0.0.1:{probe.getsockname()[1]}")
    sale = str(registered()["web"].samples / "sale-one-ticket.native.json")
    unknown = run("message", "send", "telex", sale)
    assert unknown.exit_code == 1
    assert "no channel is called 'telex'" in unknown.stderr
    silent = run("message", "send", "web", sale)
    assert silent.exit_code == 1
    assert "the hub does not answer" in silent.stderr
    assert "interlock up" in silent.stderr
    unsigned = run("message", "send", "web", sale, "--secret", "whsec_?")
    assert "the secret cannot be used" in unsigned.stderr
