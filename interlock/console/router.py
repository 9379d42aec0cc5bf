"""The console's addresses: one table of pages, who may see them, and the few acts that change something.

Deny by default: a page without a role in the table cannot be added, and every request is checked before its view runs.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from hub.api import Principal
from hub.api.router import answer
from hub.store import channels, deliveries
from interlock.clock import system_clock
from interlock.console.board import Board, drawn
from interlock.console.login import OPERATE, READ, Login, LoginFailed, Staff
from interlock.console.pages import HEADERS, STATIC, Pages, Reader
from interlock.console.views import Ask, Elsewhere, Views
from interlock.console.words import say
from interlock.wiring import Hub
from schemas.problems import ProblemError, problem
from sso import Provider

log = logging.getLogger(__name__)

FORM_BYTES_MAX = 10_000
LIVE_SECONDS = 2.0
LIVE_TICKS = 45
"""A stream ends after a minute and a half; the browser comes back by itself. So a deploy waits for nobody."""

_SESSION_SECONDS = 14 * 86_400
_LOGIN_SECONDS = 900
_SAFE_AFTER_POST = {"deadletters": "/console/deadletters?done=replayed", "board": "/console"}


def console_router(hub: Hub, provider: Provider, verify: Callable[[str], Principal]) -> APIRouter:
    """All of ``/console``. ``verify`` turns an access token into a principal, or raises ``ProblemError``."""
    return _Console(hub, provider, verify).router


class _Console:
    def __init__(self, hub: Hub, provider: Provider, verify: Callable[[str], Principal]) -> None:
        self._hub, self._verify = hub, verify
        self._login = Login(provider, hub.seal, verify, hub.settings.public_url, system_clock)
        self._pages = Pages(self._login.secure)
        self._board = Board(hub.pool, hub.adapters, hub.clock, system_clock)
        self._views = Views(hub, self._board)
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(hub.settings.public_url))
        self.router = APIRouter(include_in_schema=False)
        self._add_pages()
        self._add_acts()
        self._add_doors()

    # --- the tables ---------------------------------------------------------------------------------------------

    def _add_pages(self) -> None:
        views = self._views
        table: tuple[tuple[str, str, frozenset[str], Callable[[Ask], dict[str, Any]]], ...] = (
            ("", "board", READ, views.board),
            ("/orders", "orders", READ, views.orders),
            ("/orders/{order_id}", "order", READ, views.order),
            ("/messages", "messages", READ, views.messages),
            ("/messages/{position}", "message", READ, views.message),
            ("/rejections/{position}", "message", READ, views.rejection),
            ("/deadletters", "deadletters", READ, views.deadletters),
            ("/recon", "recon", READ, views.recon),
            ("/recon/breaks/{break_id}", "break", READ, views.one_break),
            ("/files", "files", READ, views.files),
            ("/channels", "channels", READ, views.channels),
        )
        for path, template, who, view in table:
            handler = self._page(template, who, view)
            for suffix in (".json", ""):  # the twin first: {order_id} would swallow ".json"
                self.router.add_api_route(f"/console{path}{suffix}", handler, methods=["GET"])

    def _add_acts(self) -> None:
        table: tuple[tuple[str, frozenset[str], Callable[[Staff, Mapping[str, str]], str]], ...] = (
            ("/deadletters/replay", OPERATE, self._replay),
            ("/channels/switch", OPERATE, self._switch),
        )
        for path, who, act in table:
            self.router.add_api_route(f"/console{path}", self._act(who, act), methods=["POST"])

    def _add_doors(self) -> None:
        add = self.router.add_api_route
        add("/console/live", self._live, methods=["GET"])
        add("/console/callback", self._callback, methods=["GET"])
        add("/console/logout", self._logout, methods=["POST"])
        add("/console/signed-out", self._signed_out, methods=["GET"])
        for name in ("console.css", "console.js"):
            add(f"/console/static/{name}", _file(name), methods=["GET"])

    # --- pages --------------------------------------------------------------------------------------------------

    def _page(
        self, template: str, who: frozenset[str], view: Callable[[Ask], dict[str, Any]]
    ) -> Callable[[Request], Response]:
        def show(request: Request) -> Response:
            wants_json = _wants_json(request)
            staff = None
            try:
                staff = self._staff(request)
                if staff is None:
                    return self._to_login(request, wants_json)
                reader = Reader.of(request, staff)
                if not staff.may(who):
                    return self._no_role(reader, wants_json)
                data = view(Ask(request.path_params, request.query_params))
            except Elsewhere as elsewhere:
                return RedirectResponse(elsewhere.path + (".json" if wants_json else ""), 303, HEADERS)
            except ProblemError as error:
                return self._pages.problem(Reader.of(request, staff), error.problem, wants_json)
            except (psycopg.OperationalError, PoolTimeout) as error:
                log.warning("a page of the console waits for the database: %s", type(error).__name__)
                return self._pages.problem(Reader.of(request, staff), problem("not_ready"), wants_json)
            if wants_json:
                return self._pages.twin(data)
            return self._pages.page(template, reader, drawn(data) if template == "board" else data)

        return show

    def _staff(self, request: Request) -> Staff | None:
        """From the session cookie, or for programs from a bearer token (which can read, and has no forms)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            principal = self._verify(token.strip())
            return Staff(principal.subject, principal.subject, principal.scopes, "", "")
        return self._login.staff(request.cookies.get(self._login.session_cookie))

    def _to_login(self, request: Request, wants_json: bool) -> Response:
        if wants_json:
            return answer(problem("unauthenticated", "Log in at /console, or send a staff member's bearer token."))
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self._begin(where)

    def _begin(self, back_to: str) -> Response:
        address, cookie = self._login.begin(back_to)
        response = RedirectResponse(address, 303, HEADERS)
        self._set_cookie(response, self._login.login_cookie, cookie, _LOGIN_SECONDS)
        return response

    def _no_role(self, reader: Reader, wants_json: bool) -> Response:
        found = problem("forbidden", say("no_role", "en"))
        if wants_json:
            return answer(found)
        data = {"sentence": say("no_role", reader.language), "remedy": say("no_role_remedy", reader.language)}
        return self._pages.page("problem", reader, data | {"problem": found.model_dump()}, 403)

    # --- acts ---------------------------------------------------------------------------------------------------

    def _act(
        self, who: frozenset[str], act: Callable[[Staff, Mapping[str, str]], str]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def perform(request: Request) -> Response:
            form = await _form(request)
            return await run_in_threadpool(self._perform, request, form, who, act)

        return perform

    def _perform(
        self,
        request: Request,
        form: Mapping[str, str],
        who: frozenset[str],
        act: Callable[[Staff, Mapping[str, str]], str],
    ) -> Response:
        try:
            staff = self._login.staff(request.cookies.get(self._login.session_cookie))
            if staff is None:
                return self._begin("/console")
            reader = Reader.of(request, staff)
            if not self._is_ours(request, staff, form):
                return self._problem(reader, "form_stale", 403)
            if not staff.may(who):
                return self._no_role(reader, False)
            return RedirectResponse(act(staff, form), 303, HEADERS)
        except ProblemError as error:
            return self._pages.problem(Reader.of(request, None), error.problem, False)
        except (psycopg.OperationalError, PoolTimeout):
            return self._pages.problem(Reader.of(request, None), problem("not_ready"), False)

    def _is_ours(self, request: Request, staff: Staff, form: Mapping[str, str]) -> bool:
        """Whether a page of ours in this very session sent the form (CSRF)."""
        sent = form.get("form_token", "")
        return (
            bool(staff.form_token)
            and hmac.compare_digest(staff.form_token.encode(), sent.encode())
            and request.headers.get("origin") in (None, self._origin)
            and request.headers.get("sec-fetch-site") in (None, "same-origin")
        )

    def _replay(self, staff: Staff, form: Mapping[str, str]) -> str:
        """One dead letter (``event``), or all of a channel. Deliveries go by the wall clock."""
        channel, event = form.get("channel", ""), form.get("event", "")
        if event and not (event.isascii() and event.isdigit() and len(event) <= 18):
            raise ProblemError(problem("query_invalid", "event is a whole number."))
        with self._hub.pool.connection() as connection:
            if channels.find(connection, channel) is None:
                raise ProblemError(problem("channel_unknown"))
            count = deliveries.revive(connection, channel, int(event) if event else None, system_clock())
            detail = {"event": int(event) if event else None, "count": count}
            self._hub.audit.record(connection, self._hub.clock(), staff.subject, "deadletter.replay", channel, detail)
        self._board.forget()
        return _SAFE_AFTER_POST["deadletters"]

    def _switch(self, staff: Staff, form: Mapping[str, str]) -> str:
        """Pause or resume a channel."""
        channel, act = form.get("channel", ""), form.get("act", "")
        if act not in ("pause", "resume"):
            raise ProblemError(problem("query_invalid", "act is pause or resume."))
        with self._hub.pool.connection() as connection:
            if not channels.set_state(connection, channel, "paused" if act == "pause" else "active"):
                raise ProblemError(problem("channel_unknown"))
            self._hub.audit.record(connection, self._hub.clock(), staff.subject, f"channel.{act}", channel)
        self._board.forget()
        return _SAFE_AFTER_POST["board"]

    # --- login and logout ---------------------------------------------------------------------------------------

    def _callback(self, request: Request) -> Response:
        """Where the provider sends the browser back to."""
        reader = Reader.of(request, None)
        try:
            cookie = request.cookies.get(self._login.login_cookie)
            back_to, session = self._login.finish(request.query_params, cookie)
        except LoginFailed as failed:
            log.info("a login at the console did not come to its end: %s", failed.detail)
            return self._problem(reader, failed.word, 400)
        except (psycopg.OperationalError, PoolTimeout):
            return self._pages.problem(reader, problem("not_ready"), False)
        response = RedirectResponse(back_to, 303, HEADERS)
        self._set_cookie(response, self._login.session_cookie, session, _SESSION_SECONDS)
        self._drop_cookie(response, self._login.login_cookie)
        return response

    async def _logout(self, request: Request) -> Response:
        form = await _form(request)
        return await run_in_threadpool(self._end, request, form)

    def _end(self, request: Request, form: Mapping[str, str]) -> Response:
        cookie = request.cookies.get(self._login.session_cookie)
        try:
            staff = self._login.staff(cookie)
            if staff is not None and not self._is_ours(request, staff, form):
                return self._problem(Reader.of(request, staff), "form_stale", 403)
            response = RedirectResponse(self._login.logout(cookie), 303, HEADERS)
        except (psycopg.OperationalError, PoolTimeout):
            return self._pages.problem(Reader.of(request, None), problem("not_ready"), False)
        self._drop_cookie(response, self._login.session_cookie)
        return response

    def _signed_out(self, request: Request) -> Response:
        return self._pages.page("signed_out", Reader.of(request, None), {})

    def _problem(self, reader: Reader, word: str, status: int) -> Response:
        body = problem("forbidden" if status == 403 else "unauthenticated", say(word, "en"))
        data = {"sentence": say(word, reader.language), "remedy": "", "problem": body.model_dump() | {"code": word}}
        return self._pages.page("problem", reader, data, status)

    def _set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._login.secure, httponly=True, samesite="lax"
        )

    def _drop_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self._login.secure, httponly=True, samesite="lax")

    # --- live ---------------------------------------------------------------------------------------------------

    async def _live(self, request: Request) -> Response:
        """Server-sent events: the board's fragment whenever it changed. Ends when the login does."""
        staff = await run_in_threadpool(self._allowed, request)
        if staff is None:
            return answer(problem("unauthenticated"))
        headers = HEADERS | {"X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(request), media_type="text/event-stream", headers=headers)

    def _allowed(self, request: Request) -> Staff | None:
        try:
            staff = self._login.staff(request.cookies.get(self._login.session_cookie))
        except (psycopg.OperationalError, PoolTimeout):
            return None
        return staff if staff is not None and staff.may(READ) else None

    async def _stream(self, request: Request) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        before = ""
        for _ in range(LIVE_TICKS):
            await asyncio.sleep(LIVE_SECONDS)
            fragment = await run_in_threadpool(self._fragment, request)
            if fragment is None:
                return
            # A comment keeps the connection known to be alive when nothing has changed.
            yield f"data: {json.dumps(fragment)}\n\n".encode() if fragment != before else b": same\n\n"
            before = fragment

    def _fragment(self, request: Request) -> str | None:
        staff = self._allowed(request)
        if staff is None:
            return None
        try:
            view = self._board.view()
        except (psycopg.OperationalError, PoolTimeout):
            return None
        reader = Reader.of(request, staff)
        return self._pages.html("_board", reader, drawn(view))


def _wants_json(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return request.url.path.endswith(".json") or ("application/json" in accepts and "text/html" not in accepts)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; an unreadable or long one has none, and so no form token either."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            return {}
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=20))
    except ValueError:
        return {}


def _file(name: str) -> Callable[[], Response]:
    def serve() -> Response:
        return FileResponse(
            STATIC / name, headers={"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
        )

    return serve
