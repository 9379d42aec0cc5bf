"""`/me`: the addresses of the passenger's pages. Every page asks who is there before it reads anything."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
from fastapi import APIRouter
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from hub.api import Principal, Services
from hub.api.orders import own_orders, read_order
from hub.store import orders
from interlock.console.pages import HEADERS
from interlock.entering import Entrance
from interlock.me import journeys
from interlock.me.pages import STATIC, Pages, Reader
from interlock.signing_in import LOGIN_SECONDS, Application, SignedIn, SignIn
from schemas.problems import ProblemError
from sso import Provider

log = logging.getLogger(__name__)

ME = Application("me", "我的铁路行程", "My rail journeys", ("openid", "profile", "hub:orders"), "/me")
ORDERS_MAX = 50

View = Callable[[Principal, dict[str, Any]], tuple[str, dict[str, Any]]]


def passenger_router(services: Services, provider: Provider, verify: Callable[[str], Principal]) -> APIRouter:
    """All of ``/me``. ``verify`` turns an access token into a principal, or raises ``ProblemError``."""
    return _Me(services, provider, verify).router


class _Me:
    def __init__(self, services: Services, provider: Provider, verify: Callable[[str], Principal]) -> None:
        self._services = services
        self._login = SignIn(ME, provider, services.seal, verify, services.public_url, services.wall_clock)
        self._pages = Pages(provider.options.issuer, self._login.secure)
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/me", self._page(self._list), methods=["GET"])
        self.router.add_api_route("/me/orders/{order_id}", self._page(self._order), methods=["GET"])
        Entrance("/me", self._login, self).add_to(self.router)
        self.router.add_api_route("/me/static/me.css", _style, methods=["GET"])

    # --- pages --------------------------------------------------------------------------------------------------

    def _list(self, caller: Principal, path: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Every order in which this person travels, whichever channel sold it."""
        found = own_orders(self._services, caller, ORDERS_MAX)
        coming, past = journeys.in_two(map(journeys.card, found), self._services.clock())
        return "orders", {"coming": coming, "past": past, "count": len(found), "full": len(found) == ORDERS_MAX}

    def _order(self, caller: Principal, path: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        order = read_order(self._services, caller, _as_uuid(path["order_id"]), None, None)
        with self._services.pool.connection() as connection:
            document = orders.read(connection, [order.order_id])[order.order_id].document
        return "order", journeys.in_full(order, document)

    def _page(self, view: View) -> Callable[[Request], Response]:
        def show(request: Request) -> Response:
            try:
                person = self._login.signed_in(request.cookies.get(self._login.session_cookie))
                if person is None:
                    return self._to_login(request)
                reader = Reader.of(request, person)
                try:
                    template, data = view(person.principal, request.path_params)
                except ProblemError as error:
                    return self._problem(request, person, error)
            except (psycopg.OperationalError, PoolTimeout) as error:
                log.warning("a passenger's page waits for the database: %s", type(error).__name__)
                return self.away(request)
            return self._pages.page(template, reader, data)

        return show

    def _problem(self, request: Request, person: SignedIn, error: ProblemError) -> Response:
        if error.problem.code != "order_unknown":
            raise error
        return self._pages.sentence(Reader.of(request, person), "order_unknown", 404)

    def _to_login(self, request: Request) -> Response:
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        address, cookie = self._login.begin(where)
        response = RedirectResponse(address, 303, HEADERS)
        self._login.set_cookie(response, self._login.login_cookie, cookie, LOGIN_SECONDS)
        return response

    # --- around the door (``entering.Frontage``) ----------------------------------------------------------------

    def refused(self, request: Request, word: str, status: int) -> Response:
        """A login that did not come to its end, or a form that is not ours."""
        return self._pages.sentence(Reader.of(request, None), word, status)

    def away(self, request: Request) -> Response:
        """The database does not answer."""
        return self._pages.away(request)

    def left(self, request: Request) -> Response:
        """Whoever has logged out."""
        return self._pages.page("signed_out", Reader.of(request, None), {})


def _as_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)  # nobody's order: the answer is the same as for one that is not theirs


def _style() -> Response:
    headers = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
    return FileResponse(STATIC / "me.css", headers=headers)
