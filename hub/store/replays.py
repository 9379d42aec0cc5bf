"""Replays that operators asked for: a filter over the log and how far it is, one row however many events.

A range of a million events is not a million rows to write before the first goes out, nor a transaction that would hold
back the commit barrier of every channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from hub.store.outbox import LAST_POSITION, Cursor


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of a channel's events: committed (wall clock) from ``since`` until before ``until``, of these types."""

    since: datetime | None = None
    until: datetime | None = None
    event_types: Sequence[str] | None = None
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """One row of ``hub.replays``. ``wanted``: events in it when it was asked for; ``sent``: offered so far."""

    replay_id: int
    channel: str
    since: datetime | None
    until: datetime | None
    event_types: list[str] | None
    order_id: UUID | None
    txid: str
    position: int
    last_txid: str
    last_position: int
    wanted: int
    sent: int
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None

    @property
    def filter(self) -> Filter:
        return Filter(self.since, self.until, self.event_types, self.order_id)


_COLUMNS = """replay_id, channel, since, until, event_types, order_id, txid::text AS txid, position,
    last_txid::text AS last_txid, last_position, wanted, sent, requested_by, requested_at, finished_at"""


def count(connection: Connection[TupleRow], channel: str, types: Sequence[str], chosen: Filter) -> int:
    """How many events a replay would send now."""
    return _extent(connection, channel, types, chosen)[0]


def ask(
    connection: Connection[TupleRow],
    channel: str,
    types: Sequence[str],
    chosen: Filter,
    requested_by: str,
    now: datetime,
) -> int:
    """Ask for a replay of what the log holds now; answers how many events are in it. None: nothing is written."""
    wanted, first, last = _extent(connection, channel, types, chosen)
    if wanted:
        connection.execute(
            """INSERT INTO hub.replays (channel, since, until, event_types, order_id, txid, position, last_txid,
                   last_position, wanted, requested_by, requested_at)
               VALUES (%s, %s, %s, %s, %s, %s::xid8, 0, %s::xid8, %s, %s, %s, %s)""",
            (
                channel,
                chosen.since,
                chosen.until,
                list(chosen.event_types) if chosen.event_types is not None else None,
                chosen.order_id,
                first,
                last,
                LAST_POSITION,
                wanted,
                requested_by,
                now,
            ),
        )
    return wanted


def anything(connection: Connection[TupleRow], channel: str, now: datetime) -> bool:
    """Whether a replay runs, or a delivery of one is due."""
    row = connection.execute(
        """SELECT EXISTS (SELECT FROM hub.replays WHERE channel = %(channel)s AND finished_at IS NULL)
               OR EXISTS (SELECT FROM hub.delivery_exceptions
                          WHERE channel = %(channel)s AND state = 'waiting' AND next_attempt_at <= %(now)s
                            AND lane = 'replay')""",
        {"channel": channel, "now": now},
    ).fetchone()
    return bool(row and row[0])


def running(connection: Connection[TupleRow], channel: str) -> Replay | None:
    """The oldest replay of the channel that is not finished."""
    with connection.cursor(row_factory=class_row(Replay)) as cursor:
        return cursor.execute(
            f"""SELECT {_COLUMNS} FROM hub.replays WHERE channel = %s AND finished_at IS NULL
                ORDER BY replay_id LIMIT 1""",
            (channel,),
        ).fetchone()


def of_channel(connection: Connection[TupleRow], channel: str, limit: int) -> list[Replay]:
    """The channel's replays, the newest first."""
    with connection.cursor(row_factory=class_row(Replay)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM hub.replays WHERE channel = %s ORDER BY replay_id DESC LIMIT %s", (channel, limit)
        ).fetchall()


def page(
    connection: Connection[TupleRow], replay: Replay, types: Sequence[str], limit: int
) -> list[tuple[Cursor, UUID]]:
    """The replay's next events, in the order of the log: (cursor, order). A short page is the last one."""
    where, values = _where(replay.channel, types, replay.filter)
    rows = connection.execute(
        f"""SELECT txid::text, position, order_id FROM hub.events
            WHERE (txid, position) > (%(after_txid)s::xid8, %(after)s)
              AND (txid, position) <= (%(last_txid)s::xid8, %(last)s) AND {where}
            ORDER BY txid, position LIMIT %(limit)s""".encode(),
        values
        | {
            "after_txid": replay.txid,
            "after": replay.position,
            "last_txid": replay.last_txid,
            "last": replay.last_position,
            "limit": limit,
        },
    )
    return [((txid, position), order_id) for txid, position, order_id in rows]


def advance(
    connection: Connection[TupleRow], replay: Replay, to: Cursor | None, sent: int, finished_at: datetime | None
) -> None:
    """Remember how far the replay is; ``to`` None: nothing was left."""
    txid, position = to or (replay.txid, replay.position)
    connection.execute(
        """UPDATE hub.replays SET txid = %s::xid8, position = %s, sent = sent + %s, finished_at = %s
           WHERE replay_id = %s""",
        (txid, position, sent, finished_at, replay.replay_id),
    )


def _extent(
    connection: Connection[TupleRow], channel: str, types: Sequence[str], chosen: Filter
) -> tuple[int, str, str]:
    """(events, first transaction, last transaction) of what is readable now."""
    where, values = _where(channel, types, chosen)
    row = connection.execute(
        f"""SELECT count(*), min(txid)::text, max(txid)::text FROM hub.events
            WHERE txid < pg_snapshot_xmin(pg_current_snapshot()) AND {where}""".encode(),
        values,
    ).fetchone()
    assert row is not None  # an aggregate always answers
    return int(row[0]), row[1] or "0", row[2] or "0"


def _where(channel: str, types: Sequence[str], chosen: Filter) -> tuple[str, dict[str, object]]:
    """Only the conditions that there are, so that each finds its index."""
    asked = set(chosen.event_types) if chosen.event_types is not None else set(types)
    parts = ["type = ANY(%(types)s)", "origin <> %(channel)s"]
    values: dict[str, object] = {"types": sorted(asked & set(types)), "channel": channel}
    for column, sign, name, value in (
        ("committed_at", ">=", "since", chosen.since),
        ("committed_at", "<", "until", chosen.until),
        ("order_id", "=", "order_id", chosen.order_id),
    ):
        if value is not None:
            parts.append(f"{column} {sign} %({name})s")
            values[name] = value
    return " AND ".join(parts), values
