"""One snapshot of every side, before anything is matched or resolved: a correction must not change what is compared."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from reconciliation.breaks import Accepted, Context, accepted_values, context_of
from reconciliation.carry import CarryItem, with_opening
from reconciliation.datasets import Dataset, digest_of, width_for, write_dataset
from reconciliation.definitions import Definition
from reconciliation.journal import InputRecord
from reconciliation.ports import Channels, Ledger, SourceMissing, Statements
from reconciliation.rows import Row
from reconciliation.sources.channel import ChannelDay, read_channel_day
from reconciliation.sources.hub import hub_rows
from reconciliation.sources.statement import ProcessorDay, read_processor_day
from reconciliation.statements import Quarantined
from reconciliation.vault import Vault
from schemas.facts import Adjusted


@dataclass(slots=True)
class Snapshot:
    """What every system says of a date. ``missing``: channel -> why its extract is not there."""

    business_date: date
    hub: list[Row] = field(default_factory=list)
    accepted: Accepted = frozenset()
    channels: dict[str, ChannelDay] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    processors: dict[str, ProcessorDay] = field(default_factory=dict)

    def claims(self) -> Iterable[str]:
        """Keys of the payments and refunds that some channel itself states."""
        return (row.key for day in self.channels.values() for row in day.rows if row.kind != "ticket")


@dataclass(slots=True)
class Prepared:
    """A definition's two sides, ready to be matched; or why they cannot be (``waiting``, ``refused``)."""

    definition: Definition
    business_date: date
    left: list[Row]
    right: list[Row]
    inputs: list[InputRecord]
    opening: tuple[CarryItem, ...] = ()
    context: Context = field(default_factory=Context)
    waiting: str | None = None
    refused: list[InputRecord] = field(default_factory=list)
    accepted: Accepted = frozenset()
    ripe: tuple[str, ...] = ()

    def datasets(self, root: Path) -> tuple[Dataset, Dataset]:
        width = width_for(len(self.left) + len(self.right))
        return write_dataset(root, self.left, width), write_dataset(root, self.right, width)

    @property
    def right_digest(self) -> str:
        """The digest of the right side, also of one that could not be taken."""
        if self.waiting is not None:
            return "missing"
        if self.refused:
            return "refused:" + ",".join(sorted(record.sha256 for record in self.refused))
        return digest_of(self.right)

    def state_digest(self, grace_is_over: bool) -> str:
        """What else decides: the orders around one-sided money, accepted differences, carried dates that ran out."""
        parts = [self.context.digest, sorted(self.accepted), grace_is_over, sorted(self.ripe)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Gatherer:
    """Reads the sources of a day through the ports."""

    def __init__(self, ledger: Ledger, channels: Channels, statements: Statements, vault: Vault) -> None:
        self.ledger = ledger
        self.channels = channels
        self.statements = statements
        self.vault = vault

    def snapshot(
        self,
        business_date: date,
        wanted: Sequence[Definition],
        known: Iterable[Definition],
        carried: Iterable[CarryItem] = (),
    ) -> Snapshot:
        """Everything that ``wanted`` definitions need. A processor's lines are explained by what channels claim, so
        those need every channel of the ``known`` definitions too; carried rows are explained by their orders."""
        found = Snapshot(business_date)
        asks_processor = any(d.right.source == "processor" for d in wanted)
        for definition in known if asks_processor else wanted:
            if definition.right.source == "channel" and definition.right.of:
                self._read_channel(found, definition.right.of)
        for definition in wanted:
            if definition.right.source == "processor" and definition.right.of:
                name = definition.right.of
                files = self.statements.files(name, business_date)
                found.processors[name] = read_processor_day(self.vault, name, files, business_date)
        self._read_hub(found, {item.row.order_no for item in carried})
        return found

    def _read_channel(self, found: Snapshot, channel: str) -> None:
        try:
            raw = self.channels.extract(channel, found.business_date)
        except SourceMissing as reason:
            found.missing[channel] = str(reason)
            return
        found.channels[channel] = read_channel_day(self.channels, channel, raw, self.vault.keep(raw))

    def _read_hub(self, found: Snapshot, also: set[str]) -> None:
        """The date's orders, and those that others speak of: other systems, carried rows, rivals for a seat."""
        adjusted: list[Adjusted] = []
        numbers: set[str] = set()
        for known in self.ledger.orders(found.business_date):
            rows = list(hub_rows(known))
            numbers.update(row.order_no for row in rows)
            found.hub += rows
            adjusted += known.adjusted
            also |= known.rivals
        spoken_of = {row.order_no for day in found.channels.values() for row in day.rows}
        spoken_of |= {row.order_no for processor in found.processors.values() for row in processor.rows}
        strangers = sorted((spoken_of | also) - numbers - {""})
        for known in self.ledger.orders_by_number(strangers, found.business_date) if strangers else ():
            found.hub += list(hub_rows(known))
            adjusted += known.adjusted
        found.accepted = accepted_values(adjusted)


def prepare(definition: Definition, found: Snapshot, opening: tuple[CarryItem, ...], now: datetime) -> Prepared:
    """The two sides of one definition out of the snapshot. ``now`` tells whose grace is over."""
    if definition.right.source == "channel":
        prepared = _prepare_channel(definition, found)
    elif definition.right.source == "processor":
        prepared = _prepare_processor(definition, found)
    else:
        prepared = Prepared(definition, found.business_date, _seat_rows(found.hub), [], [])
    if prepared.waiting is None and not prepared.refused:
        keys = {row.key for row in prepared.right} | {c.key for c in opening if c.side == "right"}
        if definition.right.source != "seats":
            prepared.left = _relevant(definition, found, keys)
        prepared.opening = opening
        prepared.accepted = frozenset(a for a in found.accepted if a[0] == definition.name)
        origins = {item.origin for item in opening}
        prepared.ripe = tuple(o.isoformat() for o in origins if definition.calendar.grace_is_over(o, now))
        prepared.left = with_opening(prepared.left, opening, "left")
        prepared.right = with_opening(prepared.right, opening, "right")
    prepared.inputs.append(InputRecord("left", "hub", "hub", "", digest_of(prepared.left), 0, len(prepared.left)))
    return prepared


def _prepare_channel(definition: Definition, found: Snapshot) -> Prepared:
    name = definition.right.of or ""
    day = found.channels.get(name)
    prepared = Prepared(definition, found.business_date, [], [], [])
    if day is None:
        prepared.waiting = found.missing.get(name, "the extract was not asked for")
        return prepared
    record = InputRecord(
        "right", f"channel:{name}", "extract", day.sha256, digest_of(day.rows), day.bytes, len(day.rows),
        _quarantined(day.quarantined), day.refused,
    )  # fmt: skip
    prepared.inputs.append(record)
    prepared.refused = [record] if day.refused else []
    prepared.right = day.rows
    return prepared


def _prepare_processor(definition: Definition, found: Snapshot) -> Prepared:
    name = definition.right.of or ""
    day = found.processors[name]
    prepared = Prepared(definition, found.business_date, [], day.rows, [])
    for file in day.files:
        prepared.inputs.append(
            InputRecord(
                "right", f"processor:{name}", file.name, file.sha256, file.sha256, file.bytes, file.rows,
                _quarantined(file.quarantined), file.refused,
            )
        )  # fmt: skip
    if day.missing:
        prepared.waiting = f"no statement of {name} for {found.business_date.isoformat()} has come yet"
    elif len(day.refused) == len(day.files):
        # A corrected file beside it heals a refused one.
        prepared.refused = [record for record in prepared.inputs if record.refused]
    whole = context_of(found.hub, found.claims())
    money = [row for row in found.hub if row.key.startswith(f"{name}|")]
    prepared.context = whole.narrowed(
        [row.order_no for row in (*day.rows, *money)], [row.key for row in (*day.rows, *money)]
    )
    return prepared


def _quarantined(rows: Iterable[Quarantined]) -> tuple[dict[str, object], ...]:
    return tuple({"line": q.line, "reason": q.reason, "place": q.raw[:200]} for q in rows)


def _relevant(definition: Definition, found: Snapshot, right_keys: set[str]) -> list[Row]:
    """The hub rows that this pair is about: those in its scope, and those that the other side speaks of."""
    day = found.business_date.isoformat()
    of = definition.right.of or ""
    if definition.right.source == "channel":
        return [
            row
            for row in found.hub
            if row.key in right_keys or (row.seller == of and row.sold_on == day) or f"|{of}|" in row.actors
        ]
    begin, end = definition.calendar.span(found.business_date)
    return [
        row
        for row in found.hub
        if row.kind in definition.rows
        and row.key.startswith(f"{of}|")
        and (begin <= row.at < end or row.key in right_keys)
    ]


def _seat_rows(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.kind == "ticket" and row.state == "issued" and row.train_run and row.seat]
