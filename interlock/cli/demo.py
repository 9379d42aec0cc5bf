"""`interlock demo`: the whole main job on this machine. `interlock demo score`: its fault table, from the database."""

from __future__ import annotations

import datetime
import fcntl
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from interlock.cli.printing import AsJson, fail
from interlock.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from interlock.demo.show import Result

app = typer.Typer(
    name="demo", help="A seeded day of railway traffic, reconciled and scored.", invoke_without_command=True
)


@app.callback()
def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="End after the summary.")] = False,
    orders: Annotated[int, typer.Option(min=100, help="How many orders.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="What the day is made from.")] = 1,
    date: Annotated[str, typer.Option(help="The simulated day, YYYY-MM-DD.")] = "2026-01-11",
    as_json: AsJson = False,
) -> None:
    """Play a day through the real hub, log a passenger in, reconcile, and show what was found of what was seeded.

    Ends with status 1 when found differs from seeded in any row, or anything was invented.
    """
    if context.invoked_subcommand is not None:
        return
    import httpx
    from rich.console import Console

    from interlock.demo.browser import TourFailed
    from interlock.demo.director import NotQuiet
    from interlock.demo.show import ReconciliationFailed, perform, running, sayer
    from interlock.demo.stage import DemoOptions
    from interlock.engines import EngineError
    from interlock.supervisor import SupervisorError

    settings = Settings.load()
    console = Console(stderr=as_json)
    say = sayer(console)
    options = DemoOptions(orders, seed, _day(date))
    # `interlock down` asks with SIGTERM: everything is to be stopped in order, as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _alone(settings):
            engines = settings.engines()
            try:
                with running(settings, engines, options, say) as stage:
                    result = perform(stage, console, say)
                    _report(console, result, as_json)
                    if not once:
                        _stay(console, settings)
            finally:
                engines.stop()
    except (EngineError, SupervisorError, NotQuiet, TourFailed, ReconciliationFailed, httpx.HTTPError) as error:
        fail(str(error), f"The logs are in {settings.data_dir / 'logs'}.")
    raise typer.Exit(0 if result.score.is_perfect else 1)


@app.command("score")
def show_score(as_json: AsJson = False) -> None:
    """The fault table and the digest of the last demo, from its database alone: nothing but PostgreSQL has to run."""
    from rich.console import Console

    from interlock.demo.show import assess
    from interlock.demo.stage import of_last_demo
    from interlock.engines import EngineError, find_postgres, start_engines
    from interlock.settings import revealed
    from simulators import truth

    settings = Settings.load()
    if not truth.read(settings.data_dir):
        fail(f"no demo was played in {settings.data_dir}", "`interlock demo` plays one.")
    was_running = find_postgres(settings.data_dir) is not None
    try:
        engines = start_engines(settings.data_dir, revealed(settings.database_url), "redis://unused.invalid")
    except EngineError as error:
        fail(str(error), "`interlock doctor` tells what is wrong.")
    try:
        result = assess(of_last_demo(settings, engines))
    finally:
        # A demo that still stays up needs its engines.
        if not was_running:
            engines.stop()
    _report(Console(stderr=as_json), result, as_json)
    raise typer.Exit(0 if result.score.is_perfect else 1)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the data directory as `interlock up` does: the two would stop each other's engines."""
    from interlock.engines.directory import DataDirectory
    from interlock.supervisor import record_myself

    directory = DataDirectory.prepare(settings.data_dir)
    with (directory.run / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fail(f"Interlock is already up in {directory.path}", "`interlock down` stops it.")
        record_myself(directory, "up")
        try:
            yield
        finally:
            (directory.run / "up.pid").unlink(missing_ok=True)


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no date", "Write it as 2026-01-11.")


def _report(console: Console, result: Result, as_json: bool) -> None:
    from interlock.demo.closing import show_closing
    from interlock.demo.summary import show

    if as_json:
        typer.echo(json.dumps(result.as_dict(), ensure_ascii=False, indent=2, default=str))
    else:
        show(console, result.figures, result.score, result.digest, result.tour)
        if result.closing:
            show_closing(console, result.closing)


def _stay(console: Console, settings: Settings) -> None:
    """Keep everything up until Ctrl-C."""
    from interlock.demo.stage import PASSENGER_LOGIN, PASSENGER_PASSWORD, STAFF_PASSWORD

    url = settings.public_url
    console.print(f"Console     控制台:  {url}/console     (operator or finance / {STAFF_PASSWORD})", soft_wrap=True)
    console.print(f"My orders   我的订单: {url}/me          ({PASSENGER_LOGIN} / {PASSENGER_PASSWORD})", soft_wrap=True)
    console.print("Ctrl-C ends the demo. `interlock demo score` shows the fault table again.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("Stopping ...")
