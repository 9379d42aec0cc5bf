"""A run killed before any of its steps, by a real SIGKILL of a real process: the next one comes to the same result."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
Another = Callable[[str], AbstractContextManager[str]]


class Processes:
    """Starts fresh processes that need not import everything again."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.reconciliation.killed"]
        self.server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, *jobs: dict[str, Any]) -> list[int]:
        """One process for each job, side by side; how they ended."""
        if self.server.stdin is None or self.server.stdout is None:
            raise ValueError("the server has no pipes")
        self.server.stdin.write(json.dumps(jobs) + "\n")
        self.server.stdin.flush()
        ended: list[int] = json.loads(self.server.stdout.readline())
        return ended

    def stop(self) -> None:
        self.server.communicate()


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    started = Processes()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def names(request: pytest.FixtureRequest) -> list[str]:
    """The pairs that are run; all sorts of them when somebody asks for it: each step of each is one more process."""
    return ["hub-web", "hub-wechat", "seats"] if request.config.getoption("--every-step") else ["hub-web"]


def job(url: str, folder: Path, names: list[str], hub: str = "hub", kill_at: int | None = None) -> dict[str, Any]:
    """One process from its beginning to its end."""
    folder.mkdir(exist_ok=True)
    return {"url": url, "folder": str(folder), "hub": str(folder / hub), "names": names, "kill_at": kill_at}


def found(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that a run leaves, without times and random names."""
    with psycopg.connect(url) as connection:
        return {what: connection.execute(query).fetchall() for what, query in LEFT_BEHIND.items()}


LEFT_BEHIND = {
    "runs": """SELECT definition, run_id, state, reason, left_rows, right_rows, matched, adjusted, pending, break_count,
                      break_fen, closing_count, pieces_done, pieces_total, rows_done, rows_total, stage
               FROM recon.runs ORDER BY 1, 2""",
    "inputs": "SELECT run_id, side, source, name, sha256, digest, rows FROM recon.inputs ORDER BY 1, 2, 3, 4",
    "pieces": "SELECT run_id, piece, state, result FROM recon.pieces ORDER BY 1, 2",
    "breaks": """SELECT definition, kind, key, break_id, left_value, right_value, amount_at_stake, evidence, covers,
                        state, run_id, last_run_id, cleared_run_id FROM recon.breaks ORDER BY 1, 2, 3""",
    "resolutions": """SELECT DISTINCT break_id, action, policy, amount FROM recon.resolutions WHERE state = 'applied'
                      ORDER BY 1, 2""",
    "suspense": """SELECT break_id, account, sum(amount) FROM recon.postings GROUP BY 1, 2 HAVING sum(amount) <> 0
                   ORDER BY 1, 2""",
}


@pytest.fixture(scope="module")
def undisturbed(
    processes: Processes,
    another_database: Another,
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
) -> Iterator[tuple[dict[str, list[tuple[Any, ...]]], list[str]]]:
    """What a run leaves that nobody killed, and the steps it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with another_database("undisturbed") as url:
        assert processes.run(job(url, folder, names)) == [0]
        yield found(url), (folder / "steps.txt").read_text().splitlines()


def test_killed_before_every_step_in_turn(
    processes: Processes,
    another_database: Another,
    tmp_path: Path,
    names: list[str],
    undisturbed: tuple[dict[str, list[tuple[Any, ...]]], list[str]],
) -> None:
    """The first process dies before its first step, the second before its second: each takes up what they have left."""
    expected, steps = undisturbed
    with another_database("killed") as url:
        for kill_at in range(1, len(steps) + 2):
            (ended,) = processes.run(job(url, tmp_path, names, kill_at=kill_at))
            if ended == 0:
                break
            assert ended == -signal.SIGKILL
        assert ended == 0
        assert found(url) == expected


def test_two_processes_race_for_one_day(
    processes: Processes,
    another_database: Another,
    tmp_path: Path,
    names: list[str],
    undisturbed: tuple[dict[str, list[tuple[Any, ...]]], list[str]],
) -> None:
    """One does it, the other finds it done."""
    with another_database("raced") as url:
        assert processes.run(*(job(url, tmp_path, names, hub) for hub in "ab")) == [0, 0]
        assert found(url) == undisturbed[0]
