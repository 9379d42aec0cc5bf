"""Five minutes at a time: what was told is held, both sides say the same, nothing has changed since."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from interlock.database import Pool
from reconciliation.datasets import write_dataset
from reconciliation.digests import (
    Slice,
    changed_since_run,
    differing,
    exposition,
    hub_now,
    keep,
    keep_run,
    kept,
    measure,
    pulses,
    slices_of,
)
from reconciliation.rows import Row, microseconds

DAY = date(2026, 1, 11)
NOW = datetime(2026, 1, 11, 4, 2, tzinfo=UTC)
SOLD = Row(
    key="E10000001005012A",
    kind="ticket",
    order_no="E1",
    at=microseconds(NOW),
    amount=100,
    state="issued",
    seat="5-12A",
    seller="web",
    sold_on=DAY.isoformat(),
)


@pytest.fixture
def connection(pool: Pool) -> Iterator[Connection[Any]]:
    with pool.connection() as opened:
        yield opened
        opened.rollback()


def told(connection: Connection[Any], at: datetime, held: int | None, channel: str = "web", of: datetime = NOW) -> UUID:
    """A message of an order in version 2, of which the rows of the ledger hold version ``held``."""
    order_id = uuid4()
    connection.execute(
        "INSERT INTO hub.orders (order_id, order_no, version, sequence, channel, witnesses, business_date, fulfilment,"
        " payment, refund, dispute, complete, document, created_at, updated_at)"
        " VALUES (%s, %s, 2, 1, %s, '{}', %s, 'issued', 'paid', 'none', 'none', true, %s, %s, %s)",
        (order_id, order_id.hex[:12], channel, DAY, Jsonb({}), at, at),
    )
    connection.execute(
        "INSERT INTO hub.messages (channel, message_id, digest, source, media_type, raw, received_at, occurred_at,"
        " outcome, order_id, answer) VALUES (%s, %s, ''::bytea, 'http', '', ''::bytea, %s, %s, 'applied', %s, %s)",
        (channel, order_id.hex, at, of, order_id, Jsonb({})),
    )
    if held is not None:
        connection.execute(
            "INSERT INTO recon.ledger_orders (order_id, order_no, version, dates) VALUES (%s, %s, %s, %s)",
            (order_id, order_id.hex[:12], held, [DAY]),
        )
    return order_id


def test_what_was_told_and_is_not_held_is_behind(connection: Connection[Any]) -> None:
    told(connection, NOW - timedelta(minutes=20), held=2)
    told(connection, NOW - timedelta(minutes=15), held=1)
    told(connection, NOW - timedelta(minutes=3), held=None)
    told(connection, NOW - timedelta(minutes=13), held=2, channel="app")
    assert measure(connection, NOW) == 8
    app, web = pulses(connection, NOW)
    assert (app.channel, app.told, app.held, app.healthy) == ("app", 1, 1, True)
    # The newest slice may still be on its way; the one of a quarter of an hour ago may not.
    assert (web.told, web.held, web.behind, web.behind_since) == (3, 1, 1, datetime(2026, 1, 11, 3, 45, tzinfo=UTC))
    connection.execute("UPDATE recon.ledger_orders SET version = 2")
    measure(connection, NOW)
    assert [pulse.healthy for pulse in pulses(connection, NOW)] == [True, True]
    later = pulses(connection, NOW + timedelta(minutes=10))
    assert [(pulse.channel, pulse.behind) for pulse in later] == [("app", 0), ("web", 1)]
    assert 'interlock_recon_slices_behind{channel="web"} 1' in exposition(later)
    assert later[1].to_json()["healthy"] is False


def test_what_is_told_of_a_date_that_is_over_is_noted(connection: Connection[Any]) -> None:
    last = NOW - timedelta(minutes=4)
    told(connection, NOW - timedelta(minutes=8), held=2, of=NOW - timedelta(days=1))
    told(connection, last, held=2, of=NOW - timedelta(days=1))
    told(connection, last, held=2, channel="app")
    measure(connection, NOW)
    measure(connection, NOW)
    found = connection.execute("SELECT channel, business_date, last_at FROM recon.late_messages").fetchall()
    assert found == [("web", DAY - timedelta(days=1), last)]


def ledger_row(connection: Connection[Any], row: Row) -> None:
    names = [f.name for f in fields(Row) if f.name not in {"carried", "sha256", "place", "raw"}]
    values = [getattr(row, name) for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    connection.execute(
        f"INSERT INTO recon.ledger_rows (order_id, business_date, home, {columns})"
        f" VALUES (%s, %s, true{', %s' * len(names)})",
        (uuid4(), DAY, *values),
    )


def test_the_digest_is_the_same_in_postgresql_and_over_parquet(connection: Connection[Any], tmp_path: Path) -> None:
    rows = [
        SOLD,
        replace(SOLD, key="wechat|1", kind="payment", state=None, seat=None),
        replace(SOLD, key="票", amount=None, at=SOLD.at + 300_000_000),
    ]
    for row in rows:
        ledger_row(connection, row)
    strangers = [replace(SOLD, seller="app"), replace(SOLD, sold_on="2026-01-10")]
    files = slices_of(write_dataset(tmp_path, [*rows, *strangers]).paths, "web", DAY)
    assert files == hub_now(connection, "web", DAY)
    assert [(s.slice_at.minute, s.rows) for s in files] == [(0, 2), (5, 1)]


def test_nothing_changed_since_the_run_is_a_proof(connection: Connection[Any], tmp_path: Path) -> None:
    ledger_row(connection, SOLD)
    folder = write_dataset(tmp_path, [SOLD]).folder
    theirs = write_dataset(tmp_path, [replace(SOLD, amount=101)]).folder
    connection.execute(
        "INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest, left_digest,"
        " right_digest, context_digest, state, started_at, finished_at, finish_order)"
        " VALUES (repeat('a', 64), 'hub-web', %s, '', '', '', '', '', 'done', now(), now(), 1)",
        (DAY,),
    )
    for side, where in (("left", folder), ("right", theirs)):
        connection.execute(
            "INSERT INTO recon.inputs (run_id, side, source, name, sha256, digest, bytes, rows, folder)"
            " VALUES (repeat('a', 64), %s, '', '', '', '', 0, 1, %s)",
            (side, str(where.relative_to(tmp_path))),
        )
    keep_run(connection, tmp_path, "web", "hub-web", DAY, NOW)
    assert changed_since_run(connection, "web", DAY) == []
    five = datetime(2026, 1, 11, 4, 0, tzinfo=UTC)
    assert differing(kept(connection, "hub", DAY, "web"), kept(connection, "channel", DAY, "web")) == [five]
    connection.execute("UPDATE recon.ledger_rows SET state = 'refunded'")
    assert changed_since_run(connection, "web", DAY) == [five]
    # What is kept of a side is replaced as a whole, and sums may be larger than 64 bits.
    keep(connection, "hub", DAY, "web", [Slice("web", five, 3, 2**70)], NOW)
    assert kept(connection, "hub", DAY, "web") == [Slice("web", five, 3, 2**70)]
