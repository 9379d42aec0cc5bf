"""The digest and the standing checks: the same day is the same ledger, and whatever was tampered with is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.store.checks import ledger_complaints, ledger_digest
from interlock.database import Pool
from interlock.wiring import Hub
from tests.cli.conftest import Run
from tests.console.harness import sample, tell


def digest_of(hub: Hub) -> str:
    with hub.pool.connection() as connection:
        return ledger_digest(connection, hub.adapters, hub.seal).digest


def emptied(hub: Hub, pool: Pool) -> None:
    """Forget all orders and seats, keep channels and trains: another installation with the same reference data."""
    with pool.connection() as connection:
        connection.execute(
            "TRUNCATE hub.messages, hub.repeats, hub.orders, hub.refs, hub.tickets, hub.seats, hub.events, hub.disputes"
        )


def test_the_digest_as_json(hub: Hub, run: Run) -> None:
    found = json.loads(run("ledger", "digest", "--json").stdout)
    assert found.keys() == {"digest", "orders", "seats"}
    assert found["orders"] == 2
    assert found["seats"] >= 1
    assert found["digest"] == digest_of(hub)
    assert found["digest"] in run("ledger", "digest").stdout


def test_the_order_of_arrival_does_not_show_but_a_fact_does(hub: Hub, pool: Pool) -> None:
    names = ("sale-one-ticket", "sale-night-train", "refund-two-of-three", "change-to-dearer-train")
    seen = set()
    for order in (names, names[::-1]):
        emptied(hub, pool)
        for number, name in enumerate(order):
            tell(hub, "web", sample("web", name), f"{name}-{number}", number)
        seen.add(digest_of(hub))
    assert len(seen) == 1
    emptied(hub, pool)
    for name in names[:-1]:
        tell(hub, "web", sample("web", name), name)
    assert digest_of(hub) not in seen


RIVAL = (b"EW00000101", b"EW00000909")
# The rival's passengers are other people: the same ones on the same train twice would be refused for that.
OTHERS = ((b"990101199003070015", b"990101198001011236"), (b"990101201705120021", b"990101201705121235"))


@pytest.mark.parametrize("mode", ["tell", "ask"])
def test_who_won_a_seat_does_not_show(hub: Hub, pool: Pool, mode: str) -> None:
    first = sample("web", "sale-one-ticket" if mode == "tell" else "hold").replace(b"EW00000104", RIVAL[0])
    rival = first.replace(*RIVAL).replace(b"4200870000010100000000000001", b"4200870000010100000000000909")
    for one, other in OTHERS:
        rival = rival.replace(one, other)

    def elsewhere(raw: bytes) -> bytes:
        return raw.replace(b'"05"', b'"07"').replace(b"10501", b"10701")

    seen = set()
    for winner, loser in ((first, rival), (rival, first)):
        emptied(hub, pool)
        assert tell(hub, "web", winner, "one").outcome == "applied"
        lost = tell(hub, "web", loser, "two")
        if mode == "tell":
            assert lost.outcome == "disputed"
        else:
            assert (lost.outcome, lost.body["code"]) == ("refused", "seat_already_sold")
            assert tell(hub, "web", elsewhere(loser), "three").outcome == "applied"
        seen.add(digest_of(hub))
        with hub.pool.connection() as connection:
            assert ledger_complaints(connection) == []
    assert len(seen) == 1


def test_a_ledger_in_order_has_nothing_to_complain_of(hub: Hub, run: Run) -> None:
    well = run("ledger", "check")
    assert well.exit_code == 0, well.output
    assert "all well" in well.stdout
    assert json.loads(run("ledger", "check", "--json").stdout)["complaints"] == []


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("UPDATE hub.seats SET sold = sold | 64", "seats"),
        ("UPDATE hub.tickets SET holds_seat = false WHERE holds_seat", "seats"),
        ("UPDATE hub.orders SET payment = 'overpaid'", "columns"),
        ("UPDATE hub.orders SET document = jsonb_set(document, '{statements}', '99')", "documents"),
        ("UPDATE hub.tickets SET fare_amount = 1", "tickets"),
        ("DELETE FROM hub.refs WHERE kind = 'payment'", "references"),
        ("UPDATE hub.events SET postings = jsonb_set(postings, '{0,1}', '1')", "postings"),
        ("UPDATE hub.events SET postings = '[]'", "balances"),
        ("UPDATE hub.orders SET witnesses = '{}'", "columns"),
        (
            "INSERT INTO hub.disputes SELECT order_id, 'amount_differs|x', 'amount_differs', 'x', 'open', now()"
            " FROM hub.orders",
            "disputes",
        ),
        ("UPDATE hub.events SET sequence = sequence + 100", "events"),
        ("DELETE FROM hub.events WHERE sequence = 1", "events"),
        ("UPDATE hub.events SET txid = '1' WHERE sequence > 1", "events"),
        ("UPDATE hub.orders SET sequence = sequence + 1", "sequences"),
        ("DELETE FROM hub.orders", "sequences"),
        (
            "INSERT INTO hub.aliases SELECT order_id, gen_random_uuid(), gen_random_uuid(), now() FROM hub.orders",
            "sequences",
        ),
        ("DELETE FROM hub.messages", "messages"),
        ("UPDATE hub.messages SET outcome = 'refused'", "messages"),
        ("UPDATE hub.messages SET sequence = NULL", "messages"),
        ("UPDATE hub.messages SET order_id = gen_random_uuid()", "messages"),
        ("UPDATE hub.messages SET answer = '{}'", "messages"),
        (
            "INSERT INTO hub.repeats (channel, message_id, source, received_at) VALUES ('web', 'x', 'http', now())",
            "messages",
        ),
        ("UPDATE hub.tickets SET state = 'refunded'", "holders"),
        ("UPDATE hub.tickets SET legs = 0 WHERE holds_seat", "holders"),
        ("UPDATE hub.tickets SET order_id = gen_random_uuid()", "holders"),
        (
            "INSERT INTO hub.deliveries (channel, event, order_id, attempt, outcome, started_at, duration_ms, delay_ms)"
            " SELECT origin, position, order_id, 1, 'delivered', now(), 1, 1 FROM hub.events",
            "deliveries",
        ),
        (
            "INSERT INTO hub.delivery_exceptions (channel, event, order_id, state, attempts)"
            " VALUES ('web', 99999, gen_random_uuid(), 'dead', 1)",
            "deliveries",
        ),
        ("UPDATE hub.channels SET cursor_position = 0, bulk_position = 1, bulk_txid = cursor_txid", "deliveries"),
    ],
)
def test_what_was_tampered_with_is_named(hub: Hub, run: Run, tampering: str, check: str) -> None:
    with hub.pool.connection() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")  # past the append-only triggers
        assert connection.execute(tampering.encode()).rowcount > 0
    found = run("ledger", "check", "--json")
    assert found.exit_code == 1
    assert check in {complaint["check"] for complaint in json.loads(found.stdout)["complaints"]}
    assert run("ledger", "check").exit_code == 1


def test_every_message_taken_again_makes_the_same_ledger(hub: Hub, run: Run) -> None:
    tell(hub, "web", sample("web", "refund-two-of-three"), "refund")
    told = json.loads(run("ledger", "replay", "--json").stdout)
    assert told["same"] is True
    assert told["messages"] >= 3
    assert told["replayed"]["digest"] == digest_of(hub)
    assert told["books"]["ledger"] == told["books"]["replayed"] != {}
    with hub.pool.connection() as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'interlock_replay%'").fetchall()
    assert left == [], "the second ledger was not removed"


def test_every_message_taken_again_in_an_order_of_chance_makes_the_same_ledger(hub: Hub, run: Run) -> None:
    """What was asked and granted is told; who was refused changed nothing."""
    names = ("hold", "refund-two-of-three", "change-to-dearer-train", "sale-night-train")
    for number, name in enumerate(names):
        tell(hub, "web", sample("web", name), f"{name}-{number}", number)
    for seed in range(3):
        told = json.loads(run("ledger", "replay", "--shuffle", str(seed), "--json").stdout)
        assert told["complaints"] == []
        assert told["same"] is True, f"seed {seed}"


def test_the_contents_of_the_digest_can_be_compared_order_by_order(hub: Hub, run: Run, tmp_path: Path) -> None:
    assert run("ledger", "digest", "--contents", str(tmp_path / "orders.jsonl")).exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "orders.jsonl").read_text().splitlines()]
    assert len(lines) == 2
    assert {"references", "tickets", "payments", "balance"} <= lines[0].keys()


def test_a_ledger_that_was_tampered_with_is_not_the_same_when_replayed(hub: Hub, run: Run) -> None:
    with hub.pool.connection() as connection:
        connection.execute("DELETE FROM hub.orders WHERE order_no = (SELECT min(order_no) FROM hub.orders)")
    result = run("ledger", "replay")
    assert result.exit_code == 1
    assert "not the same" in result.stdout
