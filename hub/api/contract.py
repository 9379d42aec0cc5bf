"""The published contract: JSON Schemas, problem pages, AsyncAPI. OpenAPI comes from the application itself."""

import json
from importlib.resources import files
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hub.api.services import Services
from schemas.events import INTERNAL_TYPES, EventType
from schemas.model import SCHEMA_VERSION
from schemas.problems import ProblemError, catalogue, problem


def contract_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["contract"])

    @router.get("/schemas/{version}/{name}.json", summary="A published JSON Schema")
    def schema(version: str, name: str) -> Response:
        """JSON Schema 2020-12, exactly as committed for that version."""
        if not (name.replace("_", "").isalnum() and version.replace(".", "").isdigit()):
            raise ProblemError(problem("query_invalid", "A schema is named like /v1/schemas/1.0/order.json."))
        path = files("schemas").joinpath(f"published/{version}/{name}.json")
        if not path.is_file():
            raise ProblemError(problem("query_invalid", f"There is no schema {name} in version {version}."))
        return Response(path.read_bytes(), media_type="application/schema+json")

    @router.get("/problems/{code}", summary="What a problem code means and what to do")
    def explain(code: str) -> dict[str, str]:
        row = catalogue().get(code)
        if row is None:
            raise ProblemError(problem("query_invalid", f"There is no problem code {code[:40]!r}."))
        return row

    @router.get("/asyncapi.json", summary="The events, as AsyncAPI 3.0")
    def asyncapi() -> dict[str, Any]:
        return asyncapi_document(services.public_url)

    return router


def asyncapi_document(public_url: str) -> dict[str, Any]:
    """AsyncAPI 3.0: one channel (our deliveries to `<endpoint>/inbox`), one message per event type."""
    types = [name for name in EventType.__args__ if name not in INTERNAL_TYPES]  # type: ignore[attr-defined]  # a Literal
    payload = {"$ref": f"{public_url}/v1/schemas/{SCHEMA_VERSION}/cloud_event.json"}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Interlock events", "version": SCHEMA_VERSION},
        "channels": {
            "inbox": {
                "address": "/inbox",
                "description": "Posted to every subscribed channel, signed by Standard Webhooks.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in types},
            }
        },
        "operations": {"deliver": {"action": "send", "channel": {"$ref": "#/channels/inbox"}}},
        "components": {
            "messages": {
                name: {"name": f"interlock.{name}.v1", "payload": json.loads(json.dumps(payload))} for name in types
            }
        },
    }
