"""The changed-since feed, for channels that pull: an opaque cursor that never skips a row."""

import base64
import binascii
from typing import Any

from fastapi import APIRouter, Query, Request

from hub.api.orders import masked, may_read
from hub.api.services import Services
from hub.ledger import fold
from hub.store import events, orders
from hub.store.events import Logged
from schemas.events import CloudEvent
from schemas.order import Order
from schemas.problems import ProblemError, problem

_START = "0:0"


def feed_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["events"])

    @router.get("/events", summary="What changed since")
    def feed(request: Request, after: str | None = None, limit: int = Query(100, ge=1, le=1000)) -> dict[str, Any]:
        """CloudEvents after the cursor ``after`` (none: from the beginning) and the cursor to ask with next time.

        A channel gets the events of orders in which it took part. An empty page gives the same cursor back.
        """
        caller = services.access.reader(request.headers)
        txid, position = _decode(after)
        with services.pool.connection() as connection:
            logged = events.after(connection, txid, position, limit)
            stored = orders.read(connection, [item.event.order_id for item in logged])
        whole = {order_id: fold(item.document) for order_id, item in stored.items()}
        folded = {oid: masked(order) for oid, order in whole.items() if may_read(caller, stored[oid].document, order)}
        visible = [item for item in logged if item.event.order_id in folded]
        cursor = _encode(logged[-1].txid, logged[-1].position) if logged else after or _encode("0", 0)
        found = [cloud_event(services.public_url, item, folded[item.event.order_id]) for item in visible]
        return {"events": [event.model_dump(mode="json") for event in found], "cursor": cursor}

    return router


def cloud_event(public_url: str, logged: Logged, order: Order) -> CloudEvent:
    """The event in the envelope of CloudEvents 1.0."""
    event = logged.event
    return CloudEvent(
        id=str(event.event_id),
        source=f"{public_url}/v1",
        type=f"interlock.{event.type}.v1",
        subject=str(event.order_id),
        time=event.recorded_at,
        dataschema=f"{public_url}/v1/schemas/1.0/order.json",
        sequence=f"{event.sequence:09d}",
        data=order,
    )


def _encode(txid: str, position: int) -> str:
    return base64.urlsafe_b64encode(f"{txid}:{position}".encode()).decode().rstrip("=")


def _decode(cursor: str | None) -> tuple[str, int]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode() if cursor else _START
        txid, position = text.split(":")
        return str(int(txid)), int(position)
    except (ValueError, binascii.Error) as error:
        raise ProblemError(problem("query_invalid", "That cursor is not one that /v1/events gave.")) from error
