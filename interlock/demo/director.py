"""Directs the day: moves time in ticks, lets every simulated system do its part of each, waits until all is quiet."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg

from interlock.demo.stage import Stage
from simulators.calendar import DAY_BEGINS, DAY_ENDS, at

TICK = timedelta(minutes=5)
# Later than every definition's grace, so that what is missing by then is missing.
RECONCILED_AFTER = timedelta(days=2, hours=1)
# So long may a number stand still before we say that it will never fall.
STANDSTILL_SECONDS = 300.0
LOOK_SECONDS = 0.2
RESTART_WAITS_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
BACKLOG_MAX = 400

UNDELIVERED = """
SELECT (SELECT count(*) FROM hub.channels c JOIN hub.events e
            ON (e.txid, e.position) > (c.cursor_txid, c.cursor_position) WHERE c.state = 'active')
     + (SELECT count(*) FROM hub.channels c JOIN hub.events e
            ON e.lane = 'bulk' AND (e.txid, e.position) > (c.bulk_txid, c.bulk_position)
               AND (e.txid, e.position) <= (c.cursor_txid, c.cursor_position) WHERE c.state = 'active')
     + (SELECT count(*) FROM hub.delivery_exceptions WHERE state IN ('waiting', 'behind'))
"""


class NotQuiet(Exception):
    """Something did not come to rest in time; the sentence says what."""


class Director:
    """``progress`` is told after every tick how far the day is: (ticks done, ticks of the day, local time)."""

    def __init__(self, stage: Stage, progress: Callable[[int, int, str], None]) -> None:
        self._stage = stage
        self._progress = progress
        self._channels = {name: f"http://127.0.0.1:{a.port}" for name, a in stage.simulation.channels.items()}

    def play(self, tick: timedelta = TICK) -> None:
        """The whole day. Raises NotQuiet or httpx.HTTPStatusError when a simulator fails."""
        asyncio.run(self._play(tick))

    async def _play(self, tick: timedelta) -> None:
        day = self._stage.options.date
        begin, end = at(day, DAY_BEGINS), at(day, DAY_ENDS)
        ticks = int((end - begin) / tick)
        async with httpx.AsyncClient(timeout=None, trust_env=False) as http:
            for number in range(1, ticks + 1):
                until = begin + number * tick
                await asyncio.gather(*(self._run(http, url, until) for url in self._channels.values()))
                self._stage.clock.set(until.astimezone(UTC))
                await self._let_deliveries_catch_up()
                self._progress(number, ticks, f"{until:%H:%M}")

    async def _run(self, http: httpx.AsyncClient, url: str, until: datetime) -> None:
        """One channel's part of a tick. A simulator that died goes on from its journal when it is up again."""
        for wait in RESTART_WAITS_SECONDS:
            try:
                answer = await http.post(f"{url}/run", json={"until": until.isoformat()})
            except httpx.TransportError:
                await asyncio.sleep(wait)
            else:
                answer.raise_for_status()
                return
        raise NotQuiet(f"the simulator at {url} does not come back")

    async def _let_deliveries_catch_up(self) -> None:
        """Simulated minutes pass in milliseconds: do not let the day run away from what must be told about it."""
        if self._undelivered() > BACKLOG_MAX:
            while self._undelivered() > BACKLOG_MAX // 2:
                await asyncio.sleep(LOOK_SECONDS)

    def wait_until_quiet(self) -> None:
        """Until the hub has asked for everything that is not pushed, holds have lapsed, deliveries are through."""
        self._wait("somebody to poll the agents", self._unpolled)
        self._wait("holds to expire", self._held_too_long)
        self.wait_until_delivered()

    def wait_until_delivered(self) -> None:
        """Until no delivery is open. Raises NotQuiet."""
        self._wait("deliveries to be through", self._undelivered)

    def end_day(self) -> list[str]:
        """Time moves past everybody's grace; the processors write their files. Answers their names."""
        self._stage.clock.set(self._after())
        url = f"http://127.0.0.1:{self._stage.simulation.processors_port}/settle"
        answer = httpx.post(url, timeout=120.0, trust_env=False).raise_for_status()
        return list(answer.json()["files"])

    def state(self, channel: str) -> dict[str, Any]:
        """What a simulated channel says of itself."""
        answer = httpx.get(f"{self._channels[channel]}/state", timeout=30.0, trust_env=False)
        return dict(answer.raise_for_status().json())

    def _after(self) -> datetime:
        return (at(self._stage.options.date, "00:00") + RECONCILED_AFTER).astimezone(UTC)

    def _wait(self, what: str, how_many: Callable[[], int], seconds: Callable[[], float] = time.monotonic) -> None:
        fewest, since = how_many(), seconds()
        while (left := how_many()) > 0:
            if left < fewest:
                fewest, since = left, seconds()
            if seconds() - since > STANDSTILL_SECONDS:
                raise NotQuiet(f"waited for {what}: {left} left, no fewer for {STANDSTILL_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)

    def _unpolled(self) -> int:
        return int(self.state("agents")["unpolled"])

    def _held_too_long(self) -> int:
        return self._count("SELECT count(*) FROM hub.tickets WHERE state = 'held' AND hold_expires_at <= %s")

    def _undelivered(self) -> int:
        return self._count(UNDELIVERED)

    def _count(self, query: str) -> int:
        """The number a query gives; 1 while the database does not answer, for then nothing is known to be quiet."""
        try:
            with psycopg.connect(self._stage.database_url, connect_timeout=5) as connection:
                parameters = (self._stage.clock(),) if "%s" in query else None
                row = connection.execute(query, parameters).fetchone()
        except psycopg.OperationalError:
            return 1
        return int(row[0]) if row else 0
