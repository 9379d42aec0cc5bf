"""What an operator types to run a channel, and what it says when it cannot be done."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.store import channels
from interlock.wiring import Hub
from tests.cli.conftest import Run
from tests.hub.inbox import open_inbox
from tests.hub.railway import SECRET


def shown(run: Run, name: str = "app") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("channel", "show", name, "--json").stdout)
    return found


def audited(hub: Hub) -> list[str]:
    with hub.pool.connection() as connection:
        rows = connection.execute("SELECT action FROM hub.audit ORDER BY position").fetchall()
    return [action for (action,) in rows]


def test_terms_are_configured_and_shown(hub: Hub, run: Run) -> None:
    words = ("--form", "cloudevents", "--events", "order.issued,order.refunded", "--rate", "600/min")
    done = run("channel", "configure", "app", *words, "--quota", "6000", "--hours", "05:00-23:30", "--personal-data")
    assert done.exit_code == 0, done.output
    found = shown(run)
    assert (found["form"], found["event_types"]) == ("cloudevents", ["order.issued", "order.refunded"])
    assert (found["rate_per_second"], found["quota_per_minute"], found["personal_data"]) == (10.0, 6000, True)
    assert (found["opens_at"], found["closes_at"]) == ("05:00", "23:30")
    table = run("channel", "show", "app").stdout
    assert "cloudevents" in table
    assert SECRET not in table
    back = run("channel", "configure", "app", "--rate", "none", "--hours", "none", "--events", "all", "--json")
    assert json.loads(back.stdout)["rate_per_second"] is None
    assert len(json.loads(back.stdout)["event_types"]) > 2
    assert audited(hub)[-2:] == ["channel.configure", "channel.configure"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "fast"), "is no rate"),
        (("--form", "csv"), "native or cloudevents"),
        (("--events", "order.eaten"), "order.eaten"),
        (("--quota", "many"), "invalid literal"),
        (("--hours", "05:00-05:00"), "operating hours"),
        (("--endpoint", "ftp://x"), "no address"),
    ],
)
def test_terms_that_make_no_sense(hub: Hub, run: Run, words: tuple[str, ...], said: str) -> None:
    refused = run("channel", "configure", "app", *words)
    assert refused.exit_code == 1
    assert said in refused.stderr


def test_a_secret_is_rotated_and_the_old_one_fades(hub: Hub, run: Run) -> None:
    rotated = json.loads(run("channel", "rotate", "app", "--overlap", "2", "--json").stdout)
    assert rotated["secret"].startswith("whsec_")
    assert [s["kind"] for s in shown(run)["secrets"]] == ["hmac", "hmac"]
    assert shown(run)["secrets"][1]["until"] is not None
    pair = run("channel", "rotate", "app", "--kind", "ed25519", "--overlap", "0")
    assert "whpk_" in pair.stdout
    assert "whsk_" not in pair.stdout
    assert shown(run)["secrets"][0]["kind"] == "ed25519"
    assert run("channel", "rotate", "app", "--kind", "rsa").exit_code == 1
    assert run("channel", "rotate", "app", "--public-key", "whpk_AAAA").exit_code == 1
    assert run("channel", "rotate", "fax").exit_code == 1
    assert audited(hub)[-2:] == ["channel.rotate", "channel.rotate"]


def test_a_replay_is_counted_then_queued(hub: Hub, run: Run) -> None:
    counted = json.loads(run("channel", "replay", "app", "--dry-run", "--json").stdout)
    assert counted["events"] > 0
    assert not counted["queued"]
    queued = json.loads(run("channel", "replay", "app", "--json").stdout)
    assert queued == {"channel": "app", "events": counted["events"], "queued": True}
    assert "go out again" in run("channel", "replay", "app", "--since", "2030-01-01").stdout
    assert run("channel", "replay", "app", "--since", "noon").exit_code == 1
    assert [r["wanted"] for r in shown(run)["replays"]] == [counted["events"]]
    assert "Replays" in run("channel", "show", "app").stdout
    assert audited(hub)[-1] == "channel.replay"


def test_dead_letters_are_counted_before(hub: Hub, run: Run) -> None:
    found = json.loads(run("deadletter", "replay", "app", "--error", "boom", "--dry-run", "--json").stdout)
    assert found == {"channel": "app", "found": 0, "replayed": 0}


def test_a_test_message(hub: Hub, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_ALLOW_PRIVATE_CALLBACKS", "true")
    with open_inbox() as inbox:
        with hub.pool.connection() as connection:
            channels.configure(connection, "app", {"endpoint": inbox.url})
            channels.rotate(connection, "app", SECRET, hub.seal, datetime.now(UTC), timedelta(0))
        people = run("channel", "test", "app")
        assert people.exit_code == 0, people.output
        assert "webhook-signature: v1," in people.stdout
        assert "taken" in people.stdout
        inbox.failing = {"interlock.test": 500}
        refused = run("channel", "test", "app", "--json")
        assert refused.exit_code == 1
        assert json.loads(refused.stdout)["response"]["status"] == 500
        assert inbox.unsigned == []
    assert audited(hub)[-1] == "channel.test"
