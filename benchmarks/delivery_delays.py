"""First-attempt delays of ``benchmarks.delivery``: sales come in at a pace, with and without a backfill beside them."""

import multiprocessing
import time
from itertools import count
from typing import NamedTuple

from benchmarks.delivery_rounds import TOLD, Stage, adapters_for
from benchmarks.delivery_traffic import sale, wall
from hub.intake import Intake
from interlock.database import open_pool
from interlock.wiring import new_id

_PACED_BATCH = 50
_WAKE_SECONDS = 0.05
"""How long a wake-up is held back at most, see ``interlock.wake``."""


class Delays(NamedTuple):
    """Sales a second that came in; milliseconds from an event's commit to its first attempt, of live events."""

    paced: float
    p50_ms: float
    p99_ms: float
    bulk_delivered: int


def delays(stage: Stage, rate: float, seconds: float) -> Delays:
    """Sales that are new, at ``rate`` a second from another process, while this one delivers."""
    first = stage.execute("SELECT count(*) FROM hub.orders")[0][0]
    last = stage.execute("SELECT max(position) FROM hub.events")[0][0]
    before = _bulk_delivered(stage)
    name, pump = TOLD[0], stage.pump()
    selling = multiprocessing.get_context("spawn").Process(target=_sell, args=(stage.url, first, rate, seconds))
    selling.start()
    while selling.is_alive():
        if name not in pump.waiting():
            time.sleep(_WAKE_SECONDS)
        else:
            pump.drain(name)
    if selling.exitcode:
        raise RuntimeError(f"the selling process ended with {selling.exitcode}")
    delivered = _bulk_delivered(stage) - before
    while stage.execute(f"SELECT count(*) FROM hub.deliveries WHERE event > {int(last)}")[0][0] < _sold(stage, last)[0]:
        pump.drain(name)
    sold, elapsed = _sold(stage, last)
    ((p50, p99),) = stage.execute(
        f"""SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_ms),
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY delay_ms)
            FROM hub.deliveries WHERE event > {int(last)} AND attempt = 1"""
    )
    return Delays(sold / max(elapsed, 0.001), float(p50), float(p99), delivered)


def backfill(stage: Stage, events: int) -> None:
    """So many events in the bulk lane, about orders that are known: each of them told again, several times."""
    stage.execute(
        f"""INSERT INTO hub.events (event_id, order_id, sequence, type, origin, business_date, statements, postings,
                                    recorded_at, lane)
            SELECT gen_random_uuid(), e.order_id, e.sequence + n, e.type, e.origin, e.business_date, e.statements, '[]',
                   e.recorded_at, 'bulk'
            FROM (SELECT *, count(*) OVER () AS orders FROM hub.events WHERE sequence = 1) e,
                 generate_series(1, 1000) n
            WHERE n <= 1 + {int(events)} / e.orders ORDER BY n, e.position LIMIT {int(events)}"""
    )


def _sold(stage: Stage, last: int) -> tuple[int, float]:
    """(sales after position ``last``, seconds in which they came)."""
    ((sold, elapsed),) = stage.execute(
        f"""SELECT count(*), coalesce(extract(epoch FROM max(committed_at) - min(committed_at)), 0)
            FROM hub.events WHERE position > {int(last)}"""
    )
    return int(sold), float(elapsed)


def _bulk_delivered(stage: Stage) -> int:
    return int(stage.execute("SELECT count(*) FROM hub.deliveries WHERE lane = 'bulk'")[0][0])


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
        intake.take([sale(next(numbers), wall()) for _ in range(_PACED_BATCH)])
        due += _PACED_BATCH / rate
    pool.close()
