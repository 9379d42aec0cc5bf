"""The two sides of one pair, out of a day's snapshot, and what makes this run this run.

Nothing is copied: the left side of every pair is the hub's own dataset of the date, of which matching takes the pair's
part. The run's identity is the digest of exactly that part, so what happens to other channels' orders is no new run.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from reconciliation.breaks import Accepted
from reconciliation.calendars import YearNotKnown
from reconciliation.carry import Opening, waits
from reconciliation.carry.waiting import Origin
from reconciliation.datasets import Dataset
from reconciliation.definitions import Definition
from reconciliation.journal import InputRecord
from reconciliation.matching import scope_sql
from reconciliation.runs.gather import Snapshot
from reconciliation.runs.seeing import SEATED, seen
from reconciliation.statements import Quarantined

NOTHING = "nothing was to be compared"


@dataclass(slots=True)
class Prepared:
    """A pair ready to be matched; or why it cannot be (``waiting``, ``refused``) or need not be (``idle``)."""

    definition: Definition
    business_date: date
    opening: Opening
    left: tuple[Dataset, ...] = ()
    right: tuple[Dataset, ...] = ()
    inputs: list[InputRecord] = field(default_factory=list)
    waiting: str | None = None
    refused: list[InputRecord] = field(default_factory=list)
    idle: bool = False
    accepted: Accepted = frozenset()
    waits: dict[Origin, int | None] = field(default_factory=dict)
    followed: bool = False
    claims: tuple[Dataset, ...] = ()
    left_rows: int = 0
    left_digest: str = "-"
    right_digest: str = "-"
    context_digest: str = "-"

    @property
    def ready(self) -> bool:
        return self.waiting is None and not self.refused and not self.idle

    @property
    def rows(self) -> int:
        return sum(dataset.rows for dataset in (*self.left, *self.right))


def prepare(definition: Definition, found: Snapshot, opening: Opening, followed: bool, now: datetime) -> Prepared:
    """The two sides of one definition out of the snapshot. ``followed``: a later date has been run already."""
    prepared = Prepared(definition, found.business_date, opening, followed=followed)
    if definition.right.source == "channel":
        _channel(prepared, found)
    elif definition.right.source == "processor":
        _processor(prepared, found, "right")
    prepared.left = found.hub.seated if definition.right.source == "seats" else found.hub.datasets
    if definition.left.source == "processor":
        _processor(prepared, found, "left")
    prepared.accepted = frozenset(a for a in found.accepted if a[0] == definition.name)
    try:
        prepared.waits = waits(definition, found.business_date, opening.origins, now, followed)
    except YearNotKnown as error:
        prepared.waiting = str(error)
    if prepared.waiting is None and not prepared.refused:
        _identify(prepared, found)
    elif prepared.refused:
        prepared.right_digest = "refused:" + ",".join(sorted(record.sha256 for record in prepared.refused))
    else:
        prepared.right_digest = "missing"
        prepared.idle = definition.due == "when_used" and not _used(prepared)
    if definition.left.source == "hub":
        hub = found.hub.main
        prepared.inputs.append(
            InputRecord("left", "hub", "hub", "", prepared.left_digest, 0, prepared.left_rows, folder=hub.folder)
        )
    return prepared


def _channel(prepared: Prepared, found: Snapshot) -> None:
    name = prepared.definition.right.of or ""
    day = found.channels.get(name)
    if day is None:
        prepared.waiting = found.missing.get(name, "the extract was not asked for")
        return
    record = InputRecord(
        "right", f"channel:{name}", "extract", day.sha256, day.dataset.digest if day.dataset else "", day.bytes,
        day.dataset.rows if day.dataset else 0, _quarantined(day.quarantined), day.refused,
        day.dataset.folder if day.dataset else None,
    )  # fmt: skip
    prepared.inputs.append(record)
    if day.refused or day.dataset is None:
        prepared.refused = [record]
    else:
        prepared.right = (day.dataset,)


def _processor(prepared: Prepared, found: Snapshot, side: str) -> None:
    source = prepared.definition.right if side == "right" else prepared.definition.left
    name = source.of or ""
    day = found.processors[name]
    folder = day.dataset.folder if day.dataset else None
    records = [
        InputRecord(
            side, f"processor:{name}", file.name, file.sha256, file.sha256, file.bytes, file.rows,
            _quarantined(file.quarantined), file.refused, folder,
        )
        for file in day.files
    ]  # fmt: skip
    prepared.inputs += records
    if day.missing:
        prepared.waiting = f"no statement of {name} for {found.business_date.isoformat()} has come yet"
    elif len(day.refused) == len(day.files) or day.dataset is None:
        # A corrected file beside it heals a refused one.
        prepared.refused += [record for record in records if record.refused]
    elif side == "right":
        prepared.right = (day.dataset,)
        prepared.claims = found.claims()
    else:
        prepared.left = (day.dataset,)


def _quarantined(rows: Iterable[Quarantined]) -> tuple[dict[str, object], ...]:
    return tuple({"line": q.line, "reason": q.reason, "place": q.raw[:200]} for q in rows)


def _used(prepared: Prepared) -> bool:
    """Whether the hub has anything of this pair on the date, or something was carried into it."""
    if prepared.opening.origins:
        return True
    return seen(prepared.left, scope_sql(prepared.definition, prepared.business_date)).rows > 0


def _identify(prepared: Prepared, found: Snapshot) -> None:
    """The digests of what this pair can see: its part of the left side, the right side, and what explains them."""
    definition, day = prepared.definition, prepared.business_date
    scope = SEATED if definition.right.source == "seats" else scope_sql(definition, day)
    left = seen(prepared.left, scope, prepared.right, prepared.opening.paths)
    prepared.left_digest, prepared.left_rows = left.digest, left.rows
    prepared.right_digest = _combined([dataset.digest for dataset in prepared.right])
    parts: list[object] = [
        sorted(prepared.accepted),
        prepared.opening.digest,
        sorted((side, origin.isoformat(), since) for (side, origin), since in prepared.waits.items()),
    ]
    if definition.right.source == "processor" and definition.left.source == "hub":
        # What a one-sided movement means hangs on its order, and on what the channels say of it.
        parts += [found.hub.main.digest, _strangers(prepared, found), [d.digest for d in prepared.claims]]
    prepared.context_digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _strangers(prepared: Prepared, found: Snapshot) -> str:
    """The orders that only this processor speaks of: who else is spoken of depends on which pairs are run."""
    if found.hub.spoken is None:
        return "-"
    listed = ", ".join(_text(path) for dataset in prepared.right for path in dataset.paths)
    return seen([found.hub.spoken], f"order_no IN (SELECT order_no FROM read_parquet([{listed}]))").digest


def _text(path: Path) -> str:
    """A path in SQL: one of our own, made of digests below the data folder."""
    return "'" + str(path).replace("'", "''") + "'"


def _combined(digests: Sequence[str]) -> str:
    return digests[0] if len(digests) == 1 else hashlib.sha256(json.dumps(digests).encode()).hexdigest()
