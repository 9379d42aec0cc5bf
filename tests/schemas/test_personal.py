"""No personal field escapes: sealing and masking are made from the marks, and this looks at every type there is."""

from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from schemas.facts import Passenger
from schemas.model import Canonical
from schemas.personal import (
    PersonalField,
    convert_sealed,
    masked,
    masked_name,
    masked_number,
    people_in,
    personal_paths,
    personal_values,
)
from schemas.publish import PUBLISHED, generated

CLEAR, SEALED = "clear", "<sealed>"
CALLED_LIKE_A_PERSONS = {"name", "phone", "mobile", "email", "number"}
"""A field of this name is a person's unless it is listed here."""
NOBODYS = {("Seat", "number")}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_paths_are_the_marks_of_the_published_schema(name: str) -> None:
    """Two roads to one list: the models' fields, and the schema that a stranger reads."""
    schema = generated(name)
    assert set(personal_paths(PUBLISHED[name])) == marks(schema, schema, "")


def marks(node: Any, root: dict[str, Any], path: str) -> set[PersonalField]:
    if not isinstance(node, dict):
        return set()
    if "$ref" in node:
        return marks(root["$defs"][node["$ref"].rsplit("/", 1)[1]], root, path)
    found: set[PersonalField] = set()
    for name, field in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        if field.get("x-personal"):
            found.add(PersonalField(here, field["x-sealed"]))
        else:
            found |= marks(field, root, here)
    for choice in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        found |= marks(choice, root, path)
    return found | marks(node.get("items"), root, f"{path}[]")


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_field_that_is_called_like_a_persons_is_marked(name: str) -> None:
    """A field that is called like one and is not marked would be stored in clear."""
    schema = generated(name)
    for part in (schema, *schema.get("$defs", {}).values()):
        for field, body in part.get("properties", {}).items():
            if field in CALLED_LIKE_A_PERSONS and (part["title"], field) not in NOBODYS:
                assert body.get("x-personal"), f"{part['title']}.{field} is not marked"


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_sealed_field_survives_unconverted_and_no_personal_one_unmasked(name: str) -> None:
    """Every type, with every member and every variant of it filled: no clear text is left at any marked place."""
    for value in filled(PUBLISHED[name]):
        assert isinstance(value, Canonical)
        before, after = personal_values(value), personal_values(convert_sealed(value, lambda _: SEALED))
        assert len(before) >= len(personal_paths(type(value)))
        assert [item.text for item in after] == [SEALED] * len(before)
        assert texts(convert_sealed(value, lambda _: SEALED)).count(SEALED) == len(before)
        assert all(item.text != CLEAR for item in personal_values(masked(value)))


def filled(annotation: Any) -> list[Any]:
    """Values of a type with every optional member present, one for each variant; lists hold all variants."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        members = {name: filled(field.annotation)[0] for name, field in annotation.model_fields.items()}
        return [annotation.model_construct(**members)]
    if get_origin(annotation) is tuple:
        return [tuple(filled(get_args(annotation)[0]))]
    inside = [a for a in get_args(annotation) if a is not type(None) and (get_args(a) or isinstance(a, type))]
    if get_origin(annotation) is not dict and inside:
        return [value for argument in inside for value in filled(argument)]
    return [CLEAR]


def texts(value: Any) -> list[str]:
    """Every text in a value, by brute force and without looking at any mark."""
    if isinstance(value, BaseModel):
        return [text for inner in vars(value).values() for text in texts(inner)]
    if isinstance(value, tuple):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def test_a_value_without_personal_data_comes_back_as_it_is() -> None:
    leg = filled(PUBLISHED["leg"])[0]
    assert convert_sealed(leg, lambda _: SEALED) is leg


def test_what_is_missing_stays_missing() -> None:
    passenger = PUBLISHED["passenger"].model_construct(name="李未", document=None, type="adult", phone=None)
    assert convert_sealed(passenger, lambda _: SEALED).phone is None


@pytest.mark.parametrize("name", PUBLISHED)
def test_everything_personal_is_sealed_and_belongs_to_a_person(name: str) -> None:
    """A person's texts are sealed together under his key: what hangs elsewhere would have no key."""
    assert all(field.sealed for field in personal_paths(PUBLISHED[name]))
    for value in filled(PUBLISHED[name]):
        if name != "document":
            of_people = [text for person in people_in(value) for text in personal_values(person)]
            assert len(of_people) == len(personal_values(value))


def test_bounds_are_those_of_the_clear_text() -> None:
    """A sealed name is longer than a name may be; a clear one that long is refused as ever."""
    whole = {"document": {"type": "passport", "number": "E1"}, "type": "adult"}
    sealed = "sealed:2:" + "0" * 32 + ":" + "A" * 500
    assert Passenger.model_validate({"name": sealed, **whole}).name == sealed
    for wrong in ("A" * 201, "", "sealed:2:" + "A" * 10_000):
        with pytest.raises(ValidationError, match=r"200 characters|1 character"):
            Passenger.model_validate({"name": wrong, **whole})


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        ("990101199003070015", "99***15"),
        ("E1", "***"),
        ("sealed:1:00ff:99***15:abc", "99***15"),
        ("sealed:2:00ff:abc", "***"),
        ("erased", "erased"),
    ],
)
def test_a_masked_number_gives_little_away(number: str, seen: str) -> None:
    assert masked_number(number) == seen


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("李未", "李*"),
        ("欧阳未名", "欧***"),
        ("Erika Muster", "E*** M***"),
        ("Bo", "B***"),
        ("sealed:2:00ff:abc", "***"),
        ("erased", "erased"),
    ],
)
def test_a_masked_name_gives_little_away(name: str, seen: str) -> None:
    assert masked_name(name) == seen
