"""A request as the provider sees it: read once, bounded, with repeated parameters kept visible.

It carries no Host and no X-Forwarded header on purpose: every URL is built from the configured issuer.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 65_536
PARAMETERS_MAX = 100
RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Parameters:
    """Query or form parameters in the order they came. One without a value counts as absent (RFC 6749 3.1)."""

    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first value, or None."""
        return next((value for key, value in self.pairs if key == name), None)

    def text(self, name: str) -> str:
        """The first value, or an empty text."""
        return self.get(name) or ""

    def repeated(self) -> list[str]:
        """Names that appear more than once."""
        names = [name for name, _ in self.pairs]
        return sorted(name for name in set(names) if names.count(name) > 1) if len(set(names)) < len(names) else []


@dataclass(frozen=True, slots=True)
class Incoming:
    """One HTTP request: what a handler may look at."""

    method: str
    query: Parameters
    form: Parameters
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    document: Any = None  # what a JSON body says, at addresses that read JSON
    path: Mapping[str, str] = field(default_factory=dict)  # what the placeholders of the address stand for
    peer: str = ""  # the IP address at the other end of the connection; for counting guesses, never for deciding who

    @property
    def parameters(self) -> Parameters:
        """The form of a POST, the query of everything else."""
        return self.form if self.method == "POST" else self.query


class RequestRefused(Exception):
    """The request cannot be read: an RFC 9457 problem with a stable code and what to do about it."""

    def __init__(self, status: int, code: str, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.remedy = status, code, detail, remedy

    def response(self) -> Response:
        """The problem, as `application/problem+json`."""
        return problem(self.status, self.code, self.detail, self.remedy)


def problem(status: int, code: str, detail: str, remedy: str) -> Response:
    """An RFC 9457 problem answer."""
    body = {
        "type": f"urn:interlock:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        "code": code,
        "pointers": [],
        "remedy": remedy,
    }
    return JSONResponse(body, status, {"Cache-Control": "no-store"}, media_type="application/problem+json")


Away = Callable[[Incoming], Response]
"""What is answered while the database is away."""


def not_ready(incoming: Incoming) -> Response:
    """503 as a problem, for programs: nothing was issued, and the same request may be sent again."""
    detail, remedy = "the login service cannot reach its database", "send the same request again in a few seconds"
    answer = problem(503, "not_ready", detail, remedy)
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


class Row(NamedTuple):
    """One address of the provider. `away` answers when the database does not: nothing was committed then, or nobody
    was told of it. `reads` names the one kind of body that is read; any other is refused with 415."""

    methods: str  # separated by spaces
    path: str
    handle: Callable[[Incoming], Response]
    away: Away = not_ready
    reads: Literal["form", "json"] = "form"


class Endpoint:
    """One address as an ASGI application: reads the request, runs the synchronous handler in a thread of `workers`."""

    def __init__(self, row: Row, workers: Executor) -> None:
        self._row, self._workers = row, workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        row = self._row
        try:
            incoming = await _read(request, row.reads)
        except RequestRefused as refused:
            return refused.response()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._workers, row.handle, incoming)
        except (OperationalError, PoolTimeout) as error:
            log.warning("%s waits for the database: %s", request.url.path, type(error).__name__)
            return row.away(incoming)


async def _read(request: Request, reads: str) -> Incoming:
    form, document = Parameters(()), None
    if request.method in ("POST", "PUT"):
        body = await _body(request, reads)
        form = _parse(body) if reads == "form" else form
        document = _document(body) if reads == "json" else None
    return Incoming(
        method="GET" if request.method == "HEAD" else request.method,
        query=_parse(request.scope["query_string"]),
        form=form,
        headers=request.headers,
        cookies=request.cookies,
        document=document,
        path=request.path_params,
        peer=request.client.host if request.client else "",
    )


_MEDIA_TYPES = {"form": "application/x-www-form-urlencoded", "json": "application/json"}


async def _body(request: Request, reads: str) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise RequestRefused(413, "body_too_large", f"over {BODY_BYTES_MAX} bytes", "send a shorter body")
    kind, expected = request.headers.get("content-type", "").partition(";")[0].strip().lower(), _MEDIA_TYPES[reads]
    if (body or reads == "json") and kind != expected:
        raise RequestRefused(415, f"{reads}_expected", f"content type {kind or 'missing'}", f"send {expected}")
    return bytes(body)


def _document(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(400, "json_unreadable", "the body is not JSON", "send one JSON document") from error


def _parse(raw: bytes) -> Parameters:
    try:
        pairs = parse_qsl(raw.decode("ascii"), encoding="utf-8", errors="strict", max_num_fields=PARAMETERS_MAX)
    except ValueError as error:  # UnicodeDecodeError is one
        raise RequestRefused(
            400, "parameters_unreadable", "not UTF-8, or too many", "percent-encode UTF-8; at most 100 parameters"
        ) from error
    if any("\x00" in text for pair in pairs for text in pair):
        raise RequestRefused(400, "parameters_unreadable", "a NUL character", "leave it out")
    return Parameters(tuple(pairs))
