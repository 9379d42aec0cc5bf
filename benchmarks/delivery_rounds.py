"""The rounds of ``benchmarks.delivery``: the stage, the peer that only posts, and drains of the whole log."""

import asyncio
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import uvloop

from adapters.kit.registry import registered
from benchmarks.delivery_traffic import SELLER, TRAIN, Sink, open_sink, sale, seller, wall
from hub.delivery import Pump, PumpOptions, sign
from hub.delivery.wire import Wire
from hub.intake import Intake
from hub.ports import Adapter
from hub.store import channels, events, timetable
from hub.store.audit import Audit
from hub.store.seal import Seal
from interlock.collector import settle_garbage_collector
from interlock.database import Pool, migrate, open_pool
from interlock.engines import PostgresOptions, start_postgres
from interlock.wiring import new_id

SECRET = "whsec_" + "A" * 43 + "="
TOLD = ("app", "phone", "windows", "web2")
"""Who is told of the web's sales: the three others that are told of everything, and a second one in its language."""
PROCESSES = 2
"""Of a worker, as it is set by default."""
AT_ONCE = 64
"""Posts of the peers at once; the relay has its own limit for each channel."""
BATCH = 500


class Rate(NamedTuple):
    """Deliveries a second of wall time, and microseconds of CPU of the measuring process for one."""

    per_second: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Stage:
    """The engine over a database of its own, and the sink."""

    url: str
    pool: Pool
    intake: Intake
    adapters: dict[str, Adapter]
    seal: Seal
    sink: Sink

    def execute(self, sql: str) -> list[Any]:
        with self.pool.connection() as connection:
            found = connection.execute(sql.encode())
            return found.fetchall() if found.description else []

    def pump(self) -> Pump:
        return pump_over(self.pool)


def adapters_for() -> tuple[dict[str, Adapter], Seal]:
    """Who sells and who is told, and a seal of fixed keys: every process of the benchmark has the same."""
    installed = registered()
    told: dict[str, Adapter] = {name: installed[name.rstrip("2")].adapter for name in TOLD}
    return {SELLER: seller(), **told}, Seal(b"f" * 32, b"b" * 32)


def pump_over(pool: Pool) -> Pump:
    """A pump as a worker process has it."""
    adapters, seal = adapters_for()
    return Pump(pool, adapters, seal, wall, Audit(b"a" * 32), PumpOptions(allow_private=True))


@contextmanager
def open_stage() -> Iterator[Stage]:
    """PostgreSQL as installed (fsync on) in a directory of its own, gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="ilk-"))
    engine = start_postgres(directory, PostgresOptions())
    try:
        migrate(engine.url)
        pool = open_pool(engine.url, "benchmark", 1, 10)
        adapters, seal = adapters_for()
        with pool.connection() as connection:
            timetable.load(connection, [TRAIN])
        settle_garbage_collector()  # as a worker process does
        with open_sink() as sink:
            yield Stage(engine.url, pool, Intake(pool, adapters, seal, new_id), adapters, seal, sink)
        pool.close()
    finally:
        engine.stop()
        shutil.rmtree(directory)


def fill(stage: Stage, orders: int) -> float:
    """Sales a second that one process takes in."""
    receipts = [sale(number, wall()) for number in range(orders)]
    started = time.perf_counter()
    for first in range(0, orders, BATCH):
        stage.intake.take(receipts[first : first + BATCH])
    return orders / (time.perf_counter() - started)


def bodies(stage: Stage, orders: int) -> list[bytes]:
    """What the app is told: the relay's own bodies, caught by formatting them once."""
    pump = stage.pump()
    with stage.pool.connection() as connection:
        channels.register(connection, "app", stage.sink.url, SECRET, stage.seal, wall())
        channel = channels.find(connection, "app")
        positions = [row[0] for row in connection.execute("SELECT position FROM hub.events LIMIT %s", (orders,))]
        logged = events.at(connection, positions)
    assert channel is not None
    speak = pump.speaker.to(channel, stage.adapters["app"], [item.event.order_id for item in logged.values()])
    said = [speak(item) for item in logged.values()]
    return [formatted.body for formatted in said if formatted is not None]


# --- peers: the same signed bodies to the same sink, and nothing else -------------------------------------------------


def peer_aiohttp(stage: Stage, said: list[bytes]) -> Rate:
    """What most relays in Python post with: 64 at once over kept connections."""

    async def post() -> None:
        left = iter(enumerate(said))
        connections = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connections, cookie_jar=aiohttp.DummyCookieJar()) as session:

            async def work() -> None:
                for number, body in left:
                    async with session.post(_inbox(stage), data=body, headers=_headers(number, body)) as answer:
                        await answer.read()

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    started, cpu = time.perf_counter(), time.process_time()
    uvloop.run(post())
    return _rate(len(said), started, cpu)


def peer_wire(stage: Stage, said: list[bytes]) -> Rate:
    """The relay's own client, 64 at once."""
    wire: Wire[int] = Wire(10.0, allow_private=True)
    started, cpu = time.perf_counter(), time.process_time()
    left = iter(enumerate(said))
    done = 0
    while done < len(said):
        while wire.under_way < AT_ONCE and (following := next(left, None)) is not None:
            number, body = following
            wire.start(_inbox(stage), body, _headers(number, body), number)
        done += len(wire.finished())
    wire.close()
    return _rate(len(said), started, cpu)


def _inbox(stage: Stage) -> str:
    return f"{stage.sink.url}/inbox"


def _headers(number: int, body: bytes) -> dict[str, str]:
    return sign([SECRET], str(number), wall(), body) | {"content-type": "application/json"}


# --- drains of the whole log ------------------------------------------------------------------------------------------


def relay(stage: Stage, told: tuple[str, ...], form: str = "native") -> Rate:
    """Drain the whole log to these channels, page by page in turn, in this process."""
    _rewind(stage, told, form)
    pump, before = stage.pump(), stage.sink.received
    started, cpu = time.perf_counter(), time.process_time()
    while any([pump.drain(name).more for name in told]):
        pass  # the drain is the work
    delivered = stage.sink.received - before
    rate = _rate(delivered, started, cpu)
    _check(stage, delivered)
    return rate


def worker(stage: Stage) -> float:
    """The same as a worker does it: its processes share the channels. Deliveries a second."""
    _rewind(stage, TOLD, "native")
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(PROCESSES + 1)
    shares = [TOLD[place::PROCESSES] for place in range(PROCESSES)]
    processes = [spawn.Process(target=_drain_all, args=(stage.url, share, gate)) for share in shares]
    for process in processes:
        process.start()
    gate.wait(60)
    before, started = stage.sink.received, time.perf_counter()
    gate.wait(300)
    elapsed = time.perf_counter() - started
    for process in processes:
        process.join()
    delivered = stage.sink.received - before
    _check(stage, delivered)
    return delivered / elapsed


def _drain_all(url: str, told: tuple[str, ...], gate: Any) -> None:
    pool = open_pool(url, "benchmark-worker", 1, 4)
    pump = pump_over(pool)
    settle_garbage_collector()
    gate.wait(60)
    while any([pump.drain(name).more for name in told]):
        pass  # the drain is the work
    gate.wait(300)
    pool.close()


def _rewind(stage: Stage, told: tuple[str, ...], form: str) -> None:
    """These channels, and the whole log ahead of them, live."""
    stage.execute("DELETE FROM hub.channels")
    stage.execute("TRUNCATE hub.deliveries")
    with stage.pool.connection() as connection:
        for name in told:
            channels.register(connection, name, stage.sink.url, SECRET, stage.seal, wall())
            channels.configure(connection, name, {"form": form})
        connection.execute(
            "UPDATE hub.channels SET cursor_txid = '0', cursor_position = 0, bulk_txid = '0', bulk_position = 0"
        )


def _rate(count: int, started: float, cpu: float) -> Rate:
    return Rate(count / (time.perf_counter() - started), (time.process_time() - cpu) / count * 1e6)


def _check(stage: Stage, delivered: int) -> None:
    recorded = stage.execute("SELECT count(*) FROM hub.deliveries WHERE outcome = 'delivered'")[0][0]
    if recorded != delivered:
        raise RuntimeError(f"the sink has {delivered} deliveries, the record {recorded}")
