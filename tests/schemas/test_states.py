"""Laws of the state tables: the fold, the diagrams and these tests read the same data."""

from typing import get_args

from schemas.facts import TicketStep
from schemas.order import DisputeStatus, FulfilmentStatus, PaymentStatus, RefundStatus, TicketState
from schemas.states import ranks, state_after, state_machine, valid_states

TICKET = state_machine("ticket")
STATES = TICKET["states"]


def test_the_states_are_the_models() -> None:
    assert set(STATES) == set(get_args(TicketState))


def test_ranks_are_distinct_so_that_the_fold_has_one_answer() -> None:
    assert len(set(ranks("ticket").values())) == len(STATES)
    assert ranks("ticket")[TICKET["initial"]] == min(ranks("ticket").values())


def test_every_transition_leads_between_known_states_and_upwards() -> None:
    """A ticket is in the state with the highest rank among its facts, so no fact may lead downwards."""
    for transition in TICKET["transitions"]:
        assert transition["to"] in STATES
        for origin in transition["from"]:
            assert origin in STATES
            assert STATES[origin]["rank"] <= STATES[transition["to"]]["rank"], transition["fact"]


def test_every_state_can_be_reached_and_final_ones_are_left_by_nothing() -> None:
    reached = {TICKET["initial"]}
    for _ in STATES:
        reached |= {t["to"] for t in TICKET["transitions"] if reached & set(t["from"])}
    assert reached == set(STATES)
    final = {name for name, state in STATES.items() if state.get("final")}
    assert not final & {origin for t in TICKET["transitions"] for origin in t["from"]}


def test_each_fact_leads_to_one_state() -> None:
    facts = [transition["fact"] for transition in TICKET["transitions"]]
    assert len(facts) == len(set(facts)) == len(state_after("ticket"))


def test_every_step_without_words_of_its_own_is_in_the_table() -> None:
    steps = set(get_args(TicketStep.model_fields["fact"].annotation))
    assert steps <= set(state_after("ticket"))


def test_valid_states_keep_their_seat_and_no_ended_ticket_does() -> None:
    assert valid_states() == {"held", "issued", "checked_in", "entered", "used"}


def test_every_state_has_words_in_both_languages() -> None:
    assert all(state["zh"] and state["en"] for state in STATES.values())


def test_exclusions_name_facts_of_the_table_and_disputes_that_are_sentences() -> None:
    for rule in TICKET["exclusions"]:
        assert set(rule["facts"]) <= set(state_after("ticket"))
        assert "_" in rule["dispute"]


def test_order_statuses_are_the_models() -> None:
    order = state_machine("order")
    assert order["fulfilment"]["order"] == list(get_args(FulfilmentStatus))
    assert order["payment"]["order"] == list(get_args(PaymentStatus))
    assert order["refund"]["order"] == list(get_args(RefundStatus))
    assert order["dispute"]["order"] == list(get_args(DisputeStatus))
