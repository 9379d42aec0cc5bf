"""Migrations: from empty, twice, by two processes at once; one straight line; and a pool that survives a restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from interlock.database import MIGRATIONS, Pool, migrate, migration_state, open_pool, sqlalchemy_url
from interlock.engines import PostgresOptions, start_postgres


def test_from_empty_to_head_and_again(empty_database_url: str) -> None:
    assert migration_state(empty_database_url).current is None
    state = migrate(empty_database_url)
    assert state.is_current
    assert migrate(empty_database_url) == state


def test_two_processes_at_once_do_the_work_once(empty_database_url: str) -> None:
    program = "import sys; from interlock.database import migrate; print(migrate(sys.argv[1]).is_current)"
    command = [sys.executable, "-c", program, empty_database_url]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == ["True", "True"]


def test_the_history_is_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    revisions = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [revision.revision for revision in revisions] == [f"{n:04}" for n in range(len(revisions), 0, -1)]


def test_a_migration_does_not_wait_long_for_a_lock_and_can_be_run_again(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as blocker:
        blocker.execute("LOCK TABLE alembic_version")
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate(empty_database_url)
        blocker.rollback()
    assert migrate(empty_database_url).is_current


def test_the_driver_is_named_for_sqlalchemy_and_other_databases_are_refused() -> None:
    assert sqlalchemy_url("postgresql://u@/d?host=/x") == "postgresql+psycopg://u@/d?host=/x"
    with pytest.raises(ValueError, match="postgresql://"):
        sqlalchemy_url("sqlite:///x")


def test_sessions_are_in_utc_and_carry_the_name_of_their_pool(pool: Pool) -> None:
    with pool.connection() as connection:
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        assert connection.execute("SHOW application_name").fetchone() == ("test",)


def test_a_pool_survives_a_crash_of_the_server(data_dir: Path) -> None:
    options = PostgresOptions(fsync=False)
    engine = start_postgres(data_dir, options)
    pool = open_pool(engine.url, "crash", max_size=2)
    try:
        with pool.connection() as connection:
            connection.execute("SELECT 1")
        os.kill(engine.pid, signal.SIGKILL)
        engine = start_postgres(data_dir, options)
        with pool.connection(timeout=10) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        pool.close()
        engine.stop()
