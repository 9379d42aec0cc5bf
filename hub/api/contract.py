"""The published contract: JSON Schemas, problem pages, AsyncAPI. OpenAPI comes from the application itself."""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hub.api.asyncapi import asyncapi_document
from hub.api.services import Services
from schemas.problems import ProblemError, catalogue, problem
from schemas.upcasting import VERSIONS


def contract_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["contract"])

    @router.get("/schemas/{version}/{name}.json", summary="A published JSON Schema")
    def schema(version: str, name: str) -> Response:
        """JSON Schema 2020-12, exactly as committed for that version."""
        if not (name.replace("_", "").isalnum() and version.replace(".", "").isdigit()):
            raise ProblemError(problem("query_invalid", "A schema is named like /v1/schemas/1.0/order.json."))
        path = files("schemas").joinpath(f"published/{version}/{name}.json")
        if not path.is_file():
            versions = ", ".join(VERSIONS)
            raise ProblemError(
                problem("query_invalid", f"There is no schema {name} in version {version}; versions: {versions}.")
            )
        return Response(path.read_bytes(), media_type="application/schema+json")

    @router.get("/problems/{code}", summary="What a problem code means and what to do")
    def explain(code: str) -> dict[str, str]:
        row = catalogue().get(code)
        if row is None:
            raise ProblemError(problem("query_invalid", f"There is no problem code {code[:40]!r}."))
        return row

    @router.get("/asyncapi.json", summary="The events, as AsyncAPI 3.0")
    def asyncapi() -> dict[str, Any]:
        return asyncapi_document(services.public_url, {n: a.profile for n, a in services.adapters.items()})

    return router
