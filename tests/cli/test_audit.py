"""The audit chain against somebody who can write to the database: what is found, where, and what is not."""

from __future__ import annotations

import json

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store.audit import Anchor, Audit
from tests.cli.conftest import Run
from tests.conftest import NOON

KEY = Audit(b"a" * 32)


@pytest.fixture
def chain(connection: Connection[TupleRow]) -> Connection[TupleRow]:
    """Six acts, and a writer whom the trigger does not stop."""
    for number in range(1, 7):
        KEY.record(connection, NOON, f"operator-{number}", "channel.pause", "web", {"number": number})
    connection.execute("SET LOCAL session_replication_role = replica")
    return connection


@pytest.mark.parametrize(
    ("forgery", "broken_at"),
    [
        ("SELECT 1", None),
        ("UPDATE hub.audit SET actor = 'nobody' WHERE position = 3", 3),
        ("UPDATE hub.audit SET at = at + interval '1 second' WHERE position = 4", 4),
        ("UPDATE hub.audit SET detail = detail || '{\"x\": 1}' WHERE position = 5", 5),
        ("UPDATE hub.audit SET hash = decode(repeat('00', 32), 'hex') WHERE position = 6", 6),
        ("DELETE FROM hub.audit WHERE position = 1", 1),
        ("DELETE FROM hub.audit WHERE position = 3", 3),
        # the gap closed by moving the others up
        (
            "DELETE FROM hub.audit WHERE position = 3; UPDATE hub.audit SET position = position - 1 WHERE position > 3",
            3,
        ),
        # put in: in the middle, in front, at the end
        (
            "UPDATE hub.audit SET position = -position - 1 WHERE position > 2;"
            "UPDATE hub.audit SET position = -position WHERE position < 0;"
            "INSERT INTO hub.audit SELECT 3, at, 'intruder', action, subject, detail, hash FROM hub.audit"
            " WHERE position = 2",
            3,
        ),
        ("INSERT INTO hub.audit SELECT 0, at, 'intruder', action, subject, detail, hash FROM hub.audit LIMIT 1", 0),
        (
            "INSERT INTO hub.audit SELECT 7, at, 'intruder', action, subject, detail, hash FROM hub.audit"
            " WHERE position = 6",
            7,
        ),
        # two rows in each other's place
        (
            "UPDATE hub.audit SET position = 99 WHERE position = 2;"
            "UPDATE hub.audit SET position = 2 WHERE position = 5;"
            "UPDATE hub.audit SET position = 5 WHERE position = 99",
            2,
        ),
    ],
)
def test_a_forged_row_is_found_at_its_position(
    chain: Connection[TupleRow], forgery: str, broken_at: int | None
) -> None:
    for statement in forgery.split(";"):
        chain.execute(statement.encode())
    assert KEY.verify(chain)[1] == broken_at


def test_a_tail_that_was_cut_off_is_found_only_against_a_newer_anchor(chain: Connection[TupleRow]) -> None:
    newest, older = KEY.head(chain), Anchor(4, bytes(chain.execute("SELECT hash FROM hub.audit").fetchall()[3][0]))
    assert newest is not None
    assert KEY.verify(chain, newest) == (6, None)
    chain.execute("DELETE FROM hub.audit WHERE position > 4")
    assert KEY.verify(chain) == (4, None), "a shorter chain is a whole chain"
    assert KEY.verify(chain, older) == (4, None), "what came after the anchor is not known to it"
    assert KEY.verify(chain, newest) == (4, 5)
    assert Anchor.read(str(newest)) == newest


def test_a_chain_written_anew_with_the_key_is_found_against_any_anchor(chain: Connection[TupleRow]) -> None:
    noted = KEY.head(chain)
    chain.execute("DELETE FROM hub.audit")
    for number in range(1, 9):
        KEY.record(chain, NOON, f"another-{number}", "channel.pause", "web")
    assert KEY.verify(chain) == (8, None)
    assert KEY.verify(chain, noted) == (5, 6)


def test_another_key_fits_no_row(chain: Connection[TupleRow]) -> None:
    assert Audit(b"b" * 32).verify(chain) == (0, 1)


def test_the_command_line_notes_an_anchor_and_verifies_against_it(hub: object, run: Run) -> None:
    assert "nothing" in run("audit", "head").stdout
    run("channel", "pause", "app")
    run("channel", "resume", "app")
    anchor = json.loads(run("audit", "head", "--json").stdout)["anchor"]
    assert run("audit", "head").stdout.strip() == anchor
    assert "passes through the anchor" in run("audit", "verify", "--anchor", anchor).stdout
    position, _, digest = anchor.partition(":")
    cut = run("audit", "verify", "--anchor", f"{int(position) + 1}:{digest}", "--json")
    assert (cut.exit_code, json.loads(cut.stdout)["broken_at"]) == (1, int(position) + 1)
    assert "no anchor" in run("audit", "verify", "--anchor", "yesterday").stderr
