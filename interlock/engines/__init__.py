"""PostgreSQL and Valkey without an installation: real servers from wheels, kept in the data directory.

Both outlive the process that starts them. Every function is idempotent and safe to call from several processes at once:
whoever comes second gets the server that the first one started.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interlock.engines.directory import EngineError
from interlock.engines.postgres import PostgresEngine, PostgresOptions, find_postgres, start_postgres
from interlock.engines.valkey import ValkeyEngine, find_valkey, start_valkey

__all__ = [
    "EngineError",
    "Engines",
    "PostgresEngine",
    "PostgresOptions",
    "ValkeyEngine",
    "find_postgres",
    "find_valkey",
    "start_engines",
    "start_postgres",
    "start_valkey",
]


@dataclass(frozen=True)
class Engines:
    """Where the two engines answer. An engine is None when it is somebody else's, reached only by its URL."""

    database_url: str
    redis_url: str
    postgres: PostgresEngine | None
    valkey: ValkeyEngine | None

    def stop(self) -> None:
        """Stop the engines that are ours; those reached by a configured URL are left alone."""
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()


def start_engines(
    data_dir: Path,
    database_url: str | None = None,
    redis_url: str | None = None,
    options: PostgresOptions | None = None,
) -> Engines:
    """Start whichever engine has no configured URL, in `data_dir`, and say where both answer.

    Raises EngineError, with the tail of the server's log, when an engine does not start.
    """
    postgres = start_postgres(data_dir, options) if database_url is None else None
    valkey = start_valkey(data_dir) if redis_url is None else None
    return Engines(
        database_url=postgres.url if postgres is not None else str(database_url),
        redis_url=valkey.url if valkey is not None else str(redis_url),
        postgres=postgres,
        valkey=valkey,
    )
