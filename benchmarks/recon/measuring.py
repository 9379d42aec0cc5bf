"""Wall time, CPU and memory of everything that a piece of work starts: this process, its children, PostgreSQL.

Memory is the proportional set size (PSS), sampled: pages that processes share count once. CPU is user plus system.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.05
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stretch of time took. ``bytes_max``: most memory of all processes together, beyond what was there."""

    name: str
    wall_s: float
    cpu_s: float
    bytes_max: int

    @property
    def gib_max(self) -> float:
        return self.bytes_max / GIB


def _tree(root: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds of these processes and of those of their children that have ended."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _proportional(process: psutil.Process) -> int:
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:
        # It has just ended, or this is no Linux: then the resident size is all there is.
        try:
            return int(process.memory_info().rss)
        except psutil.NoSuchProcess:
            return 0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * 1024


class Meter:
    """Samples this process and ``others`` (process ids with their children) until it is stopped.

    ``lap(name)`` ends the stretch that runs and begins the next; the laps of one name are added up by ``costs``.
    """

    def __init__(self, others: Sequence[int] = ()) -> None:
        self._roots = (os.getpid(), *others)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._peak = 0
        self._laps: list[Cost] = []
        self._name: str | None = None
        self._floor = self._memory()
        self._wall, self._used = time.perf_counter(), self._cpu_now()
        self._thread = threading.Thread(target=self._sample, name="meter", daemon=True)
        self._thread.start()

    def _processes(self) -> list[psutil.Process]:
        return [process for root in self._roots for process in _tree(root)]

    def _cpu_now(self) -> float:
        return _cpu(self._processes())

    def _memory(self) -> int:
        return sum(map(_proportional, self._processes()))

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            now = self._memory()
            with self._lock:
                self._peak = max(self._peak, now)

    def lap(self, name: str | None) -> None:
        """Name what begins now; None for what is not measured."""
        wall, used, memory = time.perf_counter(), self._cpu_now(), self._memory()
        with self._lock:
            peak, self._peak = max(self._peak, memory), memory
        if self._name is not None:
            self._laps.append(Cost(self._name, wall - self._wall, used - self._used, max(0, peak - self._floor)))
        self._name, self._wall, self._used = name, wall, used

    def stop(self) -> None:
        """End the last stretch and the sampling."""
        self.lap(None)
        self._stopped.set()
        self._thread.join()

    @property
    def costs(self) -> tuple[Cost, ...]:
        """One cost per name, in the order in which the names came first."""
        found: dict[str, Cost] = {}
        for lap in self._laps:
            before = found.get(lap.name, Cost(lap.name, 0.0, 0.0, 0))
            peak = max(before.bytes_max, lap.bytes_max)
            found[lap.name] = Cost(lap.name, before.wall_s + lap.wall_s, before.cpu_s + lap.cpu_s, peak)
        return tuple(found.values())


@contextmanager
def measured(name: str, others: Sequence[int] = ()) -> Iterator[list[Cost]]:
    """Measure the body; the cost stands in the list afterwards."""
    found: list[Cost] = []
    meter = Meter(others)
    meter.lap(name)
    try:
        yield found
    finally:
        meter.stop()
        found.extend(meter.costs)
