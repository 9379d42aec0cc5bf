"""Messages in: one by one, micro-batched behind the scenes, or many as NDJSON."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.api.limits import peer
from hub.api.reading import Body, is_message_id, message_id, plain_headers, read_body
from hub.api.services import Services
from hub.intake import Answer, Receipt
from hub.intake.answers import refused
from hub.ports import Adapter, Profile
from hub.store.channels import Channel
from schemas.problems import PROBLEM_MEDIA_TYPE, ProblemError, problem

_P = ParamSpec("_P")
_T = TypeVar("_T")
_encode = msgspec.json.Encoder().encode

BULK_BATCH = 500
BULK_LINE_BYTES_MAX = 2_000_000


def messages_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["messages"])

    @router.post("/channels/{channel}/messages", summary="One native message")
    async def receive(channel: str, request: Request) -> Response:
        """Native bytes of one message; the id stands in ``webhook-id`` or ``Idempotency-Key``.

        Answers ``applied``, ``witnessed``, ``duplicate`` or ``disputed`` with 200, or a problem. The answer is durable.
        Above the connection's quota it is 429 ``rate_limited`` with ``Retry-After``, and nothing was taken.
        """
        return await receive_one(services, channel, request)

    @router.post("/channels/{channel}/messages/bulk", summary="Many native messages, NDJSON")
    async def receive_many(channel: str, request: Request) -> Response:
        """One ``{"id": ..., "body": base64}`` per line; one answer per line, in order. Needs a bearer token."""
        known = await asyncio.to_thread(services.access.channel, channel)
        if "authorization" not in request.headers:  # a signature is over one message
            raise ProblemError(problem("unauthenticated"))
        await asyncio.to_thread(services.access.sender, known, request.headers, "", b"")
        _adapter(services, channel)
        # Answered when all is read: a response that streams while its request does would compete for the same channel.
        answers = [part async for part in _bulk(services, known, request)]
        return Response(b"".join(answers), media_type="application/x-ndjson")

    return router


async def receive_one(services: Services, channel: str, request: Request) -> Response:
    """The answer to one native message. Raises ``ProblemError`` for who may not send it and for what is none."""
    access = services.access
    headers = plain_headers(request.scope)
    known = await _ask(access.at_hand(channel, headers), access.channel, channel)
    adapter = _adapter(services, channel)
    body = await read_body(request, adapter.profile.max_message_bytes)
    now = services.clock()
    within = _within_hours(known, adapter.profile, now)
    receipt = Receipt(channel, message_id(headers) or "", body.raw, "http", now, within)
    refusal = await _ask(access.at_hand(channel, headers), _refusal, services, known, headers, receipt, body)
    if refusal is not None:
        # What is refused here is kept, whoever sent it: so there has to be an end to it.
        await access.callers.need_room(peer(request.scope))
        return answered(await asyncio.to_thread(services.intake.reject, receipt, refusal.problem))
    if known.quota_per_minute is not None:
        await services.quotas.take(known)
    return answered(await services.batcher.submit(receipt))


async def _ask(at_hand: bool, work: Callable[_P, _T], *args: _P.args, **names: _P.kwargs) -> _T:
    """Off the event loop, unless the answer is at hand: then the hop would cost more, and wait behind batches."""
    return work(*args, **names) if at_hand else await asyncio.to_thread(work, *args, **names)


def _adapter(services: Services, channel: str) -> Adapter:
    """Its adapter; a connection that was registered after this process began has none here yet."""
    adapter = services.adapters.get(channel)
    if adapter is None:
        raise ProblemError(problem("channel_unknown", f"Channel {channel} is registered, but not served yet: restart."))
    return adapter


def _within_hours(channel: Channel, profile: Profile, now: datetime) -> bool:
    """Whether the channel may ask now; ``now`` is the business clock, the hours are of the channel's own zone."""
    if channel.opens_at is None:
        return True
    return channel.asks_at(now.astimezone(ZoneInfo(profile.zone)).time())


def _refusal(
    services: Services, channel: Channel, headers: Mapping[str, str], receipt: Receipt, body: Body
) -> ProblemError | None:
    """Why this request may not become a message; None when it may."""
    if body.too_large:
        limit = services.adapters[receipt.channel].profile.max_message_bytes
        return ProblemError(problem("message_too_large", f"The limit of this channel is {limit} bytes."))
    try:
        services.access.sender(channel, headers, receipt.message_id, receipt.raw)
    except ProblemError as error:
        return error
    return None if receipt.message_id else ProblemError(problem("message_id_missing"))


async def _bulk(services: Services, channel: Channel, request: Request) -> AsyncIterator[bytes]:
    within = _within_hours(channel, services.adapters[channel.channel].profile, services.clock())
    batch: list[Receipt | Answer] = []
    async for line in _lines(request):
        item = _line(channel, line, services, within)
        if isinstance(item, Receipt) and not await services.quotas.room(channel, 1):
            item = refused(item, problem("rate_limited"))
        batch.append(item)
        if len(batch) >= BULK_BATCH:
            yield await _take(services, batch)
            batch = []
    if batch:
        yield await _take(services, batch)


async def _lines(request: Request) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(rest) > BULK_LINE_BYTES_MAX:
            yield rest[:BULK_LINE_BYTES_MAX]
            return
    if rest.strip():
        yield rest


def _line(channel: Channel, line: bytes, services: Services, within: bool) -> Receipt | Answer:
    """A receipt, or the problem of a line that is none."""
    blank = Receipt(channel.channel, "", line, "bulk", services.clock())
    try:
        value = json.loads(line)
        identity, raw = value["id"], base64.b64decode(value["body"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        detail = 'A line is {"id": "...", "body": "<base64 of the native bytes>"}.'
        return refused(blank, problem("message_malformed", detail))
    if not is_message_id(identity):
        return refused(blank, problem("message_id_missing", "An id has 1 to 200 printable characters."))
    if len(raw) > services.adapters[channel.channel].profile.max_message_bytes:
        return refused(blank, problem("message_too_large"))
    return Receipt(channel.channel, identity, raw, "bulk", blank.received_at, within)


async def _take(services: Services, batch: list[Receipt | Answer]) -> bytes:
    receipts = [item for item in batch if isinstance(item, Receipt)]
    taken = iter(await asyncio.to_thread(services.intake.take, receipts))
    answers = [item if isinstance(item, Answer) else next(taken) for item in batch]
    return b"".join(_encode(answer.body) + b"\n" for answer in answers)


def answered(answer: Answer) -> Response:
    """The HTTP form of an answer."""
    media_type = PROBLEM_MEDIA_TYPE if answer.status >= 400 else "application/json"
    headers = {"retry-after": "1"} if answer.status == 503 else None
    return Response(_encode(answer.body), answer.status, media_type=media_type, headers=headers)
