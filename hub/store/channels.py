"""Connected systems: where they listen, what they share with us, how far they have been told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from hub.store.outbox import LAST_POSITION
from hub.store.seal import Seal

State = Literal["active", "paused", "disabled"]
"""``paused``: by an operator; nothing in, nothing out. ``disabled``: its endpoint is gone; only deliveries stop."""
Form = Literal["native", "cloudevents"]
CodeTables = Mapping[str, Mapping[str, str]]
"""List name -> native code -> ours."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One row of ``hub.channels``. ``secrets`` are sealed texts (``hub.delivery.signing``), newest first.

    ``form``, ``event_types`` (None: all of the profile), ``personal_data`` (clear document numbers in CloudEvents) and
    ``rate_per_second`` are how it is told; ``quota_per_minute``, ``opens_at`` and ``closes_at`` (local time of its
    zone; asks only) what it may send. ``former_secrets`` are good until a time. The others are where deliveries stand.
    ``adapter`` is set when the connection speaks another one's language; ``code_tables`` are its own, see ``Profile``.
    """

    channel: str
    endpoint: str | None
    secrets: list[str]
    state: State
    cursor_txid: str
    cursor_position: int
    poll_watermark: str | None
    breaker_failures: int
    breaker_until: datetime | None
    last_seen_at: datetime | None
    adapter: str | None
    code_tables: CodeTables
    form: Form
    event_types: list[str] | None
    personal_data: bool
    rate_per_second: float | None
    quota_per_minute: int | None
    opens_at: time | None
    closes_at: time | None
    former_secrets: list[dict[str, str]]
    state_reason: str | None
    breaker_openings: int
    retry_at: datetime | None
    rate_free_at: datetime | None
    bulk_txid: str
    bulk_position: int
    history_txid: str

    @property
    def told(self) -> bool:
        """Whether it has ever subscribed to anything: it has an endpoint now or had one."""
        return self.cursor_txid != "0"

    def asks_at(self, local: time) -> bool:
        """Whether it may ask at this local time; hours that begin later than they end run over midnight."""
        if self.opens_at is None or self.closes_at is None:
            return True
        if self.opens_at <= self.closes_at:
            return self.opens_at <= local < self.closes_at
        return local >= self.opens_at or local < self.closes_at


_COLUMNS = """channel, endpoint, secrets, state, cursor_txid::text AS cursor_txid, cursor_position, poll_watermark,
    breaker_failures, breaker_until, last_seen_at, adapter, code_tables, form, event_types, personal_data,
    rate_per_second, quota_per_minute, opens_at, closes_at, former_secrets, state_reason, breaker_openings, retry_at,
    rate_free_at, bulk_txid::text AS bulk_txid, bulk_position, history_txid::text AS history_txid"""

BEGINNING = datetime.min.replace(tzinfo=UTC)
"""A subscription's ``since`` that means all of the log."""

OVERLAP = timedelta(hours=24)
"""How long a secret stays good beside the one that replaces it, unless somebody says otherwise."""


def register(
    connection: Connection[TupleRow],
    channel: str,
    endpoint: str | None,
    secret: str,
    seal: Seal,
    now: datetime,
    *,
    adapter: str | None = None,
    code_tables: CodeTables | None = None,
    since: datetime | None = None,
) -> None:
    """Connect a channel, or change its endpoint; a new secret replaces the old one, which fades out (``rotate``).

    ``now``: the wall clock. ``adapter`` and ``code_tables`` stay as they are where they are not given. ``since``: see
    :func:`subscribe`.
    """
    connection.execute(
        """INSERT INTO hub.channels (channel, endpoint, secrets, created_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT (channel) DO UPDATE SET endpoint = excluded.endpoint""",
        (channel, endpoint, Jsonb([seal.seal(secret)]), now),
    )
    subscribe(connection, channel, since)
    rotate(connection, channel, secret, seal, now, OVERLAP)
    connection.execute(
        """UPDATE hub.channels SET adapter = coalesce(%s, adapter), code_tables = coalesce(%s, code_tables)
           WHERE channel = %s""",
        (adapter, None if code_tables is None else Jsonb(code_tables), channel),
    )


def subscribe(connection: Connection[TupleRow], channel: str, since: datetime | None = None) -> bool:
    """Let a channel that has an endpoint and was never told of anything be told from now on; whether it was such.

    ``since``: it is told in the bulk lane of what was committed from then on and before now (:data:`BEGINNING`: of all
    that there is), each order's events in order, and before what happens to the order from now on.
    """
    return (
        connection.execute(
            """UPDATE hub.channels SET cursor_txid = l.txid, cursor_position = %(last)s,
                   history_txid = CASE WHEN %(since)s::timestamptz IS NULL THEN '0' ELSE l.txid END,
                   bulk_txid = coalesce(f.txid, l.txid),
                   bulk_position = coalesce(f.position, %(last)s)
               FROM (SELECT ((pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text)::xid8 AS txid) l
               LEFT JOIN LATERAL (
                   SELECT e.txid, e.position - 1 AS position FROM hub.events e
                   WHERE e.committed_at >= %(since)s AND e.txid <= l.txid
                   ORDER BY e.txid, e.position LIMIT 1) f ON true
               WHERE channel = %(channel)s AND endpoint IS NOT NULL AND cursor_txid = '0'""",
            {"channel": channel, "since": since, "last": LAST_POSITION},
        ).rowcount
        == 1
    )


def find(connection: Connection[TupleRow], channel: str) -> Channel | None:
    with connection.cursor(row_factory=class_row(Channel)) as cursor:
        return cursor.execute(f"SELECT {_COLUMNS} FROM hub.channels WHERE channel = %s", (channel,)).fetchone()


def every(connection: Connection[TupleRow]) -> list[Channel]:
    with connection.cursor(row_factory=class_row(Channel)) as cursor:
        return cursor.execute(f"SELECT {_COLUMNS} FROM hub.channels ORDER BY channel").fetchall()


def set_state(connection: Connection[TupleRow], channel: str, state: State, reason: str | None = None) -> bool:
    """Whether there is such a channel. Made active again, it starts with a closed breaker."""
    return (
        connection.execute(
            """UPDATE hub.channels SET state = %(state)s, state_reason = %(reason)s,
                   breaker_failures = CASE %(state)s WHEN 'active' THEN 0 ELSE breaker_failures END,
                   breaker_openings = CASE %(state)s WHEN 'active' THEN 0 ELSE breaker_openings END,
                   breaker_until = CASE %(state)s WHEN 'active' THEN NULL ELSE breaker_until END,
                   retry_at = CASE %(state)s WHEN 'active' THEN NULL ELSE retry_at END
               WHERE channel = %(channel)s""",
            {"state": state, "reason": reason, "channel": channel},
        ).rowcount
        == 1
    )


def rotate(
    connection: Connection[TupleRow], channel: str, secret: str, seal: Seal, now: datetime, overlap: timedelta
) -> bool:
    """Make ``secret`` the current one; those of its kind before it stay good until ``now + overlap``.

    Kinds: what signs (``whsec_``, ``whsk_``) and the channel's own public key (``whpk_``). Whether there is such a
    channel. A secret that is current already stays so, and nothing fades.
    """
    row = connection.execute(
        "SELECT secrets, former_secrets FROM hub.channels WHERE channel = %s FOR UPDATE", (channel,)
    ).fetchone()
    if row is None:
        return False
    public = secret.startswith("whpk_")
    current = [(sealed, seal.open(sealed)) for sealed in row[0]]
    if any(text == secret for _, text in current):
        return True
    replaced = [sealed for sealed, text in current if text.startswith("whpk_") == public]
    until = (now + overlap).isoformat()
    former = [f for f in _still_good(row[1], now) if seal.open(f["secret"]) != secret]
    former = [{"secret": sealed, "until": until} for sealed in replaced if overlap > timedelta(0)] + former
    kept = [sealed for sealed, text in current if text.startswith("whpk_") != public]
    connection.execute(
        "UPDATE hub.channels SET secrets = %s, former_secrets = %s WHERE channel = %s",
        (Jsonb([seal.seal(secret), *kept]), Jsonb(former), channel),
    )
    return True


def good_secrets(channel: Channel, seal: Seal, now: datetime) -> list[str]:
    """The clear secrets that are good at ``now`` (wall clock): the current ones, then those that fade out."""
    fading = [f["secret"] for f in _still_good(channel.former_secrets, now)]
    return [seal.open(sealed) for sealed in (*channel.secrets, *fading)]


def forget_faded(connection: Connection[TupleRow], channel: Channel, now: datetime) -> None:
    """Drop the secrets whose time is over, if there are any."""
    if len(_still_good(channel.former_secrets, now)) < len(channel.former_secrets):
        connection.execute(
            """UPDATE hub.channels SET former_secrets = coalesce(
                   (SELECT jsonb_agg(f) FROM jsonb_array_elements(former_secrets) f
                    WHERE (f->>'until')::timestamptz > %s), '[]')
               WHERE channel = %s""",
            (now, channel.channel),
        )


def _still_good(former: Sequence[dict[str, str]], now: datetime) -> list[dict[str, str]]:
    return [f for f in former if datetime.fromisoformat(f["until"]) > now]


SETTINGS = frozenset(
    {
        "endpoint",
        "form",
        "event_types",
        "personal_data",
        "rate_per_second",
        "quota_per_minute",
        "opens_at",
        "closes_at",
    }
)
"""What an operator may change of a connection; column names."""


def configure(connection: Connection[TupleRow], channel: str, changes: Mapping[str, Any]) -> bool:
    """Set these columns of ``SETTINGS``; None takes a limit away. Whether there is such a channel."""
    if unknown := changes.keys() - SETTINGS:
        raise ValueError(f"no such setting of a connection: {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = %({name})s" for name in sorted(changes)) or "channel = channel"
    query = f"UPDATE hub.channels SET {assignments} WHERE channel = %(channel)s"
    found = connection.execute(query.encode(), {**changes, "channel": channel}).rowcount == 1
    if changes.get("endpoint") is not None:
        subscribe(connection, channel)
    return found


def move_cursor(connection: Connection[TupleRow], channel: str, txid: str, position: int) -> None:
    connection.execute(
        "UPDATE hub.channels SET cursor_txid = %s::xid8, cursor_position = %s WHERE channel = %s",
        (txid, position, channel),
    )


def move_watermark(connection: Connection[TupleRow], channel: str, watermark: str) -> None:
    connection.execute("UPDATE hub.channels SET poll_watermark = %s WHERE channel = %s", (watermark, channel))


def move_bulk_cursor(connection: Connection[TupleRow], channel: str, txid: str, position: int) -> None:
    connection.execute(
        "UPDATE hub.channels SET bulk_txid = %s::xid8, bulk_position = %s WHERE channel = %s", (txid, position, channel)
    )


def set_pace(
    connection: Connection[TupleRow],
    channel: str,
    breaker: tuple[int, int, datetime | None],
    retry_at: datetime | None,
    rate_free_at: datetime | None,
) -> None:
    """``breaker``: failures in a row, openings in a row, until when it is open; see ``hub.delivery.pacing``."""
    connection.execute(
        """UPDATE hub.channels SET breaker_failures = %s, breaker_openings = %s, breaker_until = %s, retry_at = %s,
               rate_free_at = %s
           WHERE channel = %s""",
        (*breaker, retry_at, rate_free_at, channel),
    )
