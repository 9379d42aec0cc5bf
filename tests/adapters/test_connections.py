"""Connections: one wire, two code tables that contradict each other, and an operator who names the tables."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

import adapters.agents
from adapters.agents import AGENTS_SOUTH, AgentsAdapter, adapter, adapter_for
from adapters.kit.folding import event_of, order_of
from adapters.kit.golden import compare, pairs
from adapters.kit.registry import registered
from hub.ports import Connectable
from hub.store.channels import CodeTables
from interlock.connections import ConnectionInvalid, own_connections, wanted
from schemas.codes import code_list
from schemas.facts import TicketHeld, TicketIssued
from schemas.observation import Observation

SAMPLES = Path(str(adapters.agents.__file__)).parent
SOUTH = adapter_for(AGENTS_SOUTH)
BYTES = (SAMPLES / "samples" / "documents-of-all-types.native.json").read_bytes()
INSTALLED = {name: found.adapter for name, found in registered().items()}


def understood(who: AgentsAdapter, raw: bytes) -> Observation:
    answer = who.parse(raw)
    assert isinstance(answer, Observation), answer
    return answer


def documents(answer: Observation) -> dict[str, str]:
    """number -> type."""
    sold = [fact.ticket for fact in answer.facts if isinstance(fact, TicketIssued | TicketHeld)]
    return {ticket.passenger.document.number: ticket.passenger.document.type for ticket in sold}


def test_the_same_bytes_mean_two_things_for_two_connections() -> None:
    north, south = documents(understood(adapter, BYTES)), documents(understood(SOUTH, BYTES))
    assert (north["T00000003"], north["H00000004"]) == ("taiwan_permit", "hk_macau_permit")
    assert (south["T00000003"], south["H00000004"]) == ("hk_macau_permit", "taiwan_permit")
    assert {number: kind for number, kind in north.items() if "permit" not in kind} == {
        number: kind for number, kind in south.items() if "permit" not in kind
    }


@pytest.mark.parametrize("who", [adapter, SOUTH], ids=lambda who: who.profile.channel)
def test_each_connection_round_trips_in_its_own_codes(who: AgentsAdapter) -> None:
    observed = understood(who, BYTES)
    order = order_of(observed)
    formatted = who.format(event_of(observed, order, who.profile), order)
    assert formatted is not None
    assert formatted.losses == ()
    assert understood(who, formatted.body).facts == observed.facts


def test_one_connections_words_are_the_others_mistake() -> None:
    """why tables belong to a connection: told in the other's codes, the same order names the wrong documents"""
    observed = understood(adapter, BYTES)
    order = order_of(observed)
    told = SOUTH.format(event_of(observed, order, adapter.profile), order)
    assert told is not None
    assert documents(understood(SOUTH, told.body)) == documents(observed)
    assert documents(understood(adapter, told.body)) != documents(observed)


def test_golden_pairs_of_the_other_table() -> None:
    assert compare(SOUTH, SAMPLES / "samples_south") == []
    both = {pair.name for pair in pairs(SAMPLES / "samples")}
    for pair in pairs(SAMPLES / "samples_south"):
        assert pair.name in both
        assert pair.native.read_bytes() == (SAMPLES / "samples" / pair.native.name).read_bytes(), "the same bytes"


def test_a_connection_speaks_for_itself() -> None:
    """what an agent sells as AGENT is sold by its own connection, and its order numbers are its own"""
    answer = understood(SOUTH, (SAMPLES / "samples" / "sale.native.json").read_bytes())
    sold = next(fact.ticket for fact in answer.facts if isinstance(fact, TicketIssued))
    assert (answer.point_of_sale.channel, sold.point_of_sale.channel) == ("agents_south", "agents_south")
    assert {claim.system for claim in answer.references if claim.kind == "agent_order"} == {"agents_south"}


@dataclass(frozen=True)
class Row:
    """The part of a row of ``hub.channels`` that says how a channel speaks."""

    channel: str
    adapter: str | None = None
    code_tables: CodeTables = field(default_factory=dict)


def test_the_ledgers_rows_become_adapters() -> None:
    swapped = {"document_type": {"3": "hk_macau_permit", "4": "taiwan_permit"}}
    found = own_connections(INSTALLED, [Row("web"), Row("agents_south", "agents", swapped), Row("gone", "pigeon")])
    assert set(found) == {"agents_south"}
    assert found["agents_south"].profile.channel == "agents_south"
    assert found["agents_south"].parse(BYTES) == SOUTH.parse(BYTES)


def test_an_installed_channel_may_have_tables_of_its_own() -> None:
    found = own_connections(
        INSTALLED, [Row("agents", None, {"document_type": {"3": "hk_macau_permit", "4": "passport"}})]
    )
    assert found["agents"].profile.code_tables["document_type"]["4"] == "passport"


def test_what_an_operator_may_ask_for() -> None:
    assert wanted("web", None, [], INSTALLED) == (None, None)
    assert wanted("agents_south", "agents", ["document_type:3=hk_macau_permit,4=taiwan_permit"], INSTALLED) == (
        "agents",
        {"document_type": {"3": "hk_macau_permit", "4": "taiwan_permit"}},
    )


@pytest.mark.parametrize(
    ("name", "speaks", "codes", "says"),
    [
        ("pigeon", None, [], "no adapter is called 'pigeon'"),
        ("web_two", "web", [], "web has one connection only"),
        ("Agents South", "agents", [], "is no name of a channel"),
        ("south", "agents", ["document_type:3"], "has no NATIVE=OURS"),
        ("south", "agents", ["document_type:3=passport,3=taiwan_permit"], "says twice what 3 means"),
        ("south", "agents", ["shoe_size:3=passport"], "there is no code list 'shoe_size'"),
        ("south", "agents", ["document_type:3=library_card"], "has no library_card"),
        ("south", "agents", ["document_type:3=hk_macau_permit"], "nothing is left for taiwan_permit"),
    ],
)
def test_what_cannot_be_connected_is_said(name: str, speaks: str | None, codes: list[str], says: str) -> None:
    with pytest.raises(ConnectionInvalid, match=says) as caught:
        wanted(name, speaks, codes, INSTALLED)
    assert caught.value.remedy


def test_a_spelling_that_a_table_gives_away_is_never_written() -> None:
    half = {"3": "hk_macau_permit"}
    assert code_list("document_type").write("agents", "taiwan_permit", half) is None
    assert code_list("document_type").write("agents", "hk_macau_permit", half) == "3"


def test_agents_are_connectable_and_only_one_is_an_entry_point() -> None:
    assert isinstance(adapter, Connectable)
    assert "agents_south" not in INSTALLED
