"""Coming in and going out of one of our applications: the provider's answer, logout, the page for whoever has left."""

import logging
from typing import Protocol

import psycopg
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from interlock.console.asking import Form, read_form
from interlock.console.pages import HEADERS
from interlock.signing_in import SESSION_SECONDS, LoginFailed, SignIn

log = logging.getLogger(__name__)


class Frontage(Protocol):
    """What an application shows around its door."""

    def refused(self, request: Request, word: str, status: int) -> Response:
        """A page with one sentence, named by ``word``."""
        ...

    def away(self, request: Request) -> Response:
        """The page for the time in which the database does not answer."""
        ...

    def left(self, request: Request) -> Response:
        """The page for whoever has logged out."""
        ...


class Entrance:
    """Login and logout of one application, whose pages are below ``home``."""

    def __init__(self, home: str, login: SignIn, frontage: Frontage) -> None:
        self._home, self._login, self._frontage = home, login, frontage

    def add_to(self, router: APIRouter) -> None:
        router.add_api_route(f"{self._home}/callback", self._callback, methods=["GET"])
        router.add_api_route(f"{self._home}/logout", self._logout, methods=["POST"])
        router.add_api_route(f"{self._home}/signed-out", self._frontage.left, methods=["GET"])

    def _callback(self, request: Request) -> Response:
        """Where the provider sends the browser back to."""
        login = self._login
        try:
            back_to, session = login.finish(request.query_params, request.cookies.get(login.login_cookie))
        except LoginFailed as failed:
            log.info("a login at %s did not come to its end: %s", self._home, failed.detail)
            return self._frontage.refused(request, failed.word, 400)
        except (psycopg.OperationalError, PoolTimeout):
            return self._frontage.away(request)
        response = RedirectResponse(back_to, 303, HEADERS)
        login.set_cookie(response, login.session_cookie, session, SESSION_SECONDS)
        login.drop_cookie(response, login.login_cookie)
        return response

    async def _logout(self, request: Request) -> Response:
        form = await read_form(request)
        return await run_in_threadpool(self._end, request, form)

    def _end(self, request: Request, form: Form) -> Response:
        login = self._login
        cookie = request.cookies.get(login.session_cookie)
        try:
            person = login.signed_in(cookie)
            if person is not None and not login.is_ours(request, person.form_token, form.text("form_token") or ""):
                return self._frontage.refused(request, "form_stale", 403)
            response = RedirectResponse(login.logout(cookie), 303, HEADERS)
        except (psycopg.OperationalError, PoolTimeout):
            return self._frontage.away(request)
        login.drop_cookie(response, login.session_cookie)
        return response
