"""The import contracts of pyproject.toml hold, and each of them catches what it is there to catch."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ["schemas", "hub", "adapters", "sso", "reconciliation", "interlock", "simulators"]
CHANNELS = ["web", "app", "phone", "agents", "windows", "osdm"]
HUB = ["api", "delivery", "intake", "store", "ledger", "ports"]
MODULES = [*ROOMS, *(f"adapters.{channel}" for channel in CHANNELS), *(f"hub.{module}" for module in HUB)]

# contract, the module that offends, what it imports
VIOLATIONS = [
    ("one-way", "schemas", "import hub"),
    ("one-way", "hub", "import adapters"),
    ("one-way", "hub.intake", "import interlock"),
    ("one-way", "adapters.web", "import reconciliation"),
    ("one-way", "reconciliation", "import adapters.web"),
    ("one-way", "reconciliation", "import interlock"),
    ("sso-alone", "sso", "import schemas"),
    ("sso-alone", "sso", "import hub"),
    ("sso-alone", "sso", "import interlock"),
    ("nobody-imports-sso", "hub.api", "import sso"),
    ("nobody-imports-sso", "simulators", "import sso"),
    ("simulators-are-strangers", "simulators", "import hub.ports"),
    ("simulators-are-strangers", "simulators", "import adapters.web"),
    ("simulators-are-strangers", "simulators", "import interlock"),
    ("nobody-imports-simulators", "reconciliation", "import simulators"),
    ("adapters-apart", "adapters.web", "import adapters.app"),
    ("adapters-apart", "adapters.windows", "import adapters.phone"),
    ("adapters-by-ports", "adapters.web", "import hub.store"),
    ("adapters-by-ports", "adapters.agents", "import hub.ledger"),
    ("inside-the-hub", "hub.ports", "import hub.ledger"),
    ("inside-the-hub", "hub.ledger", "import hub.store"),
    ("inside-the-hub", "hub.store", "import hub.intake"),
]


def contracts() -> dict[str, str]:
    """The name of each contract in pyproject.toml by its id."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract["name"] for contract in config["tool"]["importlinter"]["contracts"]}


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages in `directory`, by the contracts in its pyproject.toml."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """The rooms with nothing in them, under the real contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module in MODULES:
        package = tmp_path / module.replace(".", "/")
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    return tmp_path


def test_the_contracts_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_rooms_with_nothing_in_them_break_nothing(skeleton: Path) -> None:
    result = lint(skeleton)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("contract", "module", "statement"), VIOLATIONS)
def test_a_violation_is_caught(skeleton: Path, contract: str, module: str, statement: str) -> None:
    (skeleton / module.replace(".", "/") / "__init__.py").write_text(f"{statement}\n")
    result = lint(skeleton)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{contracts()[contract]} BROKEN" in " ".join(result.stdout.split())


def test_a_drawer_for_everything_cannot_appear_in_the_hub(skeleton: Path) -> None:
    (skeleton / "hub" / "utils.py").touch()
    result = lint(skeleton)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "utils" in result.stdout


def test_every_contract_has_a_violation_that_proves_it() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == set(contracts())


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_is_a_drawer(room: str) -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "core", "shared", "misc"}
    found = [path for path in (ROOT / room).rglob("*") if path.stem in drawers and "__pycache__" not in path.parts]
    assert found == []
