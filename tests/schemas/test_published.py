"""The published schemas are what the models say, and say what the models check."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jsonschema_rs import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError

from schemas.facts import Document as IdentityDocument
from schemas.facts import Passenger
from schemas.model import SCHEMA_VERSION
from schemas.observation import Observation
from schemas.publish import (
    DIALECT,
    PUBLISHED,
    SchemaUnknown,
    differences,
    folder,
    generated,
    personal_fields,
    publish,
    published,
)


def test_committed_files_are_what_the_models_say() -> None:
    """After a change of a model: `interlock schema publish`."""
    assert list(differences(folder())) == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_schema_names_itself_and_is_closed(name: str) -> None:
    schema = published(name)
    assert schema["$schema"] == DIALECT
    assert schema["$id"] == f"/v1/schemas/{SCHEMA_VERSION}/{name}.json"
    Draft202012Validator(schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False, f"{name}: {part.get('title')} is open"


def test_every_difference_is_told(tmp_path: Path) -> None:
    publish(tmp_path)
    assert list(differences(tmp_path)) == []
    (tmp_path / "money.json").unlink()
    (tmp_path / "seat.json").write_text("{}\n")
    (tmp_path / "wagon.json").write_text("{}\n")
    assert sorted(differences(tmp_path)) == [
        "money.json is missing",
        "seat.json differs from the models",
        "wagon.json is no type of the contract any more",
    ]
    assert sorted(publish(tmp_path)) == ["money.json", "seat.json", "wagon.json"]


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(SchemaUnknown, match="order_event"):
        generated("wagon")


def test_the_marks_of_personal_data_are_published() -> None:
    properties = published("passenger")["properties"]
    assert properties["name"]["x-personal"] is True
    assert properties["phone"]["x-sealed"] is True
    assert published("order")["$defs"]["Document"]["properties"]["number"]["x-sealed"] is True


def test_every_number_of_a_person_is_marked() -> None:
    """A field that is called like one and is not marked would be stored in clear."""
    assert personal_fields(IdentityDocument) == {"number": True}
    assert personal_fields(Passenger) == {"name": True, "phone": True}
    for name, model in PUBLISHED.items():
        if isinstance(model, type) and issubclass(model, BaseModel):
            suspects = {field for field in model.model_fields if field in {"phone", "name", "mobile", "email"}}
            assert suspects <= set(personal_fields(model)), f"{name} has an unmarked personal field"


def observations() -> Iterator[Any]:
    for path in sorted((Path(__file__).parents[2] / "adapters").glob("*/samples/*.canonical.json")):
        body = json.loads(path.read_text(encoding="utf-8")).get("observation")
        if body is not None:
            body.pop("delivered_losses", None)
            yield pytest.param(body, id=f"{path.parts[-3]}/{path.name.removesuffix('.canonical.json')}")


@pytest.mark.parametrize("body", list(observations()))
def test_every_sample_of_every_channel_is_valid_by_schema_and_by_model(body: dict[str, Any]) -> None:
    """Samples rot unless every one is checked: 37 published samples of a well-known standard are valid 0 times."""
    validator = Draft202012Validator(published("observation"), validate_formats=True)
    assert [error.message for error in validator.iter_errors(body)] == []
    Observation.model_validate_json(json.dumps(body))


@pytest.mark.parametrize("body", list(observations()))
def test_the_fast_validator_and_the_reference_agree(body: dict[str, Any]) -> None:
    """On every sample as it is, and with each of its members taken away in turn."""
    fast, reference = validators("observation")
    for document in (body, *({k: v for k, v in body.items() if k != gone} for gone in body)):
        assert fast.is_valid(document) is reference.is_valid(document)


def validators(name: str) -> tuple[Any, Any]:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return (
        Draft202012Validator(published(name), validate_formats=True),
        jsonschema.Draft202012Validator(published(name), format_checker=checker),
    )


WRONG = (
    ("money", {"amount": 1.5, "currency": "CNY"}, "/amount"),
    ("money", {"amount": "553", "currency": "CNY"}, "/amount"),
    ("money", {"amount": 553, "currency": "yuan"}, "/currency"),
    ("money", {"amount": 553, "currency": "CNY", "tax": 0}, ""),
    ("seat", {"seat_class": "Second Class"}, "/seat_class"),
    ("document", {"type": "passport", "number": ""}, "/number"),
    ("reference_claim", {"system": "rail", "kind": "tickets", "value": "E1"}, "/kind"),
    ("reference_claim", {"system": "rail", "kind": "order", "value": "E 1"}, "/value"),
    ("fact", {"fact": "ticket.lost", "ticket_no": "E1", "occurred_at": "2026-01-11T10:00:00+08:00"}, ""),
)


@pytest.mark.parametrize(("name", "body", "pointer"), WRONG)
def test_what_is_wrong_is_wrong_for_schema_and_model_alike(name: str, body: dict[str, Any], pointer: str) -> None:
    errors = list(Draft202012Validator(published(name), validate_formats=True).iter_errors(body))
    assert pointer in {"".join(f"/{step}" for step in error.instance_path) for error in errors}
    assert not validators(name)[1].is_valid(body)
    with pytest.raises(ValidationError):
        TypeAdapter(PUBLISHED[name]).validate_json(json.dumps(body))
