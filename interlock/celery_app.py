"""The Celery application: how tasks travel and when they are woken.

PostgreSQL is the queue; a task is only a wake-up that drains due rows. So nothing is lost with the broker, every task
may run twice, and a wake-up that was not taken in time is worthless: the next one comes anyway.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from celery.signals import setup_logging
from kombu.exceptions import OperationalError

from interlock.engines.directory import DataDirectory
from interlock.logs import configure_logging
from interlock.settings import Settings

LIVE = "live"
BULK = "bulk"
PROBE = "interlock.probe"
PROBE_SECONDS = 60

# (what it does, task, seconds between two wake-ups)
SCHEDULE: tuple[tuple[str, str, float], ...] = (
    ("deliver events to channels", "interlock.deliver", 1.0),
    ("take dropped files", "interlock.collect_drops", 1.0),
    ("delete dropped files whose time is over", "interlock.sweep_drops", 3600.0),
    ("poll channels that are asked, not told", "interlock.poll_channels", 5.0),
    ("let holds expire", "interlock.expire_holds", 2.0),
    ("keep the ledger's rows up with the log", "interlock.recon_ledger", 5.0),
    ("reconcile the dates that are due", "interlock.recon_schedule", 120.0),
    ("digest what the last minutes told", "interlock.recon_digests", 150.0),
    ("mark breaks that are overdue", "interlock.recon_overdue", 900.0),
    ("sum up the books", "interlock.turn_book_pages", 2.0),
    ("send logout tokens", "interlock.deliver_logout_tokens", 1.0),
    ("end logins whose time is over", "interlock.end_overdue_sessions", 30.0),
    ("send notices to people", "interlock.deliver_notices", 5.0),
    ("tell call centres of callers' decisions", "interlock.deliver_pings", 1.0),
    ("remove stale logins", "interlock.prune_logins", 3600.0),
    ("settle linked accounts", "interlock.settle_accounts", 20.0),
)


@dataclass(frozen=True)
class CeleryOptions:
    """`broker_url`: redis://... `schedule_file`: where beat remembers when it last woke whom. `processes`: prefork."""

    broker_url: str
    schedule_file: Path
    processes: int = 2
    soft_shutdown_seconds: float = 5.0
    tasks_module: str = "interlock.tasks"


def create_celery_app(options: CeleryOptions, schedule: tuple[tuple[str, str, float], ...] = SCHEDULE) -> Celery:
    """An application of its own; several may exist in one process. Its tasks are those of `tasks_module`."""
    app = Celery("interlock", broker=options.broker_url, set_as_current=True)
    app.conf.update(configuration(options, schedule))
    app.task(_probe, name=PROBE, bind=True)
    return app


def celery_app_from(settings: Settings, processes: int | None = None) -> Celery:
    """The application as these settings want it; starts embedded engines that are not running."""
    options = CeleryOptions(
        broker_url=settings.engines().redis_url,
        schedule_file=DataDirectory.prepare(settings.data_dir).run / "beat-schedule",
        processes=processes or settings.worker_processes,
    )
    return create_celery_app(options)


def configuration(options: CeleryOptions, schedule: tuple[tuple[str, str, float], ...]) -> dict[str, Any]:
    """Celery's settings by Celery's names, each for a reason."""
    return {
        "imports": (options.tasks_module,),
        # A task is acknowledged when it is done; if its process is killed it runs again, but not for ever.
        "task_acks_late": True,
        "task_retry_on_worker_lost": True,
        # Take one at a time: a task that waits behind a long one in a process's private queue waits for nothing.
        "worker_prefetch_multiplier": 1,
        # Outcomes are rows in PostgreSQL.
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "event_serializer": "json",
        "worker_send_task_events": False,
        "worker_pool": "prefork",
        "worker_concurrency": options.processes,
        # Processes are renewed now and then, which bounds whatever a library leaks.
        "worker_max_tasks_per_child": 20_000,
        # A piece of reconciliation takes its memory and gives it back; a process that kept more than a gigabyte (in
        # kilobytes here) is renewed after its task, so that two of them stay within two.
        "worker_max_memory_per_child": 1_000_000,
        "worker_soft_shutdown_timeout": options.soft_shutdown_seconds,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # The broker may be away at any time, for any length of time.
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            # Longer than the longest task: a task that outlives it would be started a second time beside itself.
            "visibility_timeout": 3600,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        "task_default_queue": LIVE,
        # Reconciliation and replays must not starve live sales.
        "task_routes": {"interlock.recon_*": {"queue": BULK}, "interlock.replay_*": {"queue": BULK}},
        "timezone": "UTC",
        "enable_utc": True,
        "beat_schedule": {
            what: {"task": task, "schedule": every, "options": {"expires": max(every, 2.0)}}
            for what, task, every in schedule
        },
        "beat_schedule_filename": str(options.schedule_file),
        "beat_max_loop_interval": 1.0,
    }


def _log_discreetly(loglevel: int = logging.WARNING, **others: Any) -> None:
    """Workers and beat log as every process of ours does, not as Celery would."""
    configure_logging(loglevel)


setup_logging.connect(_log_discreetly, weak=False)


def worker_answers(app: Celery, broker_url: str, timeout: float = 5.0) -> bool:
    """Whether some worker takes a task and does it within `timeout` seconds; False, too, when the broker is away.

    A ping would not do: a worker can answer pings and yet have stopped taking tasks.
    """
    reply = f"interlock:probe:{secrets.token_hex(8)}"
    try:
        app.send_task(PROBE, args=[reply], queue=LIVE, expires=timeout, retry=False)
        with redis.Redis.from_url(broker_url, socket_timeout=timeout + 5) as client:
            return client.blpop([reply], timeout=timeout) is not None
    except (redis.RedisError, OperationalError):
        return False


def _probe(task: Any, reply: str) -> None:
    """Leave a sign under `reply` for whoever waits there."""
    with redis.Redis.from_url(str(task.app.conf.broker_url)) as client:
        client.rpush(reply, "done")
        client.expire(reply, PROBE_SECONDS)
