"""The second engine's tests start a JVM each time they run: only where they are asked for (`make test-spark`)."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if config.getoption("--spark") else True
