"""Whom a change of the contract breaks: one row per kind of change, and today's version against every released one."""

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas.compatibility import Change, compare, contract_of, judge, reachable
from schemas.publish import PUBLISHED, generated
from schemas.releases import difference, schemas_of, today, upcasters, verdicts
from schemas.upcasting import VERSIONS, upcast

RELEASED = Path(__file__).parent / "released"
PUBLISHED_FILES = Path(__file__).parents[2] / "schemas" / "published"

# what it was                                   | what it is                                           | whom it breaks
TABLE = """
"type": "string"                                | "type": "string", "description": "a word"            | nobody
"type": "string"                                | "type": "integer"                                    | readers writers
"type": "string"                                | "anyOf": [{"type": "string"}, {"type": "null"}]      | readers
"anyOf": [{"type": "string"}, {"type": "null"}] | "type": "string"                                     | writers
"type": "string"                                | "type": "string", "pattern": "^[a-f]$"               | writers
"type": "string", "pattern": "^[a-f]$"          | "type": "string"                                     | readers
"type": "string", "pattern": "^[a-z]+$"         | "type": "string", "pattern": "^[a-f]$"               | writers
"type": "string", "pattern": "^[a-f]$"          | "type": "string", "pattern": "^[a-z]+$"              | readers
"type": "string", "pattern": "^[a-z]+$"         | "type": "string", "pattern": "^[0-9]+$"              | readers writers
"type": "string", "maxLength": 20               | "type": "string", "maxLength": 10                    | writers
"type": "string", "maxLength": 20               | "type": "string", "maxLength": 40                    | readers
"type": "string", "maxLength": 20               | "type": "string"                                     | readers
"type": "integer"                               | "type": "integer", "minimum": 0                      | writers
"type": "integer", "minimum": 0                 | "type": "integer", "minimum": -5                     | readers
"type": "string", "format": "date-time"         | "type": "string"                                     | readers
"type": "string"                                | "type": "string", "format": "date"                   | writers
"type": "string", "format": "date"              | "type": "string", "format": "date-time"              | readers writers
"type": "string", "enum": ["a", "b"]            | "type": "string", "enum": ["a", "b", "c"]            | readers+
"type": "string", "enum": ["a", "b"]            | "type": "string", "enum": ["a"]                      | writers
"type": "string", "enum": ["a"]                 | "type": "string", "const": "a"                       | nobody
"type": "string"                                | "type": "string", "enum": ["a"]                      | writers
"type": "string", "enum": ["a"]                 | "type": "string"                                     | readers
"type": "array", "items": {"type": "string"}    | "type": "array", "items": {"type": "integer"}        | readers writers
"type": "array", "items": {"type": "string"}    | "type": "array", "items": {"type": "string"}, "minItems": 1 | writers
"type": "string", "default": "a"                | "type": "string", "default": "b"                     | writers
"type": "object", "additionalProperties": false | "type": "object"                                     | readers
"type": "object"                                | "type": "object", "additionalProperties": false      | writers
"type": "object", "additionalProperties": {"type": "string"} | "type": "object", "additionalProperties": {"type": "integer"} | readers writers
"type": "string"                                | "type": "string", "contentEncoding": "base64"        | readers writers
"type": "string"                                | "type": "string", "deprecated": true                 | nobody
"""  # noqa: E501

# fields that it had                | fields that it has                      | whom it breaks; "!" = required
FIELDS = """
a                                   | a b                                     | readers+
a                                   | a b!                                    | readers+ writers+
a!                                  | a                                       | readers
a                                   | a!                                      | writers
a b                                 | a                                       | readers writers
a b!                                | a                                       | readers writers
"""


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ")] for line in table.strip().splitlines()]


def broken(changes: list[Change]) -> str:
    found = {f"{party}{'+' if change.addition else ''}" for change in changes for party in change.breaks}
    return " ".join(sorted(found)) or "nobody"


@pytest.mark.parametrize(("old", "new", "whom"), rows(TABLE))
def test_whom_a_change_of_a_value_breaks(old: str, new: str, whom: str) -> None:
    assert broken(compare({"seat": json.loads(f"{{{old}}}")}, {"seat": json.loads(f"{{{new}}}")})) == whom


@pytest.mark.parametrize(("old", "new", "whom"), rows(FIELDS))
def test_whom_a_change_of_fields_breaks(old: str, new: str, whom: str) -> None:
    assert broken(compare({"seat": fields(old)}, {"seat": fields(new)})) == whom


def fields(words: str) -> dict[str, Any]:
    names = [word.removesuffix("!") for word in words.split()]
    required = [word.removesuffix("!") for word in words.split() if word.endswith("!")]
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@pytest.mark.parametrize(("old", "new", "whom"), rows(TABLE))
def test_the_table_is_true(old: str, new: str, whom: str) -> None:
    """A document that one schema takes and the other refuses is the proof; where nobody breaks there must be none."""
    before, after = json.loads(f"{{{old}}}"), json.loads(f"{{{new}}}")
    candidates: list[Any] = [
        None,
        True,
        0,
        -3,
        7,
        "a",
        "b",
        "c",
        "x",
        "zz",
        "123",
        "n" * 15,
        "n" * 30,
        "2026-01-11",
        [],
        ["a"],
    ]
    candidates += [[1], {}, {"k": "v"}, {"k": 1}, "2026-01-11T10:00:00Z"]
    proven = set()
    for document in candidates:
        was, is_now = (validator(schema).is_valid(document) for schema in (before, after))
        if was != is_now:
            proven.add("writers" if was else "readers")
    said = {party.removesuffix("+") for party in whom.split()} - {"nobody"}
    # A default and an unknown keyword say something that no validator sees.
    assert proven <= said
    if not {"default", "contentEncoding"} & {*before, *after}:
        assert proven == said


def validator(schema: dict[str, Any]) -> Any:
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def test_a_kind_more_of_a_choice_is_an_addition_and_null_is_not() -> None:
    one, two = {"$ref": "#/$defs/TicketHeld"}, {"$ref": "#/$defs/TicketIssued"}
    three = {"$ref": "#/$defs/PickupCollected"}
    more = compare({"fact": {"oneOf": [one, two]}}, {"fact": {"oneOf": [one, two, three]}})
    assert more == [Change("fact", "may now be `pickup_collected`", ("readers",), addition=True)]
    less = compare({"fact": {"oneOf": [one, two]}}, {"fact": {"oneOf": [one]}})
    assert less == [Change("fact", "can no longer be `ticket_issued`", ("writers",))]


def test_what_only_the_hub_writes_breaks_no_writer() -> None:
    changes = compare({"order": fields("a")}, {"order": fields("a b!")}, taken=frozenset())
    assert broken(changes) == "readers+"


def test_what_others_write_is_found_by_its_references() -> None:
    contract = contract_of(schemas_of("1.0"))
    taken = reachable(contract, ("observation",))
    assert {"seat", "money", "refund_fact", "ticket_issued"} <= taken
    assert not {"order", "ticket", "dispute", "cloud_event"} & taken


def test_an_upcaster_answers_for_writers_and_the_reading_rule_for_readers_of_an_addition() -> None:
    changes = [Change("seat.position", "differs", ("writers",)), Change("seat.berth", "is new", ("readers",), True)]
    assert [v.incompatible for v in judge(changes, {"seat.position": "1.0 -> 1.1"})] == [(), ()]
    assert [v.incompatible for v in judge(changes, {})] == [("writers",), ()]
    assert [v.incompatible for v in judge(changes, {}, same_major=False)] == [("writers",), ("readers",)]


# --- the real versions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_the_models_are_compatible_with_every_released_version(version: str) -> None:
    found = verdicts(contract_of(schemas_of(version)), contract_of(today()), version, VERSIONS[-1])
    assert [v.change for v in found if v.incompatible] == []


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_every_answer_of_an_upcaster_is_to_a_change_that_there_is(version: str) -> None:
    places = {verdict.change.where for verdict in difference(version, VERSIONS[-1])}
    assert set(upcasters(version, VERSIONS[-1])) <= places


def test_without_its_upcaster_the_seat_of_1_0_would_be_refused() -> None:
    """The sentence that the issue asks for, from the real second version."""
    changes = compare(contract_of(schemas_of("1.0")), contract_of(schemas_of("1.1")))
    (position,) = [v for v in judge(changes, {}) if v.incompatible]
    assert (position.change.where, position.incompatible) == ("seat.position", ("writers",))


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_a_released_version_is_frozen(version: str) -> None:
    """Its files are what they were on the day of release: somebody holds them. Never renew these digests."""
    listed = dict(line.split()[::-1] for line in (RELEASED / f"{version}.sha256").read_text().splitlines())
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (PUBLISHED_FILES / version).iterdir()}
    assert files == listed


def documents_of_1_0() -> list[tuple[str, dict[str, Any]]]:
    """Observations as channels sent them under 1.0: every golden sample that 1.0 takes, and the words 1.1 moved."""
    schema = validator(dict(schemas_of("1.0")["observation"]))
    found = []
    for path in sorted((Path(__file__).parents[2] / "adapters").glob("*/samples/*.canonical.json")):
        body = json.loads(path.read_text(encoding="utf-8")).get("observation")
        if body is not None:
            body.pop("delivered_losses", None)
            if schema.is_valid(body):
                found.append((f"{path.parts[-3]}/{path.stem}", body))
    return found


def test_what_was_written_under_1_0_is_read_today() -> None:
    samples = documents_of_1_0()
    now = validator(generated("observation"))
    assert len(samples) >= 60
    for place in ("lower", "middle", "upper", "a", "f", "window", None):
        for name, body in samples:
            old = json.loads(json.dumps(body))
            for fact in old["facts"]:
                if "ticket" in fact:
                    fact["ticket"]["seat"]["position"] = place
            lifted = upcast(old, "1.0")
            assert [error.message for error in now.iter_errors(lifted)] == [], f"{name} with position {place}"


def test_every_name_of_a_released_version_is_still_a_name() -> None:
    for version in VERSIONS[:-1]:
        assert set(schemas_of(version)) <= set(PUBLISHED)
