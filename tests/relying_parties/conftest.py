"""Our provider, listening, for relying parties that other people wrote."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager

import pytest

from interlock.database import open_pool
from sso.admin import Registration
from tests.conformance import control, ours
from tests.conformance.parties import RESOURCE
from tests.conformance.relying import Relying
from tests.conformance.subject import Subject
from tests.relying_parties import apache
from tests.relying_parties.matrix import keep

SERVER_SECRET = "server-secret-for-the-checklist-0123456789"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what came out, for the matrix."""
    report = yield
    keep(item, report)
    return report


@pytest.fixture(scope="session")
def apache_port() -> int:
    """Where Apache will listen; its redirect URI is registered before it starts."""
    return control.free_port()


@pytest.fixture(scope="session")
def provider(another_database: Callable[[str], AbstractContextManager[str]], apache_port: int) -> Iterator[Subject]:
    """The provider, with the parties of the checklist, a resource server that introspects, and Apache."""
    relying = Relying()
    server = Registration(
        "server", "server", "server", ["hub:orders"], secret=SERVER_SECRET, client_credentials=True, resource=RESOURCE
    )
    with (
        another_database("parties") as url,
        open_pool(url, "test", min_size=1, max_size=20) as pool,
        ours.running(pool, relying, [server, apache.registration(apache_port)]) as subject,
    ):
        yield subject
    relying.close()


@pytest.fixture
def subject(provider: Subject) -> Iterator[Subject]:
    """The provider, with nothing left over at the parties' endpoints."""
    provider.listening.forget()
    yield provider
    provider.close_browsers()
