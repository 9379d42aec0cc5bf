"""`interlock doctor`: is everything as it should be, and if not, what to do next."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated

import psycopg
import redis
import typer
from sqlalchemy.exc import SQLAlchemyError

from interlock.celery_app import CeleryOptions, create_celery_app, worker_answers
from interlock.cli.printing import AsJson, print_json, print_table
from interlock.clock import open_clock, system_clock
from interlock.database import migration_state, server_version
from interlock.engines import find_postgres, find_valkey
from interlock.engines.directory import DataDirectory
from interlock.settings import Settings, revealed

app = typer.Typer()

DISK_FREE_GIB_MIN = 2
POSTGRES_MIN = 160000
CLOCK_DIFFERENCE_MAX = timedelta(seconds=2)


@dataclass(frozen=True)
class Check:
    """One line of the report. `remedy` says what to do next and is empty when all is well."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def python(_settings: Settings) -> Check:
    """Python 3.11 or later."""
    found = sys.version.split()[0]
    return Check(
        "python", sys.version_info >= (3, 11), found, "" if sys.version_info >= (3, 11) else "Use Python 3.11+."
    )


def data_directory(settings: Settings) -> Check:
    """The data directory can be written."""
    path = settings.data_dir.expanduser().resolve()
    place = path if path.exists() else path.parent
    ok = os.access(place, os.W_OK)
    return Check("data directory", ok, str(path), "" if ok else "Make it writable, or set INTERLOCK_DATA_DIR.")


def disk(settings: Settings) -> Check:
    """Room for the database to grow: a full disk stops PostgreSQL."""
    path = settings.data_dir.expanduser().resolve()
    free = shutil.disk_usage(path if path.exists() else path.parent).free / 2**30
    ok = free >= DISK_FREE_GIB_MIN
    return Check("disk", ok, f"{free:.1f} GiB free", "" if ok else f"Free at least {DISK_FREE_GIB_MIN} GiB.")


def keys(settings: Settings) -> Check:
    """Secret keys exist and only their owner can read them."""
    directory = settings.data_dir.expanduser().resolve() / "keys"
    loose = [path.name for path in directory.glob("*") if path.stat().st_mode & 0o077] if directory.exists() else []
    found = f"readable by others: {', '.join(loose)}" if loose else "private"
    return Check("keys", not loose, found, f"chmod 600 {directory}/*, then replace those keys." if loose else "")


def postgres(settings: Settings) -> Check:
    """PostgreSQL answers and is recent enough."""
    url = _database_url(settings)
    if url is None:
        return Check("postgres", False, "the embedded server is not running", "Run `interlock up`.")
    try:
        version = server_version(url)
    except psycopg.OperationalError as error:
        return Check("postgres", False, _first_line(error), "Check INTERLOCK_DATABASE_URL, or run `interlock up`.")
    shown = f"{version // 10000}.{version % 10000}"
    ok = version >= POSTGRES_MIN
    return Check("postgres", ok, shown, "" if ok else "Interlock needs PostgreSQL 16 or later.")


def migrations(settings: Settings) -> Check:
    """The schema is the one that this code expects."""
    url = _database_url(settings)
    if url is None:
        return Check("migrations", False, "no database", "Run `interlock up`.")
    try:
        state = migration_state(url)
    except SQLAlchemyError as error:
        return Check("migrations", False, _first_line(error), "Make PostgreSQL reachable first.")
    found = f"at {state.current or 'nothing'}, newest {state.head}"
    return Check("migrations", state.is_current, found, "" if state.is_current else "Run `interlock migrate`.")


def broker(settings: Settings) -> Check:
    """Redis or Valkey answers."""
    url = _redis_url(settings)
    if url is None:
        return Check("broker", False, "the embedded server is not running", "Run `interlock up`.")
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            about = client.info("server")
    except redis.RedisError as error:
        return Check("broker", False, _first_line(error), "Check INTERLOCK_REDIS_URL, or run `interlock up`.")
    name = "valkey" if "valkey_version" in about else "redis"
    return Check("broker", True, f"{name} {about.get('valkey_version', about['redis_version'])}")


def worker(settings: Settings) -> Check:
    """Some worker does what it is asked to do (more than a ping: it takes a task and finishes it)."""
    url = _redis_url(settings)
    if url is None:
        return Check("worker", False, "no broker", "Run `interlock up`.")
    schedule = DataDirectory(settings.data_dir.expanduser().resolve()).run / "beat-schedule"
    ok = worker_answers(create_celery_app(CeleryOptions(url, schedule)), url)
    found = "takes tasks and finishes them" if ok else "no worker did a trial task within 5 s"
    return Check(
        "worker", ok, found, "" if ok else "Run `interlock up`, or `interlock serve worker`; see logs/worker.log."
    )


def clock(settings: Settings) -> Check:
    """Our clock and the database's agree; a simulated clock is only named."""
    if settings.clock_file is not None:
        try:
            return Check("clock", True, f"simulated: {open_clock(settings.clock_file)():%Y-%m-%d %H:%M:%S} UTC")
        except (OSError, ValueError) as error:
            return Check("clock", False, _first_line(error), "Unset INTERLOCK_CLOCK_FILE, or run the demo anew.")
    url = _database_url(settings)
    if url is None:
        return Check("clock", True, f"{system_clock():%Y-%m-%d %H:%M:%S} UTC")
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
    except psycopg.OperationalError as error:
        return Check("clock", False, _first_line(error), "Make PostgreSQL reachable first.")
    difference = abs(system_clock() - row[0]) if row else timedelta(0)
    ok = difference <= CLOCK_DIFFERENCE_MAX
    found = f"{difference.total_seconds():.3f} s from the database's"
    return Check("clock", ok, found, "" if ok else "Synchronise both machines' clocks (NTP).")


CHECKS: tuple[Callable[[Settings], Check], ...] = (
    python,
    data_directory,
    disk,
    keys,
    postgres,
    migrations,
    broker,
    worker,
    clock,
)


@app.command()
def doctor(
    only: Annotated[str | None, typer.Option(help="One check by name: broker, worker, migrations ...")] = None,
    as_json: AsJson = False,
) -> None:
    """Check this installation. Ends with status 1 when a check fails; each failing line says what to do next."""
    settings = Settings.load()
    wanted = [check for check in CHECKS if only in (None, check.__name__)]
    if not wanted:
        raise typer.BadParameter(f"one of: {', '.join(check.__name__ for check in CHECKS)}", param_hint="--only")
    results = [check(settings) for check in wanted]
    if as_json:
        configuration = [{"name": name, "value": value, "about": about} for name, value, about in settings.described()]
        print_json({"checks": [asdict(result) for result in results], "settings": configuration})
    else:
        rows = [("ok" if result.ok else "BAD", result.name, result.found, result.remedy) for result in results]
        print_table("Checks", ("", "check", "found", "what to do next"), rows)
        if only is None:
            print_table("Settings", ("setting", "value", "meaning"), settings.described())
    if not all(result.ok for result in results):
        raise typer.Exit(1)


def _database_url(settings: Settings) -> str | None:
    if settings.database_url is not None:
        return revealed(settings.database_url)
    engine = find_postgres(settings.data_dir)
    return None if engine is None else engine.url


def _redis_url(settings: Settings) -> str | None:
    if settings.redis_url is not None:
        return revealed(settings.redis_url)
    engine = find_valkey(settings.data_dir)
    return None if engine is None else engine.url


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
