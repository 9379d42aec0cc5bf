"""The embedded engines: they survive being killed, can run side by side, and are found again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis

from interlock.engines import (
    EngineError,
    PostgresOptions,
    find_postgres,
    find_valkey,
    start_engines,
    start_postgres,
    start_valkey,
)
from interlock.engines.directory import DataDirectory

# For tests in which nothing crashes.
FAST = PostgresOptions(fsync=False)


def test_a_killed_postgres_comes_back_with_everything_committed(data_dir: Path) -> None:
    first = start_postgres(data_dir)
    with psycopg.connect(first.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE sale (id int)")
        connection.execute("INSERT INTO sale VALUES (1)")
        os.kill(first.pid, signal.SIGKILL)
    second = start_postgres(data_dir)
    assert second.pid != first.pid
    assert second.url == first.url
    with psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT count(*) FROM sale").fetchone() == (1,)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_a_killed_valkey_comes_back_at_the_same_address(data_dir: Path) -> None:
    first = start_valkey(data_dir)
    os.kill(first.pid, signal.SIGKILL)
    second = start_valkey(data_dir)
    assert second.pid != first.pid
    assert second.url == first.url
    with redis.Redis.from_url(second.url) as client:
        assert client.ping()


def test_valkey_refuses_whoever_does_not_know_the_password(data_dir: Path) -> None:
    engine = start_valkey(data_dir)
    port = int(engine.url.rpartition(":")[2].partition("/")[0])
    with redis.Redis(port=port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_two_data_directories_do_not_meet(data_dir: Path) -> None:
    here, there = start_engines(data_dir, options=FAST), start_engines(data_dir / "there", options=FAST)
    assert here.database_url != there.database_url
    assert here.redis_url != there.redis_url
    there.stop()
    assert here.postgres is not None
    assert here.postgres.is_running()
    assert here.valkey is not None
    assert here.valkey.is_running()


def test_starting_at_once_from_several_threads_gives_one_server(data_dir: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        started = list(threads.map(lambda _: start_postgres(data_dir, FAST), range(4)))
    assert len({engine.pid for engine in started}) == 1


def test_the_engines_outlive_the_process_that_started_them(data_dir: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from interlock.engines import PostgresOptions, start_engines;"
        "start_engines(Path(sys.argv[1]), options=PostgresOptions(fsync=False))"
    )
    subprocess.run([sys.executable, "-c", program, str(data_dir)], check=True, timeout=180)
    assert find_postgres(data_dir) is not None
    assert find_valkey(data_dir) is not None


def test_stopping_twice_is_harmless(data_dir: Path) -> None:
    engines = start_engines(data_dir, options=FAST)
    engines.stop()
    engines.stop()
    assert find_postgres(data_dir) is None
    assert find_valkey(data_dir) is None


def test_a_path_too_long_for_a_socket_uses_tcp_with_a_password(data_dir: Path) -> None:
    directory = data_dir / ("d" * 100)
    engine = start_postgres(directory, FAST)
    try:
        assert "@127.0.0.1:" in engine.url
        stranger = engine.url.replace(DataDirectory.prepare(directory).secret("postgres"), "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(stranger)
    finally:
        engine.stop()


def test_an_unusable_cluster_is_reported_with_its_log(data_dir: Path) -> None:
    start_postgres(data_dir, FAST).stop()
    (data_dir / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(EngineError, match="pg_control"):
        start_postgres(data_dir, FAST)


def test_an_interrupted_creation_is_begun_again(data_dir: Path) -> None:
    (data_dir / "postgres.new").mkdir()
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    engine = start_postgres(data_dir, FAST)
    assert engine.is_running()


def test_secrets_are_made_once_and_only_for_the_owner(tmp_path: Path) -> None:
    directory = DataDirectory.prepare(tmp_path)
    first = directory.secret("field")
    assert directory.secret("field") == first
    assert (directory.keys / "field").stat().st_mode & 0o777 == 0o600
    assert directory.keys.stat().st_mode & 0o777 == 0o700
