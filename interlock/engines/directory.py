"""The data directory: its layout, who may enter it, its locks and its secrets.

postgres/   the database cluster (and its socket)      run/    pid files, ports, locks, the beat schedule
valkey/     Valkey's working directory                 logs/   one file per process
keys/       secrets, 0600, never shown
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUBDIRECTORIES = {"run": 0o711, "logs": 0o711, "keys": 0o700}
PORT_SECONDS = 2.0


class EngineError(Exception):
    """An embedded engine could not be started or stopped; the message says which, why, and what to do next."""


@dataclass(frozen=True)
class DataDirectory:
    """The prepared data directory. Build it with `DataDirectory.prepare(path)`."""

    path: Path

    @classmethod
    def prepare(cls, path: Path) -> DataDirectory:
        """Create the directory and its rooms where they are missing; returns it with an absolute path."""
        absolute = path.expanduser().resolve()
        # As root the servers run as another account, which has to pass through but need not list.
        absolute.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        for name, mode in SUBDIRECTORIES.items():
            (absolute / name).mkdir(exist_ok=True, mode=mode)
        return cls(absolute)

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold `run/NAME.lock` against other processes; the kernel frees it if the holder dies."""
        with (self.run / f"{name}.lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def secret(self, name: str) -> str:
        """The secret called `name`, 43 URL-safe characters (32 random bytes), made on first use."""
        return write_once(self.keys / name, secrets.token_urlsafe(32))

    def saved_port(self, name: str) -> int:
        """The TCP port this engine used last, if it is free; otherwise a new free one, which is saved.

        Keeping the port means that the URLs other processes hold stay right across a restart. A server that has just
        been killed lets go of its port a moment later, so a busy one is tried for two seconds.
        """
        path = self.run / f"{name}.port"
        saved = int(path.read_text()) if path.exists() else 0
        deadline = time.monotonic() + PORT_SECONDS
        while saved and not _is_free(saved) and time.monotonic() < deadline:
            time.sleep(0.02)
        port = saved if saved and _is_free(saved) else _free_port()
        path.write_text(str(port))
        return port


def write_once(path: Path, value: str) -> str:
    """Write `value` to `path` (0600) unless it exists; returns what the file holds. Two writers agree on one value."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as handle:
            handle.write(value)
        # A hard link either takes the name or fails, and never shows a half-written file.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message; empty when there is no log."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
