"""`interlock serve ...`: one process of one kind, in the foreground, as a container or service manager runs it."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Annotated

import typer

from interlock.cli.printing import fail
from interlock.settings import Settings

app = typer.Typer(name="serve", help="Run one process: api, worker, beat, or a simulator.", no_args_is_help=True)

SIMULATORS = {"processors": "simulators.processors"}
CHANNEL_SIMULATOR = "simulators.channel"


@app.command()
def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: INTERLOCK_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port to listen on (default: INTERLOCK_PORT).")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
) -> None:
    """The HTTP side: intake, queries, login, console."""
    import uvicorn

    from interlock.listening import BoundedProtocol
    from interlock.logs import configure_logging

    settings = Settings.load()
    configure_logging()
    uvicorn.run(
        "interlock.web:create_app",
        factory=True,
        host=host or settings.host,
        port=port or settings.port,
        workers=workers,
        http=BoundedProtocol,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        # The address a request came from is what the network says, not what a header claims.
        proxy_headers=False,
    )


@app.command()
def worker(
    processes: Annotated[
        int | None, typer.Option(help="Prefork processes (default: INTERLOCK_WORKER_PROCESSES).")
    ] = None,
    queues: Annotated[str, typer.Option(help="Lanes to work on, separated by commas.")] = "live,bulk",
) -> None:
    """A Celery worker: deliveries, dropped files, polls, reconciliation."""
    # Celery reads this on import: SIGTERM then gives running tasks a limited time and hands the rest back.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    from interlock.celery_app import celery_app_from

    application = celery_app_from(Settings.load(), processes)
    application.worker_main(
        ["worker", "--loglevel=WARNING", "--without-mingle", "--without-gossip", f"--queues={queues}"]
    )


@app.command()
def beat() -> None:
    """The timetable of periodic work. Two at once do no harm: every task is safe to run twice."""
    from interlock.celery_app import celery_app_from

    celery_app_from(Settings.load()).start(["beat", "--loglevel=WARNING"])


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def simulator(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="web, app, phone, agents, windows or processors.")],
) -> None:
    """One simulated channel system, or the payment processors. Further options go to the simulator itself."""
    module = SIMULATORS.get(name, CHANNEL_SIMULATOR)
    if importlib.util.find_spec(module) is None:
        fail(f"this installation has no simulators ({module})", "Install the distribution `interlock` whole.")
    names = [] if name in SIMULATORS else [name]
    os.execv(sys.executable, [sys.executable, "-m", module, *names, *context.args])
