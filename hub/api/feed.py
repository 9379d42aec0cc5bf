"""The changed-since feed, for channels that pull: an opaque cursor that never skips a row."""

import asyncio
import base64
import binascii
import time
from collections.abc import Sequence
from typing import Any, get_args
from uuid import UUID

from fastapi import APIRouter, Query, Request

from hub.api.access import Principal
from hub.api.orders import may_read
from hub.api.services import Services
from hub.delivery.envelope import cloud_event
from hub.ledger import fold
from hub.store import events, orders, outbox, subjects
from hub.store.outbox import Cursor
from schemas.events import INTERNAL_TYPES, EventType
from schemas.order import Order
from schemas.personal import masked_numbers
from schemas.problems import ProblemError, problem

_START: Cursor = ("0", 0)
_LOOK_AGAIN_SECONDS = 0.2
_SCAN = 5000
TYPES = tuple(name for name in get_args(EventType) if name not in INTERNAL_TYPES)


def feed_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["events"])

    @router.get("/events", summary="What changed since")
    async def feed(
        request: Request,
        after: str | None = Query(
            None, max_length=100, description="the cursor of the page before; none: from the start"
        ),
        limit: int = Query(100, ge=1, le=1000),
        type: list[str] = Query([], description="only these types of event, for example order.issued; repeatable"),
        wait: float = Query(0, ge=0, le=30, description="seconds to wait for something new before an empty page"),
    ) -> dict[str, Any]:
        """CloudEvents after the cursor ``after`` and the cursor to ask with next time.

        A channel gets the events of orders in which it took part, its own included; numbers of people are masked. The
        cursor of an empty page may be further than the one asked with: what lay between was none of the caller's.
        """
        caller = await asyncio.to_thread(services.access.reader, request.headers)
        cursor, types = _decode(after), _types(type)
        deadline = time.monotonic() + wait
        while True:
            found, cursor, whole = await asyncio.to_thread(_page, services, caller, cursor, types, limit)
            if found or (not whole and time.monotonic() >= deadline):
                return {"events": found, "cursor": _encode(cursor)}
            if await request.is_disconnected():
                return {"events": [], "cursor": _encode(cursor)}
            if not whole:
                await asyncio.sleep(min(_LOOK_AGAIN_SECONDS, max(0.0, deadline - time.monotonic())))

    return router


def _page(
    services: Services, caller: Principal, cursor: Cursor, types: Sequence[str], limit: int
) -> tuple[list[dict[str, Any]], Cursor, bool]:
    """(what the caller may see of the next stretch, how far it goes, whether there is more of the log)."""
    with services.pool.connection() as connection:
        ahead = outbox.stretch(connection, cursor, types, max(limit, _SCAN)).cut(limit)
        ids = {order_id for _, order_id in ahead.chosen}
        if caller.channel is not None:
            ids = outbox.taken_part(connection, caller.channel, list(ids))
        chosen = [at[1] for at, order_id in ahead.chosen if order_id in ids]
        logged = events.at(connection, chosen) if chosen else {}
        stored = orders.read(connection, ids) if ids else {}
        folded = [fold(item.document) for item in stored.values()]
        opened = subjects.opened(connection, services.seal, folded) if folded else []
    visible: dict[UUID, Order] = {}
    for order, (order_id, item) in zip(opened, stored.items(), strict=True):
        if may_read(caller, item.document, order, services.seal.blind):
            visible[order_id] = masked_numbers(order)  # under the event's id: the order may go by another one now
    for order_id in visible:
        services.acted(caller, "order_read", order_id)
    told = [logged[position].event for position in chosen]
    found = [cloud_event(services.public_url, e, visible[e.order_id]) for e in told if e.order_id in visible]
    return [event.model_dump(mode="json") for event in found], ahead.end, ahead.whole


def _types(asked: Sequence[str]) -> Sequence[str]:
    if unknown := sorted(set(asked) - set(TYPES)):
        raise ProblemError(problem("query_invalid", f"No event is called {unknown[0][:40]!r}: {', '.join(TYPES)}."))
    return tuple(asked) or TYPES


def _encode(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(f"{cursor[0]}:{cursor[1]}".encode()).decode().rstrip("=")


def _decode(cursor: str | None) -> Cursor:
    if cursor is None:
        return _START
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        txid, position = (int(part) for part in text.split(":"))
        if not (0 <= txid < 2**64 and 0 <= position < 2**63):
            raise ValueError(text)
    except (ValueError, binascii.Error) as error:
        raise ProblemError(problem("query_invalid", "That cursor is not one that /v1/events gave.")) from error
    return str(txid), position
