"""The pump: one drain moves one channel's cursor over the event log as far as it goes, then says what happened.

PostgreSQL is the queue. A page of events behind the commit barrier is sent, in order within each order and
concurrently across orders; then attempts, exceptions and the cursor are written in one transaction. If the process
dies between sending and writing, the page is sent again under the same ids: at least once, never out of order.
"""

import asyncio
import json
import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import aiohttp
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.delivery.guard import AddressForbidden, check_literal, connector
from hub.delivery.sender import Response, post
from hub.delivery.signing import sign
from hub.intake.intake import Pool
from hub.ledger import fold, read_document
from hub.ports import Adapter, Formatted
from hub.store import channels, deliveries, events, orders
from hub.store.channels import Channel
from hub.store.deliveries import Attempt, Exceptional
from hub.store.events import Logged
from hub.store.seal import Seal
from schemas.order import Order
from schemas.personal import convert_sealed

ORDERS_KEPT = 2000
_LOCK_SPACE = 0x64656C69  # "deli": first key of the advisory lock, the second is the channel's hash


@dataclass(frozen=True, slots=True)
class PumpOptions:
    """``attempts_max`` failures in a row make a dead letter; ``backoff`` doubles from its first to its last value.

    ``allow_private``: whether deliveries may go to private and loopback addresses.
    """

    page: int = 400
    concurrency: int = 32
    timeout_seconds: float = 10.0
    attempts_max: int = 12
    backoff_first_seconds: float = 0.5
    backoff_last_seconds: float = 600.0
    breaker_after: int = 20
    breaker_seconds: float = 5.0
    allow_private: bool = False


@dataclass(slots=True)
class Drained:
    """What one drain did. ``more``: there is more to do at once; ``locked``: another process is at it."""

    channel: str
    delivered: int = 0
    failed: int = 0
    skipped: int = 0
    more: bool = False
    locked: bool = False


@dataclass(slots=True)
class _Page:
    """The outcome of sending a page."""

    attempts: list[Attempt] = field(default_factory=list)
    exceptions: list[Exceptional] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    unreachable: int = 0


class Pump:
    """Delivers to channels. ``clock`` is the wall clock: the other side is a machine, not a passenger."""

    def __init__(
        self,
        pool: Pool,
        adapters: Mapping[str, Adapter],
        seal: Seal,
        clock: Callable[[], datetime],
        options: PumpOptions | None = None,
    ) -> None:
        self._pool = pool
        self._adapters = adapters
        self._seal = seal
        self._clock = clock
        self._options = options or PumpOptions()
        self._kept: OrderedDict[tuple[UUID, int], Order] = OrderedDict()

    def drain(self, channel: str) -> Drained:
        """Send what is due for ``channel``; one process at a time per channel, safe to call at any moment."""
        with self._pool.connection() as connection:
            got = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK_SPACE, channel)).fetchone()
            connection.commit()
            if not got or not got[0]:
                return Drained(channel, locked=True)
            try:
                return self._drain(connection, channel)
            finally:
                connection.rollback()
                connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (_LOCK_SPACE, channel))
                connection.commit()

    def _drain(self, connection: Connection[TupleRow], name: str) -> Drained:
        done = Drained(name)
        channel = channels.find(connection, name)
        adapter = self._adapters.get(name)
        if channel is None or adapter is None or channel.state != "active" or not channel.endpoint:
            return done
        if channel.breaker_until and channel.breaker_until > self._clock():
            return done
        waiting = deliveries.due(connection, name, self._clock(), self._options.page)
        fresh = events.after(connection, channel.cursor_txid, channel.cursor_position, self._options.page)
        if not waiting and not fresh:
            connection.rollback()
            return done
        logged = events.at(connection, [w.event for w in waiting])
        earlier = {w.event: w.attempts for w in waiting}
        retry = [logged[w.event] for w in waiting]
        meant = self._meant_for(connection, adapter, fresh)
        blocked = deliveries.blocked_orders(connection, name, [e.event.order_id for e in meant])
        connection.commit()
        live = [e for e in meant if e.event.order_id not in blocked]
        behind = [e for e in meant if e.event.order_id in blocked]
        page = asyncio.run(self._send(channel, adapter, [*retry, *live], earlier))
        page.exceptions += [_behind(name, e) for e in behind if e.position not in earlier]
        self._write(connection, channel, fresh, page)
        done.delivered = sum(a.outcome == "delivered" for a in page.attempts)
        done.failed = sum(a.outcome == "failed" for a in page.attempts)
        done.skipped = len(fresh) - len(meant)
        done.more = len(fresh) == self._options.page and page.unreachable < self._options.breaker_after
        return done

    def _meant_for(self, connection: Connection[TupleRow], adapter: Adapter, logged: Sequence[Logged]) -> list[Logged]:
        """Those events that the channel subscribes to, that it did not cause, and that it may see."""
        profile = adapter.profile
        chosen = [e for e in logged if e.event.type in profile.subscribes and e.event.origin != profile.channel]
        if profile.scope == "all" or not chosen:
            return chosen
        rows = connection.execute(
            "SELECT order_id FROM hub.orders WHERE order_id = ANY(%s) AND (%s = ANY(witnesses) OR channel = %s)",
            ([e.event.order_id for e in chosen], profile.channel, profile.channel),
        )
        own = {order_id for (order_id,) in rows}
        return [e for e in chosen if e.event.order_id in own]

    # -- sending ----------------------------------------------------------------------------------------------------

    async def _send(
        self, channel: Channel, adapter: Adapter, logged: Sequence[Logged], earlier: Mapping[int, int]
    ) -> _Page:
        page = _Page()
        if not logged:
            return page
        the_orders = self._orders(logged)
        queues: dict[UUID, list[Logged]] = {}
        for item in logged:
            queues.setdefault(item.event.order_id, []).append(item)
        secrets = [self._seal.open(secret) for secret in channel.secrets]
        gate = asyncio.Semaphore(self._options.concurrency)
        timeout = aiohttp.ClientTimeout(total=self._options.timeout_seconds)
        pool = connector(self._options.concurrency, self._options.allow_private)
        async with aiohttp.ClientSession(timeout=timeout, connector=pool) as session:

            async def one_order(queue: list[Logged]) -> None:
                async with gate:
                    for place, item in enumerate(queue):
                        formatted = adapter.format(item.event, the_orders[item.event.order_id])
                        if formatted is None:
                            page.settled.append(item.position)
                            page.attempts.append(_attempt(channel.channel, item, 1, None, None, self._clock()))
                            continue
                        number = earlier.get(item.position, 0) + 1
                        response = await self._post(session, channel, secrets, item, formatted)
                        page.attempts.append(
                            _attempt(channel.channel, item, number, formatted, response, self._clock())
                        )
                        if response.delivered:
                            page.settled.append(item.position)
                            continue
                        page.unreachable += response.status is None
                        page.exceptions.append(self._failed(channel.channel, item, number, response))
                        page.exceptions += [
                            _behind(channel.channel, later)
                            for later in queue[place + 1 :]
                            if later.position not in earlier
                        ]
                        return

            await asyncio.gather(*(one_order(queue) for queue in queues.values()))
        return page

    async def _post(
        self,
        session: aiohttp.ClientSession,
        channel: Channel,
        secrets: Sequence[str],
        item: Logged,
        formatted: Formatted,
    ) -> Response:
        if not self._options.allow_private:
            try:
                check_literal(channel.endpoint or "")
            except AddressForbidden as error:
                return Response(None, str(error), 0.0)
        headers = sign(secrets, str(item.event.event_id), self._clock(), formatted.body)
        return await post(session, f"{channel.endpoint}/inbox", formatted.body, formatted.content_type, headers)

    def _failed(self, channel: str, item: Logged, attempts: int, response: Response) -> Exceptional:
        dead = attempts >= self._options.attempts_max or response.status == 410
        wait = min(self._options.backoff_first_seconds * 2 ** (attempts - 1), self._options.backoff_last_seconds)
        wait = max(wait * random.uniform(0.5, 1.0), response.retry_after or 0.0)
        error = f"{response.status or 'no answer'}: {response.head}"[:300]
        return Exceptional(
            channel,
            item.position,
            item.event.order_id,
            "dead" if dead else "waiting",
            attempts,
            None if dead else self._clock() + timedelta(seconds=wait),
            error,
        )

    # -- orders -----------------------------------------------------------------------------------------------------

    def _orders(self, logged: Sequence[Logged]) -> dict[UUID, Order]:
        """The orders as they stand, folded once per version, with clear document numbers for the channel's form."""
        with self._pool.connection() as connection:
            stored = orders.read_texts(connection, {item.event.order_id for item in logged})
        return {order_id: self._folded(order_id, *row) for order_id, row in stored.items()}

    def _folded(self, order_id: UUID, version: int, text: str, contract: str) -> Order:
        if (known := self._kept.get((order_id, version))) is not None:
            return known
        order = fold(read_document(text, contract))
        self._kept[order_id, version] = clear = convert_sealed(order, self._seal.open)
        if len(self._kept) > ORDERS_KEPT:
            self._kept.popitem(last=False)
        return clear

    # -- writing ----------------------------------------------------------------------------------------------------

    def _write(self, connection: Connection[TupleRow], channel: Channel, fresh: Sequence[Logged], page: _Page) -> None:
        """One transaction: what was tried, what waits, and how far the cursor is."""
        name, options = channel.channel, self._options
        deliveries.record(connection, page.attempts)
        deliveries.settle(connection, name, page.settled)
        if page.exceptions:
            deliveries.set_aside(connection, page.exceptions)
            deliveries.promote(connection, name, self._clock())
        if fresh:
            channels.move_cursor(connection, name, fresh[-1].txid, fresh[-1].position)
        reached = any(attempt.status is not None for attempt in page.attempts)
        failures = 0 if reached else channel.breaker_failures + page.unreachable
        until = None
        if failures >= options.breaker_after:
            times = min(failures // options.breaker_after, 6)
            until = self._clock() + timedelta(seconds=options.breaker_seconds * times)
        if page.attempts:
            channels.set_breaker(connection, name, failures, until)
        connection.commit()


def _behind(channel: str, item: Logged) -> Exceptional:
    return Exceptional(channel, item.position, item.event.order_id, "behind", 0, None, None)


def _attempt(
    channel: str, item: Logged, number: int, formatted: Formatted | None, response: Response | None, now: datetime
) -> Attempt:
    outcome = "not_expressible" if response is None else "delivered" if response.delivered else "failed"
    duration = response.duration_ms if response else 0.0
    started = now - timedelta(milliseconds=duration)
    losses = [loss.model_dump(exclude_defaults=True) for loss in formatted.losses] if formatted else []
    return Attempt(
        channel=channel,
        event=item.position,
        order_id=item.event.order_id,
        attempt=number,
        outcome=outcome,
        status=response.status if response else None,
        response=response.head or None if response else None,
        losses=json.dumps(losses) if losses else None,
        started_at=started,
        duration_ms=duration,
        delay_ms=max(0.0, (started - item.committed_at).total_seconds() * 1000),
    )
