"""The floor: an endpoint that does the least a durable intake can do, on the same server and database.

It decodes the native order into typed structs (msgspec, which validates), takes the order and its outbox row into one
transaction with whatever else waits (two flushers, no timer, reply after commit), and answers. No facts, no fold, no
seats, no seal, no access check. ``uvicorn benchmarks.intake.floor:application``.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

DATABASE = "INTERLOCK_BENCH_DATABASE_URL"
TABLES = """
CREATE SCHEMA IF NOT EXISTS floor;
CREATE TABLE IF NOT EXISTS floor.orders (order_no text PRIMARY KEY, total bigint NOT NULL, body jsonb NOT NULL);
CREATE TABLE IF NOT EXISTS floor.outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_no text NOT NULL, body jsonb NOT NULL);
"""
FLUSHERS, BATCH_MAX = 2, 128


class Passenger(msgspec.Struct):
    """Of the wire: who travels."""

    passenger_name: str
    passenger_id_type_code: str
    passenger_id_no: str


class Ticket(msgspec.Struct):
    """Of the wire: one ticket."""

    ticket_no: str
    train_date: str
    coach_no: str
    seat_no: str
    ticket_price: int
    passengerDTO: Passenger  # the wire's own name


class Order(msgspec.Struct):
    """Of the wire: one order."""

    sequence_no: str
    ticket_price_all: int
    tickets: list[Ticket]


class Message(msgspec.Struct):
    """Of the wire: the envelope."""

    messageId: str  # the wire's own name
    OrderDTODataList: list[Order]


_decode = msgspec.json.Decoder(Message).decode
Row = tuple[str, int, str]


def row(raw: bytes) -> Row:
    """What is stored of one message; raises ``msgspec.ValidationError`` for one that is not of the wire."""
    order = _decode(raw).OrderDTODataList[0]
    return order.sequence_no, order.ticket_price_all, raw.decode()


class Flusher:
    """Micro-batches, as the hub's own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: deque[tuple[Row, asyncio.Future[None]]] = deque()
        self._news = asyncio.Condition()

    async def submit(self, item: Row) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self._news:
            self._waiting.append((item, done))
            self._news.notify()
        await done

    async def run(self) -> None:
        connection = await asyncio.to_thread(connected, self._url)
        while True:
            async with self._news:
                while not self._waiting:
                    await self._news.wait()
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
            await asyncio.to_thread(insert, connection, [item for item, _ in batch])
            for _, done in batch:
                done.set_result(None)


def connected(url: str) -> psycopg.Connection[Any]:
    """A connection of its own for each flusher."""
    return psycopg.connect(url)


def insert(connection: psycopg.Connection[Any], rows: list[Row]) -> None:
    """Both tables in one pipelined transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO floor.orders VALUES (%s, %s, %s::jsonb)", rows)
        cursor.executemany(
            "INSERT INTO floor.outbox (order_no, body) VALUES (%s, %s::jsonb)", [(r[0], r[2]) for r in rows]
        )


@asynccontextmanager
async def _lifespan(application: Starlette) -> AsyncIterator[None]:
    url = os.environ[DATABASE]
    with psycopg.connect(url) as connection:
        connection.execute(TABLES)
    application.state.flusher = flusher = Flusher(url)
    free: asyncio.Queue[psycopg.Connection[Any]] = asyncio.Queue()
    application.state.bulk = free
    for _ in range(FLUSHERS):
        free.put_nowait(await asyncio.to_thread(connected, url))
    tasks = [asyncio.create_task(flusher.run()) for _ in range(FLUSHERS)]
    yield
    for task in tasks:
        task.cancel()


async def one(request: Request) -> Response:
    await request.app.state.flusher.submit(row(await request.body()))
    return Response(b'{"outcome":"applied"}', media_type="application/json")


async def many(request: Request) -> Response:
    rows = [row(line) for line in (await request.body()).splitlines()]
    free = request.app.state.bulk
    connection = await free.get()
    try:
        await asyncio.to_thread(insert, connection, rows)
    finally:
        free.put_nowait(connection)
    return Response(b'{"outcome":"applied"}\n' * len(rows), media_type="application/x-ndjson")


application = Starlette(
    routes=[Route("/one", one, methods=["POST"]), Route("/many", many, methods=["POST"])], lifespan=_lifespan
)
