"""A fact is withdrawn by two people and one more message; nothing that was written is changed."""

import random
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from psycopg import Connection
from psycopg.errors import RaiseException
from psycopg.rows import TupleRow

from hub.intake import Intake
from hub.intake.own_voice import OwnVoice
from hub.intake.retracting import Retracting
from hub.ledger import HUB, fold_with_postings, rebuild
from hub.store import events, orders, retractions
from hub.store.audit import Audit
from hub.store.books import EVER, Span, trial_balance
from hub.store.checks import ledger_complaints
from interlock.wiring import new_id
from schemas.problems import ProblemError
from tests.hub.railway import Railway, order_id_of, sale
from tests.hub.test_any_order import VOICES, messages, receipts

APPEND_ONLY = ("hub.events", "hub.messages", "hub.audit")

Balances = dict[tuple[str, str], int]


@pytest.fixture
def acts(railway: Railway) -> Retracting:
    """The acts over a ledger with all journeys on it."""
    voices = VOICES | {HUB: OwnVoice(HUB, "枢纽", "hub")}
    intake = Intake(railway.pool, voices, railway.seal, new_id)
    for receipt in receipts(railway, messages()):
        assert intake.take([receipt])[0].status == 200
    return Retracting(railway.pool, intake, Audit(b"a" * 32), railway.clock)


def book(connection: Connection[TupleRow], span: Span = EVER) -> Balances:
    return {(r.account, r.currency): r.balance for r in trial_balance(connection, span) if r.balance}


def written(connection: Connection[TupleRow]) -> dict[str, set[str]]:
    """Every row of the append-only tables, as text."""
    return {
        table: {row for (row,) in connection.execute(f"SELECT t::text FROM {table} t".encode())}
        for table in APPEND_ONLY
    }


def without(connection: Connection[TupleRow], order_id: UUID, fact: str) -> Balances:
    """The order's balances if this fact had never been told."""
    document = orders.read(connection, [order_id])[order_id].document
    left = rebuild(order_id, (), [s for s in events.said(connection, order_id) if s.statement.fact.identity != fact])
    found: Balances = {}
    for sign, one in ((1, left), (-1, document)):
        for line in fold_with_postings(one).lines if one.facts else ():
            key = (line.account, line.amount.currency)
            found[key] = found.get(key, 0) + sign * line.amount.amount
    return found


def test_a_withdrawn_fact_leaves_the_books_as_if_it_had_never_been(railway: Railway, acts: Retracting) -> None:
    """For money facts of all journeys, one after the other, through the door that people use."""
    with railway.pool.connection() as connection:
        facts = connection.execute(
            """SELECT DISTINCT order_id, fact FROM (
                   SELECT order_id, fact FROM hub.book_lines GROUP BY order_id, fact, account, currency
                   HAVING sum(amount) <> 0) standing ORDER BY fact, order_id"""
        ).fetchall()
    # Of one order one fact, or the next one would be of other books.
    chosen: dict[UUID, str] = dict(random.Random(4).sample(facts, 25))
    for order_id, fact in chosen.items():
        railway.clock.advance(timedelta(minutes=1))
        with railway.pool.connection() as connection:
            before, rows, change = book(connection), written(connection), without(connection, order_id, fact)
            then = Span.of(recorded_as_of=railway.clock())
        railway.clock.advance(timedelta(minutes=1))
        proposal = acts.propose(order_id, fact, "entered by mistake", "anna")
        done = acts.approve(UUID(proposal["retraction_id"]), "boris")
        assert done["state"] == "done", fact
        with railway.pool.connection() as connection:
            expected = {key: before.get(key, 0) + change.get(key, 0) for key in before.keys() | change.keys()}
            assert book(connection) == {key: amount for key, amount in expected.items() if amount}, fact
            assert book(connection, then) == before, "what was known then stands as it was"
            after = written(connection)
            assert all(rows[table] < after[table] for table in APPEND_ONLY), "rows are added, none is changed"
    with railway.pool.connection() as connection:
        assert ledger_complaints(connection) == []


@pytest.mark.parametrize("table", ["events", "messages", "rejections", "audit"])
@pytest.mark.parametrize("change", ["UPDATE hub.{} SET position = position", "DELETE FROM hub.{}"])
def test_what_is_written_can_be_neither_changed_nor_removed(railway: Railway, table: str, change: str) -> None:
    answer = railway.tell("north", "n-1", sale("EN00000001", "north", railway.clock()))
    acts = Retracting(railway.pool, railway.intake, Audit(b"a" * 32), railway.clock)
    acts.propose(order_id_of(answer), "ticket.issued|EN00000001105012A", "entered by mistake", "anna")
    railway.tell("north", "n-1", sale("EN00000002", "north", railway.clock()))  # the id again, with other bytes
    with railway.pool.connection() as connection:
        if "UPDATE" in change and table != "audit":
            change = change.replace("position = position", "digest = digest" if table != "events" else "lane = lane")
        with pytest.raises(RaiseException, match="append-only"):
            connection.execute(change.format(table).encode())


def proposed(railway: Railway) -> tuple[Retracting, UUID, UUID]:
    answer = railway.tell("north", "n-1", sale("EN00000001", "north", railway.clock()))
    acts = Retracting(railway.pool, railway.intake, Audit(b"a" * 32), railway.clock)
    order_id = order_id_of(answer)
    row = acts.propose(order_id, "ticket.issued|EN00000001105012A", "entered by mistake", "anna")
    return acts, order_id, UUID(row["retraction_id"])


def test_nobody_decides_on_his_own_proposal(railway: Railway) -> None:
    acts, _, retraction_id = proposed(railway)
    for decide in (acts.approve, acts.reject):
        with pytest.raises(ProblemError) as refused:
            decide(retraction_id, "anna")
        assert refused.value.problem.code == "second_person_needed"
    with railway.pool.connection() as connection:
        assert retractions.every(connection, "proposed", None, 10)
        assert book(connection)["sales", "CNY"] == -55300


def test_a_decision_is_made_once(railway: Railway) -> None:
    acts, order_id, retraction_id = proposed(railway)
    with pytest.raises(ProblemError, match="proposed already"):
        acts.propose(order_id, "ticket.issued|EN00000001105012A", "the same again", "boris")
    assert acts.reject(retraction_id, "boris")["state"] == "rejected"
    for decide in (acts.approve, acts.reject):
        with pytest.raises(ProblemError) as refused:
            decide(retraction_id, "clara")
        assert refused.value.problem.code == "not_found"


def test_an_approval_that_was_cut_off_is_given_again(railway: Railway) -> None:
    """The process died after the decision was written and before the message was taken."""
    acts, order_id, retraction_id = proposed(railway)
    with railway.pool.connection() as connection:
        retractions.decide(connection, retraction_id, "boris", "approved", railway.clock())
    railway.clock.advance(timedelta(minutes=5))
    with pytest.raises(ProblemError):
        acts.approve(retraction_id, "clara")
    assert acts.approve(retraction_id, "boris")["state"] == "done"
    with railway.pool.connection() as connection:
        assert ("sales", "CNY") not in book(connection)
        names = [a for (a,) in connection.execute("SELECT action FROM hub.audit ORDER BY position").fetchall()]
    assert names == ["retraction.propose", "retraction.approve"]
    with railway.pool.connection() as connection:
        (said,) = [s for s in events.said(connection, order_id) if s.statement.fact.fact == "retracted"]
    assert said.witness == HUB
    assert "anna; approved by boris" in said.statement.fact.model_dump()["reason"]


def test_only_what_stands_can_be_withdrawn(railway: Railway) -> None:
    acts, order_id, retraction_id = proposed(railway)
    with pytest.raises(ProblemError) as refused:
        acts.propose(uuid4(), "ticket.issued|EN00000001105012A", "who knows", "anna")
    assert refused.value.problem.code == "order_unknown"
    acts.approve(retraction_id, "boris")
    for fact in ("ticket.issued|EN00000001105012A", "ticket.issued|EN000000019"):
        with pytest.raises(ProblemError, match="no such fact"):
            acts.propose(order_id, fact, "once more", "anna")
    again = acts.propose(order_id, "retracted|ticket.issued|EN00000001105012A", "it was right", "boris")
    assert acts.approve(UUID(again["retraction_id"]), "anna")["state"] == "done"
    with railway.pool.connection() as connection:
        assert book(connection)["sales", "CNY"] == -55300
