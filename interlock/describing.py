"""What the whole application publishes about itself, without starting it: OpenAPI and AsyncAPI."""

from __future__ import annotations

from typing import Any, cast

from fastapi import FastAPI

from adapters.kit.registry import registered
from hub.api import Services, create_router
from hub.api.asyncapi import asyncapi_document
from hub.api.openapi import install_openapi
from reconciliation.api import create_router as create_recon_router
from reconciliation.runs import Reconciler
from schemas.model import SCHEMA_VERSION


def openapi() -> dict[str, Any]:
    """What `/v1/openapi.json` says. Routes are described, never called, so that no engine is needed."""
    app = FastAPI(title="Interlock", version=SCHEMA_VERSION)
    app.include_router(create_router(cast(Services, None)))
    app.include_router(create_recon_router(cast(Reconciler, None), lambda scope: lambda: ""))
    install_openapi(app)
    return app.openapi()


def asyncapi(public_url: str) -> dict[str, Any]:
    """What `/v1/asyncapi.json` says, for the channels that are installed."""
    return asyncapi_document(public_url, {name: found.adapter.profile for name, found in registered().items()})
