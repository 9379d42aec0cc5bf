"""What the ledger reads back without validating is what validation would have made of it: for every kind of fact."""

from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from hub.ledger import fold, fold_with_postings, read_document
from hub.ledger.document import (
    Document,
    WitnessedStatement,
    read_statements,
    write_document,
    write_statements,
)
from schemas.facts import Fact
from schemas.model import SCHEMA_VERSION
from schemas.rereading import rereader
from tests.ledger.stories import Told, any_story, joined, journeys

_STATEMENTS = TypeAdapter(list[WitnessedStatement])


def same(one: BaseModel, other: BaseModel) -> bool:
    return one == other and one.model_dump_json() == other.model_dump_json()


@settings(max_examples=150)
@given(any_story() | journeys())
def test_a_document_reads_as_validated(story: list[Told]) -> None:
    text = write_document(joined(story))
    read, validated = read_document(text, SCHEMA_VERSION), Document.model_validate_json(text)
    assert same(read, validated)
    assert write_document(read) == text
    if read.facts:
        assert same(fold(read), fold_with_postings(validated).order)


@settings(max_examples=100)
@given(any_story())
def test_an_event_reads_as_validated(story: list[Told]) -> None:
    said = [
        WitnessedStatement(witness=witness, statement=statement)
        for by in joined(story).facts.values()
        for witness, statement in by.items()
    ]
    text = write_statements(said)
    assert read_statements(text, SCHEMA_VERSION) == _STATEMENTS.validate_json(text) == said


@given(st.data())
def test_every_kind_of_fact_is_among_them(data: st.DataObject) -> None:
    """The reader of the union knows every class and every tag of it."""
    union = get_args(Fact)[0]
    tags = {tag for kind in get_args(union) for tag in get_args(kind.model_fields["fact"].annotation)}
    tag = data.draw(st.sampled_from(sorted(tags)))
    with pytest.raises(KeyError, match="occurred_at"):
        rereader(Document)(
            {
                "order_id": str(UUID(int=1)),
                "facts": {"x": {"web": {"fact": {"fact": tag}, "stated_at": "2026-03-12T00:00:00Z"}}},
            }
        )


def test_what_was_left_out_has_its_default() -> None:
    read = rereader(Document)({"order_id": str(UUID(int=1))})
    assert same(read, Document(order_id=UUID(int=1)))


class Odd(BaseModel):
    """A type that has no word of its own in the reader: it is validated."""

    value: float | tuple[int, str] | None = None


def test_other_types_are_validated() -> None:
    assert rereader(Odd)({"value": [1, "a"]}).value == (1, "a")
    assert rereader(Odd)({"value": 1.5}).value == 1.5
    assert rereader(Odd)({}).value is None
