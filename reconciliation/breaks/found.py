"""What a break is, and files of breaks (``BREAKS``): ready for COPY, lists and values as JSON text."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import pyarrow as pa
import pyarrow.parquet as pq

from reconciliation.definitions import Definition
from reconciliation.kinds import BreakKind
from reconciliation.matching.engine import write_table

Side = Literal["hub", "channel"]

BREAKS = pa.schema(
    [
        ("break_id", pa.string()),
        ("definition", pa.string()),
        ("business_date", pa.date32()),
        ("kind", pa.string()),
        ("key", pa.string()),
        ("order_no", pa.string()),
        ("left_value", pa.string()),
        ("right_value", pa.string()),
        ("amount_at_stake", pa.int64()),
        ("currency", pa.string()),
        ("further", pa.string()),
        ("since", pa.timestamp("us", tz="UTC")),
        ("evidence", pa.string()),
        ("covers", pa.string()),
        ("suggestions", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Break:
    """One difference between two systems. ``amount`` is what is at stake, in minor units, never negative.

    ``further`` says which side has come further in the ticket's life; ``covers`` lists differences in money that this
    break explains (one cause, one break); ``evidence`` leads to the raw rows: digest of the file and place in it;
    ``suggestions``: rows of the other side that might be the counterpart, for a person to choose from.
    """

    definition: str
    business_date: date
    kind: BreakKind
    key: str
    order_no: str | None
    left: dict[str, Any] | None
    right: dict[str, Any] | None
    amount: int
    currency: str
    since: datetime
    further: Side | None = None
    evidence: tuple[dict[str, Any], ...] = ()
    covers: tuple[dict[str, Any], ...] = ()
    suggestions: tuple[dict[str, Any], ...] = ()

    @property
    def break_id(self) -> UUID:
        """The same break has the same id in every run."""
        return uuid5(NAMESPACE_URL, f"break|{self.definition}|{self.business_date}|{self.kind}|{self.key}")


def write_breaks(breaks: Iterable[Break], out: Path) -> Path:
    """Breaks in hand as a file, for the few that do not come from a match."""
    listed = list(breaks)
    columns: dict[str, list[Any]] = {
        "break_id": [str(b.break_id) for b in listed],
        "definition": [b.definition for b in listed],
        "business_date": [b.business_date for b in listed],
        "kind": [b.kind for b in listed],
        "key": [b.key for b in listed],
        "order_no": [b.order_no for b in listed],
        "left_value": [None if b.left is None else _json(b.left) for b in listed],
        "right_value": [None if b.right is None else _json(b.right) for b in listed],
        "amount_at_stake": [b.amount for b in listed],
        "currency": [b.currency for b in listed],
        "further": [b.further for b in listed],
        "since": [b.since for b in listed],
        "evidence": [_json(list(b.evidence)) for b in listed],
        "covers": [_json(list(b.covers)) for b in listed],
        "suggestions": [_json(list(b.suggestions)) for b in listed],
    }
    write_table(pa.table(columns, schema=BREAKS), out)
    return out


def read_breaks(path: Path) -> Iterator[Break]:
    """The breaks of a file, one by one: for a dry run and for tests."""
    for batch in pq.ParquetFile(path).iter_batches():
        yield from (break_from(record) for record in batch.to_pylist())


def break_from(record: dict[str, Any]) -> Break:
    """One line of a file of breaks."""
    return Break(
        definition=record["definition"],
        business_date=record["business_date"],
        kind=record["kind"],
        key=record["key"],
        order_no=record["order_no"],
        left=_parsed(record["left_value"]),
        right=_parsed(record["right_value"]),
        amount=record["amount_at_stake"],
        currency=record["currency"],
        since=record["since"],
        further=record["further"],
        evidence=tuple(json.loads(record["evidence"])),
        covers=tuple(json.loads(record["covers"])),
        suggestions=tuple(json.loads(record["suggestions"])),
    )


def _parsed(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if text is None else json.loads(text)
    return found


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def refused_break(
    definition: Definition, business_date: date, name: str, sha256: str, reason: str, seen: datetime
) -> Break:
    """A file that failed its own totals."""
    return Break(
        definition=definition.name,
        business_date=business_date,
        kind="CONTROL_TOTAL",
        key=sha256,
        order_no=None,
        left=None,
        right={"file": name, "reason": reason},
        amount=0,
        currency="CNY",
        since=seen,
        evidence=({"side": "right", "sha256": sha256, "place": name},),
    )
