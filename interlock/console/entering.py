"""Coming in and going out: the provider's answer, logout, and the page for whoever has left."""

import logging

import psycopg
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from interlock.console.asking import Form, read_form
from interlock.console.login import LoginFailed
from interlock.console.pages import HEADERS, Reader
from interlock.console.serving import SESSION_SECONDS, Door
from schemas.problems import problem

log = logging.getLogger(__name__)


class Entrance:
    """Login and logout over one door."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def add_to(self, router: APIRouter) -> None:
        router.add_api_route("/console/callback", self._callback, methods=["GET"])
        router.add_api_route("/console/logout", self._logout, methods=["POST"])
        router.add_api_route("/console/signed-out", self._signed_out, methods=["GET"])

    def _callback(self, request: Request) -> Response:
        """Where the provider sends the browser back to."""
        door, login, reader = self._door, self._door.login, Reader.of(request, None)
        try:
            back_to, session = login.finish(request.query_params, request.cookies.get(login.login_cookie))
        except LoginFailed as failed:
            log.info("a login at the console did not come to its end: %s", failed.detail)
            return door.refusal(reader, failed.word, 400)
        except (psycopg.OperationalError, PoolTimeout):
            return door.pages.problem(reader, problem("not_ready"), False)
        response = RedirectResponse(back_to, 303, HEADERS)
        door.set_cookie(response, login.session_cookie, session, SESSION_SECONDS)
        door.drop_cookie(response, login.login_cookie)
        return response

    async def _logout(self, request: Request) -> Response:
        form = await read_form(request)
        return await run_in_threadpool(self._end, request, form)

    def _end(self, request: Request, form: Form) -> Response:
        door, login = self._door, self._door.login
        cookie = request.cookies.get(login.session_cookie)
        try:
            staff = login.staff(cookie)
            if staff is not None and not door.is_ours(request, staff, form):
                return door.refusal(Reader.of(request, staff), "form_stale", 403)
            response = RedirectResponse(login.logout(cookie), 303, HEADERS)
        except (psycopg.OperationalError, PoolTimeout):
            return door.pages.problem(Reader.of(request, None), problem("not_ready"), False)
        door.drop_cookie(response, login.session_cookie)
        return response

    def _signed_out(self, request: Request) -> Response:
        return self._door.pages.page("signed_out", Reader.of(request, None), {})
