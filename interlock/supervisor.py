"""Runs a few programs as one system: starts them, waits until they are ready, restarts what dies, stops all in order.

Each program is a process group of its own, so that Ctrl-C reaches only us and we decide the order; its output goes to
`logs/NAME.log`, its pid to `run/NAME.pid`. If we ourselves are killed the programs go on; the next supervisor finds
their pid files and ends them before it starts its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from interlock.engines.directory import DataDirectory, tail

logger = logging.getLogger(__name__)

BACKOFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
# A program that ran this long is taken as having started well: the next restart is immediate again.
STEADY_SECONDS = 30.0
GRACE_SECONDS = 15.0
TICK_SECONDS = 0.2


class SupervisorError(Exception):
    """A program did not become ready; the message ends with the tail of its log."""


@dataclass(frozen=True)
class Process:
    """A program to run. `ready` says whether it does its job yet; it is asked again and again until it says yes."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True
    start_seconds: float = 60.0


@dataclass(frozen=True)
class Guard:
    """Something that is kept alive but is no child of ours: an engine. `revive` starts it again and may raise."""

    name: str
    alive: Callable[[], bool]
    revive: Callable[[], object]


@dataclass
class _Running:
    process: Process
    child: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """Use as a context manager: leaving it stops everything it started, last first."""

    def __init__(
        self, data_dir: Path, guards: Sequence[Guard] = (), seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._directory = DataDirectory.prepare(data_dir)
        self._guards = guards
        self._seconds = seconds
        self._running: dict[str, _Running] = {}
        self._lock = threading.RLock()
        self._ended = threading.Event()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self, processes: Sequence[Process]) -> None:
        """Start all, then wait until each is ready. Raises SupervisorError for the first that is not in time."""
        for process in processes:
            end_leftover(self._directory, process.name)
            with self._lock:
                self._running[process.name] = self._spawn(process)
        for process in processes:
            self._wait_until_ready(process)

    def pid(self, name: str) -> int:
        """The pid of the program's present incarnation. Raises KeyError for a program that was never started."""
        with self._lock:
            return self._running[name].child.pid

    def tick(self) -> None:
        """Look once at every guard and program, and restart what has died and whose waiting time is over."""
        for guard in self._guards:
            if not guard.alive():
                logger.warning("%s is gone: starting it again", guard.name)
                guard.revive()
        with self._lock:
            for running in list(self._running.values()):
                self._look_after(running)

    def watch(self) -> None:
        """Keep everything alive until `end` is called. A guard that cannot be revived now is tried again."""
        while not self._ended.wait(TICK_SECONDS):
            try:
                self.tick()
            except Exception:
                # The watchman must not die of what he watches; the reason goes to the log, the next round tries again.
                logger.exception("could not restart something; trying again")

    def end(self) -> None:
        """Let `watch` return."""
        self._ended.set()

    def end_on_signals(self) -> None:
        """Let SIGTERM and SIGINT end `watch`. Only in the main thread."""

        def end(_signal: int, _frame: FrameType | None) -> None:
            self.end()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)

    def stop(self) -> None:
        """Ask every program to end (SIGTERM), last started first; what has not ended in time is killed."""
        self.end()
        with self._lock:
            for running in reversed(list(self._running.values())):
                _end_group(running.child)
                _pid_file(self._directory, running.process.name).unlink(missing_ok=True)
            self._running.clear()

    def _spawn(self, process: Process) -> _Running:
        with (self._directory.logs / f"{process.name}.log").open("ab") as log:
            child = subprocess.Popen(
                list(process.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **process.env},
                start_new_session=True,
            )
        _write_pid(self._directory, process.name, child.pid)
        return _Running(process, child, self._seconds())

    def _wait_until_ready(self, process: Process) -> None:
        deadline = self._seconds() + process.start_seconds
        while not process.ready():
            with self._lock:
                code = self._running[process.name].child.poll()
            if code is not None or self._seconds() > deadline:
                why = f"is not ready after {process.start_seconds:.0f} s" if code is None else f"ended with {code}"
                log = self._directory.logs / f"{process.name}.log"
                raise SupervisorError(f"{process.name} {why}. The end of {log}:\n{tail(log)}")
            time.sleep(0.1)

    def _look_after(self, running: _Running) -> None:
        code = running.child.poll()
        if code is None:
            return
        now = self._seconds()
        if running.restart_at is None:
            failures = 0 if now - running.started > STEADY_SECONDS else running.failures
            wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
            logger.warning("%s ended with %s: starting it again in %.1f s", running.process.name, code, wait)
            running.failures, running.restart_at = failures + 1, now + wait
        if now >= running.restart_at:
            # Its own children may have survived it (prefork workers, say) and would hold its port or its tasks.
            _kill_group(running.child.pid)
            successor = self._spawn(running.process)
            successor.failures = running.failures
            self._running[running.process.name] = successor


def end_leftover(directory: DataDirectory, name: str) -> bool:
    """End the program that an earlier supervisor left behind under this name. Returns whether there was one."""
    path = _pid_file(directory, name)
    leftover = _living(path)
    if leftover is None:
        path.unlink(missing_ok=True)
        return False
    leftover.terminate()
    try:
        leftover.wait(GRACE_SECONDS)
    except psutil.TimeoutExpired:
        logger.warning("%s (pid %s) does not end: killing it", name, leftover.pid)
    _kill_group(leftover.pid)
    path.unlink(missing_ok=True)
    return True


def recorded_names(directory: DataDirectory) -> list[str]:
    """The names of all programs that have a pid file of ours, living or not."""
    return sorted(path.stem for path in directory.run.glob("*.pid") if len(path.read_text().splitlines()) == 2)


def is_recorded_alive(directory: DataDirectory, name: str) -> bool:
    """Whether the program that this name's pid file tells of is alive."""
    return _living(_pid_file(directory, name)) is not None


def record_myself(directory: DataDirectory, name: str) -> None:
    """Write this process's own pid file, so that `interlock down` finds it."""
    _write_pid(directory, name, os.getpid())


def _pid_file(directory: DataDirectory, name: str) -> Path:
    return directory.run / f"{name}.pid"


def _write_pid(directory: DataDirectory, name: str, pid: int) -> None:
    """Pid and start time: a pid alone may have been given to somebody else since."""
    try:
        _pid_file(directory, name).write_text(f"{pid}\n{psutil.Process(pid).create_time()}\n")
    except psutil.NoSuchProcess:
        # It died at once; the next look at it says so.
        _pid_file(directory, name).unlink(missing_ok=True)


def _living(path: Path) -> psutil.Process | None:
    try:
        pid, created = path.read_text().split()
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(created)) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None


def _end_group(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            logger.warning("pid %s does not end within %.0f s: killing it", child.pid, GRACE_SECONDS)
    _kill_group(child.pid)
    child.wait()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
