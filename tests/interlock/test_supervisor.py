"""The supervisor: waits for readiness, restarts what dies, leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from interlock.engines.directory import DataDirectory
from interlock.supervisor import Guard, Process, Supervisor, SupervisorError, end_leftover, recorded_names

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def eventually(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Whether `condition` comes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def logged(data_dir: Path, name: str, lines: int) -> Callable[[], bool]:
    """Asks whether the program has written that many lines to its log."""
    path = data_dir / "logs" / f"{name}.log"
    return lambda: path.exists() and len(path.read_text().splitlines()) >= lines


def test_start_returns_when_the_program_is_ready(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([Process("a", SLEEP, ready=logged(tmp_path, "a", 1))])
        assert (tmp_path / "logs" / "a.log").read_text() == "up\n"
        assert (tmp_path / "run" / "a.pid").read_text().split()[0] == str(supervisor.pid("a"))


def test_a_program_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('port 8400 is taken')"]
    with Supervisor(tmp_path) as supervisor, pytest.raises(SupervisorError, match="port 8400 is taken"):
        supervisor.start([Process("a", failing, ready=lambda: False)])


def test_a_program_that_never_becomes_ready_is_reported(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor, pytest.raises(SupervisorError, match="not ready after"):
        supervisor.start([Process("a", SLEEP, ready=lambda: False, start_seconds=0.3)])


def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([Process("a", SLEEP, ready=logged(tmp_path, "a", 1))])
        first = supervisor.pid("a")
        watch = threading.Thread(target=supervisor.watch)
        watch.start()
        os.kill(first, signal.SIGKILL)
        assert eventually(logged(tmp_path, "a", 2))
        assert supervisor.pid("a") != first
        supervisor.end()
        watch.join()


def test_a_program_that_keeps_dying_is_restarted_ever_more_slowly(tmp_path: Path) -> None:
    now = 0.0
    dying = [sys.executable, "-c", "print('up', flush=True)"]
    with Supervisor(tmp_path, seconds=lambda: now) as supervisor:
        supervisor.start([Process("a", dying)])
        for restart, wait in enumerate((0.0, 0.5, 1.0, 2.0), start=1):
            assert eventually(lambda: not psutil.pid_exists(supervisor.pid("a")) or _is_zombie(supervisor.pid("a")))
            supervisor.tick()
            if wait:
                now += wait - 0.1
                supervisor.tick()
                assert logged(tmp_path, "a", restart)()
                assert not logged(tmp_path, "a", restart + 1)()
            now += 0.2
            supervisor.tick()
            assert eventually(logged(tmp_path, "a", restart + 1))


def test_the_children_of_a_killed_program_are_ended_before_it_is_started_again(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys, time;"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True);"
        "time.sleep(600)"
    )
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([Process("a", [sys.executable, "-c", parent], ready=logged(tmp_path, "a", 1))])
        child = int((tmp_path / "logs" / "a.log").read_text())
        os.kill(supervisor.pid("a"), signal.SIGKILL)
        assert eventually(lambda: _is_zombie(supervisor.pid("a")))
        supervisor.tick()
        assert eventually(lambda: not psutil.pid_exists(child) or _is_zombie(child))


def test_stop_ends_every_group_even_one_that_ignores_sigterm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.supervisor.GRACE_SECONDS", 0.3)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    supervisor = Supervisor(tmp_path)
    supervisor.start([Process("deaf", [sys.executable, "-c", deaf], ready=logged(tmp_path, "deaf", 1))])
    pid = supervisor.pid("deaf")
    supervisor.stop()
    assert not psutil.pid_exists(pid)
    assert recorded_names(DataDirectory.prepare(tmp_path)) == []


def test_what_a_killed_supervisor_left_behind_is_ended_first(tmp_path: Path) -> None:
    program = (
        "import sys, os; from pathlib import Path; from interlock.supervisor import Process, Supervisor;"
        "s = Supervisor(Path(sys.argv[1])); s.start([Process('a', sys.argv[2:])]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path), *SLEEP], check=False, timeout=60)
    left = int((tmp_path / "run" / "a.pid").read_text().split()[0])
    assert psutil.pid_exists(left)
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([Process("a", SLEEP)])
        assert not psutil.pid_exists(left) or _is_zombie(left)


def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    directory = DataDirectory.prepare(tmp_path)
    (directory.run / "a.pid").write_text(f"{os.getpid()}\n12345.0\n")
    assert end_leftover(directory, "a") is False


def test_a_guarded_engine_is_revived(tmp_path: Path) -> None:
    alive: list[bool] = []
    guard = Guard("engine", alive=lambda: bool(alive), revive=lambda: alive.append(True))
    Supervisor(tmp_path, [guard]).tick()
    assert alive == [True]


def test_an_engine_that_cannot_be_revived_now_is_tried_again(tmp_path: Path) -> None:
    attempts: list[int] = []

    def revive() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise RuntimeError("disk full")

    supervisor = Supervisor(tmp_path, [Guard("engine", alive=lambda: len(attempts) >= 3, revive=revive)])
    watch = threading.Thread(target=supervisor.watch)
    watch.start()
    assert eventually(lambda: len(attempts) == 3)
    supervisor.end()
    watch.join()


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
