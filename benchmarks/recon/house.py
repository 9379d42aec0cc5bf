"""A world through our own Reconciler, on a real database. Only the *other* systems are played: by their files.

Two ways in: ``canonical`` gives the sides as rows (everything behind the sources is the real thing), ``native`` gives
the agents' extract and the bill as files and the hub's rows in ``recon.ledger_rows``: all of it is the real thing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from mmap import mmap
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.agents import adapter as agents
from benchmarks.recon.cases import CHANNEL, DEFINITIONS, PROCESSOR
from benchmarks.recon.direct import FOUND, batches
from benchmarks.recon.ledger import accepted
from benchmarks.recon.native import native_place
from benchmarks.recon.shape import World
from benchmarks.recon.world import invented
from hub.ports import Part, Table, Tabular
from hub.store.audit import Audit
from reconciliation.carry import opening
from reconciliation.datasets import write_dataset
from reconciliation.definitions import Definition
from reconciliation.journal import Pool
from reconciliation.matching import EngineName
from reconciliation.ports import Outcome, SourceMissing
from reconciliation.runs import DayOutcome, Progress, Reconciler, ReconOptions, silent
from reconciliation.runs.gather import Gatherer, HubSide, Snapshot
from reconciliation.sources.channel import ChannelDay
from reconciliation.sources.ledger import PostgresLedger
from reconciliation.sources.statement import ProcessorDay, StatementFile
from reconciliation.vault import Vault
from schemas.facts import Adjusted, Fact
from schemas.observation import Observation, Rejection

Way = Literal["canonical", "native"]
_NOT_HERE = Outcome(False, "refused", "nothing is corrected here")

LEAVE_ALL = """
name: default
version: measured
attempts: 1
rules: []
"""
"""What was found is what is scored: no rule resolves anything."""


class Deaf:
    """The port ``Corrections`` of a house in which nothing is set right."""

    def post(self, channel: str, message_id: str, raw: bytes) -> Outcome:
        return _NOT_HERE

    def redeliver(self, channel: str, order_no: str) -> Outcome:
        return _NOT_HERE

    def adjust(self, order_no: str, fact: Adjusted) -> Outcome:
        return _NOT_HERE

    def state(self, order_no: str, message_id: str, facts: Sequence[Fact], at: datetime) -> Outcome:
        return _NOT_HERE

    def withdraw(self, order_no: str, facts: Sequence[str], act: str, reason: str) -> Outcome:
        return _NOT_HERE

    def restore(self, order_no: str, facts: Sequence[str], act: str, reason: str) -> Outcome:
        return _NOT_HERE


class NativeFiles:
    """The ports ``Channels`` and ``Statements`` over a world's native files, read by the agents' real adapter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def extract(self, channel: str, business_date: date) -> bytes | Path:
        path = native_place(self.folder, business_date) / "agents.ndjson"
        if channel != "agents" or not path.exists():
            raise SourceMissing(f"{channel} sold nothing in this world")
        return path

    def split(self, channel: str, raw: bytes) -> Sequence[Part] | Rejection:
        return agents.split(raw)

    def parse(self, channel: str, raw: bytes) -> Observation | Rejection:
        return agents.parse(raw)

    def table(self, channel: str, raw: bytes | mmap) -> Table | Rejection | None:
        adapter: object = agents
        return adapter.table(raw) if isinstance(adapter, Tabular) else None

    def persons(self, documents: Sequence[str]) -> list[str]:
        named = (document.partition("|") for document in documents)
        return [f"{kind}|{invented(number)}" if number else "" for kind, _, number in named]

    def files(self, processor: str, business_date: date) -> Iterable[tuple[str, bytes | Path]]:
        path = native_place(self.folder, business_date) / "wechat-bill.csv"
        return [(path.name, path)] if processor == "wechat" and path.exists() else []


class RowsGatherer(Gatherer):
    """Takes the sides as canonical rows: cuts them into buckets, and that is all."""

    def __init__(self, folder: Path, options: ReconOptions, ledger: PostgresLedger, files: NativeFiles) -> None:
        super().__init__(ledger, files, files, Vault(options.raw), options.datasets)
        self.folder = folder

    def snapshot(
        self,
        business_date: date,
        wanted: Sequence[Definition],
        known: Iterable[Definition],
        carried: Iterable[str] = (),
    ) -> Snapshot:
        hub = write_dataset(self.root, batches(self.folder, business_date, "hub"))
        channel = write_dataset(self.root, batches(self.folder, business_date, "agents"))
        processor = write_dataset(self.root, batches(self.folder, business_date, "wechat"))
        bill = StatementFile("rows", processor.digest, 0, processor.rows)
        return Snapshot(
            business_date,
            HubSide(hub),
            accepted(self.folder),
            # No message stands behind a row: an empty extract is what the policy looks for evidence in.
            {"agents": ChannelDay("agents", self.vault.keep(b""), 0, channel.rows, channel)},
            {},
            {"wechat": ProcessorDay("wechat", processor, [bill])},
        )


@dataclass(slots=True)
class House:
    """A world, a database that holds nothing of it yet (for the native way: its ledger), and a folder for files."""

    pool: Pool
    uri: str
    folder: Path
    world: World
    data_dir: Path
    way: Way = "canonical"
    engine: EngineName = "duckdb"
    reconciler: Reconciler = field(init=False)
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        options = ReconOptions(self.data_dir, engine=self.engine)
        ledger, files = PostgresLedger(self.pool, self.uri), NativeFiles(self.folder)
        gatherer: Gatherer = Gatherer(ledger, files, files, Vault(options.raw), options.datasets)
        if self.way == "canonical":
            gatherer = RowsGatherer(self.folder, options, ledger, files)
        self.now = _noon_after(self.world.eve)
        self.reconciler = Reconciler(self.pool, gatherer, Deaf(), lambda: self.now, uuid4, options, Audit(bytes(32)))
        agreed = self.reconciler.policies.propose(LEAVE_ALL, "only to look", "one")
        self.reconciler.policies.decide(agreed["name"], agreed["version"], "two", agree=True)

    def reconcile(self, day: date, on_progress: Progress = silent) -> DayOutcome:
        """One date, at noon of the next."""
        self.now = _noon_after(day)
        return self.reconciler.run_day(day, DEFINITIONS, on_progress=on_progress)

    def found(self, day: date) -> pa.Table:
        """What stands in the tables for a date: its breaks, and the rows that wait."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT business_date, definition, kind, key, 'break', amount_at_stake FROM recon.breaks"
                " WHERE business_date = %s",
                (day,),
            ).fetchall()
        return pa.concat_tables([_table(rows), *(self._pending(name, day) for name in (CHANNEL, PROCESSOR))])

    def _pending(self, name: str, day: date) -> pa.Table:
        with self.pool.connection() as connection:
            carried = opening(connection, name, day + timedelta(days=1), self.reconciler.options.carries)
        found: list[tuple[object, ...]] = []
        for side, path in (("MISSING_IN_CHANNEL", carried.left), ("MISSING_IN_HUB", carried.right)):
            if path is not None:
                rows = pq.read_table(path, columns=["key", "amount", "carried"]).to_pylist()
                found += [(day, name, side, row["key"], "pending", row["amount"]) for row in rows]
        return _table(found)


def _table(rows: Sequence[tuple[object, ...]]) -> pa.Table:
    return pa.table({name: [row[n] for row in rows] for n, name in enumerate(FOUND.names)}, schema=FOUND)


def _noon_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(4), UTC)
