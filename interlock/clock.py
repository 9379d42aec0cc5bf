"""Time as a value that is passed in: real, simulated and shared between processes, or set by a test.

Everything that needs the time takes a `Clock`. Only the demo and the tests ever use another one than `system_clock`.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# 8 aligned bytes, written and read as one machine word through `memoryview`: no reader ever sees half of a time.
# (Native order is little-endian on every machine that our engines run on.)
LAYOUT = struct.Struct("<q")


def system_clock() -> datetime:
    """The real time, aware, in UTC."""
    return datetime.now(UTC)


class FileClock:
    """Simulated time that several processes share: a file of 8 bytes, little-endian int64, microseconds since 1970 UTC.

    Processes that are told the file (`INTERLOCK_CLOCK_FILE`) read it on every call; one writer calls `set`.
    """

    def __init__(self, path: Path, start: datetime | None = None) -> None:
        """Open `path`; a missing file is created, holding `start`.

        Raises FileNotFoundError if the file is missing and there is no `start`, ValueError if it is no clock file.
        """
        self.path = path
        if start is not None and not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_bytes(LAYOUT.pack(_microseconds(start)))
            draft.rename(path)
        with path.open("r+b") as file:
            if os.fstat(file.fileno()).st_size != LAYOUT.size:
                raise ValueError(f"{path} is not a clock file: expected {LAYOUT.size} bytes")
            self._memory = mmap.mmap(file.fileno(), LAYOUT.size)
        self._word = memoryview(self._memory).cast("q")

    def __call__(self) -> datetime:
        """The simulated time, aware, in UTC."""
        return EPOCH + timedelta(microseconds=self._word[0])

    def set(self, moment: datetime) -> None:
        """Move time to `moment` (aware) for every process that reads this file."""
        self._word[0] = _microseconds(moment)

    def advance(self, step: timedelta) -> datetime:
        """Move time by `step`; returns the new time."""
        self.set(self() + step)
        return self()

    def close(self) -> None:
        """Let go of the file."""
        self._word.release()
        self._memory.close()


class SetClock:
    """Simulated time inside one process, for tests."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        """The time that was set last, aware, in UTC."""
        return self.moment

    def set(self, moment: datetime) -> None:
        """Move time to `moment` (aware)."""
        _microseconds(moment)
        self.moment = moment.astimezone(UTC)

    def advance(self, step: timedelta) -> datetime:
        """Move time by `step`; returns the new time."""
        self.moment += step
        return self.moment


def open_clock(clock_file: Path | None) -> Clock:
    """The clock that the settings ask for: the shared file if one is named, otherwise the real time."""
    return system_clock if clock_file is None else FileClock(clock_file)


def _microseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"a clock needs an aware time, got {moment!r}")
    return (moment - EPOCH) // MICROSECOND
