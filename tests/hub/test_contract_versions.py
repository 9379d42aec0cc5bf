"""What was stored under an earlier version of the contract is read, told, added to and replayed under today's."""

import json
from datetime import timedelta

from hub.intake import Receipt
from hub.intake.own_voice import heard, spoken
from hub.ledger import fold
from hub.store import checks, events, orders
from schemas.model import SCHEMA_VERSION
from tests.hub.railway import Railway, order_id_of, refund, sale


def rows(railway: Railway, sql: str) -> list[tuple[object, ...]]:
    with railway.pool.connection() as connection:
        return connection.execute(sql).fetchall()


def as_1_0(railway: Railway) -> None:
    """Turn what is stored into what 1.0 would have stored: a berth was a position, and nothing said a version."""
    with railway.pool.connection() as connection:
        # Events are append-only, by a trigger: only a test may play the past.
        connection.execute("SET LOCAL session_replication_role = replica")
        for table, column in (("orders", "document"), ("events", "statements")):
            connection.execute(
                f"""UPDATE hub.{table} SET contract = '1.0',
                    {column} = replace({column}::text, '"seat_class"', '"position": "lower", "seat_class"')::jsonb"""
            )


def test_an_order_of_1_0_is_read_refunded_and_rebuilt(railway: Railway) -> None:
    now = railway.clock()
    order_id = order_id_of(railway.tell("north", "m-1", sale("EW00000001", "north", now)))
    as_1_0(railway)
    with railway.pool.connection() as connection:
        before = fold(orders.read(connection, [order_id])[order_id].document)
        assert [t.seat.berth for t in before.tickets if t.seat] == ["lower"]
        (logged,) = events.of_order(connection, order_id)
        assert [f.ticket.seat.berth for f in logged.event.facts if f.fact == "ticket.issued"] == ["lower"]
    number = before.tickets[0].ticket_no
    answer = railway.tell("south", "s-1", refund("EW00000001", "south", now + timedelta(hours=1), number))
    assert answer.outcome == "applied"
    assert rows(railway, "SELECT contract FROM hub.orders") == [(SCHEMA_VERSION,)]
    assert rows(railway, "SELECT contract FROM hub.events ORDER BY sequence") == [("1.0",), (SCHEMA_VERSION,)]
    with railway.pool.connection() as connection:
        after = fold(orders.read(connection, [order_id])[order_id].document)
        assert [(t.state, t.seat.berth) for t in after.tickets if t.seat] == [("refunded", "lower")]
        assert checks.ledger_complaints(connection) == []


def test_a_message_of_1_0_is_taken_by_todays_hub(railway: Railway) -> None:
    """Under 1.0 our own messages were bare observations; they are in the log and will be replayed."""
    told = sale("EW00000001", "north", railway.clock())
    old = json.loads(told.model_dump_json(exclude_none=True))
    old["facts"][0]["ticket"]["seat"]["position"] = "upper"
    receipt = Receipt("north", "m-1", json.dumps(old).encode(), "http", railway.clock())
    assert railway.intake.take([receipt])[0].outcome == "applied"
    assert rows(railway, "SELECT document #>> '{facts}' LIKE '%berth%upper%' FROM hub.orders") == [(True,)]


def test_what_we_say_is_what_we_hear(railway: Railway) -> None:
    told = sale("EW00000001", "north", railway.clock())
    assert heard(spoken(told)) == told
    assert f'"contract":"{SCHEMA_VERSION}"'.encode() in spoken(told)


def test_a_message_of_a_later_version_is_refused_with_a_sentence(railway: Railway) -> None:
    receipt = Receipt("north", "m-1", b'{"contract":"7.0","observation":{}}', "http", railway.clock())
    answer = railway.intake.take([receipt])[0]
    assert answer.outcome == "refused"
    assert "this program knows 1.0, 1.1" in str(answer.body)
