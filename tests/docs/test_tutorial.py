"""The tutorial "connect your channel", followed literally: every command, in order, in a fresh copy, offline.

What a reader would fetch by ``make setup`` is borrowed from the environment that runs this test; ``make setup`` itself
then finds nothing to do. All other commands do what they do for a reader.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "tutorials" / "connect-your-channel.md"
_PATIENCE_SECONDS = 180


@dataclass(frozen=True)
class Step:
    """One command, and what the page shows of its output (``...`` stands for anything)."""

    command: str
    shown: str

    def is_as_shown(self, output: str) -> bool:
        """Whether the output is what the page shows; blanks at the ends of lines do not count."""
        pattern = re.escape(_trimmed(self.shown)).replace(r"\.\.\.", ".*")
        return re.fullmatch(pattern, _trimmed(output), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def steps() -> list[Step]:
    """The commands of all console blocks in order."""
    found = []
    for block in blocks(PAGE, "console"):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = piece.partition("\n")
            found.append(Step(command, shown))
    return found


class Shell:
    """One shell, as a reader has one: what a command sets stays set for the next."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """The output and the status of one command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(_wrapped(command))
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_MARK):
                return "".join(lines), int(line.split()[1])
            lines.append(line)
        raise AssertionError(f"the shell ended at {command!r}: {''.join(lines)}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(_PATIENCE_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()


_MARK = "__STATUS__"


def _wrapped(command: str) -> str:
    return f"{command}\n_status=$?; echo; echo {_MARK} $_status\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what git would clone, with an environment in which nothing needs to be fetched."""
    folder = tmp_path / "interlock"
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    subprocess.run([sys.executable, "-m", "venv", ".venv"], cwd=folder, check=True)
    packages = next((folder / ".venv" / "lib").glob("python*")) / "site-packages"
    # A plain path: our own editable installation is not followed, so the copy is what gets imported.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = (
        "-m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable ."
    )
    subprocess.run([".venv/bin/python", *install.split()], cwd=folder, check=True)
    (folder / ".venv" / ".installed").touch()
    return folder


@pytest.fixture
def shell(clone: Path) -> Iterator[Shell]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    environment = kept | {
        "COLUMNS": "160",
        "PIP_NO_INDEX": "1",
        "INTERLOCK_PORT": str(port),
        "INTERLOCK_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    opened = Shell(clone, environment)
    try:
        yield opened
    finally:
        opened.run(".venv/bin/interlock down")
        opened.close()


@pytest.mark.system
def test_every_command_does_what_the_page_shows(shell: Shell) -> None:
    for step in steps():
        output, status = shell.run(step.command)
        broken_is_shown = re.search(r"[1-9]\d* broken", step.shown) is not None
        assert (status == 0) != broken_is_shown, f"$ {step.command}\nended with {status}:\n{output}"
        assert not step.shown.strip() or step.is_as_shown(output), (
            f"$ {step.command}\n{output}\n--- shown:\n{step.shown}"
        )


def test_the_page_shows_commands() -> None:
    commands = [step.command.split()[0] for step in steps()]
    assert len(commands) > 20
    assert commands[0] == "make"
    assert {"interlock", "python", "grep"} <= set(commands)
