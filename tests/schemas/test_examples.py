"""Examples rot unless every one is checked: two validators and the models judge each file, and they must agree."""

import json
from functools import cache
from pathlib import Path
from typing import Any, get_args

import jsonschema
import jsonschema_rs
import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.events import INTERNAL_TYPES, EventType
from schemas.facts import Fact
from schemas.publish import PUBLISHED, generated

FOLDER = Path(__file__).parents[2] / "schemas" / "examples"


def documents(kind: str) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / kind).glob("*.json"))}


VALID, INVALID = documents("valid"), documents("invalid")


@cache
def fast(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(generated(name), validate_formats=True)


@cache
def slow(name: str) -> Any:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(generated(name), format_checker=checker)


def pointer(steps: Any) -> str:
    return "".join(f"/{step}" for step in steps)


@pytest.mark.parametrize("name", VALID)
def test_a_valid_example_is_valid_for_all_three(name: str) -> None:
    kind, document = name.split("--")[0], VALID[name]
    assert [f"{pointer(e.absolute_path)}: {e.message}" for e in slow(kind).iter_errors(document)] == []
    assert fast(kind).is_valid(document)
    TypeAdapter(PUBLISHED[kind]).validate_json(json.dumps(document))


@pytest.mark.parametrize("name", VALID)
def test_what_the_model_writes_again_is_what_stood_there(name: str) -> None:
    """An example is in the form in which we write: nothing that a reader would not get, nothing twice."""
    adapter = TypeAdapter(PUBLISHED[name.split("--")[0]])
    value = adapter.validate_json(json.dumps(VALID[name]))
    again = json.loads(adapter.dump_json(value))
    assert adapter.validate_json(json.dumps(again)) == value
    assert missing(VALID[name], again) == []


def missing(told: Any, written: Any, place: str = "") -> list[str]:
    """Members of ``told`` that ``written`` does not have, by pointer."""
    if isinstance(told, dict):
        return [
            found
            for key, value in told.items()
            for found in (missing(value, written[key], f"{place}/{key}") if key in written else [f"{place}/{key}"])
        ]
    if isinstance(told, list):
        return [found for n, item in enumerate(told) for found in missing(item, written[n], f"{place}/{n}")]
    return []


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_example_fails_where_it_says(name: str) -> None:
    example = INVALID[name]
    kind, document, place = example["type"], example["document"], example["fails_at"]
    assert name.split("--")[0] == kind
    assert example["because"]
    seen_by_schema = example.get("seen_by") != "model"
    assert fast(kind).is_valid(document) is slow(kind).is_valid(document) is not seen_by_schema
    if seen_by_schema:
        assert {pointer(e.absolute_path) for e in slow(kind).iter_errors(document)} == {place}
        assert {pointer(e.instance_path) for e in fast(kind).iter_errors(document)} == {place}
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(PUBLISHED[kind]).validate_json(json.dumps(document))
    places = [at(document, error["loc"]) for error in refused.value.errors()]
    assert any(found.startswith(place) for found in places), places


def at(document: Any, steps: Any) -> str:
    """A model's place as a pointer into the document: without the tags of the unions on the way."""
    found = []
    for step in steps:
        inside = isinstance(document, dict) and step in document
        if inside or (isinstance(document, list) and isinstance(step, int) and step < len(document)):
            document = document[step]
            found.append(step)
    return pointer(found)


def test_every_published_type_has_a_valid_and_an_invalid_example() -> None:
    assert sorted(set(PUBLISHED) - {name.split("--")[0] for name in VALID}) == []
    assert sorted(set(PUBLISHED) - {name.split("--")[0] for name in INVALID}) == []


def test_every_fact_has_an_example() -> None:
    kinds = {name for kind in get_args(get_args(Fact)[0]) for name in get_args(kind.model_fields["fact"].annotation)}
    shown = {document["fact"] for name, document in VALID.items() if name.startswith("fact--")}
    assert sorted(kinds - shown) == []


def test_every_event_type_has_an_example_and_every_delivered_one_its_envelope() -> None:
    types = set(get_args(EventType))
    assert sorted(types - {d["type"] for name, d in VALID.items() if name.startswith("order_event--")}) == []
    wrapped = {d["type"] for name, d in VALID.items() if name.startswith("cloud_event--")}
    assert wrapped == {f"interlock.{name}.v1" for name in types - INTERNAL_TYPES}


def test_every_file_is_named_after_its_type_and_what_it_shows() -> None:
    for name in (*VALID, *INVALID):
        kind, _, what = name.partition("--")
        assert kind in PUBLISHED
        assert what
        assert what == what.lower()


WRONG: tuple[Any, ...] = (None, -1, "", "2026-02-30", [], {})
SMALL = [name for name, document in VALID.items() if len(json.dumps(document)) < 1500]


@pytest.mark.parametrize("name", SMALL)
def test_the_two_validators_agree_on_what_is_damaged(name: str) -> None:
    """Every member in turn is missing, nothing, a number, a text: both say the same, whatever it is."""
    kind, document = name.split("--")[0], VALID[name]
    for member in document:
        rest = {key: value for key, value in document.items() if key != member}
        for damaged in (rest, *({**rest, member: wrong} for wrong in WRONG)):
            assert fast(kind).is_valid(damaged) is slow(kind).is_valid(damaged), (member, damaged.get(member))
