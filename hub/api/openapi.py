"""The OpenAPI 3.1 document of the HTTP interface: what FastAPI derives from the routes, and what it cannot see there.

FastAPI knows paths and parameters. It does not know that every error is a problem, that messages are native bytes, what
an answer to a message looks like, or how callers prove who they are: that is added here, with examples that a test
validates against the document itself.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from hub.api.repeating import ACTS
from schemas.examples import examples
from schemas.model import SCHEMA_VERSION
from schemas.problems import PROBLEM_MEDIA_TYPE, catalogue, problem
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
    schemas["RefusedMessage"] = _refused_message(schemas["Problem"])
    document["components"]["responses"] = _problems()
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{"bearer": []}]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            public = operation.get("tags") == ["contract"]
            if public:
                operation["security"] = []
            operation["responses"].pop("422", None)
            if keyed(path, method):
                operation.setdefault("parameters", []).append(_ONCE)
            for status in _statuses(path, method, public):
                operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
    _contract(document["paths"])
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
                    "hub:finance": "the books, withdrawing facts; reconciliation: runs, breaks, resolutions",
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


_ANYWHERE = ("400", "404", "408", "413", "415", "429", "431", "500", "503")


def _statuses(path: str, method: str, public: bool) -> list[str]:
    """Every status that can be a problem at this address: what every route may answer, and what its kind adds."""
    found = [*_ANYWHERE] if public else ["401", "403", *_ANYWHERE]
    if method == "post" or keyed(path, method):
        found.append("409")
    if "/messages" in path or keyed(path, method):
        found.append("422")
    return sorted(found)


def keyed(path: str, method: str) -> bool:
    """Whether this is an act that may be asked for under a key (``hub.api.repeating``)."""
    return method.upper() in ACTS and "/messages" not in path


_ONCE: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A key of the caller's own, one for each act: asked again with it, the act is done once and the"
    " first answer given again, with `Idempotency-Replayed: true`. Kept for a day unless the hub is set otherwise.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def _problems() -> Document:
    """One response for each status of the catalogue, which names its codes."""
    by_status: dict[str, list[str]] = {}
    for code, row in catalogue().items():
        by_status.setdefault(row["status"], []).append(code)
    return {f"Problem{status}": _problem(status, codes) for status, codes in sorted(by_status.items())}


def _problem(status: str, codes: list[str]) -> Document:
    described = "; ".join(f"`{code}`: {catalogue()[code]['title']}" for code in codes)
    shown = {
        code: {"summary": catalogue()[code]["title"], "value": problem(code).model_dump(mode="json")} for code in codes
    }
    answer: Document = {
        "description": f"An RFC 9457 problem: `code` is for programs, `remedy` says what to do next. {described}.",
        "content": {
            PROBLEM_MEDIA_TYPE: {
                # A message's refusal has the message's name on it.
                "schema": {
                    "anyOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"$ref": "#/components/schemas/RefusedMessage"},
                    ]
                },
                "examples": shown,
            }
        },
    }
    if status in ("429", "503"):
        seconds = {"type": "integer", "minimum": 1}
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "required": True, "schema": seconds}}
    return answer


def _refused_message(schema: Document) -> Document:
    """The problem that a message is answered with."""
    named = {"outcome": {"const": "refused"}, "channel": {"type": "string"}, "message_id": {"type": "string"}}
    return {
        **schema,
        "title": "RefusedMessage",
        "description": "A problem with the name of the message that was refused, and of its order when that is known.",
        "properties": {**schema["properties"], **named, "order_id": {"type": "string", "format": "uuid"}},
        "required": [*schema["required"], *named],
    }


def _contract(paths: Document) -> None:
    """A JSON Schema is neither an answer of ours nor plain JSON."""
    responses = paths["/v1/schemas/{version}/{name}.json"]["get"]["responses"]
    content = {"application/schema+json": {"schema": {"type": ["object", "boolean"]}}}
    responses["200"] = {"description": "JSON Schema 2020-12.", "content": content}


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
