"""Sets the stage: an empty database of the demo's own, channels and logins, the configuration, the programs."""

import base64
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import httpx
import psycopg
from psycopg import sql
from pydantic import SecretStr

from hub.store import channels
from hub.store import timetable as hub_timetable
from interlock.cli.up import hub_processes
from interlock.clock import FileClock
from interlock.database import migrate
from interlock.demo.clients import new_login_key, register_logins
from interlock.engines import Engines
from interlock.settings import Settings
from interlock.supervisor import Process
from interlock.wiring import open_hub, sign_on
from schemas.timetable import timetable_document
from simulators import timetable, truth
from simulators.calendar import DAY_BEGINS, at
from simulators.configuration import ChannelAccess, Simulation
from simulators.journeys import ACCOUNT_NAME, ACCOUNT_PHONE
from simulators.old_accounts import WITH_PASSWORD
from simulators.plan import CHANNELS, Plan, PlanOptions
from sso import clerks
from sso.admin import Demo, DemoPerson, seed_demo

DATABASE = "interlock_demo"
PASSENGER_LOGIN, PASSENGER_PASSWORD = "liwei", "slow-train-to-lhasa"
STAFF_PASSWORD = "the-books-must-balance"
AGENT_LOGIN, AGENT_NAME = "chen", "代售员"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demo is asked for."""

    orders: int = 5000
    seed: int = 1
    date: date = date(2026, 1, 11)

    @property
    def plan(self) -> PlanOptions:
        return PlanOptions(self.seed, self.orders, self.date)


@dataclass(frozen=True)
class Stage:
    """Everything that the director needs to know. ``environment`` is what the hub's programs are started with."""

    options: DemoOptions
    settings: Settings
    engines: Engines
    plan: Plan
    database_url: str
    simulation: Simulation
    configuration: Path
    clock: FileClock
    environment: dict[str, str]


def database_url(engines: Engines) -> str:
    """The demo's own database on the server that the settings name."""
    head, _, options = engines.database_url.partition("?")
    return f"{head.rpartition('/')[0]}/{DATABASE}" + (f"?{options}" if options else "")


def of_last_demo(settings: Settings, engines: Engines) -> Settings:
    """The settings under which the hub works on the demo's database and clock."""
    folder = settings.data_dir.absolute()
    changed = {
        "data_dir": folder,
        "database_url": SecretStr(database_url(engines)),
        "redis_url": SecretStr(engines.redis_url),
        "clock_file": folder / "simulation" / "clock",
        "recon_schedule": False,  # the show reconciles when it has something to show
        "allow_private_callbacks": True,
    }
    return settings.model_copy(update=changed)


def set_stage(settings: Settings, engines: Engines, options: DemoOptions, plan: Plan) -> Stage:
    """Empty what an earlier demo left, migrate, register channels and people, write configuration and truth."""
    folder = settings.data_dir.absolute()
    for leftover in (folder / "simulation", folder / "drop"):
        shutil.rmtree(leftover, ignore_errors=True)
    (folder / "simulation").mkdir(parents=True)
    truth.write(folder, plan.truth)
    clock_file = folder / "simulation" / "clock"
    clock = FileClock(clock_file, start=at(options.date, DAY_BEGINS) - timedelta(hours=1))
    simulation = _simulation(settings, options, folder)
    configuration = folder / "simulation" / "simulation.json"
    simulation.write(configuration)
    url = database_url(engines)
    _fresh_database(engines.database_url)
    migrate(url)
    own = of_last_demo(settings, engines)
    _seed(own, simulation)
    environment = {
        "INTERLOCK_DATA_DIR": str(folder),
        "INTERLOCK_DATABASE_URL": url,
        "INTERLOCK_REDIS_URL": engines.redis_url,
        "INTERLOCK_CLOCK_FILE": str(clock_file),
        "INTERLOCK_ALLOW_PRIVATE_CALLBACKS": "true",
        "INTERLOCK_RECON_SCHEDULE": "false",
        "INTERLOCK_HOST": settings.host,
        "INTERLOCK_PORT": str(settings.port),
        "INTERLOCK_PUBLIC_URL": settings.public_url,
        "INTERLOCK_ACCOUNT_SERVICES": json.dumps(account_services(simulation)),
    }
    return Stage(options, own, engines, plan, url, simulation, configuration, clock, environment)


def account_services(simulation: Simulation) -> dict[str, dict[str, object]]:
    """Where the channels answer for their accounts of before, as the setting wants it."""
    return {
        channel: {
            "url": f"http://127.0.0.1:{access.port}/accounts",
            "secret": access.secret,
            "proofs": ["password"] if channel in WITH_PASSWORD else [],
        }
        for channel, access in simulation.channels.items()
    }


def _seed(settings: Settings, simulation: Simulation) -> None:
    """Channels, timetable, clients and people."""
    hub = open_hub(settings, "demo")
    try:
        with hub.pool.connection() as connection:
            for name, access in simulation.channels.items():
                endpoint = f"http://127.0.0.1:{access.port}"
                channels.register(connection, name, endpoint, access.secret, hub.seal, hub.clock())
            document = json.dumps(timetable.document(simulation.date))
            hub_timetable.load(connection, timetable_document.validate_json(document).trains)
        provider = sign_on(hub)
        seed_demo(provider, _logins(simulation))
        register_logins(provider, simulation)
        clerks.employ(provider, "agents", AGENT_LOGIN)
    finally:
        hub.close()


def _logins(simulation: Simulation) -> Demo:
    """The channels' own systems, one passenger, two members of staff, a clerk of the agents' company."""
    return Demo(
        applications={},
        channel_secrets={name: access.client_secret for name, access in simulation.channels.items()},
        people=(
            DemoPerson(PASSENGER_LOGIN, ACCOUNT_NAME, PASSENGER_PASSWORD, phone=ACCOUNT_PHONE),
            DemoPerson("operator", "值班员", STAFF_PASSWORD, roles=("operator",)),
            DemoPerson("finance", "清算员", STAFF_PASSWORD, roles=("finance", "auditor")),
            DemoPerson(AGENT_LOGIN, AGENT_NAME, STAFF_PASSWORD),
        ),
    )


def hub_programs(stage: Stage, api_processes: int = 1, workers: int = 1) -> list[Process]:
    """The hub's own programs, told to work on the demo's database and clock."""
    programs = hub_processes(stage.settings, api_processes, workers)
    return [replace(process, env=stage.environment) for process in programs]


def simulator_processes(stage: Stage) -> Sequence[Process]:
    """The five channel systems and the payment processors."""
    # What `interlock serve simulator NAME` ends up with, without the way there: six processes start faster so.
    modules = {"processors": ["simulators.processors"]}
    tail = ["--config", str(stage.configuration)]
    ports = {name: access.port for name, access in stage.simulation.channels.items()}
    ports["processors"] = stage.simulation.processors_port
    return [
        Process(
            f"simulator-{name}",
            [sys.executable, "-m", *modules.get(name, ["simulators.channel", name]), *tail],
            ready=_answers(port),
            start_seconds=300.0,
        )
        for name, port in ports.items()
    ]


def _answers(port: int) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/state", timeout=2.0, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return ready


def _simulation(settings: Settings, options: DemoOptions, folder: Path) -> Simulation:
    *ports, processors = free_ports(len(CHANNELS) + 1)
    channels = {
        channel: ChannelAccess(
            port,
            secrets.token_urlsafe(32),
            f"whsec_{base64.b64encode(os.urandom(32)).decode()}",
            new_login_key(channel),
        )
        for channel, port in zip(CHANNELS, ports, strict=True)
    }
    return Simulation(
        seed=options.seed,
        orders=options.orders,
        date=options.date,
        hub_url=settings.public_url.rstrip("/"),
        data_dir=folder,
        channels=channels,
        processors_port=processors,
    )


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now; all are asked for at once, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _fresh_database(url: str) -> None:
    name = sql.Identifier(DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
