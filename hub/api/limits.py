"""What a request may cost before anything of it is understood: ASGI middleware around every route.

headers     32 KiB with the address line, 100 fields      431 headers_too_large
body        1 MiB; messages more (their channel's own     413 body_too_large
            limit, 64 MiB for NDJSON and for files of
            many rows), counted as it comes, so that
            chunks without a length count
codings     a compressed body is not opened: what it      415 body_compressed
            becomes could be of any size
slowness    30 seconds, and a second more for every       408 request_timeout
            4 KiB that came
at once     256 requests of one caller                    429 too_many_requests, Retry-After
strangers   6,000 requests a minute without proof,        429 too_many_requests, Retry-After
            600 with a bad one, per network address

Heads that never end are the server's business (``interlock/listening.py``): no application is called for them.
"""

import asyncio
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.callers import BAD_PROOF_COST, Callers, TooManyRequests
from schemas.problems import PROBLEM_MEDIA_TYPE, Problem, problem

HEAD_BYTES_MAX = 32 * 1024
HEADERS_MAX = 100
_AS_IT_IS = (b"", b"identity")


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """Sizes in bytes, times in seconds. ``slow_bytes``: what has to come in each second after the first ones."""

    body_bytes: int = 1024 * 1024
    messages_bytes: int = 64 * 1024 * 1024
    body_seconds: float = 30.0
    slow_bytes: int = 4096


class Limits:
    """Around the whole application; ``callers`` is shared with who verifies tokens."""

    def __init__(self, app: ASGIApp, callers: Callers, options: LimitOptions) -> None:
        self._app, self._callers, self._options = app, callers, options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head, address = Head.of(scope), peer(scope)
        name, proven = self._callers.name(head.authorization, address)
        signed = head.signed and is_message(scope)
        try:
            if not (proven or signed):
                await self._callers.need_room(address)
            self._callers.enter(name)
        except TooManyRequests as error:
            await refuse(send, error.problem, scope, error.retry_after_seconds)
            return
        try:
            status = await self._serve(scope, receive, send, head)
        finally:
            self._callers.leave(name)
        if status == 401 or (status == 413 and not proven):  # what is too large to be checked has no proof either
            self._callers.spend(address, BAD_PROOF_COST)
        elif not (proven or signed):
            self._callers.spend(address, 1)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, head: "Head") -> int:
        """The status that was answered."""
        limit = self._options.messages_bytes if is_message(scope) or is_file(scope) else self._options.body_bytes
        if found := head.refusal(limit):
            await refuse(send, found, scope)
            return found.status
        if head.length == 0:  # nothing to count or to wait for
            return await self._answered(scope, receive, send)
        bounded = _Bounded(scope, receive, send, limit, self._options)
        await self._app(scope, bounded.receive, bounded.send)
        return bounded.status

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> int:
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, noted)
        return status


def peer(scope: Scope) -> str:
    """The network address that the request came from."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def is_message(scope: Scope) -> bool:
    """Whether it brings messages: those have the limits of their channel, and may be proven by a signature."""
    path: str = scope["path"]
    return scope["method"] == "POST" and path.endswith(("/messages", "/messages/bulk"))


_FILES = ("/v1/recon/workbooks/returned", "/v1/recon/confirmations/", "/console/recon/workbook/returned")


def is_file(scope: Scope) -> bool:
    """Whether it brings a file of many rows: a workbook that comes back, a channel's answers to a day."""
    path: str = scope["path"]
    return scope["method"] == "POST" and path.startswith(_FILES)


@dataclass(slots=True)
class Head:
    """What the limits look at, in one pass over the header fields. ``length``: None when the body comes in chunks."""

    size: int
    fields: int
    authorization: str = ""
    signed: bool = False
    length: int | None = 0
    coded: bool = False

    @classmethod
    def of(cls, scope: Scope) -> "Head":
        fields = scope["headers"]
        head = cls(len(scope.get("raw_path") or b"") + len(scope["query_string"]), len(fields))
        for name, value in fields:
            head.size += len(name) + len(value) + 4
            if name == b"authorization":
                head.authorization = value.decode("latin-1")
            elif name == b"webhook-signature":
                head.signed = True
            elif name == b"transfer-encoding":
                head.length = None
            elif name == b"content-encoding":
                head.coded = value.strip().lower() not in _AS_IT_IS
            elif name == b"content-length" and head.length is not None:
                head.length = int(value[:20]) if value.isdigit() else None
        return head

    def refusal(self, limit: int) -> Problem | None:
        """What is too large, or compressed, by what the head says."""
        if self.size > HEAD_BYTES_MAX or self.fields > HEADERS_MAX:
            return problem("headers_too_large", f"At most {HEAD_BYTES_MAX} bytes in {HEADERS_MAX} fields.")
        if self.length is not None and self.length > limit:
            return problem("body_too_large", f"At most {limit} bytes.")
        if self.coded and self.length != 0:
            return problem("body_compressed")
        return None


async def refuse(send: Send, found: Problem, scope: Scope, retry_after_seconds: int | None = None) -> None:
    """The problem as the whole answer. What is left of the body is the server's business."""
    over = found.status == 408 and str(scope.get("http_version", "1.1")).startswith("1")  # RFC 9110 section 15.5.9
    headers = {"connection": "close"} if over else {}
    if found.status == 415:  # RFC 9110 section 12.5.3: which codings would have been taken
        headers["accept-encoding"] = "identity"
    if retry_after_seconds is not None:
        headers["retry-after"] = str(retry_after_seconds)
    answer = JSONResponse(found.model_dump(mode="json"), found.status, headers, media_type=PROBLEM_MEDIA_TYPE)
    await send({"type": "http.response.start", "status": found.status, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body})


class _Bounded:
    """One request's body, counted and timed. Over a limit the answer is given here, and the application is told that
    the caller has gone: whatever it still says is not sent."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int, options: LimitOptions) -> None:
        self._scope, self._receive, self._send, self._limit, self._options = scope, receive, send, limit, options
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._size = 0
        self._whole = False
        self._refused = False
        self.status = 500

    async def receive(self) -> Message:
        if self._refused:
            return {"type": "http.disconnect"}
        if self._whole:
            return await self._receive()
        allowed = self._options.body_seconds + self._size / self._options.slow_bytes
        try:
            async with asyncio.timeout_at(self._began + allowed):
                message = await self._receive()
        except TimeoutError:
            seconds = self._clock() - self._began
            return await self._refuse(problem("request_timeout", f"{self._size} bytes came in {seconds:.0f} s."))
        if message["type"] != "http.request":
            return message
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > self._limit:
            return await self._refuse(problem("body_too_large", f"At most {self._limit} bytes."))
        return message

    async def send(self, message: Message) -> None:
        if self._refused:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def _refuse(self, found: Problem) -> Message:
        self._refused, self.status = True, found.status
        await refuse(self._send, found, self._scope)
        return {"type": "http.disconnect"}
