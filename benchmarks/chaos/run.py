"""A day under faults, and the reckoning."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import httpx
import psycopg

from benchmarks.chaos.accounts import Accounts, drawn_up
from benchmarks.chaos.breaking import Breaker
from benchmarks.chaos.faults import Fault, schedule
from benchmarks.chaos.gateway import Gateway, Notes
from hub.store import channels
from hub.store.checks import ledger_complaints
from interlock.demo.director import TICK, Director
from interlock.demo.scoring import Score
from interlock.demo.show import Cast, Say, assess, reconcile, running
from interlock.demo.stage import DemoOptions, Stage
from interlock.engines import Engines
from interlock.settings import Settings
from interlock.wiring import open_hub
from simulators import truth
from simulators.calendar import DAY_BEGINS, DAY_ENDS, at
from simulators.day import build_plan

AT_ONCE = 2
ANSWER_SECONDS = 120.0
SLOW_MACHINE_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """``minutes``: how long the day takes at least; after twice as long and four minutes nothing more is broken.

    ``faults``: how many things break; None: twenty a minute, at least one of each kind.
    """

    minutes: float = 5.0
    orders: int = 1500
    seed: int = 1
    faults: int | None = None
    date: date = date(2026, 1, 11)

    @property
    def number(self) -> int:
        return self.faults if self.faults is not None else max(27, round(20 * self.minutes))


@dataclass(frozen=True)
class Report:
    """What was done to the system and what it made of it."""

    options: ChaosOptions
    injected: Counter[str]
    hit: Counter[str]
    not_injected: int
    accounts: Accounts
    score: Score
    orders: int
    complaints: list[str]
    digest: str
    replayed_digest: str
    seconds: float
    first_attempt_ms: dict[str, tuple[float, float]]

    @property
    def disagreements(self) -> list[str]:
        """Where the simulators' truth and the ledger differ."""
        return [
            *(f"not as seeded: {m}" for m in self.score.missed),
            *(f"never seeded: {i}" for i in self.score.invented),
        ]

    @property
    def ok(self) -> bool:
        accounts = self.accounts
        wrong = (accounts.lost, accounts.doubled, accounts.disordered, self.disagreements, self.complaints)
        return not any(wrong) and self.digest == self.replayed_digest and self.orders == self.options.orders

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "options": asdict(self.options),
            "faults": dict(self.injected),
            "requests_hit": dict(self.hit),
            "not_injected": self.not_injected,
            "orders": self.orders,
            **asdict(self.accounts),
            "truth": self.score.as_dict(),
            "complaints": self.complaints,
            "digest": self.digest,
            "replayed_digest": self.replayed_digest,
            "first_attempt_ms": self.first_attempt_ms,
            "seconds": round(self.seconds, 1),
        }


def play(settings: Settings, engines: Engines, options: ChaosOptions, say: Say) -> Report:
    """The whole run. Raises what `interlock demo` raises, TimeoutError when something killed does not come back."""
    began = time.monotonic()
    demo = DemoOptions(options.orders, options.seed, options.date)
    with _gateway(options) as built:
        cast = Cast(api_processes=2, workers=2, prepare=built)
        with running(settings, engines, demo, say, cast) as stage:
            gateway = built.gateway
            breaker = Breaker(stage, gateway, options.seed)
            left_out = _day(stage, breaker, options, say)
            _settle(stage, gateway.notes, say)
            found = assess(stage.settings)
            say("Replaying every message into an empty ledger ...")
            replayed = _replay(stage)
            accounts, complaints = _reckon(stage, demo, gateway.notes)
            return Report(
                options,
                breaker.injected,
                gateway.notes.hit,
                left_out,
                accounts,
                found.score,
                found.figures.orders,
                [*complaints, *replayed["complaints"]],
                found.digest,
                replayed["replayed"]["digest"],
                time.monotonic() - began,
                {d.channel: (d.first_ms_p50, d.first_ms_p99) for d in found.figures.deliveries},
            )


# --- the stage -----------------------------------------------------------------------------------------------------


class _Detour:
    """Puts the gateway between the hub and the channels before either is started."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._gateway: Gateway | None = None

    @property
    def gateway(self) -> Gateway:
        assert self._gateway is not None
        return self._gateway

    def __call__(self, stage: Stage) -> None:
        simulation = stage.simulation
        systems = {name: f"http://127.0.0.1:{access.port}" for name, access in simulation.channels.items()}
        secrets = {name: access.secret for name, access in simulation.channels.items()}
        self._gateway = gateway = Gateway(simulation.hub_url, systems, secrets, self._seed)
        gateway.start()
        replace(simulation, hub_url=gateway.hub_url).write(stage.configuration)
        with psycopg.connect(stage.database_url) as connection:
            for name, url in gateway.channel_urls.items():
                channels.configure(connection, name, {"endpoint": url})

    def close(self) -> None:
        if self._gateway is not None:
            self._gateway.stop()


@contextmanager
def _gateway(options: ChaosOptions) -> Iterator[_Detour]:
    detour = _Detour(options.seed)
    try:
        yield detour
    finally:
        detour.close()


# --- the day -------------------------------------------------------------------------------------------------------


def _day(stage: Stage, breaker: Breaker, options: ChaosOptions, say: Say) -> int:
    """Play it while things break. Answers how many faults there was no more time for."""
    day = options.date
    ticks = int((at(day, DAY_ENDS) - at(day, DAY_BEGINS)) / TICK)
    monkey = _Monkey(breaker, schedule(options.seed, ticks, options.number), options.minutes * 60, say)
    try:
        Director(stage, monkey.after_tick).play()
        monkey.done()
    finally:
        monkey.stop()
        breaker.heal()
    return monkey.left_out


class _Monkey:
    """Breaks what the schedule says after each tick, beside the day, and keeps the day from ending too early."""

    def __init__(self, breaker: Breaker, faults: list[Fault], seconds: float, say: Say) -> None:
        self._breaker, self._faults, self._seconds, self._say = breaker, faults, seconds, say
        self._pool = ThreadPoolExecutor(AT_ONCE, "monkey")
        self._under_way: list[Future[None]] = []
        self._began = time.monotonic()
        self.left_out = 0

    def after_tick(self, done: int, ticks: int, clock: str) -> None:
        passed = time.monotonic() - self._began
        for fault in self._faults:
            if fault.ticks and fault.tick + fault.ticks == done:
                self._breaker.pass_by(fault)
            if fault.tick != done:
                continue
            if passed > 2 * self._seconds + SLOW_MACHINE_SECONDS:
                self.left_out += 1
            else:
                self._under_way.append(self._pool.submit(self._breaker.inject, fault))
        if done % 36 == 0:
            self._say(f"{clock}  {sum(self._breaker.injected.values())} of {len(self._faults)} faults injected")
        time.sleep(max(0.0, self._seconds * done / ticks - passed))

    def done(self) -> None:
        """Until every fault has happened. Raises what one of them raised."""
        for fault in self._under_way:
            fault.result(ANSWER_SECONDS)

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)


# --- the reckoning -------------------------------------------------------------------------------------------------


def _settle(stage: Stage, notes: Notes, say: Say) -> None:
    """Fine weather: let everything come to rest, tell the scoring what the network did, reconcile twice."""
    simulation = stage.simulation
    for port in [simulation.processors_port, *(access.port for access in simulation.channels.values())]:
        _until_it_answers(f"http://127.0.0.1:{port}/state")
    director = Director(stage, lambda done, ticks, clock: None)
    say("Waiting until every channel knows everything ...")
    director.wait_until_quiet()
    for message_id in sorted(notes.repeated):
        truth.note_resent(simulation.data_dir, "network", message_id)
    _write_skews(stage, notes)
    director.end_day()
    for number in ("first", "second"):
        say(f"Reconciling the day, {number} run ...")
        reconcile(stage)
        director.wait_until_delivered()


def _write_skews(stage: Stage, notes: Notes) -> None:
    """What a clock far off was refused for is on record, once: part of the truth, like any seeded fault."""
    skews = [
        {
            "fault": "clock_far_off",
            "id": message_id,
            "order_no": message_id.split("-")[1],
            "orders": [message_id.split("-")[1]],
            "expects": [{"where": "rejections", "kind": "signature_invalid", "key": f"{channel}|{message_id}"}],
            "resolves_by_policy": False,
        }
        for channel, message_id in sorted(notes.too_skewed)
    ]
    if skews:
        truth.write(stage.simulation.data_dir, [*stage.plan.truth, *skews])


def _until_it_answers(url: str, sleep: Callable[[float], None] = time.sleep) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            httpx.get(url, timeout=10.0, trust_env=False).raise_for_status()
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            sleep(0.2)


def _reckon(stage: Stage, demo: DemoOptions, notes: Notes) -> tuple[Accounts, list[str]]:
    plan = build_plan(demo.plan)
    hub = open_hub(stage.settings, "chaos")
    try:
        with hub.pool.connection() as connection:
            accounts = drawn_up(connection, hub.adapters, plan, notes, stage.settings.data_dir)
            complaints = [f"{c.check}: {c.subject}: {c.found}" for c in ledger_complaints(connection)]
    finally:
        hub.close()
    return accounts, complaints


def _replay(stage: Stage) -> dict[str, Any]:
    """`interlock ledger replay`, as a person would call it."""
    command = [sys.executable, "-m", "interlock", "ledger", "replay", "--json"]
    done = subprocess.run(command, env={**os.environ, **stage.environment}, capture_output=True, text=True, check=False)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        return {"replayed": {"digest": "none"}, "complaints": [f"replay ended with {done.returncode}: {done.stderr}"]}
    told["complaints"] = [f"replayed: {c['check']}: {c['subject']}: {c['found']}" for c in told["complaints"]]
    return told
