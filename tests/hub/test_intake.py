"""What a channel's operator is promised: the same message twice is one, nothing is lost, no neighbour suffers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, LiteralString

import pytest

from hub.intake import Receipt
from hub.intake.holds import expire_holds
from hub.ledger import rebuild
from hub.store import events, orders, seats, subjects
from schemas.facts import TicketIssued
from schemas.observation import ReferenceClaim
from tests.hub.railway import Railway, content, hold, observation, order_id_of, refund, sale


def rows(railway: Railway, query: LiteralString) -> list[tuple[Any, ...]]:
    with railway.pool.connection() as connection:
        return connection.execute(query).fetchall()


def test_the_same_message_again_gets_the_first_answer_and_changes_nothing(railway: Railway) -> None:
    told = sale("EW00000001", "north", railway.clock())
    first = railway.tell("north", "m-1", told)
    again = railway.tell("north", "m-1", told)
    assert (first.outcome, again.outcome) == ("applied", "duplicate")
    assert again.body["order_id"] == first.body["order_id"]
    assert rows(railway, "SELECT count(*) FROM hub.events") == [(1,)]
    assert rows(railway, "SELECT message_id FROM hub.repeats") == [("m-1",)]


def test_the_same_id_for_other_bytes_is_refused_and_kept(railway: Railway) -> None:
    railway.tell("north", "m-1", sale("EW00000001", "north", railway.clock()))
    other = railway.tell("north", "m-1", sale("EW00000002", "north", railway.clock()))
    assert (other.status, other.body["code"]) == (409, "message_id_reused")
    assert rows(railway, "SELECT count(*) FROM hub.orders") == [(1,)]
    assert rows(railway, "SELECT channel, message_id, code FROM hub.rejections") == [
        ("north", "m-1", "message_id_reused")
    ]


def test_an_id_belongs_to_its_channel(railway: Railway) -> None:
    railway.tell("north", "m-1", sale("EW00000001", "north", railway.clock()))
    assert railway.tell("south", "m-1", sale("EW00000002", "south", railway.clock(), seat="1A")).outcome == "applied"


def test_eight_processes_with_the_same_message_agree(railway: Railway) -> None:
    receipt = railway.receipt("north", "m-1", sale("EW00000001", "north", railway.clock()))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: railway.intake.take([receipt])[0], range(8)))
    assert sorted(answer.outcome for answer in answers) == ["applied"] + ["duplicate"] * 7
    assert len({answer.body["order_id"] for answer in answers}) == 1


def test_twice_in_one_batch_is_once(railway: Railway) -> None:
    receipt = railway.receipt("north", "m-1", sale("EW00000001", "north", railway.clock()))
    outcomes = [answer.outcome for answer in railway.intake.take([receipt, receipt, receipt])]
    assert outcomes == ["applied", "duplicate", "duplicate"]


def test_a_bad_message_does_not_harm_its_neighbours(railway: Railway) -> None:
    now = railway.clock()
    good = railway.receipt("north", "m-1", sale("EW00000001", "north", now))
    bad = Receipt("north", "m-2", b'{"mode": "tell", "facts": [', "http", now)
    last = railway.receipt("north", "m-3", sale("EW00000003", "north", now, seat="1A"))
    answers = railway.intake.take([good, bad, last])
    assert [answer.outcome for answer in answers] == ["applied", "refused", "applied"]
    assert answers[1].body["pointers"][0]["pointer"].startswith("/")
    assert rows(railway, "SELECT message_id FROM hub.messages WHERE outcome = 'refused'") == [("m-2",)]


def test_another_system_attests_what_is_known(railway: Railway) -> None:
    told = sale("EW00000001", "north", railway.clock())
    railway.tell("north", "m-1", told)
    assert railway.tell("south", "s-1", told).outcome == "witnessed"
    assert rows(railway, "SELECT witnesses FROM hub.orders") == [(["north", "south"],)]


def test_two_amounts_for_one_ticket_are_a_dispute_with_both_sides(railway: Railway) -> None:
    now = railway.clock()
    railway.tell("north", "m-1", sale("EW00000001", "north", now, fare=55300))
    answer = railway.tell("south", "s-1", sale("EW00000001", "south", now, fare=55800))
    assert answer.outcome == "disputed"
    assert answer.body["disputes"][0].startswith("amount_differs|")
    assert rows(railway, "SELECT DISTINCT kind, state FROM hub.disputes") == [("amount_differs", "open")]


def test_a_dispute_ends_when_a_witness_takes_its_word_back(railway: Railway) -> None:
    now = railway.clock()
    railway.tell("north", "m-1", sale("EW00000001", "north", now, fare=55300))
    railway.tell("south", "s-1", sale("EW00000001", "south", now, fare=55800))
    corrected = sale("EW00000001", "south", now, fare=55300).model_copy(
        update={"occurred_at": now + timedelta(minutes=1)}
    )
    assert railway.tell("south", "s-2", corrected).outcome == "applied"
    assert rows(railway, "SELECT DISTINCT state FROM hub.disputes") == [("withdrawn",)]
    assert rows(railway, "SELECT dispute FROM hub.orders") == [("none",)]


def test_a_new_reference_of_a_known_fact_is_kept_and_one_of_a_refused_ask_is_not(railway: Railway) -> None:
    now = railway.clock()
    told = sale("EW00000001", "north", now)
    more = (*told.references, ReferenceClaim(system="north", kind="order", value="N-1"))
    railway.tell("north", "m-1", told)
    assert railway.tell("north", "m-2", told.model_copy(update={"references": more})).outcome == "witnessed"
    asked = hold("EW00000001", "south", now, legs=(0, 0), seat="2A")
    other = (*asked.references, ReferenceClaim(system="south", kind="order", value="S-1"))
    assert railway.tell("south", "s-1", asked.model_copy(update={"references": other})).outcome == "refused"
    bound = rows(railway, "SELECT system, value FROM hub.refs ORDER BY 1")
    assert bound == [("north", "N-1"), ("rail", "EW00000001")]
    (document,) = rows(railway, "SELECT document FROM hub.orders")[0]
    assert [r["value"] for r in document["references"]] == ["N-1", "EW00000001"]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_witness_may_change_its_mind_whatever_arrives_first(railway: Railway, swapped: bool) -> None:
    """The later word of one witness counts; there is no dispute with oneself; the order of arrival does not matter."""
    early = railway.clock()
    late = early + timedelta(minutes=10)
    told = [
        observation("EW00000001", "north", [TicketIssued(occurred_at=early, ticket=ticket)], at)
        for ticket, at in (
            (content("EW00000001", "north", fare=55300), early),
            (content("EW00000001", "north", fare=53000), late),
        )
    ]
    answers = [railway.tell("north", f"m-{n}", o) for n, o in enumerate(reversed(told) if swapped else told)]
    assert [answer.outcome for answer in answers] == (["applied", "witnessed"] if swapped else ["applied", "applied"])
    assert rows(railway, "SELECT fare_amount FROM hub.tickets") == [(53000,)]


def test_an_order_may_begin_with_its_refund(railway: Railway) -> None:
    now = railway.clock()
    ticket_no = content("EW00000001", "north").ticket_no
    first = railway.tell("south", "s-1", refund("EW00000001", "south", now, ticket_no))
    assert (first.outcome, first.body["complete"]) == ("applied", False)
    then = railway.tell("north", "m-1", sale("EW00000001", "north", now - timedelta(hours=1)))
    assert then.body["complete"] is True
    assert then.body["order_id"] == first.body["order_id"]
    assert rows(railway, "SELECT state FROM hub.tickets") == [("refunded",)]
    assert rows(railway, "SELECT sold FROM hub.seats WHERE sold <> 0") == []


def test_late_and_swapped_messages_are_marked_and_taken(railway: Railway) -> None:
    now = railway.clock()
    ticket_no = content("EW00000001", "north").ticket_no
    railway.tell("north", "m-2", refund("EW00000001", "north", now, ticket_no))
    railway.tell("north", "m-1", sale("EW00000001", "north", now - timedelta(minutes=5)))
    railway.tell("north", "m-3", sale("EW00000003", "north", now - timedelta(minutes=31), seat="1A"))
    assert rows(railway, "SELECT message_id, arrival FROM hub.messages ORDER BY position") == [
        ("m-2", "in_order"),
        ("m-1", "out_of_order"),
        ("m-3", "late"),
    ]


def test_every_event_balances_and_the_log_rebuilds_the_document(railway: Railway) -> None:
    now = railway.clock()
    ticket_no = content("EW00000001", "north").ticket_no
    railway.tell("north", "m-1", sale("EW00000001", "north", now))
    railway.tell("south", "s-1", sale("EW00000001", "south", now))
    answer = railway.tell("east", "e-1", refund("EW00000001", "east", now + timedelta(hours=1), ticket_no))
    for (postings,) in rows(railway, "SELECT postings FROM hub.events"):
        assert sum(line[1] for line in postings) == 0
    with railway.pool.connection() as connection:
        stored = orders.read(connection, [order_id_of(answer)])[order_id_of(answer)].document
        said = events.said(connection, stored.order_id)
    assert rebuild(stored.order_id, stored.references, said) == stored


def test_as_recorded_before_the_refund_the_ticket_is_issued(railway: Railway) -> None:
    now = railway.clock()
    ticket_no = content("EW00000001", "north").ticket_no
    railway.tell("north", "m-1", sale("EW00000001", "north", now))
    railway.clock.advance(timedelta(hours=1))
    answer = railway.tell("north", "m-2", refund("EW00000001", "north", railway.clock(), ticket_no))
    with railway.pool.connection() as connection:
        said = events.said(connection, order_id_of(answer), now + timedelta(minutes=1))
    assert {item.statement.fact.fact for item in said} == {"ticket.issued", "payment.captured"}


def test_a_hold_that_nobody_pays_frees_its_seat(railway: Railway) -> None:
    now = railway.clock()
    assert railway.tell("north", "m-1", hold("EW00000001", "north", now)).outcome == "applied"
    assert expire_holds(railway.intake, railway.pool, railway.clock) == 0
    railway.clock.advance(timedelta(minutes=30))
    assert expire_holds(railway.intake, railway.pool, railway.clock) == 1
    assert expire_holds(railway.intake, railway.pool, railway.clock) == 0
    assert rows(railway, "SELECT state FROM hub.tickets") == [("expired",)]
    assert railway.tell("south", "s-1", hold("EW00000002", "south", railway.clock())).outcome == "applied"
    with railway.pool.connection() as connection:
        assert seats.mismatches(connection) == []


@pytest.mark.parametrize("minutes_after", [1, 29])
def test_a_hold_paid_in_time_is_a_ticket(railway: Railway, minutes_after: int) -> None:
    now = railway.clock()
    railway.tell("north", "m-1", hold("EW00000001", "north", now))
    paid = railway.tell("south", "s-1", sale("EW00000001", "south", now + timedelta(minutes=minutes_after)))
    assert paid.outcome == "applied"
    railway.clock.advance(timedelta(minutes=40))
    assert expire_holds(railway.intake, railway.pool, railway.clock) == 0
    assert rows(railway, "SELECT state, holds_seat FROM hub.tickets") == [("issued", True)]


def test_raw_bytes_and_documents_are_sealed(railway: Railway) -> None:
    railway.tell("north", "m-1", sale("EW00000001", "north", railway.clock()))
    (raw,) = rows(railway, "SELECT raw FROM hub.messages")[0]
    (document,) = rows(railway, "SELECT document::text FROM hub.orders")[0]
    (statements,) = rows(railway, "SELECT statements::text FROM hub.events")[0]
    for text in (bytes(raw), str(document).encode(), str(statements).encode()):
        assert b"X00000001" not in text
        assert b"+8619900000001" not in text
        assert "李未".encode() not in text
    with railway.pool.connection() as connection:
        (clear,) = subjects.opened_raw(connection, railway.seal, [bytes(raw)])
    assert clear is not None
    assert b"X00000001" in clear
