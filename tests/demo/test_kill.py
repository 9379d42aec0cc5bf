"""kill -9 in the middle of the day, of API, worker, Valkey and PostgreSQL: nothing lost, nothing twice."""

import os
import signal
import socket
import threading
from datetime import date
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from hub.store.checks import ledger_complaints
from interlock.demo.director import Director
from interlock.demo.show import assess, reconcile, running
from interlock.demo.stage import DemoOptions
from interlock.engines import find_postgres, find_valkey
from interlock.settings import Settings

# tick of the day -> what is killed then; shortly after the tick has begun, so that messages are on their way.
KILLS = {30: "api", 62: "worker", 95: "valkey", 128: "postgres", 160: "api", 165: "postgres"}
IN_THE_MIDDLE_SECONDS = 0.03
OPTIONS = DemoOptions(orders=150, seed=5, date=date(2026, 1, 11))


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Settings(data_dir=data_dir, port=port, public_url=f"http://127.0.0.1:{port}")


@pytest.mark.system
def test_nothing_is_lost_and_nothing_comes_twice(settings: Settings) -> None:
    killed: list[str] = []

    def kill(name: str) -> None:
        os.kill(pid_of(name, settings), signal.SIGKILL)
        killed.append(name)

    def after_tick(done: int, _ticks: int, _clock: str) -> None:
        if done in KILLS:
            threading.Timer(IN_THE_MIDDLE_SECONDS, kill, [KILLS[done]]).start()

    with running(settings, settings.engines(), OPTIONS, Console(quiet=True).print) as stage:
        director = Director(stage, after_tick)
        director.play()
        director.wait_until_quiet()
        director.end_day()
        for _ in range(2):
            reconcile(stage)
            director.wait_until_delivered()
        result = assess(stage.settings)
        with psycopg.connect(stage.database_url) as connection:
            complaints = ledger_complaints(connection)

    assert killed == list(KILLS.values())
    assert result.score.missed == ()
    assert result.score.invented == ()
    assert result.figures.orders == OPTIONS.orders
    assert complaints == []


def pid_of(name: str, settings: Settings) -> int:
    """The process that does this job now."""
    engine = {"postgres": find_postgres, "valkey": find_valkey}.get(name)
    if engine is not None:
        found = engine(settings.data_dir)
        assert found is not None, f"{name} is not up again since the last time"
        return found.pid
    return int((settings.data_dir / "run" / f"{name}.pid").read_text().split()[0])
