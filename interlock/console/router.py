"""The console's addresses: one table of pages and one of acts, and who may see and do them.

Deny by default: nothing without a role in the table can be added, and every request is checked before its view runs.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import psycopg
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from hub.api import Principal, Services
from hub.api.access import StepUpNeeded
from hub.api.desk import Desk
from interlock.clock import system_clock
from interlock.console.acts import Acts
from interlock.console.answering import Done, Sent
from interlock.console.asking import Ask, Form, read_form
from interlock.console.board import Board, drawn
from interlock.console.finance import FinanceViews
from interlock.console.live import Live
from interlock.console.login import FINANCE, OPERATE, PERSONAL, READ, Login, Staff
from interlock.console.pages import HEADERS, STATIC, Pages, Reader
from interlock.console.serving import Door
from interlock.console.settling import FinanceActs
from interlock.console.views import Elsewhere, Views
from interlock.entering import Entrance
from interlock.reconciling import reconciler_of
from interlock.wiring import Hub
from schemas.problems import ProblemError, problem
from sso import Provider

log = logging.getLogger(__name__)

View = Callable[[Ask], dict[str, Any]]
Act = Callable[[Staff, Form], Done]


def console_router(hub: Hub, provider: Provider, verify: Callable[[str], Principal], services: Services) -> APIRouter:
    """All of ``/console``. ``verify`` turns an access token into a principal, or raises ``ProblemError``."""
    return _Console(hub, provider, verify, services).router


class _Console:
    def __init__(self, hub: Hub, provider: Provider, verify: Callable[[str], Principal], services: Services) -> None:
        public_url = hub.settings.public_url
        login = Login(provider, hub.seal, verify, public_url, system_clock)
        self._pages = Pages(login.secure)
        self._door = Door(login, self._pages, verify)
        board, desk = Board(hub.pool, hub.adapters, hub.clock, system_clock), Desk(services)
        self._views = Views(hub, board, desk)
        self._acts = Acts(hub, desk, self._views, board, services.access.must_be_sure)
        reconciler = reconciler_of(hub)
        self._finance = FinanceViews(hub, reconciler)
        self._settling = FinanceActs(hub, reconciler, self._finance, services.access.must_be_sure)
        self.router = APIRouter(include_in_schema=False)
        self._add_pages()
        self._add_acts()
        Entrance("/console", login, self._door).add_to(self.router)
        self.router.add_api_route("/console/live", Live(self._door, board).stream, methods=["GET"])
        for name in ("console.css", "console.js"):
            self.router.add_api_route(f"/console/static/{name}", _file(name), methods=["GET"])

    # --- the tables ---------------------------------------------------------------------------------------------

    def _add_pages(self) -> None:
        views = self._views
        table: tuple[tuple[str, str, frozenset[str], View], ...] = (
            ("", "board", READ, views.board),
            ("/orders", "orders", READ, views.orders),
            ("/orders/{order_id}", "order", READ, views.order),
            ("/messages", "messages", READ, views.messages),
            ("/messages/{position}", "message", READ, views.message),
            ("/rejections/{position}", "message", READ, views.rejection),
            ("/cases", "cases", READ, views.cases),
            ("/deadletters", "deadletters", READ, views.deadletters),
            ("/books", "books", READ, views.books),
            ("/books/{account}", "account", READ, views.account),
            ("/orders/{order_id}/balance", "owing", READ, views.owing),
            ("/files", "files", READ, views.files),
            ("/logouts", "logouts", READ, views.logouts),
            ("/channels", "channels", READ, views.channels),
            ("/channels/{channel}", "channel", READ, views.channel),
            ("/connect", "connect", OPERATE, views.connect),
            *((path, template, READ, view) for path, template, view in self._finance.table),
        )
        for path, template, who, view in table:
            handler = self._page(template, who, view)
            for suffix in (".json", ""):  # the twin first: {order_id} would swallow ".json"
                self.router.add_api_route(f"/console{path}{suffix}", handler, methods=["GET"])

    def _add_acts(self) -> None:
        acts = self._acts
        table: tuple[tuple[str, frozenset[str], Act], ...] = (
            ("/connect", OPERATE, acts.register),
            ("/channels/{channel}/configure", OPERATE, acts.configure),
            ("/channels/{channel}/rotate", OPERATE, acts.rotate),
            ("/channels/{channel}/switch", OPERATE, acts.switch),
            ("/channels/{channel}/test", OPERATE, acts.test),
            ("/channels/{channel}/replay", OPERATE, acts.replay),
            ("/deadletters/replay", OPERATE, acts.revive),
            ("/logouts/retry", OPERATE, acts.tell_again),
            ("/orders/{order_id}/look", PERSONAL, acts.look_at_order),
            ("/orders/{order_id}/withdraw", FINANCE, acts.withdraw),
            ("/orders/{order_id}/decide", FINANCE, acts.decide_withdrawal),
            ("/messages/{position}/look", PERSONAL, acts.look_at_message),
            ("/rejections/{position}/look", PERSONAL, acts.look_at_rejection),
            *self._settling.table,
        )
        for path, who, act in table:
            self.router.add_api_route(f"/console{path}", self._act(who, act), methods=["POST"])

    # --- pages --------------------------------------------------------------------------------------------------

    def _page(self, template: str, who: frozenset[str], view: View) -> Callable[[Request], Response]:
        def show(request: Request) -> Response:
            wants_json = _wants_json(request)
            staff = None
            try:
                staff = self._door.staff(request)
                if staff is None:
                    return self._door.to_login(request, wants_json)
                reader = Reader.of(request, staff)
                if not staff.may(who):
                    return self._door.no_role(reader, wants_json)
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

    # --- acts ---------------------------------------------------------------------------------------------------

    def _act(self, who: frozenset[str], act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def perform(request: Request) -> Response:
            form = await read_form(request)
            return await run_in_threadpool(self._perform, request, form, who, act)

        return perform

    def _perform(self, request: Request, form: Form, who: frozenset[str], act: Act) -> Response:
        staff = None
        try:
            staff = self._door.at_a_browser(request)
            if staff is None:
                return self._door.begin("/console")
            reader = Reader.of(request, staff)
            if not self._door.is_ours(request, staff, form):
                return self._door.refusal(reader, "form_stale", 403)
            if not staff.may(who):
                return self._door.no_role(reader, False)
            done = act(staff, form)
        except StepUpNeeded as needed:
            return self._door.step_up(request, needed)
        except ProblemError as error:
            return self._pages.problem(Reader.of(request, staff), error.problem, False)
        except (psycopg.OperationalError, PoolTimeout):
            return self._pages.problem(Reader.of(request, staff), problem("not_ready"), False)
        if isinstance(done, str):
            return RedirectResponse(done, 303, HEADERS)
        if isinstance(done, Sent):
            attached = {"content-disposition": f'attachment; filename="{done.name}"'}
            return StreamingResponse(done.blocks, 200, HEADERS | attached, done.media_type)
        # Its links lead to the page that it stands for: at this address there is only the form's answer.
        return self._pages.page(done.template, replace(reader, path=done.path, query={}), done.data, done.status)


def _wants_json(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return request.url.path.endswith(".json") or ("application/json" in accepts and "text/html" not in accepts)


def _file(name: str) -> Callable[[], Response]:
    def serve() -> Response:
        return FileResponse(
            STATIC / name, headers={"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
        )

    return serve
