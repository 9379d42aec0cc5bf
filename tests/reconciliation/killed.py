"""Processes that reconcile a day and are killed before a step of their own choosing. Started by test_killed.py.

``python -m tests.reconciliation.killed`` reads lists of jobs as JSON, one a line, forks a process for each job of a
list and answers how they ended: a fork has everything imported already, and knows what a first run finds out slowly.

Everything that survives a real crash survives here: PostgreSQL, the files, and what other systems were told.
"""

import json
import os
import pickle
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from interlock.database import open_pool
from reconciliation.datasets import rows_to_table
from reconciliation.definitions import definitions
from reconciliation.matching import scope_sql
from reconciliation.matching.plan import plan_of
from reconciliation.matching.queries import compiled
from reconciliation.ports import Outcome
from reconciliation.rows import Row
from reconciliation.runs import ReconOptions
from schemas.observation import Observation
from tests.reconciliation.house import (
    DAY,
    Clock,
    House,
    at,
    bill_of,
    content,
    issued,
    movements_of,
    reconciler,
    sale,
    tell,
    wechat_bill,
)


class LastingHouse(House):
    """A hub that keeps what it was told beyond the death of who told it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def remember(self) -> None:
        """Take up what was posted before."""
        for path in sorted(self.folder.glob("*.told")):
            self.hub(pickle.loads(path.read_bytes()))

    def post(self, channel: str, message_id: str, raw: bytes) -> Outcome:
        path = self.folder / f"{message_id}.told"
        path.write_bytes(pickle.dumps(Observation.model_validate_json(raw)))
        return super().post(channel, message_id, raw)


def the_day(folder: Path) -> LastingHouse:
    """A sale that never arrived, another fare, a seat sold twice, money that nobody asked for: a break of each sort."""
    world = LastingHouse(folder)
    world.both(sale("web", "EW10000001", at("09:00")))
    world.both(sale("web", "EW10000002", at("09:10"), coach="06"))
    lost = sale("web", "EW10000003", at("10:00"), coach="07")
    world.both(lost)
    world.hub(tell("web", "EW10000004", at("11:00"), [issued(content("EW10000004", "web", 10000, "08"), at("11:00"))]))
    world.channel(
        tell("web", "EW10000004", at("11:00"), [issued(content("EW10000004", "web", 25000, "08"), at("11:00"))])
    )
    world.both(sale("web", "EW10000005", at("13:00"), coach="06"))
    bill_of(world)
    stray = ("refund", "R99", "EW10000002", 900, at("10:20"))
    world.statements["wechat"] = [("bill.csv", wechat_bill([*movements_of(world), stray]))]
    del world.documents["EW10000003"]
    world.remember()
    return world


def live(url: str, folder: str, hub: str, names: list[str], kill_at: int | None) -> None:
    """Reconcile the day of the hub kept in ``hub``; die by SIGKILL before step ``kill_at`` (from 1)."""
    taken = 0

    def step(name: str) -> None:
        nonlocal taken
        taken += 1
        with (Path(folder) / "steps.txt").open("a", encoding="utf-8") as log:
            log.write(f"{name}\n")
        if taken == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    pool = open_pool(url, "killed", min_size=1, max_size=6)
    try:
        house = the_day(Path(hub))
        # One piece for each file of a side: two of them.
        options = ReconOptions(Path(folder) / "data", rows_at_once=1)
        reconciler(pool, house, Clock(), options.data_dir, steps=step, options=options).run_day(DAY, names)
    finally:
        pool.close()


def serve() -> None:
    """Fork what is asked for, until nobody asks any more."""
    for definition in definitions().values():
        if definition.name in {"hub-web", "hub-wechat"}:
            for by_hash in (True, False):
                compiled(plan_of(definition, DAY), "duckdb", by_hash, False)
            scope_sql(definition, DAY)
    rows_to_table([Row(key="", kind="ticket", order_no="", at=0)])
    for line in sys.stdin:
        children = [_fork(job) for job in json.loads(line)]
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(ended), flush=True)


def _fork(job: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        try:
            live(**job)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


if __name__ == "__main__":
    serve()
