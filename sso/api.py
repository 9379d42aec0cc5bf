"""The provider as an ASGI application, to be mounted where the issuer's path says (`/sso`)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse
from psycopg_pool import ConnectionPool
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from sso.addresses import Addresses
from sso.endpoints import (
    backchannel_authentication,
    companions,
    device_authorization,
    discovery,
    introspect,
    par,
    revoke,
    token,
    userinfo,
)
from sso.endpoints.discovery import CACHEABLE
from sso.endpoints.logout import LogoutEndpoint
from sso.endpoints.registration import RegistrationEndpoint
from sso.incoming import Endpoint, Row, problem
from sso.options import SsoOptions
from sso.pages.account import AccountPages
from sso.pages.agents import AgentPages
from sso.pages.approvals import ApprovalPages
from sso.pages.companions import CompanionPages
from sso.pages.confirming import ConfirmingPages
from sso.pages.consent import ConsentPages
from sso.pages.device import DevicePages
from sso.pages.identifying import IdentifyingPages
from sso.pages.joining import JoiningPages
from sso.pages.links import LinkPages
from sso.pages.login import LoginPages
from sso.pages.page import Pages
from sso.pages.real_name import RealNamePages
from sso.pages.recovering import RecoveryPages
from sso.pages.second_step import SecondStepPages
from sso.pages.security import SecurityPages
from sso.pages.session import SessionPages
from sso.pages.sessions import SessionListPages
from sso.pages.window import WindowPages
from sso.ports import Clock, CodeSender, FieldCipher, Minter
from sso.provider import Provider

PROGRAM_WORKERS = 4
"""How many requests of programs are worked on at once in this process. Few on purpose: threads that wait for one
interpreter cost more than they do, and the pool has about as many connections."""
PAGE_WORKERS = 40
"""The same for people's pages."""

STATIC = Path(__file__).parent / "pages" / "static"


def create_app(
    options: SsoOptions,
    pool: ConnectionPool,
    clock: Clock,
    cipher: FieldCipher,
    sender: CodeSender,
    mint: Minter | None = None,
) -> ASGIApp:
    """The application. The caller opens and closes the pool, and runs `logout.deliver_logout_tokens` from time to
    time. Touches the database with the first request, not here."""
    return application(Provider.assemble(options, pool, clock, cipher, sender, mint))


def application(provider: Provider) -> ASGIApp:
    """The application over parts that are wired already (the composition root shares the key cache this way)."""
    # Threads of our own: the way there and back costs half of the framework's. Programs have theirs apart from people's
    # pages, which may wait for a gateway or hash a password.
    few, many = ThreadPoolExecutor(PROGRAM_WORKERS, "sso"), ThreadPoolExecutor(PAGE_WORKERS, "sso-pages")
    table = [(row, Endpoint(row, few)) for row in spoken(provider)]
    table += [(row, Endpoint(row, many)) for row in read(provider)]
    # Plain routes: requests are read by `incoming`, so FastAPI's own reading would only cost time.
    routes: list[BaseRoute] = [Route(row.path, each, methods=row.methods.split()) for row, each in table]
    routes += [
        Route(f"/static/{name}", _file(STATIC / name), methods=["GET"])
        for name in ("sso.css", "submit.js", "passkey.js")
    ]
    rest = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_thing, Exception: _broken})
    # Its redirect to the address with or without a slash is a 307, which posts a password on, and goes to whatever the
    # Host header says (RFC 9700 section 4.12).
    rest.router.redirect_slashes = False
    return Addresses(table, rest, _broken)


def rows(provider: Provider) -> list[Row]:
    """Every address of the provider: first those that speak a protocol, then those that people read."""
    return [*spoken(provider), *read(provider)]


def spoken(provider: Provider) -> list[Row]:
    """The addresses that programs call."""
    return [
        *discovery.routes(provider),
        *par.routes(provider),
        *token.routes(provider),
        *introspect.routes(provider),
        *revoke.routes(provider),
        *device_authorization.routes(provider),
        *backchannel_authentication.routes(provider),
        *userinfo.routes(provider),
        *companions.routes(provider),
    ]


def read(provider: Provider) -> list[Row]:
    """The addresses that people read, and those that wait for somebody else's server."""
    pages = Pages(provider.options, provider.mint)
    return [
        *SessionPages(provider, pages).routes(),
        *LoginPages(provider, pages).routes(),
        *RegistrationEndpoint(provider).routes(),
        *LogoutEndpoint(provider, pages).routes(),
        *SecondStepPages(provider, pages).routes(),
        *AccountPages(provider, pages).routes(),
        *SecurityPages(provider, pages).routes(),
        *RecoveryPages(provider, pages).routes(),
        *SessionListPages(provider, pages).routes(),
        *DevicePages(provider, pages).routes(),
        *IdentifyingPages(provider, pages).routes(),
        *ApprovalPages(provider, pages).routes(),
        *AgentPages(provider, pages).routes(),
        *LinkPages(provider, pages).routes(),
        *JoiningPages(provider, pages).routes(),
        *ConfirmingPages(provider, pages).routes(),
        *RealNamePages(provider, pages).routes(),
        *WindowPages(provider, pages).routes(),
        *CompanionPages(provider, pages).routes(),
        *ConsentPages(provider, pages).routes(),
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
