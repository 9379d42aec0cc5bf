"""All routes under ``/v1``, and problems instead of tracebacks."""

from typing import cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg import DataError, OperationalError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hub.api.books import books_router
from hub.api.cases import cases_router
from hub.api.connections import connections_router
from hub.api.contract import contract_router
from hub.api.failures import answer, failure
from hub.api.feed import feed_router
from hub.api.messages import messages_router
from hub.api.operating import operating_router
from hub.api.orders import orders_router
from hub.api.persons import persons_router
from hub.api.retractions import retractions_router
from hub.api.services import Services
from schemas.problems import Pointer, ProblemError, problem

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def create_router(services: Services) -> APIRouter:
    """The hub's HTTP interface."""
    router = APIRouter(prefix="/v1")
    for part in (
        messages_router,
        orders_router,
        feed_router,
        contract_router,
        connections_router,
        operating_router,
        cases_router,
        books_router,
        retractions_router,
        persons_router,
    ):
        router.include_router(part(services))
    return router


def install_problems(app: FastAPI) -> None:
    """Every error of this application is a problem document with a code and a remedy."""

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: Exception) -> Response:
        found = cast(RequestValidationError, error).errors()
        pointers = tuple(
            Pointer(pointer="/" + "/".join(map(str, e["loc"]))[:190], expected=str(e["msg"])[:200]) for e in found
        )
        return answer(problem("query_invalid", "See the places that pointers names.", pointers))

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: Exception) -> Response:
        http = cast(HTTPException, error)
        code = _HTTP_CODES.get(http.status_code, "query_invalid" if http.status_code < 500 else "internal")
        found = answer(problem(code, f"{request.method} {request.url.path[:200]}"))
        for name, value in (http.headers or {}).items():  # Allow, with a 405
            found.headers[name] = value
        return found

    @app.exception_handler(ProblemError)
    @app.exception_handler(DataError)
    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeout)
    @app.exception_handler(Exception)
    def _failed(request: Request, error: Exception) -> Response:
        return failure(error, f"{request.method} {request.url.path}")
