"""Celery on a real Valkey: settings that keep promises, and a worker that is trusted only when it does something."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.celery_app import SCHEDULE, CeleryOptions, create_celery_app, worker_answers

TASKS = """
from celery import shared_task

@shared_task(name="sample.write")
def write(path, text):
    with open(path, "a") as file:
        file.write(text)
"""
WORKER = (
    "import sys; from pathlib import Path; from interlock.celery_app import CeleryOptions, create_celery_app;"
    "sys.path.insert(0, sys.argv[2]);"
    "options = CeleryOptions(sys.argv[1], Path(sys.argv[2]) / 'beat', processes=1, tasks_module='sample_tasks');"
    "create_celery_app(options, ()).worker_main(['worker', '--queues=live,bulk', '--without-mingle'])"
)


@pytest.fixture
def worker(valkey_url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process with one sample task."""
    (tmp_path / "sample_tasks.py").write_text(TASKS)
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, valkey_url, str(tmp_path)], stdout=log, stderr=log, start_new_session=True
        )
    yield process
    process.terminate()
    process.wait(30)


def options(valkey_url: str, tmp_path: Path) -> CeleryOptions:
    """The options of the worker above."""
    return CeleryOptions(valkey_url, tmp_path / "beat")


@pytest.mark.usefixtures("worker")
def test_a_working_worker_answers_and_does_its_tasks(valkey_url: str, tmp_path: Path) -> None:
    app = create_celery_app(options(valkey_url, tmp_path), ())
    deadline = time.monotonic() + 30
    while not worker_answers(app, valkey_url, timeout=1):
        assert time.monotonic() < deadline, (tmp_path / "worker.log").read_text()
    app.send_task("sample.write", args=[str(tmp_path / "written"), "票"], queue="bulk")
    assert worker_answers(app, valkey_url)
    while not (tmp_path / "written").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (tmp_path / "written").read_text() == "票"


def test_nobody_answers_where_there_is_no_worker(valkey_url: str, tmp_path: Path) -> None:
    assert worker_answers(create_celery_app(options(valkey_url, tmp_path), ()), valkey_url, timeout=0.2) is False


def test_nobody_answers_where_there_is_no_broker(tmp_path: Path) -> None:
    nowhere = "redis://127.0.0.1:1/0"
    assert worker_answers(create_celery_app(options(nowhere, tmp_path), ()), nowhere, timeout=0.2) is False


def test_a_task_is_acknowledged_when_done_taken_singly_and_spoken_in_json(valkey_url: str, tmp_path: Path) -> None:
    conf = create_celery_app(options(valkey_url, tmp_path)).conf
    assert conf.task_acks_late is True
    assert conf.task_retry_on_worker_lost is True
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result is True
    assert conf.accept_content == ["json"]
    assert conf.broker_connection_max_retries is None
    assert conf.broker_connection_retry_on_startup is True
    assert not conf.task_always_eager


def test_wake_ups_do_not_pile_up_while_no_worker_runs(valkey_url: str, tmp_path: Path) -> None:
    schedule = create_celery_app(options(valkey_url, tmp_path)).conf.beat_schedule
    assert len(schedule) == len(SCHEDULE)
    assert all(0 < entry["options"]["expires"] <= max(entry["schedule"], 2) for entry in schedule.values())


def test_long_work_has_a_lane_of_its_own(valkey_url: str, tmp_path: Path) -> None:
    router = create_celery_app(options(valkey_url, tmp_path)).amqp.router
    assert router.route({}, "interlock.recon_bucket")["queue"].name == "bulk"
    assert router.route({}, "interlock.deliver")["queue"].name == "live"
