"""The demo from its first step to its summary. `interlock.cli.demo` is its command line."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hub.store.checks import ledger_digest
from interlock.cli.up import engine_guards
from interlock.demo.closing import closing_state
from interlock.demo.director import Director
from interlock.demo.figures import Figures, figures
from interlock.demo.scoring import Score, score
from interlock.demo.stage import PASSENGER_LOGIN, DemoOptions, Stage, hub_programs, set_stage, simulator_processes
from interlock.demo.tour import Step, Tour
from interlock.demo.tree import grown
from interlock.engines import Engines
from interlock.settings import Settings
from interlock.supervisor import Supervisor
from interlock.wiring import open_hub, sign_on
from simulators.day import build_plan

NO_CHANNEL = "director"
Say = Callable[[str], None]


def sayer(console: Console, seconds: Callable[[], float] = time.monotonic) -> Say:
    """Prints what happens now, with the seconds since the beginning before it."""
    started = seconds()

    def say(sentence: str) -> None:
        console.print(f"[dim]{seconds() - started:5.0f} s[/]  {sentence}")

    return say


@dataclass(frozen=True, slots=True)
class Result:
    """What a demo has shown."""

    figures: Figures
    score: Score
    digest: str
    tour: tuple[Step, ...]
    closing: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        tour = [{"what": step.what, "outcome": step.outcome} for step in self.tour]
        closing = {"closing": self.closing} if self.closing else {}
        return {"digest": self.digest, "tour": tour, **closing, **self.score.as_dict(), **self.figures.as_dict()}


class ReconciliationFailed(Exception):
    """`interlock recon run` ended with an error; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Cast:
    """How many processes of the hub take part. ``prepare`` may change the set stage before anything is started."""

    api_processes: int = 1
    workers: int = 1
    prepare: Callable[[Stage], None] = lambda stage: None


@contextmanager
def running(
    settings: Settings, engines: Engines, options: DemoOptions, say: Say, cast: Cast | None = None
) -> Iterator[Stage]:
    """The whole system, up and watched over; stopped at the end. Engines are left to the caller."""
    cast = cast or Cast()
    say(f"Planning {options.orders} orders of {options.date} (seed {options.seed}) ...")
    stage = set_stage(settings, engines, options, build_plan(options.plan, NO_CHANNEL))
    cast.prepare(stage)
    # What dies is restarted and said in the log, not between the progress bars.
    log = logging.FileHandler(stage.settings.data_dir / "logs" / "demo.log")
    logging.getLogger("interlock").addHandler(log)
    with Supervisor(stage.settings.data_dir, engine_guards(engines)) as supervisor:
        say("Starting five channel systems, the payment processors and the hub ...")
        # The hub is last to start and so first to stop: it never finds a channel missing.
        supervisor.start([*simulator_processes(stage), *hub_programs(stage, cast.api_processes, cast.workers)])
        watch = threading.Thread(target=supervisor.watch, name="supervisor", daemon=True)
        watch.start()
        try:
            yield stage
        finally:
            supervisor.end()
            watch.join(timeout=30)
            logging.getLogger("interlock").removeHandler(log)
            log.close()


def perform(stage: Stage, console: Console, say: Say) -> Result:
    """Play the day, log in, reconcile twice, score."""
    with _day_bar(console) as progress:
        director = Director(stage, progress)
        director.play()
    say("Waiting until every channel knows everything ...")
    director.wait_until_quiet()
    say("Login tour ...")
    tour = take_tour(stage, director)
    director.end_day()
    for number in ("first", "second"):
        say(f"Reconciling the day, {number} run ...")
        reconcile(stage)
        director.wait_until_delivered()
    return assess(stage.settings, tuple(tour))


def take_tour(stage: Stage, director: Director) -> list[Step]:
    """One passenger logs in at five channels and out of all of them."""
    hub = open_hub(stage.settings, "demo-tour")
    try:
        provider = sign_on(hub)
        return Tour(stage.simulation, lambda: grown(provider, PASSENGER_LOGIN), director.state).take()
    finally:
        hub.close()


def assess(settings: Settings, tour: tuple[Step, ...] = ()) -> Result:
    """Figures, score and digest as the demo's database has them now; nothing else needs to run."""
    hub = open_hub(settings, "demo-score")
    try:
        with hub.pool.connection() as connection:
            shown, found = figures(connection), score(connection, settings.data_dir)
            digest = ledger_digest(connection, hub.adapters, hub.seal).digest
        return Result(shown, found, digest, tour, closing_state(hub))
    finally:
        hub.close()


def reconcile(stage: Stage) -> dict[str, Any]:
    """`interlock recon run --date` as a person would call it. Raises ReconciliationFailed."""
    command = [sys.executable, "-m", "interlock", "recon", "run", "--date", stage.options.date.isoformat(), "--json"]
    environment = {**os.environ, **stage.environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReconciliationFailed(f"ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@contextmanager
def _day_bar(console: Console) -> Iterator[Callable[[int, int, str], None]]:
    columns = (
        TextColumn("The day  {task.fields[clock]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task("day", total=None, clock="05:00")

        def progress(done: int, ticks: int, clock: str) -> None:
            bars.update(task, completed=done, total=ticks, clock=clock)

        yield progress
