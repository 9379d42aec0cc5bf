"""The examples as strangers would use them: installed as packages, found by entry point, green."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

EXAMPLES = {"station-gates": "gates", "coach-partner": "coach"}


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The channel, and the folder into which pip installed its package (built from a copy, offline)."""
    copy = tmp_path_factory.mktemp("source") / request.param
    shutil.copytree(ROOT / "examples" / request.param, copy)
    target = tmp_path_factory.mktemp("installed")
    install = "-m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --target"
    subprocess.run([sys.executable, *install.split(), str(target), str(copy)], check=True, capture_output=True)
    return EXAMPLES[request.param], target


def run(example: tuple[str, Path], *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(example[1]), str(ROOT))), "COLUMNS": "160"}
    return subprocess.run([sys.executable, *words], env=environment, cwd=cwd, capture_output=True, text=True)


def test_it_is_found_and_all_green(example: tuple[str, Path], tmp_path: Path) -> None:
    listed = run(example, "-m", "interlock", "adapter", "list", "--json", cwd=tmp_path)
    assert example[0] in {found["name"] for found in json.loads(listed.stdout)}, listed.stderr
    checked = run(example, "-m", "interlock", "adapter", "check", example[0], "--json", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["broken"] == 0


def test_its_samples_travel_with_it(example: tuple[str, Path], tmp_path: Path) -> None:
    (sample,) = example[1].glob("*/samples/reject-impossible-date.native.*")
    tried = run(example, "-m", "interlock", "adapter", "try", example[0], str(sample), cwd=tmp_path)
    assert "time_invalid" in tried.stdout, tried.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_own_tests_pass(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder)
    tested = run((name, folder), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=folder)
    assert tested.returncode == 0, tested.stdout + tested.stderr
