"""The relay beside its floor, in one run: `python -m benchmarks.delivery [--orders N] [--rounds N] [--json]`.

    floor    the same HTTP library posts the same signed bodies to the same sink: no database, no order, no form
    relay    the pump's own drains, from the event log to the recorded attempt, for one channel by one process
    shared   the same for two channels of one process: an order is folded once for both

The sink is an HTTP server in a process of its own. Rounds alternate; the median counts. Then sales come in from another
process at half the rate at which this machine takes them in (batches of 50), while this process drains: the delay is
from an event's commit to its first attempt. Compare ratios inside one run; the load of the machine is printed.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from adapters.kit.registry import registered
from benchmarks.delivery_traffic import SELLER, TRAIN, Sink, open_sink, sale, seller, wall
from hub.delivery import Pump, PumpOptions, sign
from hub.delivery.sender import Client
from hub.intake import Intake
from hub.ports import Adapter
from hub.store import channels, events, timetable
from hub.store.audit import Audit
from hub.store.seal import Seal
from interlock.database import Pool, migrate, open_pool
from interlock.engines import PostgresOptions, start_postgres
from interlock.wiring import new_id

SECRET = "whsec_" + "A" * 43 + "="
TOLD = ("app", "web2")
"""The channels that are told: the app, and a second connection that speaks the web's language."""
CONCURRENCY = PumpOptions().concurrency
BATCH = 500
PACED_BATCH = 50
BAR_PER_SECOND = 4000
BAR_P99_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Deliveries a second (``_us``: CPU microseconds of this process for one), delays in milliseconds."""

    orders: int
    load_before: float
    load_after: float
    intake: float
    floor: float
    floor_us: float
    relay: float
    relay_us: float
    shared: float
    shared_us: float
    paced: float
    delay_p50_ms: float
    delay_p99_ms: float

    @property
    def ratio(self) -> float:
        return self.relay / self.floor


@dataclass(frozen=True, slots=True)
class Stage:
    """The engine over a database of its own, and the sink."""

    url: str
    pool: Pool
    intake: Intake
    adapters: dict[str, Adapter]
    seal: Seal
    sink: Sink

    def pump(self) -> Pump:
        options = PumpOptions(allow_private=True)
        return Pump(self.pool, self.adapters, self.seal, wall, Audit(b"a" * 32), options)

    def execute(self, sql: str) -> list[Any]:
        with self.pool.connection() as connection:
            found = connection.execute(sql.encode())
            return found.fetchall() if found.description else []


def adapters_for() -> tuple[dict[str, Adapter], Seal]:
    """Who sells and who is told, and a seal of fixed keys: every process of the benchmark has the same."""
    installed = registered()
    told: dict[str, Adapter] = {"app": installed["app"].adapter, "web2": installed["web"].adapter}
    return {SELLER: seller(), **told}, Seal(b"f" * 32, b"b" * 32)


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
        with open_sink() as sink:
            yield Stage(engine.url, pool, Intake(pool, adapters, seal, new_id), adapters, seal, sink)
        pool.close()
    finally:
        engine.stop()
        shutil.rmtree(directory)


def measure(orders: int, rounds: int, seconds: float) -> Figures:
    """Fill the log, then floor and relay in turn, then delays under a paced load."""
    load_before = os.getloadavg()[0]
    with open_stage() as stage:
        intake = _fill(stage, orders)
        bodies = _bodies(stage, min(orders, 2000))
        floors, relays, shares = [], [], []
        for _ in range(rounds):
            floors.append(_floor(stage, bodies))
            relays.append(_relay(stage, TOLD[:1]))
            shares.append(_relay(stage, TOLD))
        paced, p50, p99 = _delays(stage, orders, intake / 2, seconds)
    floor, relay, shared = _middle(floors), _middle(relays), _middle(shares)
    return Figures(orders, load_before, os.getloadavg()[0], intake, *floor, *relay, *shared, paced, p50, p99)


def _middle(found: list[tuple[float, float]]) -> tuple[float, float]:
    return median(rate for rate, _ in found), median(cpu for _, cpu in found)


def _fill(stage: Stage, orders: int) -> float:
    """Sales a second that one process takes in."""
    receipts = [sale(number, wall()) for number in range(orders)]
    started = time.perf_counter()
    for first in range(0, orders, BATCH):
        stage.intake.take(receipts[first : first + BATCH])
    return orders / (time.perf_counter() - started)


def _bodies(stage: Stage, orders: int) -> list[bytes]:
    """What the app is told: the relay's own bodies, caught by formatting them once."""
    pump = stage.pump()
    with stage.pool.connection() as connection:
        channels.register(connection, "app", stage.sink.url, SECRET, stage.seal, wall())
        channel = channels.find(connection, "app")
        positions = [row[0] for row in connection.execute("SELECT position FROM hub.events LIMIT %s", (orders,))]
        logged = events.at(connection, positions)
    assert channel is not None
    speak = pump._speaker.to(channel, stage.adapters["app"], [item.event.order_id for item in logged.values()])
    said = [speak(item) for item in logged.values()]
    return [formatted.body for formatted in said if formatted is not None]


def _floor(stage: Stage, bodies: list[bytes]) -> tuple[float, float]:
    """The library alone: (requests a second, CPU us for one)."""

    async def post() -> None:
        client = Client(f"{stage.sink.url}/inbox", 10.0, True)
        left = iter(bodies)

        async def work() -> None:
            for number, body in enumerate(left):
                headers = sign([SECRET], str(number), wall(), body) | {"content-type": "application/json"}
                await client.post(body, headers)

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        await client.close()

    started, cpu = time.perf_counter(), time.process_time()
    uvloop.run(post())
    return len(bodies) / (time.perf_counter() - started), (time.process_time() - cpu) / len(bodies) * 1e6


def _relay(stage: Stage, told: tuple[str, ...]) -> tuple[float, float]:
    """Drain the whole log to these channels, page by page in turn: (deliveries a second, CPU us for one)."""
    stage.execute("DELETE FROM hub.channels")
    stage.execute("TRUNCATE hub.deliveries")
    with stage.pool.connection() as connection:
        for name in told:
            channels.register(connection, name, stage.sink.url, SECRET, stage.seal, wall())
    pump, before = stage.pump(), stage.sink.received
    started, cpu = time.perf_counter(), time.process_time()
    while any([pump.drain(name).more for name in told]):
        pass  # the drain is the work
    elapsed, spent = time.perf_counter() - started, time.process_time() - cpu
    delivered = stage.sink.received - before
    recorded = stage.execute("SELECT count(*) FROM hub.deliveries WHERE outcome = 'delivered'")[0][0]
    if recorded != delivered:
        raise RuntimeError(f"the sink has {delivered} deliveries, the record {recorded}")
    return delivered / elapsed, spent / delivered * 1e6


# --- delay under a paced load --------------------------------------------------------------------------------------


def _sell(url: str, first: int, rate: float, seconds: float) -> None:
    """In a process of its own: sales at ``rate`` a second for ``seconds``."""
    adapters, seal = adapters_for()
    pool = open_pool(url, "benchmark-sales", 1, 2)
    intake = Intake(pool, adapters, seal, new_id)
    numbers = count(first)
    started = time.monotonic()
    due = 0.0
    while (now := time.monotonic() - started) < seconds:
        if now < due:
            time.sleep(due - now)
        intake.take([sale(next(numbers), wall()) for _ in range(PACED_BATCH)])
        due += PACED_BATCH / rate
    pool.close()


def _delays(stage: Stage, first: int, rate: float, seconds: float) -> tuple[float, float, float]:
    """(sales a second that came in, p50, p99 of the first attempt's delay in ms)."""
    last = stage.execute("SELECT max(position) FROM hub.events")[0][0]
    selling = multiprocessing.get_context("spawn").Process(target=_sell, args=(stage.url, first, rate, seconds))
    pump = stage.pump()
    pump.drain(TOLD[0])
    selling.start()
    while selling.is_alive():
        if not pump.drain(TOLD[0]).more:
            time.sleep(0.05)  # what a wake-up is held back at most, see interlock.wake
    while pump.drain(TOLD[0]).more:
        pass  # the drain is the work
    ((sold, elapsed),) = stage.execute(
        f"""SELECT count(*), extract(epoch FROM max(committed_at) - min(committed_at))
            FROM hub.events WHERE position > {int(last)}"""
    )
    ((p50, p99),) = stage.execute(
        f"""SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_ms),
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY delay_ms)
            FROM hub.deliveries WHERE event > {int(last)} AND attempt = 1"""
    )
    return int(sold) / max(float(elapsed), 0.001), float(p50), float(p99)


def report(found: Figures) -> str:
    """The figures as sentences, the bars beside them."""
    kept = {True: "kept", False: "MISSED"}
    return "\n".join(
        (
            f"load average {found.load_before:.1f} before, {found.load_after:.1f} after; {os.cpu_count()} CPUs",
            f"floor    {found.floor:7,.0f}/s  {found.floor_us:5.0f} us CPU: the HTTP library alone, signed bodies",
            f"relay    {found.relay:7,.0f}/s  {found.relay_us:5.0f} us CPU: one channel,"
            f" {found.ratio:.0%} of the floor; bar {BAR_PER_SECOND:,}/s {kept[found.relay >= BAR_PER_SECOND]}",
            f"shared   {found.shared:7,.0f}/s  {found.shared_us:5.0f} us CPU: two channels of one process",
            f"intake   {found.intake:7,.0f}/s by one process; then paced at {found.paced:,.0f}/s",
            f"delay    p50 {found.delay_p50_ms:.0f} ms, p99 {found.delay_p99_ms:.0f} ms from commit to first attempt;"
            f" bar {BAR_P99_MS:.0f} ms {kept[found.delay_p99_ms < BAR_P99_MS]}",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the paced load")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the engine is stopped also then
    found = measure(chosen.orders, chosen.rounds, chosen.seconds)
    print(json.dumps(asdict(found) | {"ratio": found.ratio}, indent=2) if chosen.json else report(found))


if __name__ == "__main__":
    main()
