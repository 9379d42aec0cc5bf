"""The HTTP interface's page, from the OpenAPI document of the application itself."""

from __future__ import annotations

from typing import Any

from interlock.describing import openapi
from interlock.documentation.markdown import code, prose, table


def http_api_page() -> str:
    """Every address by topic."""
    document = openapi()
    topics: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            topic = str(operation.get("tags", ["more"])[0])
            topics.setdefault(topic, []).append(_operation(method.upper(), path, operation))
    parts = [
        "# HTTP API\n",
        "Below one address, by default `http://127.0.0.1:8400`. The machine-readable form is `/v1/openapi.json`; events"
        " are in `/v1/asyncapi.json`. Callers send `Authorization: Bearer` (or `DPoP`, with a proof) with a"
        " token of [the provider](sso.md);"
        " a channel may sign its messages (Standard Webhooks) instead. Every error is an RFC 9457 problem with a code"
        " of [this list](problems.md). Login itself is under `/sso` ([reference](sso.md)), pages for people under"
        " `/console`; the platform asks `/healthz`, `/readyz` and `/metrics`.\n",
        SCOPES,
    ]
    for topic, operations in topics.items():
        parts += [f"## {topic}\n", *operations]
    return "\n".join(parts)


SCOPES = table(
    ("scope", "lets its bearer"),
    (
        ("`hub:messages`", "send messages of the channel that the token speaks for"),
        ("`hub:orders`", "read orders: a channel those in which it took part, a passenger his own, staff all"),
        ("`hub:operate`", "pause and resume channels, replay dead letters"),
        ("`hub:erase`", "erase a person's data (administrators)"),
        ("`hub:finance`", "the books, withdrawing facts; reconciliation: runs, breaks, resolutions"),
        ("`hub:audit`", "read the audit chain"),
    ),
)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f"### `{method} {path}`\n",
        f"**{prose(operation.get('summary'))}.** {prose(operation.get('description'))}\n",
    ]
    rows = [
        (code(str(p["name"])), str(p["in"]), "yes" if p.get("required") else "", _meaning(p))
        for p in operation.get("parameters", [])
    ]
    if rows:
        parts.append(table(("parameter", "in", "required", "meaning"), rows))
    return "\n".join(parts)


def _meaning(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    kinds = [schema, *schema.get("anyOf", [])]
    form = next((k.get("format") or k.get("type") for k in kinds if k.get("type") not in (None, "null")), "")
    values: list[str] = next((k["enum"] for k in kinds if "enum" in k), [])
    words = [str(parameter.get("description") or ""), ", ".join(map(code, values)) or str(form or "")]
    if schema.get("default") is not None:
        words.append(f"default `{schema['default']}`")
    return "; ".join(filter(None, words))
