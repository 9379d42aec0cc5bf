"""Orders out: by id, by any system's reference, as of any time on either axis, and as a timeline."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.api.access import Principal
from hub.api.services import Services
from hub.ledger import Document, fold, rebuild
from hub.store import events, merging, orders, subjects
from hub.store.seal import Seal
from hub.store.timeline import timeline
from schemas.order import Order, OrderPassenger
from schemas.personal import masked_numbers
from schemas.problems import ProblemError, problem


def orders_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["orders"])

    @router.get("/orders", summary="Find an order by any system's reference")
    def find(
        request: Request,
        system: str = Query(examples=["rail"], description="rail, a channel or a processor"),
        kind: str = Query("order", description="order, ticket, payment, refund, pickup, agent_order ..."),
        value: str = Query(examples=["EW00000001"]),
        as_of: datetime | None = None,
        recorded_as_of: datetime | None = None,
    ) -> Order:
        """The order that ``system`` calls ``value``; personal numbers masked."""
        caller = services.access.reader(request.headers)
        with services.pool.connection() as connection:
            order_id = orders.find_by_reference(connection, system, kind, value)
        if order_id is None:
            raise ProblemError(problem("order_unknown", f"{system} {kind} {value[:40]!r} is not known here."))
        return read_order(services, caller, order_id, as_of, recorded_as_of)

    @router.get("/me/orders", summary="My orders across all channels")
    def mine(request: Request, limit: int = Query(20, ge=1, le=100)) -> list[Order]:
        """The orders in which the bearer travels, whichever channel sold them, latest journey first."""
        return own_orders(services, services.access.reader(request.headers), limit)

    @router.get("/orders/{order_id}", summary="One order")
    def show(
        request: Request, order_id: UUID, as_of: datetime | None = None, recorded_as_of: datetime | None = None
    ) -> Order:
        """The order now, or as it was: ``as_of`` by what had happened, ``recorded_as_of`` by what we knew.

        An id that turned out to be part of another order gives that order, whose ``order_id`` is the other one.
        """
        return read_order(services, services.access.reader(request.headers), order_id, as_of, recorded_as_of)

    @router.get("/orders/{order_id}/timeline", summary="What every system said of it, and what became of that")
    def story(request: Request, order_id: UUID) -> dict[str, Any]:
        """Messages received, decisions, events and deliveries, in order of time; each with the order's id then."""
        caller = services.access.reader(request.headers)
        order = read_order(services, caller, order_id, None, None)
        with services.pool.connection() as connection:
            return {"order_id": str(order.order_id), "entries": timeline(connection, order.order_id)}

    return router


def own_orders(services: Services, caller: Principal, limit: int) -> list[Order]:
    """The orders in which this person travels, latest journey first, numbers masked; nobody else has any."""
    if not caller.person:
        return []
    with services.pool.connection() as connection:
        found_ids = orders.of_person(connection, limit, phone=caller.phone, document=caller.document)
        stored = orders.read(connection, found_ids)
        found = shown(connection, services.seal, [fold(item.document) for item in stored.values()])
    services.acted(caller, "orders_listed", None)
    return found


def read_order(
    services: Services,
    caller: Principal,
    order_id: UUID,
    as_of: datetime | None,
    recorded_as_of: datetime | None,
) -> Order:
    """The order for this caller, masked; a channel sees only orders in which it took part."""
    for moment in (as_of, recorded_as_of):
        if moment is not None and moment.tzinfo is None:
            raise ProblemError(
                problem("query_invalid", "A time needs its offset, for example 2026-01-11T14:03:00+08:00.")
            )
    with services.pool.connection() as connection:
        stored = orders.read(connection, [order_id]).get(order_id)
        if stored is None:
            raise ProblemError(problem("order_unknown"))
        document = stored.document
        if recorded_as_of is not None:
            order_id = merging.id_at(connection, order_id, recorded_as_of)
            said = events.said(connection, order_id, recorded_as_of)
            document = rebuild(order_id, document.references, said)
        if as_of is not None:
            document = document.as_of(as_of)
        if not document.facts:
            raise ProblemError(problem("order_unknown", "Nothing of this order was known at that time."))
        order = subjects.opened_one(connection, services.seal, fold(document))
    if not may_read(caller, stored.document, order, services.seal.blind):
        # Not "forbidden": whether the order exists is none of this caller's business.
        raise ProblemError(problem("order_unknown"))
    services.acted(caller, "order_read", order.order_id)
    return masked_numbers(order)


def may_read(caller: Principal, document: Document, order: Order, blind: Callable[[str], str]) -> bool:
    """A channel took part in it, a person travels in it, staff may read all; nobody else reads any.

    ``order`` is opened; ``blind`` gives the index of a telephone or a number (:meth:`hub.store.seal.Seal.blind`).
    """
    if caller.channel is not None:
        return caller.channel in document.witnesses
    if caller.person:
        return any(travels_as(caller, passenger, blind) for passenger in order.passengers)
    return caller.staff


def travels_as(caller: Principal, passenger: OrderPassenger, blind: Callable[[str], str]) -> bool:
    """Whether the caller is this passenger: by the proven telephone, or by the confirmed document."""
    if caller.phone is not None and passenger.phone is not None and blind(passenger.phone) == caller.phone:
        return True
    document = passenger.document
    return caller.document is not None and f"{document.type}|{blind(document.number)}" == caller.document


def shown(connection: Connection[TupleRow], seal: Seal, the_orders: Sequence[Order]) -> list[Order]:
    """The orders with names in clear and every personal number masked; of erased people neither."""
    return [masked_numbers(order) for order in subjects.opened(connection, seal, the_orders)]
