"""A channel's differences as breaks of the pair ``confirm-<channel>``: one break for each component of an order.

What the channel answers is a comparison like any other, so it is a run: the hub's figures on its left, the channel's on
its right, content-addressed by both. An order that comes into accord later clears its breaks, as everywhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from hub.store.books import midnight
from reconciliation.breaks.found import Break, write_breaks
from reconciliation.confirming.drawing import COMPONENTS
from reconciliation.kinds import BreakKind
from reconciliation.runs.persist import record_breaks

KINDS: Mapping[str, BreakKind] = {"fare": "AMOUNT", "refund": "AMOUNT", "fee": "FEE", "commission": "FEE"}
"""Component -> the kind of break that a difference in it is."""


def definition_of(channel: str) -> str:
    """The name under which a channel's answers are compared; no definition of the operator's may begin so."""
    return f"confirm-{channel.replace('_', '-')}"


def record_differences(connection: Connection[TupleRow], channel: str, day: date, now: datetime) -> int:
    """Make the breaks of a channel and date what its standing answers say, in the caller's transaction; their number.

    Raises psycopg.errors.CheckViolation ``date_is_closed`` for a closed date.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_ANSWERED, {"channel": channel, "day": day}).fetchall()
    found = [made for row in rows for made in _breaks(channel, day, row)]
    name = definition_of(channel)
    run_id = _run_id(name, day, rows)
    in_accord = sum(row["answer"] == "accord" for row in rows)
    values = {
        "run_id": run_id, "name": name, "day": day, "now": now, "digest": run_id[:32], "rows": len(rows),
        "matched": in_accord, "breaks": len(found), "fen": sum(b.amount for b in found), "channel": channel,
    }  # fmt: skip
    connection.execute(_RUN, values)
    with TemporaryDirectory(prefix="interlock-confirm-") as folder:
        record_breaks(connection, run_id, write_breaks(found, Path(folder) / "breaks.parquet"), name, day, now)
    return len(found)


def _breaks(channel: str, day: date, row: Mapping[str, Any]) -> Iterator[Break]:
    theirs: Mapping[str, int] = row["theirs"] or {}
    said_at = row["answered_at"].isoformat()
    for component in COMPONENTS:
        if row["answer"] != "difference" or theirs.get(component) in (None, row[component]):
            continue
        yield Break(
            definition=definition_of(channel),
            business_date=day,
            kind=KINDS[component],
            key=f"{row['order_no']}|{component}|{row['currency']}",
            order_no=row["order_no"],
            left={"kind": component, "amount": row[component], "currency": row["currency"]},
            right={"kind": component, "amount": theirs[component], "currency": row["currency"], "at": said_at},
            amount=abs(theirs[component] - row[component]),
            currency=row["currency"],
            since=midnight(day),
            evidence=({"side": "right", "place": f"answer of {row['answered_by']}", "raw": row["note"] or ""},),
        )


def _run_id(name: str, day: date, rows: list[dict[str, Any]]) -> str:
    said = [[r["order_no"], r["currency"], r["version"], r["answer"], r["theirs"], r["note"]] for r in rows]
    return hashlib.sha256(json.dumps([name, day.isoformat(), said], sort_keys=True).encode()).hexdigest()


_ANSWERED: LiteralString = """
SELECT * FROM recon.confirmations
WHERE channel = %(channel)s AND business_date = %(day)s AND answer IS NOT NULL AND answered_to = version
ORDER BY order_no, currency
"""

# The same answers again are the same run; it is the latest once more.
_RUN: LiteralString = """
INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest, left_digest, right_digest,
    context_digest, state, left_rows, right_rows, matched, break_count, break_fen, started_at, finished_at,
    finish_order)
SELECT %(run_id)s, %(name)s, %(day)s, '-', '-', %(digest)s, %(digest)s, '-', 'done',
       (SELECT orders FROM recon.confirmation_days WHERE channel = %(channel)s AND business_date = %(day)s), %(rows)s,
       %(matched)s, %(breaks)s, %(fen)s, %(now)s, %(now)s, nextval('recon.run_order')
ON CONFLICT (run_id) DO UPDATE SET finish_order = excluded.finish_order, finished_at = excluded.finished_at
"""
