"""The web application: the hub's API, the provider, the console, and what the platform asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
from fastapi import FastAPI
from psycopg_pool import PoolTimeout
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from hub.api import Access, Services, create_router, install_problems
from hub.api.buckets import Buckets
from hub.api.callers import Callers
from hub.api.door import Door
from hub.api.limits import LimitOptions, Limits
from hub.api.openapi import install_openapi
from hub.api.quotas import Quotas
from hub.api.repeating import Repeating
from hub.intake.batcher import MicroBatcher
from hub.store import health
from interlock.beside import Beside
from interlock.clock import system_clock
from interlock.collector import settle_garbage_collector
from interlock.console.router import console_router
from interlock.leases import Leases
from interlock.logs import configure_logging
from interlock.me.router import passenger_router
from interlock.metrics import exposition
from interlock.possession import Possession
from interlock.reconciling import authorise_by, reconciler_of
from interlock.settings import Settings
from interlock.wake import WakeUp
from interlock.wiring import Hub, Tokens, connect, deeds, open_hub, sign_on, step_up, trial_options
from reconciliation import digests
from reconciliation.api import create_router as recon_router
from schemas.model import SCHEMA_VERSION
from sso.api import application


def create_app() -> FastAPI:
    """The application of one API process, from the environment."""
    configure_logging()
    settings = Settings.load()
    wake = WakeUp(settings.engines().redis_url)
    return build_app(open_hub(settings, "api", wake))


def build_app(hub: Hub, limits: LimitOptions | None = None) -> FastAPI:
    """The application over a wired hub; closing the application closes the hub."""
    provider = sign_on(hub)
    batcher = MicroBatcher(hub.intake)
    leases = Leases(hub.settings.engines().redis_url)
    buckets = Buckets(leases)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        settle_garbage_collector()
        async with batcher:
            yield
        await leases.close()
        await asyncio.to_thread(hub.close)

    app = FastAPI(
        title="Interlock",
        version=SCHEMA_VERSION,
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # that redirect would be a 307 to whatever the Host header says
        # It would tell a collector the words of exceptions (see `interlock.logs`), and asks for one at every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    tokens = Tokens(provider, hub.seal, hub.settings)
    callers = Callers(hub.settings.requests_at_once, hub.settings.strangers_per_minute, buckets)
    services = Services(
        pool=hub.pool,
        intake=hub.intake,
        batcher=batcher,
        adapters=hub.adapters,
        access=Access(
            hub.pool,
            hub.seal,
            tokens,
            system_clock,
            callers,
            tokens.remembers,
            step_up(hub.settings),
            tokens.bound,
        ),
        seal=hub.seal,
        audit=hub.audit,
        clock=hub.clock,
        wall_clock=system_clock,
        public_url=hub.settings.public_url,
        trials=trial_options(hub.settings),
        connect=connect,
        connected=hub.adapters.renew,
        incomplete_after_minutes=hub.settings.incomplete_after_minutes,
        quotas=Quotas(buckets),
        acted=deeds(provider),
    )
    install_problems(app)
    install_openapi(app)
    app.add_middleware(Repeating, services=services, window=timedelta(hours=hub.settings.idempotency_hours))
    app.add_middleware(Door, services=services)
    app.add_middleware(Possession, provider=provider, public_url=hub.settings.public_url)
    app.add_middleware(Beside, path="/sso", other=application(provider))
    app.add_middleware(Limits, callers=callers, options=limits or LimitOptions())
    app.include_router(create_router(services))
    app.include_router(recon_router(reconciler_of(hub), authorise_by(services.access)))
    app.include_router(console_router(hub, provider, tokens, services))
    app.include_router(passenger_router(services, provider, tokens))
    _platform(app, hub)
    return app


def _platform(app: FastAPI, hub: Hub) -> None:
    """What a load balancer, an orchestrator and a scraper ask for."""

    @app.get("/", include_in_schema=False)
    def home() -> Response:
        return RedirectResponse("/console", 303)

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        """This process runs its event loop."""
        return PlainTextResponse("ok")

    @app.get("/readyz", include_in_schema=False)
    def ready() -> Response:
        """This process can write to the ledger. The broker is not asked: without it deliveries are late, not lost."""
        try:
            with hub.pool.connection(timeout=2) as connection:
                connection.execute("SELECT 1 FROM hub.channels LIMIT 1")
        except (psycopg.Error, PoolTimeout) as error:
            return PlainTextResponse(f"not ready: {type(error).__name__}", 503)
        return PlainTextResponse("ready")

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        with hub.pool.connection() as connection:
            rows = health.channels(connection)
            told = digests.exposition(digests.pulses(connection, hub.clock()))
        return PlainTextResponse(exposition(rows) + told, media_type="text/plain; version=0.0.4")
