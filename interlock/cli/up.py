"""`interlock up`: the whole hub on this machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import fcntl
import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Annotated

import httpx
import typer

from interlock.celery_app import celery_app_from, worker_answers
from interlock.cli.printing import fail
from interlock.database import migrate
from interlock.engines import EngineError, Engines, start_postgres, start_valkey
from interlock.engines.directory import DataDirectory
from interlock.settings import Settings
from interlock.supervisor import Guard, Process, Supervisor, SupervisorError, record_myself

app = typer.Typer()

_IS_UP = "Interlock is up"


@app.command()
def up(
    api_processes: Annotated[
        int | None, typer.Option(min=1, help="API processes that share the port (default: INTERLOCK_API_PROCESSES).")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Celery workers.")] = 1,
    background: Annotated[
        bool, typer.Option("--background", help="Return when all runs; `interlock down` stops it.")
    ] = False,
) -> None:
    """Start engines, API, workers and beat; restart what dies; stop all on Ctrl-C or SIGTERM."""
    if background:
        shared = [] if api_processes is None else ["--api-processes", str(api_processes)]
        _leave([*shared, "--workers", str(workers)])
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = Settings.load()
    directory = DataDirectory.prepare(settings.data_dir)
    with (directory.run / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fail(f"Interlock is already up in {directory.path}", "`interlock down` stops it.")
        record_myself(directory, "up")
        try:
            _run(settings, directory, api_processes or settings.api_process_count(), workers)
        except (EngineError, SupervisorError) as error:
            fail(str(error), "`interlock doctor` tells what is wrong.")
        finally:
            (directory.run / "up.pid").unlink(missing_ok=True)


def _leave(options: list[str]) -> None:
    """Start this command again, apart from this terminal; wait until it says that it is up, or why it is not."""
    log = DataDirectory.prepare(Settings.load().data_dir).path / "up.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "interlock", "up", *options],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while _IS_UP not in (said := log.read_text(encoding="utf-8", errors="replace")):
        if process.poll() is not None:
            reasons = [line.removeprefix("interlock: ") for line in said.splitlines() if line.startswith("interlock: ")]
            fail(reasons[-1] if reasons else "it ended without saying why", f"All it said is in {log}.")
        time.sleep(0.2)
    typer.echo(next(line for line in said.splitlines() if _IS_UP in line).partition("   ")[0])
    typer.echo("`interlock down` stops it.")


def _run(settings: Settings, directory: DataDirectory, api_processes: int, workers: int) -> None:
    engines = settings.engines()
    try:
        migrate(engines.database_url)
        with Supervisor(directory.path, engine_guards(engines)) as supervisor:
            supervisor.end_on_signals()
            supervisor.start(hub_processes(settings, api_processes, workers))
            typer.echo(f"{_IS_UP}: {settings.public_url}/console   (Ctrl-C stops it)")
            supervisor.watch()
    finally:
        engines.stop()


def hub_processes(settings: Settings, api_processes: int = 1, workers: int = 1) -> Sequence[Process]:
    """The hub's own programs, each with the question that tells whether it does its job."""
    command = [sys.executable, "-m", "interlock"]
    worker_app = celery_app_from(settings)
    broker_url = str(worker_app.conf.broker_url)
    api = Process(
        "api",
        [*command, "serve", "api", "--workers", str(api_processes)],
        ready=lambda: _healthy(f"http://{_reachable(settings.host)}:{settings.port}/readyz"),
    )
    beat = Process("beat", [*command, "serve", "beat"])
    crew = [
        Process(
            "worker" if number == 1 else f"worker-{number}",
            [*command, "serve", "worker"],
            ready=lambda: worker_answers(worker_app, broker_url, timeout=2.0),
        )
        for number in range(1, workers + 1)
    ]
    return [api, *crew, beat]


def engine_guards(engines: Engines) -> list[Guard]:
    """Guards for the engines that are ours; a configured engine is for its own operator to keep alive."""
    guards = []
    if (postgres := engines.postgres) is not None:
        guards.append(Guard("postgres", postgres.is_running, lambda: start_postgres(postgres.data_dir)))
    if (valkey := engines.valkey) is not None:
        guards.append(Guard("valkey", valkey.is_running, lambda: start_valkey(valkey.data_dir)))
    return guards


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def _healthy(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0).is_success
    except httpx.TransportError:
        return False
