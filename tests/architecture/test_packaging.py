"""What is needed at run time is in the wheel, and what is installed is locked by hash without naming any server."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a freshly built wheel."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(next(target.glob("*.whl"))) as archive:
        return set(archive.namelist())


def test_every_data_file_of_our_packages_is_in_the_wheel(wheel: set[str]) -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    tracked = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert tracked - wheel == set()
    for ending in (".csv", ".json", ".mako"):
        assert any(name.endswith(ending) for name in wheel), ending


def test_tests_are_not_in_the_wheel(wheel: set[str]) -> None:
    assert not [name for name in wheel if name.startswith(("tests/", "docs/", "benchmarks/"))]


def test_our_channels_are_registered() -> None:
    assert set(PROJECT["project"]["entry-points"]["interlock.channels"]) == {
        "web",
        "app",
        "phone",
        "agents",
        "windows",
        "osdm",
    }


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_server(name: str) -> None:
    assert not re.search(r"https?://|--index|--find-links|file:|@ ", (ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", LOCKS)
def test_everything_in_a_lock_has_a_version_and_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text.partition("\n#    make lock\n")[2])
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9, -]+\])?==[^ ]+", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_every_direct_dependency(name: str) -> None:
    groups = ["build"] if name == "requirements.lock" else ["build", "dev"]
    wanted = PROJECT["project"]["dependencies"] + [
        requirement for group in groups for requirement in PROJECT["dependency-groups"][group]
    ]
    locked = set(
        re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    )
    missing = {re.split(r"[\[><=~!]", requirement)[0] for requirement in wanted} - locked
    assert missing == set(), "run `make lock`"
