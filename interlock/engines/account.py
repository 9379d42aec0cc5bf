"""Which operating-system account PostgreSQL runs as: it refuses to run as root."""

from __future__ import annotations

import logging
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from interlock.engines.directory import EngineError

logger = logging.getLogger(__name__)

# Accounts made for this purpose by others come first; the last one is ours and is created when none exists.
CANDIDATES = ("postgres", "pgserver", "interlock")


@dataclass(frozen=True)
class Account:
    """A numeric owner for files and processes. `None` stands for: the account we already are."""

    uid: int | None
    gid: int | None

    def own(self, path: Path) -> None:
        """Give `path` to this account (nothing to do when it is our own)."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def server_account(cluster: Path) -> Account:
    """Ourselves for a normal user; as root, the owner of an existing cluster, else an unprivileged account.

    Raises EngineError when no unprivileged account exists and none can be created.
    """
    if os.geteuid() != 0:
        return Account(None, None)
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid)
    entry = _existing() or _create(CANDIDATES[-1])
    return Account(entry.pw_uid, entry.pw_gid)


def open_the_way(account: Account, *targets: Path) -> None:
    """Let `account` pass through (not list) every directory above `targets`.

    Only as root, and only the search bit: a clone below a private directory such as /root needs it.
    """
    if account.uid is None:
        return
    for directory in {parent for target in targets for parent in target.parents}:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH and directory.stat().st_uid != account.uid:
            logger.warning("letting other accounts pass through %s (chmod o+x), so that PostgreSQL can run", directory)
            directory.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)


def open_to_read(account: Account, tree: Path) -> None:
    """Make an installed tree readable for `account`, when a strict umask at installation time closed it."""
    if account.uid is None or tree.stat().st_mode & stat.S_IXOTH:
        return
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        executable = stat.S_IXGRP | stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(mode | stat.S_IRGRP | stat.S_IROTH | executable)


def _existing() -> pwd.struct_passwd | None:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next((known[name] for name in CANDIDATES if name in known), None)


def _create(name: str) -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise EngineError(
            f"PostgreSQL refuses to run as root and this system has no account {' or '.join(CANDIDATES)}. "
            "Create one, run as a normal user, or set INTERLOCK_DATABASE_URL."
        )
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    # Exit code 9: somebody created the account between our look and our attempt.
    if result.returncode not in (0, 9):
        raise EngineError(f"could not create the account {name}: {result.stderr.strip()}")
    return pwd.getpwnam(name)
