"""The providers under test: ours always, the control where it is asked for (`--control`)."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from interlock.database import open_pool
from tests.conformance import control, ours
from tests.conformance.relying import Relying
from tests.conformance.report import keep
from tests.conformance.subject import Subject


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that wants a subject runs for each column."""
    if "column" in metafunc.fixturenames:
        columns = ["ours", *(["control"] if metafunc.config.getoption("--control") else [])]
        metafunc.parametrize("column", columns, scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what came out, for the table."""
    report = yield
    keep(item, report)
    return report


@pytest.fixture(scope="session")
def relying() -> Iterator[Relying]:
    """The endpoints of the parties."""
    started = Relying()
    yield started
    started.close()


@pytest.fixture(scope="session")
def started(column: str, relying: Relying, request: pytest.FixtureRequest) -> Iterator[Subject]:
    """The provider of this column, listening for as long as its tests run."""
    if column == "ours":
        with (
            request.getfixturevalue("another_database")("checklist") as url,
            open_pool(url, "test", min_size=1, max_size=20) as pool,
            ours.running(pool, relying) as subject,
        ):
            yield subject
        return
    if absent := control.missing("oidc-provider"):
        pytest.skip(absent)
    with tempfile.TemporaryDirectory(prefix="ilk-") as folder, control.running(Path(folder), relying) as subject:
        yield subject


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> str:
    """How answers come back."""
    return str(getattr(request, "param", "query"))


@pytest.fixture
def subject(started: Subject, mode: str) -> Iterator[Subject]:
    """The provider of this column, with nothing left over at the parties' endpoints."""
    started.listening.forget()
    started.mode = mode
    yield started
    started.close_browsers()
