"""A channel's day extract as a source: what its columns prove is read as columns, the rest one order at a time.

    native bytes -> table (adapter, column by column)  -------------------------------------------> rows
                 -> parts of the other orders -> observations -> one fold per order ------------> rows

The channel's belief is folded by the same pure function as the hub's, from the facts that its extract implies alone.
A channel whose adapter reads no columns takes the second way for all. Both give the same rows (a test compares them).
"""

import mmap
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pyarrow as pa
import pyarrow.compute as pc

from hub.ledger import fold_observations
from hub.ports import Part, Table
from reconciliation.datasets import SCHEMA, Dataset, rows_to_table, write_dataset
from reconciliation.ports import Channels
from reconciliation.rows import Row, rows_of_order
from reconciliation.statements import Quarantined
from schemas.identifiers import order_no
from schemas.observation import Observation, Rejection
from schemas.order import OrderPassenger

Raw = bytes | Path
"""An extract in hand, or the file in which it is kept (a big one is not read into memory as a whole)."""
_BATCH_ORDERS = 2_000
_NUMBER = re.compile(rb"(?=(E[A-Z0-9][0-9]{8}))")


@dataclass(slots=True)
class ChannelDay:
    """What a channel says of a day. ``refused`` is the reason when the whole document was not taken; then there is no
    ``dataset``."""

    channel: str
    sha256: str
    bytes: int
    rows: int = 0
    dataset: Dataset | None = None
    quarantined: list[Quarantined] = field(default_factory=list)
    refused: str | None = None


def read_channel_day(
    channels: Channels, channel: str, raw: Raw, sha256: str, root: Path, width: int | None = None
) -> ChannelDay:
    """Read an extract into a dataset below ``root``. ``sha256`` is its digest in the vault."""
    with _content(raw) as content:
        day = ChannelDay(channel=channel, sha256=sha256, bytes=len(content))
        found = channels.table(channel, content)
        if found is None:
            parts = channels.split(channel, bytes(content))
            reading = _Reading(channels, channel, sha256, day)
            batches = _refused(day, parts) if isinstance(parts, Rejection) else reading.of_parts(parts)
        elif isinstance(found, Rejection):
            batches = _refused(day, found)
        else:
            reading = _Reading(channels, channel, sha256, day)
            batches = reading.of_table(found)
        if day.refused is None:
            day.dataset = write_dataset(root, batches, width)
            day.rows = day.dataset.rows
    return day


def parts_of_orders(channels: Channels, channel: str, raw: Raw, order_nos: Set[str]) -> dict[str, list[Part]]:
    """The native messages that tell of these rail orders, in one pass over the extract. A message is read only when it
    holds the letters of a wanted number; raises ValueError for an extract that is refused as a whole."""
    told: dict[str, list[Part]] = defaultdict(list)
    letters = {number.encode() for number in order_nos}
    known = all(order_no.is_valid(number) for number in order_nos)
    with _content(raw) as content:
        found = channels.table(channel, content)
        parts = channels.split(channel, bytes(content)) if found is None else found
        if isinstance(parts, Rejection):
            raise ValueError(f"the extract of {channel} is refused: {parts.detail}")
        for part in parts if isinstance(parts, Sequence) else parts.parts_of(order_nos):
            if known and b"\\" not in part.raw and letters.isdisjoint(_NUMBER.findall(_compact(part.raw))):
                continue
            observation = channels.parse(channel, part.raw)
            if isinstance(observation, Observation) and (number := order_number_of(observation)) in order_nos:
                told[number].append(part)
    return dict(told)


def _compact(raw: bytes) -> bytes:
    """The letters of a message in which an order number stands as it is (``schemas.identifiers.order_no``)."""
    return raw.upper().translate(None, b" -")


def order_number_of(observation: Observation) -> str:
    """The rail order number that an observation names, else its first reference."""
    rail = (r.value for r in observation.references if (r.system, r.kind) == ("rail", "order"))
    return next(rail, observation.references[0].value)


@contextmanager
def _content(raw: Raw) -> Iterator[bytes | mmap.mmap]:
    """The bytes, mapped rather than read when they are a file."""
    if isinstance(raw, bytes):
        yield raw
    elif raw.stat().st_size == 0:
        yield b""
    else:
        with raw.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _refused(day: ChannelDay, found: Rejection) -> Iterator[Any]:
    day.refused = f"{found.code}: {found.detail} ({found.pointer}; expected {found.expected}, found {found.found})"
    return iter(())


class _Reading:
    """One extract on its way to rows; what cannot be read goes to the day's quarantine."""

    def __init__(self, channels: Channels, channel: str, sha256: str, day: ChannelDay) -> None:
        self._channels = channels
        self._channel = channel
        self._sha256 = sha256
        self._day = day

    def of_table(self, found: Table) -> Iterator[Any]:
        """Rows of columns as they come, then those of the orders that columns could not prove simple."""
        for batch in found.batches():
            yield self._whole(batch)
        yield from self.of_parts(found.parts)

    def of_parts(self, parts: Sequence[Part]) -> Iterator[Any]:
        """One fold per order. Only numbers of parts are kept meanwhile: an order told twice is read a second time."""
        places: dict[str, list[int]] = {}
        rows: list[Row] = []
        tables: list[Any] = []
        for number, part in enumerate(parts):
            observation = self._channels.parse(self._channel, part.raw)
            if isinstance(observation, Rejection):
                reason = f"{observation.code}: {observation.detail} ({observation.pointer})"
                self._day.quarantined.append(Quarantined(number + 1, reason, part.place))
                continue
            order_no = order_number_of(observation)
            places.setdefault(order_no, []).append(number)
            if len(places[order_no]) == 1:
                rows += self._rows(order_no, [(part, observation)])
            if len(rows) >= _BATCH_ORDERS:
                tables.append(rows_to_table(rows))
                rows = []
        again = {order_no: numbers for order_no, numbers in places.items() if len(numbers) > 1}
        for table in (*tables, rows_to_table(rows)):
            yield from (_without(table, again) if again else table).to_batches()
        for order_no, numbers in again.items():
            told = [(parts[n], self._channels.parse(self._channel, parts[n].raw)) for n in numbers]
            said = [(part, found) for part, found in told if isinstance(found, Observation)]
            yield from rows_to_table(self._rows(order_no, said)).to_batches()

    def _rows(self, order_no: str, said: Sequence[tuple[Part, Observation]]) -> Iterable[Row]:
        order_id = uuid5(NAMESPACE_OID, order_no)
        order = fold_observations(order_id, [(self._channel, observation) for _, observation in said])
        place = "; ".join(part.place for part, _ in said)
        return rows_of_order(order, sha256=self._sha256, place=place, persons=self._person)

    def _person(self, passenger: OrderPassenger) -> str:
        return self._channels.persons([f"{passenger.document.type}|{passenger.document.number}"])[0]

    def _whole(self, batch: Any) -> Any:
        """A batch of an adapter's table (``hub.ports.TABLE``) as canonical rows."""
        said = {name: batch.column(name) for name in batch.schema.names}
        said["person"] = pa.array(self._channels.persons(said.pop("document").to_pylist()), pa.string())
        constant = {"actors": "", "carried": "", "batch": "", "raw": "", "sha256": self._sha256}
        columns = [
            said[name].cast(SCHEMA.field(name).type) if name in said else pa.repeat(constant[name], batch.num_rows)
            for name in SCHEMA.names
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _without(table: Any, order_nos: Iterable[str]) -> Any:
    return table.filter(pc.invert(pc.is_in(table.column("order_no"), value_set=pa.array(list(order_nos)))))
