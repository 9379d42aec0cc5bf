"""Migrations: from empty, twice, by two processes at once; one straight line; and a pool that survives a restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.types.json import Jsonb
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


def test_lines_that_were_posted_before_they_had_a_time_get_that_of_their_fact(empty_database_url: str) -> None:
    """Revision 0008: the only change that events have seen, past their trigger; afterwards it stands again."""
    migrate(empty_database_url, "0007")
    order, fact = UUID(int=1), "payment.captured|wechat|1"
    said = {fact: {"web": {"fact": {"occurred_at": "2026-01-11T10:00:00+08:00"}}}}
    lines = [["sales", -1, "CNY", fact], ["suspense", 1, "CNY", "ticket.issued|unknown"]]
    with psycopg.connect(empty_database_url, options="-c timezone=UTC") as connection:
        connection.execute(
            """INSERT INTO hub.orders (order_id, order_no, version, sequence, witnesses, business_date, fulfilment,
                   payment, refund, dispute, complete, document, created_at, updated_at)
               VALUES (%s, 'E1', 1, 1, '{web}', '2026-01-11', '', '', '', '', true, %s, now(), now())""",
            (order, Jsonb({"facts": said})),
        )
        connection.execute(
            """INSERT INTO hub.events (event_id, order_id, sequence, type, origin, business_date, statements, postings,
                   recorded_at) VALUES (%s, %s, 1, 'order.paid', 'web', '2026-01-11', '[]', %s, '2026-01-12T00:00Z')""",
            (order, order, Jsonb(lines)),
        )
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url, options="-c timezone=UTC") as connection:
        found = connection.execute("SELECT account, happened_at FROM hub.book_lines ORDER BY n").fetchall()
        assert found == [
            ("sales", datetime(2026, 1, 11, 2, tzinfo=UTC)),
            (
                "suspense",
                datetime(2026, 1, 12, tzinfo=UTC),
            ),  # a fact that its order no longer has: when it was recorded
        ]
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            connection.execute("UPDATE hub.events SET postings = '[]'")


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
