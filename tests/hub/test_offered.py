"""What a channel's profile does not offer cannot be asked for; what has happened is recorded all the same."""

from datetime import timedelta

from hub.ledger.rules import not_offered
from interlock.clock import SetClock
from tests.hub.railway import Railway, cancel, hold, refund, sale

ORDER = "E100000071"


def test_an_ask_for_an_act_that_the_profile_lacks_is_refused_with_what_may_be_asked(
    railway: Railway, clock: SetClock
) -> None:
    at = clock()
    assert railway.tell("north", "m-1", sale(ORDER, "north", at)).outcome == "applied"
    ticket = railway_ticket(railway)
    asked = cancel(ORDER, "north", at + timedelta(minutes=1), ticket).model_copy(update={"mode": "ask"})
    answer = railway.tell("north", "m-2", asked)
    assert (answer.outcome, answer.status, answer.body["code"]) == ("refused", 409, "act_not_offered")
    assert "cancel" in answer.body["detail"]
    assert "interlock channel may" in answer.body["remedy"]


def test_a_tell_of_the_same_act_is_taken(railway: Railway, clock: SetClock) -> None:
    at = clock()
    railway.tell("north", "m-1", hold(ORDER, "north", at))
    told = cancel(ORDER, "south", at + timedelta(minutes=1), railway_ticket(railway))
    assert railway.tell("south", "m-2", told).outcome == "applied"


def test_an_offered_ask_is_decided_on_its_merits(railway: Railway, clock: SetClock) -> None:
    at = clock()
    railway.tell("north", "m-1", sale(ORDER, "north", at))
    asked = refund(ORDER, "north", at + timedelta(minutes=1), railway_ticket(railway))
    assert railway.tell("north", "m-2", asked.model_copy(update={"mode": "ask"})).outcome == "applied"


def test_history_in_a_snapshot_is_not_asked_for(clock: SetClock) -> None:
    """the sale that a refund's message repeats is older than the refund: only the refund is asked for"""
    sold, at = sale(ORDER, "north", clock()), clock() + timedelta(hours=1)
    asked = refund(ORDER, "north", at, f"{ORDER}105012A")
    both = asked.model_copy(update={"mode": "ask", "facts": (*sold.facts, *asked.facts)})
    assert not_offered(both, frozenset({"refund"})) is None
    refused = not_offered(both, frozenset({"hold"}))
    assert refused is not None
    assert refused.code == "act_not_offered"
    assert "sell" not in refused.detail


def railway_ticket(railway: Railway) -> str:
    with railway.pool.connection() as connection:
        row = connection.execute("SELECT ticket_no FROM hub.tickets").fetchone()
    assert row is not None
    return str(row[0])
