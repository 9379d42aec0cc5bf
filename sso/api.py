"""The provider as an ASGI application, to be mounted where the issuer's path says (`/sso`)."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from psycopg_pool import ConnectionPool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from sso.endpoints import discovery, token, userinfo
from sso.endpoints.discovery import CACHEABLE
from sso.incoming import Row, endpoint, problem
from sso.options import SsoOptions
from sso.pages.login import LoginPages
from sso.pages.page import Pages
from sso.pages.session import SessionPages
from sso.ports import Clock, CodeSender, FieldCipher, Minter
from sso.provider import Provider

STATIC = Path(__file__).parent / "pages" / "static"


def create_app(
    options: SsoOptions,
    pool: ConnectionPool,
    clock: Clock,
    cipher: FieldCipher,
    sender: CodeSender,
    mint: Minter | None = None,
) -> FastAPI:
    """The application. The caller opens and closes the pool, and runs `logout.deliver_logout_tokens` from time to
    time. Touches the database with the first request, not here."""
    return application(Provider.assemble(options, pool, clock, cipher, sender, mint))


def application(provider: Provider) -> FastAPI:
    """The application over parts that are wired already (the composition root shares the key cache this way)."""
    # Plain routes: requests are read by `incoming`, so FastAPI's own reading would only cost time.
    routes: list[BaseRoute] = [Route(row.path, endpoint(row), methods=row.methods.split()) for row in rows(provider)]
    routes += [Route(f"/static/{name}", _file(STATIC / name), methods=["GET"]) for name in ("sso.css", "submit.js")]
    return FastAPI(
        title="Interlock sign-in",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        routes=routes,
        exception_handlers={HTTPException: _no_such_thing, Exception: _broken},
    )


def rows(provider: Provider) -> list[Row]:
    """Every address of the provider: first those that speak a protocol, then those that people read."""
    pages = Pages(provider.options, provider.mint)
    return [
        *discovery.routes(provider),
        *token.routes(provider),
        *userinfo.routes(provider),
        *SessionPages(provider, pages).routes(),
        *LoginPages(provider, pages).routes(),
    ]


async def _no_such_thing(request: Request, error: Exception) -> Response:
    """Unknown paths and methods, as a problem."""
    assert isinstance(error, HTTPException)
    code = "method_not_allowed" if error.status_code == 405 else "not_found"
    return problem(error.status_code, code, str(error.detail), "the discovery document lists what there is")


async def _broken(request: Request, error: Exception) -> Response:
    """Anything unforeseen. The server logs it; its transaction was rolled back, so nothing was issued."""
    return problem(500, "internal_error", "the request could not be completed; nothing was issued", "try again shortly")


def _file(path: Path) -> Callable[[Request], Response]:
    def serve(request: Request) -> Response:
        return FileResponse(path, headers=CACHEABLE | {"X-Content-Type-Options": "nosniff"})

    return serve
