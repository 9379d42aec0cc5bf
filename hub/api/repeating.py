"""Acts under a key: who asks again gets the first answer again, and the act is done once.

A program that got no answer cannot know whether its rotation or replay was done. With an ``Idempotency-Key`` it asks
again (draft-ietf-httpapi-idempotency-key-header-07). ASGI middleware, so that it holds for every act there is and will
be: POST, PUT, PATCH and DELETE below ``/v1``. Messages are no acts: their key is their id, and is kept for ever.

    the same key, caller and request          the first answer, with Idempotency-Replayed: true
    the same key, another request             422 idempotency_key_reused
    while the first one is being worked on    409 idempotency_key_in_use
    done, but the answer was lost             409 idempotency_answer_lost: the process was killed in between

Only answers with 2xx are kept, sealed: what was refused did nothing, and its key is free again. That an act was done is
read from the audit, whose row is written in the act's own transaction and carries the request's digest.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.failures import failure
from hub.api.limits import is_message
from hub.api.reading import MESSAGE_ID_MAX, plain_headers
from hub.api.services import Services
from hub.store import audit, requests
from schemas.problems import ProblemError, problem

KEY = "idempotency-key"
ACTS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
AT_ONCE = 4
"""Acts under keys that one process works on at once; each holds a database connection of its own meanwhile."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it went out."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request under a key. ``request`` names caller and key, ``fingerprint`` what is asked; SHA-256.

    The fingerprint is keyed with the caller's key, which nobody keeps: a body may hold little but a person's number.
    """

    request: str
    fingerprint: bytes

    @classmethod
    def of(cls, caller: str, key: str, scope: Scope, body: bytes) -> "Attempt":
        request = hashlib.sha256(f"{caller}\0{key}".encode("utf-8", "surrogateescape")).hexdigest()
        asked = b"\0".join([scope["method"].encode(), scope["path"].encode(), scope["query_string"], body])
        return cls(request, hmac.digest(key.encode("utf-8", "surrogateescape"), asked, "sha256"))


class Repeating:
    """Around every act; ``window``: how long an answer is kept."""

    def __init__(self, app: ASGIApp, services: Services, window: timedelta) -> None:
        self._app, self._services, self._window = app, services, window
        self._few = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_act(scope):
            await self._app(scope, receive, send)
            return
        headers = plain_headers(scope)
        key = headers.get(KEY)
        if key is None:
            await self._app(scope, receive, send)
            return
        try:
            caller = await asyncio.to_thread(self._services.access.anybody, headers)
        except ProblemError:  # the route says so itself, as it does to who brings no key
            await self._app(scope, receive, send)
            return
        try:
            attempt_key = _checked(key)
            body = await _whole(receive)
            if body is None:  # gone, or too much was sent and that has been answered
                return
            async with self._few:
                answer = await self._once(Attempt.of(caller.subject, attempt_key, scope, body), scope, receive, body)
        except Exception as error:
            answer = failure(error, f"{scope['method']} {scope['path'][:200]}")
        await answer(scope, receive, send)

    async def _once(self, attempt: Attempt, scope: Scope, receive: Receive, body: bytes) -> Response:
        alone = requests.alone(self._services.pool, attempt.request)
        connection = await asyncio.to_thread(alone.__enter__)
        try:
            if connection is None:
                raise ProblemError(problem("idempotency_key_in_use"))
            kept = await asyncio.to_thread(self._begun, connection, attempt)
            if kept is not None:
                again = Response(kept.body, kept.status, media_type=kept.media_type)
                again.headers["idempotency-replayed"] = "true"
                return again
            with audit.on_request(attempt.request):
                start, said = await _answered(self._app, scope, receive, body)
            await asyncio.to_thread(self._ended, connection, attempt, said)
            return _as_said(start, said)
        finally:
            await asyncio.to_thread(alone.__exit__, None, None, None)

    def _begun(self, connection: Connection[TupleRow], attempt: Attempt) -> Said | None:
        """The answer that was given; None when it is to be done now."""
        now = self._services.wall_clock()
        known = requests.find(connection, attempt.request)
        if known is not None and known.began_at >= now - self._window:
            if known.fingerprint != attempt.fingerprint:
                raise ProblemError(problem("idempotency_key_reused"))
            if known.status is not None and known.answer is not None:
                return Said(known.status, known.media_type or "", self._opened(known.answer, attempt))
            if (done := audit.of_request(connection, attempt.request, known.audit_position)) is not None:
                raise ProblemError(
                    problem("idempotency_answer_lost", f"It was done: row {done} of the audit says what.")
                )
        requests.begin(connection, attempt.request, attempt.fingerprint, now, now - self._window)
        return None

    def _ended(self, connection: Connection[TupleRow], attempt: Attempt, said: Said) -> None:
        if said.status < 300:
            sealed = self._services.seal.seal_bytes(said.body, bytes.fromhex(attempt.request))
            requests.end(connection, attempt.request, said.status, said.media_type, sealed)
        elif said.status < 500:
            requests.forget(connection, attempt.request)

    def _opened(self, sealed: bytes, attempt: Attempt) -> bytes:
        try:
            return self._services.seal.open_bytes(sealed, bytes.fromhex(attempt.request))
        except InvalidTag as gone:
            detail = "It was done; its answer was sealed with a field key that is not in use any more."
            raise ProblemError(problem("idempotency_answer_lost", detail)) from gone


def _is_act(scope: Scope) -> bool:
    return scope["method"] in ACTS and scope["path"].startswith("/v1/") and not is_message(scope)


def _checked(key: str) -> str:
    """The key, with or without the quotes of RFC 8941."""
    text = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
    if not 0 < len(text) <= MESSAGE_ID_MAX or not text.isprintable():
        raise ProblemError(problem("query_invalid", "An Idempotency-Key has 1 to 200 printable characters."))
    return text


async def _whole(receive: Receive) -> bytes | None:
    """The body; None when its end does not come."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _answered(app: ASGIApp, scope: Scope, receive: Receive, body: bytes) -> tuple[Message, Said]:
    """What the application answers to a request whose body was read already."""
    unread: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])
    start: Message = {"status": 500, "headers": []}
    chunks: list[bytes] = []

    async def read() -> Message:
        return next(unread, None) or await receive()

    async def note(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    await app(scope, read, note)
    media_type = next((value.decode("latin-1") for name, value in start["headers"] if name == b"content-type"), "")
    return start, Said(int(start["status"]), media_type, b"".join(chunks))


def _as_said(start: Message, said: Said) -> Response:
    answer = Response(said.body, said.status)
    answer.raw_headers = list(start["headers"])
    return answer
