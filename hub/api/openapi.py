"""The OpenAPI 3.1 document of the HTTP interface: what FastAPI derives from the routes, and what it cannot see there.

FastAPI knows paths and parameters. It does not know that every error is a problem, that messages are native bytes, what
an answer to a message looks like, or how callers prove who they are: that is added here, with examples that a test
validates against the document itself.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from schemas.examples import examples
from schemas.model import SCHEMA_VERSION
from schemas.problems import PROBLEM_MEDIA_TYPE
from schemas.publish import published

Document = dict[str, Any]

_OUTCOMES = ("applied", "witnessed", "duplicate", "disputed")

ANSWER: Document = {
    "type": "object",
    "description": "What became of a message. The answer is durable: it is given after the commit.",
    "required": ["outcome", "channel", "message_id"],
    "properties": {
        "outcome": {"enum": [*_OUTCOMES], "description": "See the outcomes in the list of code lists."},
        "first_outcome": {"enum": [*_OUTCOMES], "description": "Of a duplicate: what was answered the first time."},
        "channel": {"type": "string"},
        "message_id": {"type": "string"},
        "order_id": {"type": "string", "format": "uuid"},
        "order_version": {"type": "integer", "minimum": 1},
        "complete": {"type": "boolean", "description": "Whether the sale behind every ticket is known."},
        "facts": {"type": "array", "items": {"type": "string"}, "description": "Identities of what was new."},
        "disputes": {"type": "array", "items": {"type": "string"}, "description": "Disputes that it opened."},
        "losses": {"type": "array", "items": {"$ref": "#/components/schemas/Loss"}},
    },
}

_SOLD: Document = {
    "outcome": "applied",
    "channel": "web",
    "message_id": "web-EW00000114-1",
    "order_id": "01900000-0000-7000-8000-000000000114",
    "order_version": 2,
    "complete": True,
    "facts": ["ticket.issued|EW00000114105012A", "payment.captured|bank|6222990001140001"],
    "disputes": [],
    "losses": [],
}


def install_openapi(app: FastAPI) -> None:
    """Make ``app`` answer the completed document; it is built once, when it is first asked for."""
    derived: Callable[[], Document] = app.openapi
    kept: list[Document] = []

    def openapi() -> Document:
        if not kept:
            kept.append(completed(derived()))
        return kept[0]

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def completed(document: Document) -> Document:
    """The document with security, problems, messages and examples."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for name in ("problem", "loss", "cloud_event", "order"):
        _add(schemas, name)
    schemas["Answer"] = ANSWER
    document["components"]["responses"] = {"Problem": _problem()}
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{"bearer": []}]
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
    _messages(document["paths"])
    _feed(document["paths"])
    _orders(document["paths"])
    return document


def _add(schemas: Document, name: str) -> None:
    """A published schema with its definitions as components; FastAPI's own of the same title are the same models."""
    schema = published(name)
    parts = {**schema.get("$defs", {}), schema["title"]: {k: v for k, v in schema.items() if k not in _HEAD}}
    for title, part in parts.items():
        schemas[title] = _moved(part)


_HEAD = {"$defs", "$id", "$schema"}


def _moved(node: Any) -> Any:
    """References into a schema's own definitions, made references to components."""
    if isinstance(node, dict):
        return {
            key: f"#/components/schemas/{value.rsplit('/', 1)[1]}"
            if key == "$ref" and isinstance(value, str)
            else {tag: f"#/components/schemas/{to.rsplit('/', 1)[1]}" for tag, to in value.items()}
            if key == "mapping"
            else _moved(value)
            for key, value in node.items()
        }
    return [_moved(part) for part in node] if isinstance(node, list) else node


_SECURITY: Document = {
    "bearer": {
        "type": "oauth2",
        "description": "A token of the hub's own provider; a channel gets one by client credentials.",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/sso/token",
                "scopes": {
                    "hub:messages": "send messages of the channel that the token speaks for",
                    "hub:orders": "read orders",
                    "hub:operate": "pause and resume channels, replay dead letters",
                    "hub:finance": "run reconciliation, read breaks, propose and approve resolutions",
                    "hub:audit": "read the audit chain",
                },
            }
        },
    },
    "webhook": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks: `v1,` and the base64 HMAC-SHA256 of `webhook-id.webhook-timestamp.body`.",
    },
}


def _problem() -> Document:
    shown = examples("valid")["problem--change-already-used"]
    return {
        "description": "An RFC 9457 problem: `code` is for programs, `remedy` says what to do next.",
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {"change_already_used": {"summary": shown["title"], "value": shown}},
            }
        },
    }


def _messages(paths: Document) -> None:
    """One message is native bytes with its id beside it; the answer is its outcome."""
    one = paths["/v1/channels/{channel}/messages"]["post"]
    one["security"] = [{"bearer": ["hub:messages"]}, {"webhook": []}]
    one.setdefault("parameters", []).extend([_ID, {**_ID, "name": "Idempotency-Key"}])
    native = {"schema": {"description": "The channel's own form; field by field in its adapter's README."}}
    one["requestBody"] = {"required": True, "content": {"*/*": native}}
    one["responses"]["200"] = {
        "description": "It is on the ledger.",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Answer"},
                "examples": {
                    "applied": {"summary": "a sale", "value": _SOLD},
                    "duplicate": {
                        "summary": "the same message again",
                        "value": {**_SOLD, "outcome": "duplicate", "first_outcome": "applied"},
                    },
                },
            }
        },
    }
    many = paths["/v1/channels/{channel}/messages/bulk"]["post"]
    many["security"] = [{"bearer": ["hub:messages"]}]
    line = {"type": "string", "description": 'One `{"id": ..., "body": base64}` per line.'}
    many["requestBody"] = {"required": True, "content": {"application/x-ndjson": {"schema": line}}}
    answers = {"schema": {"type": "string", "description": "One answer per line, in order: an Answer or a Problem."}}
    many["responses"]["200"] = {"description": "An answer per line.", "content": {"application/x-ndjson": answers}}


_ID: Document = {
    "name": "webhook-id",
    "in": "header",
    "required": False,
    "description": "The message's id, unique in its channel; one of webhook-id and Idempotency-Key is needed.",
    "schema": {"type": "string", "minLength": 1},
}


def _feed(paths: Document) -> None:
    shown = examples("valid")["cloud_event--order-issued"]
    page = {
        "type": "object",
        "required": ["events", "cursor"],
        "properties": {
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/CloudEvent"}},
            "cursor": {"type": "string", "description": "Ask with it next time."},
        },
    }
    value = {"events": [shown], "cursor": "NzE4OjQy"}
    content = {"application/json": {"schema": page, "examples": {"one": {"summary": "one event", "value": value}}}}
    paths["/v1/events"]["get"]["responses"]["200"] = {"description": "A page.", "content": content}


def _orders(paths: Document) -> None:
    shown = examples("valid")["order--issued"]
    for path in ("/v1/orders", "/v1/orders/{order_id}"):
        content = paths[path]["get"]["responses"]["200"]["content"]["application/json"]
        content["schema"] = {"$ref": "#/components/schemas/Order"}
        content["examples"] = {"issued": {"summary": f"An order (contract {SCHEMA_VERSION})", "value": shown}}
