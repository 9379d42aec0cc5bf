"""The real application over the test database, spoken to over HTTP semantics."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from hub.store import channels
from interlock.database import Pool
from interlock.settings import Settings
from interlock.web import build_app
from interlock.wiring import Hub, open_hub
from tests.hub.railway import SECRET


@pytest.fixture
def hub(pool: Pool, database_url: str, tmp_path: Path) -> Iterator[Hub]:
    """A hub over the test's tables (``pool`` empties them), with all five channels connected under one secret."""
    settings = Settings(
        data_dir=tmp_path, database_url=SecretStr(database_url), redis_url=SecretStr("redis://127.0.0.1:1/0")
    )
    opened = open_hub(settings, "test")
    with opened.pool.connection() as connection:
        for name in opened.channels:
            channels.register(connection, name, None, SECRET, opened.seal, opened.clock())
    yield opened
    opened.close()


@pytest.fixture
def client(hub: Hub) -> Iterator[TestClient]:
    with TestClient(build_app(hub), base_url=hub.settings.public_url, raise_server_exceptions=False) as opened:
        yield opened
