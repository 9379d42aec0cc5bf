"""The provider as an ASGI application, to be mounted where the issuer's path says (`/sso`)."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from psycopg_pool import ConnectionPool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from sso.endpoints import discovery, userinfo
from sso.endpoints.token import token_response
from sso.incoming import RETRY_AFTER_SECONDS, Away, Incoming, endpoint, not_ready, problem
from sso.options import SsoOptions
from sso.pages.login import LoginPages
from sso.pages.page import Pages
from sso.pages.session import SessionPages
from sso.ports import Clock, CodeSender, FieldCipher, Minter
from sso.provider import Provider

STATIC = Path(__file__).parent / "pages" / "static"
CACHEABLE = {"Cache-Control": "public, max-age=300"}


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
    pages = Pages(provider.options, provider.mint)
    login, session = LoginPages(provider, pages), SessionPages(provider, pages)
    verifier = provider.verifier(provider.options.issuer, check_liveness=True)
    document = discovery.metadata(provider.options)

    def metadata(incoming: Incoming) -> Response:
        return JSONResponse(document, headers=CACHEABLE)

    def jwks(incoming: Incoming) -> Response:
        provider.keys.refresh()
        return JSONResponse(provider.keys.jwks(), headers=CACHEABLE, media_type="application/jwk-set+json")

    def token(incoming: Incoming) -> Response:
        return token_response(provider, incoming)

    def person(incoming: Incoming) -> Response:
        return userinfo.answer(provider, verifier, incoming)

    def away(incoming: Incoming) -> Response:
        """While the database is away a person sees a page; nothing that was typed is lost by sending it again."""
        page = pages.error(incoming, "not_ready", "error_away", 503)
        page.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return page

    table: list[tuple[str, str, Callable[[Incoming], Response], Away]] = [
        ("GET", "/.well-known/openid-configuration", metadata, not_ready),
        ("GET", "/.well-known/oauth-authorization-server", metadata, not_ready),
        ("GET", "/jwks", jwks, not_ready),
        ("GET POST", "/authorize", session.authorize, away),
        ("GET", "/authorize/resume", session.resume, away),
        ("POST", "/token", token, not_ready),
        ("GET POST", "/userinfo", person, not_ready),
        ("GET POST", "/logout", session.logout, away),
        ("POST", "/logout/confirmed", session.logout_confirmed, away),
        ("GET", "/signed-in", session.signed_in, away),
        ("GET", "/signed-out", session.signed_out, away),
        ("GET", "/login", login.login, away),
        ("POST", "/login", login.login_password, away),
        ("POST", "/login/code", login.send_code, away),
        ("POST", "/login/code/check", login.login_code, away),
        ("GET", "/register", login.register, away),
        ("POST", "/register", login.register_send, away),
        ("POST", "/register/check", login.register_check, away),
        ("POST", "/register/finish", login.register_finish, away),
    ]
    # Plain routes: requests are read by `incoming`, so FastAPI's own reading would only cost time.
    routes: list[BaseRoute] = [
        Route(path, endpoint(handle, unless), methods=methods.split()) for methods, path, handle, unless in table
    ]
    routes += [Route(f"/static/{name}", _file(STATIC / name), methods=["GET"]) for name in ("sso.css", "submit.js")]
    return FastAPI(
        title="Interlock sign-in",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        routes=routes,
        exception_handlers={HTTPException: _no_such_thing, Exception: _broken},
    )


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
