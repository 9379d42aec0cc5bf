"""The hub's routes over the test database, with tokens that say who they are: for what needs no login of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

from fastapi import FastAPI
from fastapi.testclient import TestClient

from hub.api import Access, Principal, Services, create_router, install_problems
from hub.delivery.trial import TrialOptions
from hub.intake.batcher import MicroBatcher
from interlock.clock import system_clock
from interlock.wiring import Hub, connect
from schemas.problems import ProblemError, problem

OPERATOR = {"authorization": "Bearer operator"}
WEB = {"authorization": "Bearer web"}
_PRINCIPALS = {
    "operator": Principal("a-person", frozenset({"hub:operate", "hub:orders"}), staff=True),
    "web": Principal("channel-web", frozenset({"hub:messages", "hub:orders"}), channel="web"),
    "phone": Principal("channel-phone", frozenset({"hub:messages", "hub:orders"}), channel="phone"),
}


def _token(token: str) -> Principal:
    if token not in _PRINCIPALS:
        raise ProblemError(problem("unauthenticated"))
    return _PRINCIPALS[token]


@contextmanager
def operated(hub: Hub) -> Iterator[TestClient]:
    """A client of all routes under ``/v1``."""
    batcher = MicroBatcher(hub.intake)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with batcher:
            yield

    def wall() -> datetime:
        return system_clock()

    app = FastAPI(lifespan=lifespan)
    services = Services(
        pool=hub.pool,
        intake=hub.intake,
        batcher=batcher,
        adapters=hub.adapters,
        access=Access(hub.pool, hub.seal, _token, wall),
        seal=hub.seal,
        audit=hub.audit,
        clock=hub.clock,
        wall_clock=wall,
        public_url=hub.settings.public_url,
        trials=TrialOptions(hub.settings.public_url, allow_private=True),
        connect=connect,
        connected=hub.adapters.renew,
    )
    install_problems(app)
    app.include_router(create_router(services))
    with TestClient(app, base_url=hub.settings.public_url, raise_server_exceptions=False) as client:
        yield client
