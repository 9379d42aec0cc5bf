"""A small day under faults: nothing lost, nothing twice, all in order. And the reckoning itself, on lies."""

import socket
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.chaos.accounts import Event, missing, out_of_order, told_twice
from benchmarks.chaos.faults import KINDS, SHIFT_ENDS, schedule
from benchmarks.chaos.run import ChaosOptions, play
from interlock.settings import Settings

TICKS = 222
# A third of the kinds, so that it stays short; `make chaos` has all of them many times.
OPTIONS = ChaosOptions(minutes=0.25, orders=100, seed=7, faults=12)


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
