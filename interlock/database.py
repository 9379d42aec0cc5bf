"""Connections to PostgreSQL, and its migrations."""

from __future__ import annotations

import select
import threading
from dataclasses import dataclass
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool
from sqlalchemy import Engine, create_engine, pool

Pool = ConnectionPool[Connection[TupleRow]]

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT_SECONDS = 5.0
# Alembic keeps the running migration in module globals; between processes an advisory lock in env.py does the same.
_alembic = threading.Lock()


@dataclass(frozen=True)
class MigrationState:
    """The revision a database is at (None: empty) and the newest one that this code has."""

    current: str | None
    head: str | None

    @property
    def is_current(self) -> bool:
        return self.current == self.head


def open_pool(
    url: str,
    name: str,
    min_size: int = 1,
    max_size: int = 10,
    wait_seconds: float = WAIT_SECONDS,
    statement_seconds: float | None = None,
) -> Pool:
    """An open pool of connections: explicit transactions, rows as tuples, sessions in UTC.

    `name` shows up in `pg_stat_activity.application_name`. A connection that the server has closed (a restart) is
    noticed when it is taken from the pool and replaced. Who finds none within `wait_seconds` gets `PoolTimeout`; a
    statement that takes longer than `statement_seconds` is cancelled (`QueryCanceled`). The caller closes the pool.
    """
    options = "-c timezone=UTC"
    if statement_seconds is not None:
        options += f" -c statement_timeout={int(statement_seconds * 1000)}"
    return ConnectionPool(
        url,
        name=name,
        min_size=min_size,
        max_size=max_size,
        open=True,
        timeout=wait_seconds,
        # A server that was away for long is found again soon: pauses between attempts double only as far as this.
        reconnect_timeout=WAIT_SECONDS,
        check=_check,
        kwargs={
            "application_name": name,
            "autocommit": False,
            "options": options,
            # A host that has vanished, not only a server that refuses: found out in seconds, not in the kernel's hours.
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,
        },
    )


def _check(connection: Connection[TupleRow]) -> None:
    """Raise when the server has closed this idle connection; a connection that is good answers without being asked.

    The goodbye of a server that stops, restarts or crashes lies in our socket by then: looking there costs
    microseconds, where a query costs as much as a small request. Only when something lies there the server is asked.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        ConnectionPool.check_connection(connection)


def migrate(url: str, target: str = "head") -> MigrationState:
    """Bring the database to `target`. Does nothing when it is there; a second process waits for the first."""
    engine = _engine(url)
    try:
        with _alembic, engine.connect() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, target)
    finally:
        engine.dispose()
    return migration_state(url)


def migration_state(url: str) -> MigrationState:
    """Which revision the database is at, and which is the newest. Changes nothing."""
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return MigrationState(current, ScriptDirectory.from_config(_config()).get_current_head())


def sqlalchemy_url(url: str) -> str:
    """A libpq URL as SQLAlchemy wants it: `postgresql+psycopg://`, the driver we use."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("the database URL must begin with postgresql://")
    return f"postgresql+psycopg://{rest}"


def server_version(url: str) -> int:
    """The server's version as PostgreSQL counts it: 180004 is 18.4. Raises psycopg.OperationalError if unreachable."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.info.server_version


def _engine(url: str) -> Engine:
    return create_engine(sqlalchemy_url(url), poolclass=pool.NullPool)


def _config() -> Config:
    config = Config()
    # Alembic reads its options with ConfigParser, in which a percent sign in a path would be an interpolation.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
