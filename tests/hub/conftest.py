"""The small railway, over the test database."""

import pytest

from interlock.clock import SetClock
from interlock.database import Pool
from tests.hub.railway import Railway, open_railway


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock)
