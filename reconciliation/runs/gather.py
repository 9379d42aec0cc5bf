"""One snapshot of every side, before anything is matched or resolved: a correction must not change what is compared."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from reconciliation.breaks import Accepted, accepted_values
from reconciliation.datasets import Dataset
from reconciliation.definitions import Definition
from reconciliation.ports import Channels, HubDay, Ledger, LedgerSnapshot, SourceMissing, Statements
from reconciliation.sources.channel import ChannelDay, read_channel_day
from reconciliation.sources.statement import ProcessorDay, read_processor_day
from reconciliation.vault import Vault


@dataclass(slots=True)
class HubSide:
    """The hub's rows of a date in datasets that share no order.

    ``main``: orders on which anything was stated for the date. ``rivals``: other holders of the same seats.
    ``spoken``: orders that only the other sides, or rows carried into the date, speak of.
    """

    main: Dataset
    rivals: Dataset | None = None
    spoken: Dataset | None = None

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return tuple(each for each in (self.main, self.rivals, self.spoken) if each is not None)

    @property
    def seated(self) -> tuple[Dataset, ...]:
        """What seats are compared in; who else is spoken of depends on which pairs are run."""
        return tuple(each for each in (self.main, self.rivals) if each is not None)


@dataclass(slots=True)
class Snapshot:
    """What every system says of a date. ``missing``: channel -> why its extract is not there."""

    business_date: date
    hub: HubSide
    accepted: Accepted = frozenset()
    channels: dict[str, ChannelDay] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    processors: dict[str, ProcessorDay] = field(default_factory=dict)

    def claims(self) -> tuple[Dataset, ...]:
        """What the channels themselves state, payments and refunds among it."""
        return tuple(day.dataset for _, day in sorted(self.channels.items()) if day.dataset is not None)


class Gatherer:
    """Reads the sources of a day through the ports; rows go to files, never through Python as a whole."""

    def __init__(self, ledger: Ledger, channels: Channels, statements: Statements, vault: Vault, root: Path) -> None:
        self.ledger = ledger
        self.channels = channels
        self.statements = statements
        self.vault = vault
        self.root = root

    def snapshot(
        self,
        business_date: date,
        wanted: Sequence[Definition],
        known: Iterable[Definition],
        carried: Iterable[str] = (),
    ) -> Snapshot:
        """Everything that ``wanted`` definitions need. A processor's lines are explained by what channels claim, so
        those need every channel of the ``known`` definitions too; ``carried``: numbers of orders carried into it."""
        with ThreadPoolExecutor(1, thread_name_prefix="gather") as beside:
            # Extracts are the longest; what the processors and the ledger say is read at the same time.
            reading = beside.submit(self._all_channels, _channels_of(wanted, known), business_date)
            processors = {name: self._processor(name, business_date) for name in _processors_of(wanted)}
            with self.ledger.snapshot(business_date) as ledger:
                main = ledger.export(self.root)
                channels, missing = reading.result()
                others = [day.dataset for day in channels.values() if day.dataset is not None]
                others += [day.dataset for day in processors.values() if day.dataset is not None]
                hub, accepted = self._hub(ledger, main, others, set(carried))
        return Snapshot(business_date, hub, accepted, channels, missing, processors)

    def _all_channels(self, names: Sequence[str], business_date: date) -> tuple[dict[str, ChannelDay], dict[str, str]]:
        """What each channel says, and why others say nothing."""
        channels: dict[str, ChannelDay] = {}
        missing: dict[str, str] = {}
        for name in names:
            try:
                channels[name] = self._channel(name, business_date)
            except SourceMissing as reason:
                missing[name] = str(reason)
        return channels, missing

    def _channel(self, name: str, business_date: date) -> ChannelDay:
        raw = self.channels.extract(name, business_date)
        sha256 = self.vault.keep_file(raw) if isinstance(raw, Path) else self.vault.keep(raw)
        return read_channel_day(self.channels, name, self.vault.path(sha256), sha256, self.root)

    def _processor(self, name: str, business_date: date) -> ProcessorDay:
        found = self.statements.files(name, business_date)
        return read_processor_day(self.vault, name, found, business_date, self.root)

    def _hub(
        self, ledger: LedgerSnapshot, main: HubDay, others: Sequence[Dataset], carried: set[str]
    ) -> tuple[HubSide, Accepted]:
        hub, adjusted = HubSide(main.dataset), list(main.adjusted)
        if rivals := _strangers(main.dataset, (), main.rivals):
            found = ledger.export_orders(sorted(rivals), self.root, main.dataset.width)
            hub.rivals, adjusted = found.dataset, [*adjusted, *found.adjusted]
        if spoken := _strangers(main.dataset, others, carried) - rivals:
            found = ledger.export_orders(sorted(spoken), self.root, main.dataset.width)
            hub.spoken, adjusted = found.dataset, [*adjusted, *found.adjusted]
        return hub, accepted_values(adjusted)


def _channels_of(wanted: Sequence[Definition], known: Iterable[Definition]) -> list[str]:
    asks_processor = any(d.right.source == "processor" for d in wanted)
    found = known if asks_processor else wanted
    return sorted({d.right.of for d in found if d.right.source == "channel" and d.right.of})


def _processors_of(wanted: Sequence[Definition]) -> list[str]:
    sides = [side for d in wanted for side in (d.left, d.right)]
    return sorted({side.of for side in sides if side.source == "processor" and side.of})


def _strangers(main: Dataset, others: Sequence[Dataset], also: Iterable[str]) -> set[str]:
    """Order numbers that somebody speaks of and the date's own orders do not have."""
    paths = [str(path) for dataset in others for path in dataset.paths]
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET threads = 2")
        engine.execute(
            "CREATE TEMP TABLE spoken AS SELECT unnest($also::varchar[]) AS order_no", {"also": sorted(also)}
        )
        if paths:
            engine.execute("INSERT INTO spoken SELECT DISTINCT order_no FROM read_parquet($paths)", {"paths": paths})
        found = engine.execute(
            "SELECT DISTINCT order_no FROM spoken ANTI JOIN read_parquet($main) USING (order_no) WHERE order_no <> ''",
            {"main": [str(path) for path in main.paths]},
        ).fetchall()
    return {row[0] for row in found}
