"""A small day under faults: nothing lost, nothing twice, all in order. And the reckoning itself, on lies."""

import socket
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from rich.console import Console

from adapters.kit.registry import registered as adapters_of_channels
from benchmarks.chaos.accounts import Accounts, Event, drawn_up, missing, out_of_order, told_twice
from benchmarks.chaos.faults import KINDS, SHIFT_ENDS, schedule
from benchmarks.chaos.gateway import Notes
from benchmarks.chaos.run import ChaosOptions, play
from interlock.settings import Settings
from simulators.day import build_plan
from simulators.plan import CHANNELS, Plan, PlanOptions
from tests.demo.silence import named_in_logs

TICKS = 222
NOW = datetime(2026, 1, 11, 4, 0, tzinfo=UTC)
# Not half of the kinds, so that it stays short; `make chaos` has all of them.
OPTIONS = ChaosOptions(minutes=0.25, orders=100, seed=217, faults=12)


def event(sequence: int, order: str = "a", origin: str = "web") -> Event:
    return Event(sequence, sequence, "order.issued", origin, order, "EW1")


def test_a_seed_always_gives_the_same_schedule_with_every_kind_in_it() -> None:
    planned = schedule(3, TICKS, len(KINDS) + 40)
    assert planned == schedule(3, TICKS, len(KINDS) + 40)
    assert planned != schedule(4, TICKS, len(KINDS) + 40)
    assert Counter(fault.kind for fault in planned).keys() == KINDS.keys()
    assert [fault.tick for fault in planned] == sorted(fault.tick for fault in planned)


def test_folders_break_when_a_shift_ends_and_files_come() -> None:
    ends = {round(share * TICKS) - 1 for share in SHIFT_ENDS}
    assert {fault.tick for fault in schedule(1, TICKS, 200) if fault.where == "folder"} == ends


def test_an_event_that_reached_nobody_is_missing_and_a_deaf_channel_needs_no_note() -> None:
    meant = {"e1": event(1), "e2": event(2)}
    assert list(missing("app", meant, {"e1", "e2"}, {"e1", "e2"}, set())) == []
    assert list(missing("app", meant, {"e1"}, {"e1"}, set())) == ["event 2 (order.issued) of EW1 never reached app"]
    assert list(missing("app", meant, {"e1", "e2"}, {"e1"}, set())) == [
        "event 2 (order.issued) of EW1 was taken by app and is not in its journal"
    ]
    assert list(missing("app", meant, {"e1", "e2"}, {"e1"}, {"EW1"})) == []


def test_order_is_judged_within_an_order_only() -> None:
    log = {"a1": event(1), "a2": event(2), "b1": event(1, "b")}
    assert list(out_of_order("app", ["a1", "b1", "a2"], log)) == []
    assert list(out_of_order("app", ["a2", "b1", "a1"], log)) == ["app: event 1 of EW1 came after 2"]


def test_an_id_written_down_twice_is_seen() -> None:
    assert told_twice(["e1", "e2", "e1"]) == ["e1"]


@pytest.fixture
def registered(connection: Connection[TupleRow]) -> Connection[TupleRow]:
    """A ledger that knows the five channels and nothing else."""
    for name in CHANNELS:
        connection.execute("INSERT INTO hub.channels (channel, created_at) VALUES (%s, %s)", (name, NOW))
    return connection


def reckoned(connection: Connection[TupleRow], notes: Notes, data_dir: Path) -> Accounts:
    empty = Plan(PlanOptions(1, 100, OPTIONS.date))
    adapters = {name: item.adapter for name, item in adapters_of_channels().items()}
    return drawn_up(connection, adapters, empty, notes, data_dir)


def silent() -> Notes:
    return Notes(accepted={name: [] for name in CHANNELS})


def test_a_message_without_a_trace_and_one_acknowledged_in_vain_are_lost(
    registered: Connection[TupleRow], tmp_path: Path
) -> None:
    notes = silent()
    notes.sent["web", "m1"] = "00"
    notes.sent["web", "m2"] = "00"
    notes.answers.append(("web", "m2", 200, "applied"))
    registered.execute(
        "INSERT INTO hub.repeats (channel, message_id, source, received_at) VALUES ('web', 'm2', 'http', %s)", (NOW,)
    )
    assert reckoned(registered, notes, tmp_path).lost == [
        "message web m1 is nowhere",
        "message web m2 was acknowledged and not taken",
    ]


def test_an_event_is_due_to_whom_it_was_meant_for_and_nobody_else(
    registered: Connection[TupleRow], tmp_path: Path
) -> None:
    event_id = uuid.uuid4()
    registered.execute(
        """INSERT INTO hub.events (event_id, order_id, sequence, type, origin, message_id, business_date, statements,
               postings, recorded_at)
           VALUES (%s, %s, 1, 'order.issued', 'web', 'm1', %s, '[]', '[]', %s)""",
        (event_id, uuid.uuid4(), OPTIONS.date, NOW),
    )
    notes = silent()
    notes.accepted["app"] = [str(event_id), "stranger"]
    told = reckoned(registered, notes, tmp_path)
    # The seller is not told its own news; agents hear only of orders in which they took part.
    assert told.lost == [
        "event 1 (order.issued) of ? was taken by app and is not in its journal",
        "event 1 (order.issued) of ? never reached phone",
        "event 1 (order.issued) of ? never reached windows",
    ]
    assert told.doubled == ["app was told stranger, which is no event for it"]


@pytest.mark.system
def test_nothing_is_lost_doubled_or_out_of_order_under_faults(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_WORKER_PROCESSES", "1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(data_dir=data_dir, port=port, public_url=f"http://127.0.0.1:{port}")

    report = play(settings, settings.engines(), OPTIONS, Console(quiet=True).print)

    assert sum(report.injected.values()) + report.not_injected == OPTIONS.number
    assert report.accounts.lost == []
    assert report.accounts.doubled == []
    assert report.accounts.disordered == []
    assert report.disagreements == []
    assert report.complaints == []
    assert report.replayed_digest == report.digest
    assert report.ok
    # Killed, starved and refused, the processes have still named nobody in what they wrote down.
    assert named_in_logs(data_dir, build_plan(PlanOptions(OPTIONS.seed, OPTIONS.orders, OPTIONS.date))) == []
