"""Fixtures on real engines: one PostgreSQL and one Valkey per test run, one database per test process.

The servers start when the first test asks for one and stop with the run. The schema comes from our migrations, run once
from empty; every test process gets a copy of that database.
"""

from __future__ import annotations

import contextlib
import locale
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from interlock.clock import SetClock
from interlock.database import Pool, migrate, open_pool
from interlock.engines import PostgresOptions, find_postgres, find_valkey, start_postgres, start_valkey
from interlock.engines.directory import DataDirectory

# An inconvenient place on purpose: +12:45 with daylight saving, and (where installed) Turkish letters, decimal commas.
os.environ["TZ"] = "Pacific/Chatham"
time.tzset()
os.environ["LC_ALL"] = "tr_TR.UTF-8"
with contextlib.suppress(locale.Error):
    locale.setlocale(locale.LC_ALL, "")

ENGINES_DIR = "INTERLOCK_TEST_ENGINES_DIR"
TEMPLATE = "interlock_template"
SCHEMAS = ["hub", "sso", "recon"]
NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)


# --- the run: servers belong to the process that was started first, not to its xdist workers ------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Golden texts are written when somebody asks for it, and then read by a person; never in a check."""
    parser.addoption("--write-golden", action="store_true", help="write golden texts instead of comparing them")
    parser.addoption("--fuzz-examples", type=int, default=2, help="how many requests to try at each of our addresses")
    parser.addoption("--claims", type=int, default=2000, help="how many claims five channels make at once")
    parser.addoption("--screenshots", metavar="FOLDER", help="keep a picture of every page a browser test looks at")
    parser.addoption("--rounds", type=int, default=200, help="how often two processes are told the same at once")
    parser.addoption("--redemptions", type=int, default=10, help="how often each one-time artefact is raced for")
    parser.addoption("--key-rotations", type=int, default=1, help="how often a signing key is rotated under load")
    parser.addoption("--conformance-report", type=Path, help="a file for the table of the checklist and the matrix")
    parser.addoption("--every-step", action="store_true", help="kill runs of all sorts of pairs, not only of one")
    parser.addoption("--spark", action="store_true", help="run tests/spark: the second engine (needs pyspark, Java)")
    parser.addoption("--control", action="store_true", help="run the checklist against node oidc-provider too")


def pytest_configure(config: pytest.Config) -> None:
    """Choose where this run's engines live; the workers inherit the choice. (A short path: it holds a socket.)"""
    if not hasattr(config, "workerinput"):
        os.environ[ENGINES_DIR] = tempfile.mkdtemp(prefix="ilk-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run has started, and remove it."""
    if hasattr(config, "workerinput"):
        return
    directory = Path(os.environ[ENGINES_DIR])
    for engine in (find_valkey(directory), find_postgres(directory)):
        if engine is not None:
            engine.stop()
    shutil.rmtree(directory, ignore_errors=True)


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The superuser's URL of this run's server. Its durability is off: nothing here survives the run."""
    options = PostgresOptions(fsync=False, shared_buffers="64MB", max_wal_size="1GB")
    return start_postgres(Path(os.environ[ENGINES_DIR]), options).url


@pytest.fixture(scope="session")
def database_url(postgres_url: str, worker_id: str) -> Iterator[str]:
    """A database of this test process's own, migrated from empty to head."""
    name = f"test_{worker_id}"
    with DataDirectory.prepare(Path(os.environ[ENGINES_DIR])).locked("template"):
        _ensure_template(postgres_url)
        _create_database(postgres_url, name, TEMPLATE)
    yield with_database(postgres_url, name)
    with psycopg.connect(postgres_url, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[TupleRow]]:
    """A connection whose transaction is rolled back after the test. For code that does not commit."""
    with psycopg.connect(database_url, options="-c timezone=UTC") as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """A pool for code that commits. Afterwards every table is as the migrations left it."""
    migrated = _rows_from_migrations(database_url)
    opened = open_pool(database_url, "test", min_size=1, max_size=20)
    yield opened
    opened.close()
    _restore(database_url, migrated)


@pytest.fixture(scope="session")
def house_database_url(postgres_url: str, database_url: str, worker_id: str) -> Iterator[str]:
    """Another migrated database, for processes that run beside several tests: nobody empties it between them."""
    name = f"house_{worker_id}"
    _create_database(postgres_url, name, TEMPLATE)
    yield with_database(postgres_url, name)
    with psycopg.connect(postgres_url, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def another_database(
    postgres_url: str, database_url: str, worker_id: str
) -> Callable[[str], contextlib.AbstractContextManager[str]]:
    """Makes more migrated databases, each with a name: for what serves many tests, and is not emptied between them."""

    @contextlib.contextmanager
    def made(name: str) -> Iterator[str]:
        named = f"{name}_{worker_id}"
        _create_database(postgres_url, named, TEMPLATE)
        yield with_database(postgres_url, named)
        with psycopg.connect(postgres_url, dbname="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(named)))

    return made


@pytest.fixture
def empty_database_url(postgres_url: str, worker_id: str) -> Iterator[str]:
    """A database with nothing in it, not even our schema. For tests of migrations and whole systems."""
    name = f"empty_{worker_id}"
    _create_database(postgres_url, name, "template0")
    yield with_database(postgres_url, name)
    with psycopg.connect(postgres_url, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data directory for engines of the test's own; whatever runs there is stopped afterwards.

    Not below pytest's temporary directory: as root the servers run as another account, and every pytest that starts
    closes that directory to other accounts again. The short path also leaves room for a socket.
    """
    directory = Path(tempfile.mkdtemp(prefix="ilk-"))
    yield directory
    for engine in (find_valkey(directory), find_postgres(directory)):
        if engine is not None:
            engine.stop()
    shutil.rmtree(directory)


# --- Valkey, time --------------------------------------------------------------------------------------------------


@pytest.fixture
def valkey_url(worker_id: str) -> Iterator[str]:
    """A Valkey database of this test process's own, emptied after the test."""
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    base = start_valkey(Path(os.environ[ENGINES_DIR])).url
    url = f"{base.rpartition('/')[0]}/{number}"
    yield url
    with redis.Redis.from_url(url) as client:
        client.flushdb()


@pytest.fixture
def clock() -> SetClock:
    """A clock that stands at noon in Beijing on 10 March 2026 until the test moves it."""
    return SetClock(NOON)


# --- the network: this machine only --------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """Let no test reach beyond this machine, by accident or on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The name of this test process: `master` alone, `gw0`, `gw1`... under xdist."""
    workerinput: dict[str, str] = getattr(request.config, "workerinput", {})
    return workerinput.get("workerid", "master")


def with_database(url: str, name: str) -> str:
    """The same server's URL, but for the database `name`."""
    head, _, options = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


def _guarded(original: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        inet = self.family in (socket.AF_INET, socket.AF_INET6)
        if inet and not (str(address[0]).startswith("127.") or address[0] in ("::1", "localhost")):
            raise AssertionError(f"a test tried to reach {address[0]}: only this machine is allowed")
        return original(self, address)

    return guarded


def _ensure_template(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, dbname="postgres", autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone():
            return
    draft = f"{TEMPLATE}_draft"
    _create_database(postgres_url, draft, "template0")
    migrate(with_database(postgres_url, draft))
    with psycopg.connect(postgres_url, dbname="postgres", autocommit=True) as connection:
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(rename.format(sql.Identifier(draft), sql.Identifier(TEMPLATE)))


def _create_database(postgres_url: str, name: str, template: str) -> None:
    with psycopg.connect(postgres_url, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))


SMALL_TABLE_BYTES = 1_000_000
Snapshot = dict[tuple[str, str], list[bytes]]
_snapshots: dict[str, Snapshot] = {}


def _tables(connection: Connection[TupleRow]) -> list[tuple[str, str]]:
    """(schema, table) of every table of ours that holds rows."""
    found = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.oid",
        (SCHEMAS,),
    ).fetchall()
    if not found:
        return []
    probe = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}::int WHERE EXISTS (SELECT FROM {})").format(position, sql.Identifier(*table))
        for position, table in enumerate(found)
    )
    return [found[row[0]] for row in connection.execute(probe).fetchall()]


def _rows_from_migrations(database_url: str) -> Snapshot:
    """The rows that migrations insert, to put them back into emptied tables. Read before the first test commits."""
    if database_url not in _snapshots:
        with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
            rows: Snapshot = {}
            for table in _tables(connection):
                with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*table))) as copy:
                    rows[table] = [bytes(chunk) for chunk in copy]
            _snapshots[database_url] = rows
    return _snapshots[database_url]


def _restore(database_url: str, migrated: Snapshot) -> None:
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        # Without this, triggers that keep a table append-only would refuse.
        cursor.execute("SET session_replication_role = replica")
        # A test may have left sessions in a transaction; their locks must not hang the whole run.
        cursor.execute("SET lock_timeout = '10s'")
        tables = list(dict.fromkeys([*_tables(connection), *migrated]))
        if not tables:
            return
        # A truncated table gets new files, which takes longer than deleting the few rows that most tests leave.
        size = sql.SQL("SELECT pg_total_relation_size({})")
        for table in tables:
            name = sql.Identifier(*table)
            large = cursor.execute(size.format(sql.Literal(name.as_string()))).fetchone()
            act = "DELETE FROM {}" if large and large[0] < SMALL_TABLE_BYTES else "TRUNCATE {} CASCADE"
            cursor.execute(sql.SQL(act).format(name))
        cursor.execute(
            """SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false)
               FROM pg_sequences WHERE schemaname = ANY(%s) AND last_value IS NOT NULL""",
            (SCHEMAS,),
        )
        for table, chunks in migrated.items():
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(*table))) as copy:
                for chunk in chunks:
                    copy.write(chunk)
