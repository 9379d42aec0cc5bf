"""Whole stories, told by channels and decided by the real ledger: what they show is what the contract means."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema
import jsonschema_rs
import pytest

from hub.ledger import digest, order_content
from schemas.facts import Fact
from schemas.identifiers import resident_id
from schemas.observation import Observation
from schemas.order import DisputeStatus, FulfilmentStatus, PaymentStatus, RefundStatus
from schemas.publish import generated
from schemas.states import MACHINES, state_machine
from tests.schemas.replaying import journeys, replay, short

JOURNEYS = journeys()
OUTCOMES = {"applied", "witnessed", "duplicate", "disputed", "refused"}
DISPUTES_OF_VALUES = {"amount_differs", "seat_differs", "changed_twice", "refunded_twice"}
DISPUTES_OF_THE_HUB = {"paid_after_hold_expired", "references_clash", "seat_already_sold"}


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, story in JOURNEYS.items():
        for step in story["steps"]:
            yield name, step


def test_there_are_enough_of_them() -> None:
    assert len(JOURNEYS) >= 20


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_is_told_in_both_languages(name: str) -> None:
    story = JOURNEYS[name]
    for words in (story["title"], story["shows"], *(step["says"] for step in story["steps"])):
        assert set(words) == {"zh", "en"}
        assert re.search(r"[\u4e00-\u9fff]", words["zh"])
        assert words["en"].isascii()


@pytest.mark.parametrize("name", JOURNEYS)
def test_every_observation_is_valid_by_both_validators_and_by_the_model(name: str) -> None:
    schema = generated("observation")
    fast = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    slow = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    for step in JOURNEYS[name]["steps"]:
        body = step["observation"]
        assert [error.message for error in slow.iter_errors(body)] == []
        assert fast.is_valid(body)
        Observation.model_validate_json(json.dumps(body))


@pytest.mark.parametrize("name", JOURNEYS)
def test_the_ledger_decides_every_step_as_the_journey_says(name: str) -> None:
    """After a change of a rule: `python -m tests.schemas.replaying`, and read what differs."""
    story = JOURNEYS[name]
    for step, said in zip(story["steps"], replay(story["steps"]).steps, strict=True):
        where = f"{name}: {step['says']['en']}"
        assert (said.outcome, said.event, said.refusal) == (
            step["outcome"],
            step.get("event"),
            step.get("refused"),
        ), where
        assert said.then == step["then"], where


@pytest.mark.parametrize("name", JOURNEYS)
def test_any_order_of_arrival_ends_the_same(name: str) -> None:
    """Asks that were refused are left out: what a rule refuses depends on what it knows when it is asked."""
    story = JOURNEYS[name]
    told = [step for step in story["steps"] if step["outcome"] != "refused"]
    told = [{**step, "observation": {**step["observation"], "mode": "tell"}} for step in told]
    expected = replay(story["steps"]).order
    assert expected is not None
    for seed in range(6):
        arrived = random.Random(seed).sample(told, len(told))
        order = replay(arrived).order
        assert order is not None
        assert short(order) == short(expected)
        assert digest([order_content(order)], []) == digest([order_content(expected)], [])


def test_every_transition_of_every_state_machine_is_exercised() -> None:
    wanted = {
        (machine, transition["fact"], origin, transition["to"])
        for machine in MACHINES
        for transition in state_machine(machine)["transitions"]
        for origin in transition["from"]
    }
    passed = {tuple(transition) for story in JOURNEYS.values() for transition in replay(story["steps"]).passed}
    assert sorted(wanted - passed) == [], "no journey goes this way"


def test_every_kind_of_fact_is_told() -> None:
    kinds = {name for kind in get_args(get_args(Fact)[0]) for name in get_args(kind.model_fields["fact"].annotation)}
    assert sorted(kinds - {fact["fact"] for _, step in steps() for fact in step["observation"]["facts"]}) == []


def test_every_outcome_and_every_status_appears() -> None:
    assert {step["outcome"] for _, step in steps()} == OUTCOMES
    for name, values in (
        ("fulfilment", FulfilmentStatus),
        ("payment", PaymentStatus),
        ("refund", RefundStatus),
        ("dispute", DisputeStatus),
    ):
        assert {step["then"][name] for _, step in steps() if step["then"]} == set(get_args(values)), name


def test_every_dispute_appears() -> None:
    wanted = {rule["dispute"] for machine in MACHINES for rule in state_machine(machine)["exclusions"]}
    seen = {dispute.split("|")[0] for _, step in steps() for dispute in step["then"].get("disputes", {})}
    assert sorted((wanted | DISPUTES_OF_VALUES | DISPUTES_OF_THE_HUB) - seen) == []


def test_all_people_are_invented() -> None:
    """Resident ids of region 99, which nobody has, with a right check digit; phones of an unassigned range."""
    text = json.dumps(JOURNEYS, ensure_ascii=False)
    for number in set(re.findall(r'"type": "resident_id", "number": "([^"]+)"', text)):
        assert number.startswith("99")
        assert resident_id.is_valid(number)
    assert all(phone.startswith("+861990000") for phone in re.findall(r'"phone": "([^"]+)"', text))
    assert all(number.startswith("E9900") for number in re.findall(r'"type": "passport", "number": "([^"]+)"', text))


def test_each_journey_has_an_order_of_its_own() -> None:
    numbers: dict[str, set[str]] = {}
    for name, step in steps():
        numbers.setdefault(step["observation"]["references"][0]["value"], set()).add(name)
    assert {number: names for number, names in numbers.items() if len(names) > 1} == {}
