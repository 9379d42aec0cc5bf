"""Channels of words: their tables and their READMEs say the same, and one table serves both directions."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import adapters
from adapters.agents import wire as agents
from adapters.agents.wording import AgentsWording
from adapters.kit.words import Wording
from adapters.phone import wire as phone
from adapters.phone.wording import PhoneWording
from schemas.codes import code_list

ADAPTERS = Path(next(iter(adapters.__path__)))
WORDINGS = [PhoneWording("phone", {}), AgentsWording("agents", {})]


def names(table: Any) -> Iterator[str]:
    """Every native name and word of a table, however deep."""
    if dataclasses.is_dataclass(table):
        for field in dataclasses.fields(table):
            yield from names(getattr(table, field.name))
    elif isinstance(table, dict):
        yield from (key for key in table if isinstance(key, str))
    elif isinstance(table, str):
        yield table


def readme(channel: str) -> str:
    return (ADAPTERS / channel / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda w: w.column)
def test_every_name_and_word_of_the_wire_is_in_its_readme(wording: Wording) -> None:
    text = readme(wording.column)
    tables = (wording.order, wording.ticket, wording.money, wording.override, wording.pickup, dict(wording.statuses))
    undocumented = {name for table in tables for name in names(table) if name not in text}
    assert not undocumented


@pytest.mark.parametrize("name", ["document_type", "ticket_type", "payment_method", "processor", "sales_channel"])
@pytest.mark.parametrize("channel", ["phone", "agents"])
def test_every_spelling_of_the_cross_walks_is_in_the_readme(channel: str, name: str) -> None:
    text = readme(channel)
    spellings = [word for row in code_list(name).rows for word in (row[channel] or "").split("|") if word]
    assert [word for word in spellings if word not in text] == []


def test_both_tables_of_the_agents_are_in_the_readme_with_their_words() -> None:
    lines = readme("agents").splitlines()
    for codes in (agents.ORDER_STATUS, agents.TICKET_STATUS):
        for code, row in codes.items():
            assert any(line.startswith(f"| {code} | {row.zh}") for line in lines), code


def test_every_status_word_of_the_phone_is_ours_by_the_cross_walk_too() -> None:
    """the table that is read and the cross-walk that reconciliation and the docs use say one thing"""
    for word, meaning in phone.STATUS.items():
        assert code_list("ticket_state").read("phone", word) == meaning.state
    assert {meaning.state for meaning in phone.STATUS.values()} == {
        row["code"] for row in code_list("ticket_state").rows if row["phone"]
    }


def test_agents_states_are_those_of_the_cross_walk() -> None:
    for row in code_list("ticket_state").rows:
        for native in (row["agents"] or "").split("|"):
            assert not native or agents.TICKET_STATUS[native].state == row["code"]
