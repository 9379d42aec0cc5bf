"""The providers under test: ours always, the control where it is asked for (`--control`)."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from interlock.database import open_pool
from tests.conformance import control, ours, report
from tests.conformance.modules import NOT_OFFERED, function_name
from tests.conformance.relying import Relying
from tests.conformance.subject import Subject
from tests.relying_parties import matrix


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that wants a subject runs for each column."""
    if "column" in metafunc.fixturenames:
        columns = ["ours", *(["control"] if metafunc.config.getoption("--control") else [])]
        metafunc.parametrize("column", columns, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a column does not offer is not run there; the table names it with its reason."""
    not_offered = {(column, function_name(module)) for column, module in NOT_OFFERED}
    items[:] = [item for item in items if report.place(item)[::2] not in not_offered]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what came out, for the table."""
    made = yield
    report.keep(item, made)
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table and the matrix of this run, and keep them, where a file for them is named."""
    file: Path | None = config.getoption("--conformance-report")
    if file is None:
        return
    text = report.whole(config.stash.get(report.KEY, {}), config.stash.get(matrix.KEY, {}))
    file.write_text(text, encoding="utf-8")
    terminalreporter.write_line(text)


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
    control.need(control.missing("oidc-provider"))
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
