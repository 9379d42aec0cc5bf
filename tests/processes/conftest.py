"""Two API processes over a database of their own, for all tests of this folder that one test process runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.engines import start_valkey
from tests.processes.house import House, house


@pytest.fixture(scope="session")
def two_doors(house_database_url: str, worker_id: str) -> Iterator[House]:
    """Two processes, listening. A test that kills one opens it again."""
    engines = Path(os.environ["INTERLOCK_TEST_ENGINES_DIR"])
    valkey = start_valkey(engines).url.rpartition("/")[0]
    number = 14 if worker_id == "master" else 14 - int(worker_id.removeprefix("gw")) - 1
    with (
        tempfile.TemporaryDirectory(prefix="ilk-house-") as folder,
        # Everybody here has one address, and comes faster than the strangers of one address may.
        house(Path(folder), house_database_url, f"{valkey}/{number}", strangers_per_minute=10_000_000) as opened,
    ):
        yield opened
