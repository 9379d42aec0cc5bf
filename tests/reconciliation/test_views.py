"""A chain of three systems is read off its pairs: where does it break, for which order?"""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from interlock.database import Pool
from reconciliation.definitions import definitions, views
from reconciliation.views import chain_of

DAY = date(2026, 1, 11)
VIEW = views()["hub-wechat-bank"]


@pytest.fixture
def connection(pool: Pool) -> Iterator[Connection[Any]]:
    with pool.connection() as opened:
        yield opened
        opened.rollback()


def ran(connection: Connection[Any], definition: str, state: str = "done", pending: int = 0) -> str:
    row = connection.execute(
        "INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest, left_digest,"
        " right_digest, context_digest, state, matched, pending, started_at, finished_at, finish_order)"
        " SELECT lpad(to_hex(n), 64, '0'), %s, %s, '', '', '', '', '', %s, 9, %s, now(), now(), n"
        " FROM nextval('recon.run_order') AS n RETURNING run_id",
        (definition, DAY, state, pending),
    ).fetchone()
    assert row is not None
    return str(row[0])


def broke(connection: Connection[Any], run_id: str, definition: str, kind: str, order_no: str | None, fen: int) -> None:
    connection.execute(
        "INSERT INTO recon.breaks (break_id, run_id, last_run_id, definition, business_date, kind, key, order_no,"
        " right_value, amount_at_stake, since, state, opened_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now(), 'open', now(), now())",
        (
            uuid4(),
            run_id,
            run_id,
            definition,
            DAY,
            kind,
            f"{kind}|{order_no or '2026-01-11'}",
            order_no,
            Jsonb({}),
            fen,
        ),
    )


def test_a_line_says_where_the_chain_breaks(connection: Connection[Any]) -> None:
    first, second = ran(connection, "hub-wechat"), ran(connection, "wechat-bank")
    broke(connection, first, "hub-wechat", "AMOUNT", "E1", 100)
    broke(connection, first, "hub-wechat", "FEE", "E1", 5)
    broke(connection, second, "wechat-bank", "AMOUNT", None, 900)
    chain = chain_of(connection, VIEW, definitions(), DAY)
    assert [(leg.pair, leg.run_state, leg.breaks, leg.at_stake) for leg in chain.legs] == [
        ("hub-wechat", "done", 2, 105),
        ("wechat-bank", "done", 1, 900),
    ]
    batch, order = chain.lines
    assert (batch.about, batch.breaks_at, dict(batch.legs)) == (
        "AMOUNT|2026-01-11",
        "wechat-bank",
        {"hub-wechat": "agrees", "wechat-bank": "differs"},
    )
    assert (order.about, order.breaks_at, order.kinds["hub-wechat"], order.at_stake) == (
        "E1",
        "hub-wechat",
        ("AMOUNT", "FEE"),
        105,
    )
    assert not chain.whole
    assert chain.to_json()["lines"][1]["about"] == "E1"
    assert len(chain_of(connection, VIEW, definitions(), DAY, limit=1).lines) == 1


def test_a_chain_is_whole_only_when_every_leg_was_run(connection: Connection[Any]) -> None:
    run_id = ran(connection, "hub-wechat")
    assert [leg.run_state for leg in chain_of(connection, VIEW, definitions(), DAY).legs] == ["done", "not run"]
    broke(connection, run_id, "hub-wechat", "AMOUNT", "E1", 100)
    assert chain_of(connection, VIEW, definitions(), DAY).lines[0].legs["wechat-bank"] == "not told"
    connection.execute("UPDATE recon.breaks SET state = 'cleared', cleared_run_id = run_id")
    ran(connection, "wechat-bank")
    assert chain_of(connection, VIEW, definitions(), DAY).whole
    ran(connection, "wechat-bank", pending=3)
    assert not chain_of(connection, VIEW, definitions(), DAY).whole
