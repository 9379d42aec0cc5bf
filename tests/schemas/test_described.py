"""OpenAPI and AsyncAPI: valid, complete, and every example in them is true."""

import importlib
import json
import warnings
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from jsonschema_rs import Draft202012Validator
from typer.testing import CliRunner

from adapters.kit.registry import registered
from hub.api.asyncapi import ABOUT, DELIVERED, WEBHOOK_HEADERS, asyncapi_document
from hub.delivery.signing import sign
from interlock.cli.main import app
from interlock.describing import asyncapi, openapi
from schemas.problems import PROBLEM_MEDIA_TYPE, catalogue
from schemas.publish import published

URL = "https://hub.example"
OPENAPI, ASYNCAPI = openapi(), asyncapi(URL)


def resolved(document: dict[str, Any], reference: str) -> Any:
    node: Any = document
    for step in reference.removeprefix("#/").split("/"):
        node = node[step.replace("~1", "/").replace("~0", "~")]
    return node


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        found = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return found + [ref for key, part in node.items() if key != "examples" for ref in references(part)]
    return [ref for part in node for ref in references(part)] if isinstance(node, list) else []


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        if reference.startswith("#/"):
            assert resolved(document, reference), reference
        else:
            version, name = reference.removeprefix(f"{URL}/v1/schemas/").split("/")
            assert published(name.removesuffix(".json"), version)


# --- OpenAPI ---------------------------------------------------------------------------------------------------------


def test_every_error_is_a_problem() -> None:
    problems = OPENAPI["components"]["responses"]
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            refused = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
            assert {"400", "408", "413", "429", "431", "500", "503"} <= set(refused), f"{method} {path}"
            assert ({"401", "403"} <= set(refused)) == (operation.get("security") != []), f"{method} {path}"
            for status, answer in refused.items():
                assert answer == {"$ref": f"#/components/responses/Problem{status}"}, f"{method} {path}"
    assert all(list(answer["content"]) == [PROBLEM_MEDIA_TYPE] for answer in problems.values())
    shown = {code for answer in problems.values() for code in answer["content"][PROBLEM_MEDIA_TYPE]["examples"]}
    assert shown == set(catalogue())


def media(node: Any) -> list[dict[str, Any]]:
    """Every media type object with examples."""
    if isinstance(node, dict):
        here = [node] if "schema" in node and "examples" in node else []
        return here + [found for part in node.values() for found in media(part)]
    return [found for part in node for found in media(part)] if isinstance(node, list) else []


def test_every_example_is_valid_by_the_document_itself() -> None:
    found = media(OPENAPI)
    assert len(found) >= 5
    for content in found:
        schema = {"$ref": "#/schema", "schema": content["schema"], "components": OPENAPI["components"]}
        validator = Draft202012Validator(schema, validate_formats=True)
        for name, example in content["examples"].items():
            assert [error.message for error in validator.iter_errors(example["value"])] == [], name


def test_the_document_has_the_shape_of_openapi_3_1() -> None:
    assert OPENAPI["openapi"].startswith("3.1")
    ids = [operation["operationId"] for methods in OPENAPI["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
    for path, methods in OPENAPI["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            in_path = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert in_path == {part[1:-1] for part in path.replace(".json", "").split("/") if part.startswith("{")}
            for requirement in operation.get("security", OPENAPI["security"]):
                assert set(requirement) <= set(OPENAPI["components"]["securitySchemes"])
    for schema in OPENAPI["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


# --- AsyncAPI --------------------------------------------------------------------------------------------------------


def test_the_document_is_asyncapi_3_0() -> None:
    """By the object model of the package `asyncapi3`, which refuses what the specification does not know."""
    with warnings.catch_warnings():
        # Its field `schema` hides an attribute of its base: it says so on import, and it is no matter of ours.
        warnings.simplefilter("ignore", UserWarning)
        model = importlib.import_module("asyncapi3.models.asyncapi").AsyncAPI3
    model.model_validate(ASYNCAPI)


def test_every_delivered_event_is_described_and_shown() -> None:
    assert set(ABOUT) == set(DELIVERED)
    for name in DELIVERED:
        message = ASYNCAPI["components"]["messages"][name.replace(".", "_")]
        assert message["summary"] == ABOUT[name]
        (example,) = message["examples"]
        assert example["payload"]["type"] == message["name"] == f"interlock.{name}.v1"


def test_every_example_is_valid_by_its_payload() -> None:
    schema = published("cloud_event")
    for message in ASYNCAPI["components"]["messages"].values():
        payload = message["payload"]
        for example in message.get("examples", ()):
            whole = {"allOf": [schema, payload["schema"]["allOf"][1]]} if "schema" in payload else payload
            validator = Draft202012Validator(whole, validate_formats=True)
            assert [error.message for error in validator.iter_errors(example["payload"])] == []


def test_every_channel_that_is_pushed_to_has_its_inbox() -> None:
    inboxes = {name.removeprefix("inbox_") for name in ASYNCAPI["channels"] if name.startswith("inbox_")}
    assert inboxes == {name for name, found in registered().items() if found.adapter.profile.subscribes}
    for name, found in registered().items():
        native = ASYNCAPI["components"]["messages"][f"native_{name}"]
        assert native["contentType"] == found.adapter.profile.media_type
        for event in found.adapter.profile.subscribes:
            assert event in ASYNCAPI["channels"][f"inbox_{name}"]["description"]


def test_the_headers_are_those_that_a_delivery_carries() -> None:
    secrets = ["whsec_" + "a" * 32, "whsec_" + "b" * 32]
    at = datetime(2026, 1, 11, tzinfo=UTC)
    headers = dict(sign(secrets, "01900000-0000-7000-8000-000000000114", at, b"{}")) | {"content-type": "text/xml"}
    validator = Draft202012Validator(dict(WEBHOOK_HEADERS), validate_formats=True)
    assert [error.message for error in validator.iter_errors(headers)] == []
    assert set(WEBHOOK_HEADERS["required"]) == set(headers)


def test_without_channels_there_is_still_the_feed() -> None:
    assert list(asyncapi_document(URL, {})["channels"]) == ["feed"]


@pytest.mark.parametrize(("command", "document"), [("openapi", OPENAPI), ("asyncapi", ASYNCAPI)])
def test_the_command_line_prints_them(command: str, document: dict[str, Any]) -> None:
    arguments = ["schema", command, *(["--public-url", URL] if command == "asyncapi" else [])]
    assert json.loads(CliRunner().invoke(app, arguments).stdout) == document
