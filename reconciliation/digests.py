"""Near-real-time health: count and order-independent digest of what each side states, by channel and five minutes.

    messages / hub     while the day runs: the orders that a channel's messages named, and those of them that the
                       ledger's rows hold in their present version; equal: nothing told is on its way, or lost
    channel / hub      after a run: the channel's extract and the hub's rows, which five minutes differ
    hub, then / now    what the hub held of a date when it was run, and what it holds now: equal is the proof that
                       nothing has changed since

A digest is the sum of the first 60 bits of an MD5 (RFC 1321) per row: the same in PostgreSQL and over Parquet, and
independent of order. It tells honest sides apart; it is no signature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
from psycopg import Connection
from psycopg.rows import class_row

from reconciliation.rows import instant, microseconds

SLICE = timedelta(minutes=5)
SLICE_US = 300_000_000
RAILWAY_ZONE = "Asia/Shanghai"
Side = Literal["hub", "channel", "messages"]

_SAID = "concat_ws('|', key, kind, coalesce(state, '-'), coalesce(amount::text, '-'), currency, coalesce(seat, '-'))"


@dataclass(frozen=True, slots=True)
class Slice:
    """One channel's five minutes from ``slice_at`` on: how many rows one side states, and their digest."""

    channel: str
    slice_at: datetime
    rows: int
    digest: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """A channel's health: ``behind`` slices in which the hub does not hold what was told, the oldest of them since
    ``behind_since``; ``told`` and ``held`` orders over all slices looked at."""

    channel: str
    slices: int
    told: int
    held: int
    behind: int
    behind_since: datetime | None

    @property
    def healthy(self) -> bool:
        return self.behind == 0

    def to_json(self) -> dict[str, Any]:
        since = self.behind_since.isoformat() if self.behind_since else None
        return {**asdict(self), "behind_since": since, "healthy": self.healthy}


# --- while the day runs


def measure(connection: Connection[Any], now: datetime, look_back: timedelta = timedelta(minutes=20)) -> int:
    """Digest the slices of the last ``look_back`` that have ended, and older ones that were behind; returns how many
    were written. Again is harmless. Notes which dates got messages though they were over (``recon.late_messages``)."""
    until = _slice_of(now)
    behind = min((p.behind_since for p in pulses(connection, now) if p.behind_since), default=until)
    parameters = {"since": min(until - look_back, behind), "until": until, "now": now, "zone": RAILWAY_ZONE}
    connection.execute(_LATE, parameters)
    return connection.execute(_MEASURE, parameters).rowcount


def pulses(connection: Connection[Any], now: datetime, look_back: timedelta = timedelta(hours=1)) -> list[Pulse]:
    """The health of every channel that told anything lately. The newest slice may still be on its way: it counts as
    behind only once the next one has ended."""
    parameters = {"since": _slice_of(now) - look_back, "settled": _slice_of(now) - SLICE}
    with connection.cursor(row_factory=class_row(Pulse)) as cursor:
        return cursor.execute(_PULSES, parameters).fetchall()


def _slice_of(at: datetime) -> datetime:
    return instant(microseconds(at) // SLICE_US * SLICE_US)


# Orders that were joined go by the id that is left. What reconciliation itself states is no channel's message.
_MEASURE = """
WITH told AS (
    SELECT DISTINCT m.channel, to_timestamp(floor(extract(epoch FROM m.received_at) / 300) * 300) AS slice_at,
           coalesce(a.into_id, m.order_id) AS order_id
    FROM hub.messages m LEFT JOIN hub.aliases a ON a.order_id = m.order_id
    WHERE m.received_at >= %(since)s AND m.received_at < %(until)s AND m.order_id IS NOT NULL
      AND m.outcome <> 'refused' AND m.source NOT IN ('reconciliation', 'hub')
), found AS (
    SELECT t.channel, t.slice_at, ('x' || substr(md5(t.order_id::text), 1, 15))::bit(60)::bigint AS hash,
           l.version >= o.version AS held
    FROM told t JOIN hub.orders o USING (order_id) LEFT JOIN recon.ledger_orders l USING (order_id)
), sides AS (
    SELECT channel, slice_at, 'messages' AS side, count(*) AS rows, sum(hash) AS digest FROM found GROUP BY 1, 2
    UNION ALL
    SELECT channel, slice_at, 'hub', count(*) FILTER (WHERE held), coalesce(sum(hash) FILTER (WHERE held), 0)
    FROM found GROUP BY 1, 2
)
INSERT INTO recon.digests AS known (channel, slice_at, side, business_date, rows, digest, measured_at)
SELECT channel, slice_at, side, NULL, rows, digest, %(now)s FROM sides
ON CONFLICT (channel, slice_at, side, business_date) DO UPDATE SET rows = excluded.rows, digest = excluded.digest,
    measured_at = excluded.measured_at
"""

# By the time of the fact, not of the message. Reconciliation's own corrections are among them: the next run is proof.
_LATE = """
INSERT INTO recon.late_messages AS known (channel, business_date, last_at)
SELECT channel, (occurred_at AT TIME ZONE %(zone)s)::date, max(received_at) FROM hub.messages
WHERE received_at >= %(since)s AND outcome <> 'refused' AND source <> 'hub'
  AND (occurred_at AT TIME ZONE %(zone)s)::date < (received_at AT TIME ZONE %(zone)s)::date
GROUP BY 1, 2
ON CONFLICT (channel, business_date) DO UPDATE SET last_at = greatest(known.last_at, excluded.last_at)
"""

_PULSES = """
WITH slices AS (
    SELECT m.channel, m.slice_at, m.rows AS told, coalesce(h.rows, 0) AS held,
           m.slice_at < %(settled)s AND (m.rows, m.digest) IS DISTINCT FROM (h.rows, h.digest) AS behind
    FROM recon.digests m LEFT JOIN recon.digests h
      ON h.channel = m.channel AND h.slice_at = m.slice_at AND h.side = 'hub' AND h.business_date IS NULL
    WHERE m.side = 'messages' AND m.slice_at >= %(since)s
)
SELECT channel, count(*) AS slices, sum(told)::bigint AS told, sum(held)::bigint AS held,
       count(*) FILTER (WHERE behind) AS behind, min(slice_at) FILTER (WHERE behind) AS behind_since
FROM slices GROUP BY channel ORDER BY channel
"""


# --- after a run, and ever since


def slices_of(paths: Sequence[Path], channel: str, business_date: date) -> list[Slice]:
    """What a dataset says of the channel's own sales of a date, by five minutes of the event's time."""
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET threads = 2")
        found = engine.execute(
            f"""SELECT "at" // {SLICE_US} AS slice, count(*), sum(('0x' || substr(md5({_SAID}), 1, 15))::bigint)
                FROM read_parquet($paths) WHERE seller = $channel AND sold_on = $date GROUP BY ALL ORDER BY slice""",
            {"paths": [str(path) for path in paths], "channel": channel, "date": business_date.isoformat()},
        ).fetchall()
    return [Slice(channel, instant(int(slice_no) * SLICE_US), int(rows), int(total)) for slice_no, rows, total in found]


def hub_now(connection: Connection[Any], channel: str, business_date: date) -> list[Slice]:
    """The same of the hub's rows as they are now, in PostgreSQL."""
    rows = connection.execute(
        f"""SELECT "at" / {SLICE_US}, count(*), sum(('x' || substr(md5({_SAID}), 1, 15))::bit(60)::bigint)
            FROM recon.ledger_rows WHERE business_date = %s AND home AND seller = %s GROUP BY 1 ORDER BY 1""",
        (business_date, channel),
    ).fetchall()
    return [
        Slice(channel, instant(int(slice_no) * SLICE_US), int(count), int(total)) for slice_no, count, total in rows
    ]


def keep(
    connection: Connection[Any], side: Side, business_date: date, channel: str, slices: Sequence[Slice], now: datetime
) -> None:
    """Replace what was kept of a side and date."""
    connection.execute(
        "DELETE FROM recon.digests WHERE channel = %s AND side = %s AND business_date = %s",
        (channel, side, business_date),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO recon.digests (channel, slice_at, side, business_date, rows, digest, measured_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [(channel, s.slice_at, side, business_date, s.rows, s.digest, now) for s in slices],
        )


def kept(connection: Connection[Any], side: Side, business_date: date, channel: str) -> list[Slice]:
    """What was kept of a side at the last run of the date."""
    rows = connection.execute(
        "SELECT channel, slice_at, rows, digest FROM recon.digests"
        " WHERE channel = %s AND side = %s AND business_date = %s ORDER BY slice_at",
        (channel, side, business_date),
    ).fetchall()
    return [Slice(name, slice_at, count, int(digest)) for name, slice_at, count, digest in rows]


def differing(one: Sequence[Slice], other: Sequence[Slice]) -> list[datetime]:
    """The five minutes in which two sides do not say the same."""
    left: Mapping[datetime, tuple[int, int]] = {s.slice_at: (s.rows, s.digest) for s in one}
    right: Mapping[datetime, tuple[int, int]] = {s.slice_at: (s.rows, s.digest) for s in other}
    return sorted(at for at in left.keys() | right.keys() if left.get(at) != right.get(at))


def changed_since_run(connection: Connection[Any], channel: str, business_date: date) -> list[datetime]:
    """The five minutes of a date of which the hub says something else than when the date was run; empty: nothing."""
    return differing(kept(connection, "hub", business_date, channel), hub_now(connection, channel, business_date))


def keep_run(
    connection: Connection[Any], data_dir: Path, channel: str, definition: str, day: date, now: datetime
) -> None:
    """Keep the slices of both sides of a channel's pair as its last finished run saw them."""
    found = connection.execute(
        "SELECT i.side, i.folder FROM recon.inputs i JOIN (SELECT run_id FROM recon.runs WHERE definition = %s"
        " AND business_date = %s AND state = 'done' ORDER BY finish_order DESC LIMIT 1) r USING (run_id)"
        " WHERE i.folder IS NOT NULL AND i.side IN ('left', 'right')",
        (definition, day),
    ).fetchall()
    for side, folder in found:
        paths = sorted((data_dir / folder).glob("*.parquet"))
        keep(connection, "hub" if side == "left" else "channel", day, channel, slices_of(paths, channel, day), now)


def exposition(found: Sequence[Pulse]) -> str:
    """The pulses in the Prometheus text format 0.0.4."""
    lines = ["# TYPE interlock_recon_slices_behind gauge"]
    lines += [f'interlock_recon_slices_behind{{channel="{pulse.channel}"}} {pulse.behind}' for pulse in found]
    lines.append("# TYPE interlock_recon_orders_told gauge")
    lines += [f'interlock_recon_orders_told{{channel="{pulse.channel}"}} {pulse.told}' for pulse in found]
    lines.append("# TYPE interlock_recon_orders_held gauge")
    lines += [f'interlock_recon_orders_held{{channel="{pulse.channel}"}} {pulse.held}' for pulse in found]
    return "\n".join(lines) + "\n"
