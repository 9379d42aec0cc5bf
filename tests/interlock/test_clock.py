"""Clocks: aware UTC times; the file clock is one time for all processes that open it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from interlock.clock import FileClock, SetClock, open_clock, system_clock

START = datetime(2026, 1, 11, 0, 0, 0, 123456, tzinfo=UTC)


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert system_clock().utcoffset() == timedelta(0)


def test_a_file_clock_is_shared_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = FileClock(path, start=START)
    program = (
        "import sys; from pathlib import Path; from datetime import timedelta; from interlock.clock import FileClock;"
        "clock = FileClock(Path(sys.argv[1])); print(clock().isoformat()); clock.advance(timedelta(minutes=5))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True, timeout=60
    )
    assert result.stdout.strip() == START.isoformat()
    assert clock() == START + timedelta(minutes=5)
    clock.close()


def test_a_file_clock_keeps_its_time_when_opened_again(tmp_path: Path) -> None:
    FileClock(tmp_path / "clock", start=START)
    assert FileClock(tmp_path / "clock", start=START + timedelta(days=1))() == START


def test_a_file_clock_is_eight_little_endian_bytes_of_microseconds(tmp_path: Path) -> None:
    FileClock(tmp_path / "clock", start=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert (tmp_path / "clock").read_bytes() == (1_000_000).to_bytes(8, "little", signed=True)


def test_other_zones_are_understood_and_naive_times_refused(tmp_path: Path) -> None:
    beijing = timezone(timedelta(hours=8))
    for clock in (FileClock(tmp_path / "clock", start=START), SetClock(START)):
        clock.set(datetime(2026, 1, 11, 8, 0, tzinfo=beijing))
        assert clock() == datetime(2026, 1, 11, 0, 0, tzinfo=UTC)
        with pytest.raises(ValueError, match="aware"):
            clock.set(datetime(2026, 1, 11, 8, 0))  # noqa: DTZ001  (a naive time is the point)


def test_the_settings_choose_the_clock(tmp_path: Path) -> None:
    assert open_clock(None) is system_clock
    FileClock(tmp_path / "clock", start=START)
    assert open_clock(tmp_path / "clock")() == START


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_clock(tmp_path / "missing")
    (tmp_path / "foreign").write_text("not a clock")
    with pytest.raises(ValueError, match="not a clock file"):
        open_clock(tmp_path / "foreign")
