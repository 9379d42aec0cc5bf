"""The pump: one drain moves one channel's cursors over the event log as far as they go, then says what happened.

PostgreSQL is the queue. A page of events behind the commit barrier is sent, in order within each order and
concurrently across orders; then attempts, exceptions and the cursor are written in one transaction. If the process
dies between sending and writing, the page is sent again under the same ids: at least once, never out of order.

    live     first, in every drain: what failed before and is due again, and what is new
    bulk     events of files and mass uploads, in the room that live left (never less than a small share)
    replay   what an operator asked for again, in the room that is left then; also for a disabled channel
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.delivery.clients import Clients
from hub.delivery.pacing import Breaker, allowance, spent
from hub.delivery.sending import Item, Lane, Page, Sending, SendingOptions, behind, fewest_attempts
from hub.delivery.speaking import Speaker
from hub.delivery.terms import subscribed
from hub.intake.intake import Pool
from hub.ports import Adapter
from hub.store import channels, deliveries, events, outbox, replays
from hub.store.audit import Audit
from hub.store.channels import Channel
from hub.store.outbox import Ahead, Cursor, Wanted
from hub.store.seal import Seal

_LOCK_SPACE = 0x64656C69  # "deli": first key of the advisory lock, the second is the channel's hash
_ACTOR = "hub"
_SCAN_TIMES = 4
_SCANS_MAX = 8


@dataclass(frozen=True, slots=True)
class PumpOptions:
    """``page``: deliveries of one drain; ``aside``: at most so many of them in the bulk and the replay lane each.

    ``aside_least``: so many of each even when live fills the page. ``attempts_max``, ``backoff`` and ``breaker_after``:
    see ``SendingOptions``. The breaker opens for ``breaker_seconds``, doubled each time, at most ``breaker_last``.
    ``allow_private``: whether deliveries may go to private and loopback addresses.
    """

    page: int = 400
    aside: int = 100
    aside_least: int = 10
    concurrency: int = 32
    timeout_seconds: float = 10.0
    attempts_max: int = 12
    backoff_first_seconds: float = 0.5
    backoff_last_seconds: float = 600.0
    breaker_after: int = 20
    breaker_seconds: float = 5.0
    breaker_last_seconds: float = 300.0
    allow_private: bool = False
    public_url: str = "http://127.0.0.1:8400"

    @property
    def sending(self) -> SendingOptions:
        return SendingOptions(
            self.concurrency,
            self.attempts_max,
            self.backoff_first_seconds,
            self.backoff_last_seconds,
            self.breaker_after,
        )


@dataclass(slots=True)
class Drained:
    """What one drain did. ``more``: there is more to do at once; ``locked``: another process is at it."""

    channel: str
    delivered: int = 0
    failed: int = 0
    more: bool = False
    locked: bool = False

    def count(self, page: Page) -> None:
        self.delivered += sum(a.outcome == "delivered" for a in page.attempts)
        self.failed += sum(a.outcome == "failed" for a in page.attempts)


class Pump:
    """Delivers to channels. ``clock`` is the wall clock: the other side is a machine, not a passenger."""

    def __init__(
        self,
        pool: Pool,
        adapters: Mapping[str, Adapter],
        seal: Seal,
        clock: Callable[[], datetime],
        audit: Audit,
        options: PumpOptions | None = None,
    ) -> None:
        self._pool = pool
        self._adapters = adapters
        self._seal = seal
        self._clock = clock
        self._audit = audit
        self._options = options or PumpOptions()
        self._speaker = Speaker(pool, seal, self._options.public_url)
        self._clients = Clients(self._options.timeout_seconds, self._options.allow_private)

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
        if channel is None or adapter is None or channel.state == "paused" or not channel.endpoint:
            return done
        run = _Run(connection, channel, adapter, self)
        if run.room >= 1 and run.quiet is None:
            if channel.state == "active" and run.breaker.state(run.now) != "open":
                run.live(done)
            if run.well and run.breaker.state(run.now) == "closed" and channel.state == "active":
                run.bulk(done)
            if run.well and (run.breaker.until is None or channel.state == "disabled"):
                run.replay(done)
        return done


class _Run:
    """One drain of one channel: what is left of its room, and how the channel fares while it goes on."""

    def __init__(self, connection: Connection[TupleRow], channel: Channel, adapter: Adapter, pump: Pump) -> None:
        self.connection, self.channel, self.adapter = connection, channel, adapter
        self.pump, self.options = pump, pump._options
        self.wanted = Wanted(channel.channel, subscribed(channel, adapter.profile))
        self.now = pump._clock()
        self.breaker = Breaker(channel.breaker_failures, channel.breaker_openings, channel.breaker_until)
        self.quiet = channel.retry_at if channel.retry_at and channel.retry_at > self.now else None
        self.free_at = channel.rate_free_at
        self.room = allowance(channel.rate_per_second, self.free_at, self.now, self.options.page)
        self.well = True
        self.live_cursor: Cursor = (channel.cursor_txid, channel.cursor_position)
        self.bulk_cursor: Cursor = (channel.bulk_txid, channel.bulk_position)

    # -- the three lanes --------------------------------------------------------------------------------------------

    def live(self, done: Drained) -> None:
        """What failed before and is due, and what is new; exactly one delivery when the breaker is half open."""
        probing = self.breaker.state(self.now) == "half_open"
        limit = 1 if probing else self.room
        due = self._due(limit, replay=False)
        ahead = self._ahead(limit - min(len(due), limit // 2))
        due = due[: max(limit - len(ahead.chosen), 1 if probing else 0)]
        fresh = self._fresh(ahead.chosen, "live")
        ready, waiting = self._apart(fresh, bulk=self._lags() or ahead.bulk)
        if probing and due and (not ready or fewest_attempts([*due, *ready]) in due):
            due, ready, waiting, ahead = [fewest_attempts(due)], [], [], Ahead([], self.live_cursor, True, False)
        elif probing:
            due = []
        if not due and not ahead.chosen and ahead.end == self.live_cursor:
            self.connection.rollback()
            return
        page = self._send([*ready, *due])
        page.exceptions += [behind(self.channel.channel, item) for item in waiting]
        self._move_live(ahead)
        self._settle(page, probing)
        done.count(page)
        done.more = self._goes_on() and (probing or ahead.whole or len(due) + len(ahead.chosen) >= limit)

    def bulk(self, done: Drained) -> None:
        """Never ahead of the live cursor, so that order within an order holds between the lanes."""
        limit = self._aside()
        if self.bulk_cursor == self.live_cursor or limit < 1:
            return
        ahead = outbox.bulk(self.connection, self.bulk_cursor, self.live_cursor, self.wanted, limit * _SCAN_TIMES)
        ahead = ahead.cut(limit)
        ready, waiting = self._apart(self._fresh(ahead.chosen, "bulk"), bulk=False)
        page = self._send(ready)
        page.exceptions += [behind(self.channel.channel, item) for item in waiting]
        self.bulk_cursor = ahead.end if ahead.whole else self.live_cursor
        channels.move_bulk_cursor(self.connection, self.channel.channel, *self.bulk_cursor)
        if not ahead.whole:  # caught up: nobody waits for this lane any more, whatever was in it
            deliveries.promote(self.connection, self.wanted, None, self.pump._clock())
        self._settle(page, probing=False)
        done.count(page)
        done.more = done.more or (ahead.whole and self._goes_on())

    def replay(self, done: Drained) -> None:
        """Dead letters that were revived, and the oldest replay that is not finished."""
        name, now = self.channel.channel, self.pump._clock()
        limit = self._aside()
        if limit < 1 or not replays.anything(self.connection, name, now):
            return
        due = self._due(limit, replay=True)
        asked = replays.running(self.connection, name)
        chosen: list[Item] = []
        if asked is not None and len(due) < limit and not self._choked():
            found = replays.page(self.connection, asked, self.wanted.types, limit - len(due))
            last = found[-1][0] if found else None
            finished = now if len(found) < limit - len(due) else None
            chosen = self._fresh(found, "replay")
            going = deliveries.under_way(self.connection, name, [item.logged.position for item in chosen])
            chosen = [item for item in chosen if item.logged.position not in going]
            replays.advance(self.connection, asked, last, len(found), finished)
            done.more = done.more or (finished is None and self._goes_on())
        if not due and not chosen:
            self.connection.commit()
            return
        page = self._send([*due, *chosen])
        self._settle(page, probing=False, counts=False)
        done.count(page)
        done.more = (done.more or len(due) == limit) and self._goes_on()

    # -- reading ----------------------------------------------------------------------------------------------------

    def _aside(self) -> int:
        """How many a lane beside live may send in this drain: what live left, but never nothing for ever."""
        left = min(self.room, self.options.aside)
        return left if self.channel.rate_per_second is not None else max(left, self.options.aside_least)

    def _goes_on(self) -> bool:
        """Whether another drain may follow at once. One with a rate waits for its bucket until the next wake-up."""
        return self.well and (self.channel.rate_per_second is None or self.room >= 1)

    def _choked(self) -> bool:
        """Whether so many of a replay have failed that asking for more of it would only pile them up."""
        waiting = deliveries.replays_waiting(self.connection, self.channel.channel)
        return waiting >= self.options.breaker_after

    def _due(self, limit: int, *, replay: bool) -> list[Item]:
        rows = deliveries.due(self.connection, self.channel.channel, self.now, limit, replay=replay)
        if not rows:
            return []
        logged = events.at(self.connection, [row.event for row in rows])
        return [Item(logged[row.event], cast(Lane, row.lane), row.attempts) for row in rows]

    def _ahead(self, limit: int) -> Ahead:
        """The next stretch of the log; a flood of events for others is passed over in a few longer reads."""
        scan = max(limit * _SCAN_TIMES, 50)
        ahead = outbox.live(self.connection, self.live_cursor, self.wanted, scan)
        for _ in range(_SCANS_MAX):
            if not ahead.whole or ahead.chosen:
                break
            scan *= 2
            further = outbox.live(self.connection, ahead.end, self.wanted, scan)
            ahead = Ahead(further.chosen, further.end, further.whole, ahead.bulk or further.bulk)
        return ahead.cut(limit)

    def _fresh(self, chosen: Sequence[tuple[Cursor, UUID]], lane: Lane) -> list[Item]:
        """The events themselves, without those of orders that are none of the channel's business."""
        logged = events.at(self.connection, [cursor[1] for cursor, _ in chosen]) if chosen else {}
        found = [logged[cursor[1]] for cursor, _ in chosen]
        if self.adapter.profile.scope == "own" and found:
            ids = [item.event.order_id for item in found]
            own = outbox.taken_part(self.connection, self.channel.channel, ids)
            found = [item for item in found if item.event.order_id in own]
        return [Item(item, lane) for item in found]

    def _apart(self, items: Sequence[Item], *, bulk: bool) -> tuple[list[Item], list[Item]]:
        """(what may go out, what must wait behind an earlier event of its order; ``bulk``: also one of that lane)."""
        if not items:
            return [], []
        ids = [item.logged.event.order_id for item in items]
        blocked = deliveries.blocked_orders(self.connection, self.channel.channel, ids)
        first = outbox.bulk_before(self.connection, self.bulk_cursor, self.wanted, ids) if bulk else {}
        ready: list[Item] = []
        waiting: list[Item] = []
        for item in items:
            order_id, position = item.logged.event.order_id, item.logged.position
            earlier = min(blocked.get(order_id, position), first.get(order_id, position)) < position
            (waiting if earlier else ready).append(item)
        return ready, waiting

    def _lags(self) -> bool:
        return self.bulk_cursor != self.live_cursor

    # -- sending and writing ----------------------------------------------------------------------------------------

    def _send(self, items: Sequence[Item]) -> Page:
        """Nothing is held open in the database while the network is used."""
        self.connection.commit()
        if not items:
            return Page(failures=self.breaker.failures)
        pump, channel = self.pump, self.channel
        speak = pump._speaker.to(channel, self.adapter, [item.logged.event.order_id for item in items])
        secrets = channels.good_secrets(channel, pump._seal, self.now)

        async def work() -> Page:
            client = await pump._clients.to(f"{channel.endpoint}/inbox")
            sending = Sending(
                channel.channel, client, speak, secrets, pump._clock, self.options.sending, self.breaker.failures
            )
            return await sending.send(items)

        return pump._clients.run(work())

    def _move_live(self, ahead: Ahead) -> None:
        along = not self._lags() and not ahead.bulk
        self.live_cursor = ahead.end
        channels.move_cursor(self.connection, self.channel.channel, *ahead.end)
        if along:
            self.bulk_cursor = ahead.end
            channels.move_bulk_cursor(self.connection, self.channel.channel, *ahead.end)

    def _settle(self, page: Page, probing: bool, *, counts: bool = True) -> None:
        """One transaction: what was tried, what waits, how far the cursors are, how the channel fares."""
        connection, name, now = self.connection, self.channel.channel, self.pump._clock()
        deliveries.record(connection, page.attempts)
        deliveries.settle(connection, name, page.settled)
        deliveries.set_aside(connection, page.exceptions)
        if page.orders:
            deliveries.promote(connection, self.wanted, list(page.orders), now)
        self._fare(page, probing, counts, now)
        connection.commit()

    def _fare(self, page: Page, probing: bool, counts: bool, now: datetime) -> None:
        """What this page says about the channel: its breaker, the quiet it asks for, whether it is gone."""
        options, channel = self.options, self.channel
        if counts and page.sent:
            failed = page.failures > self.breaker.failures if probing else page.opened
            self.breaker = Breaker(page.failures, self.breaker.openings, self.breaker.until)
            if failed:
                self.breaker = self.breaker.opened(now, options.breaker_seconds, options.breaker_last_seconds)
            elif page.quiet is None:
                self.breaker = self.breaker.counted(page.failures)
        self.quiet = page.quiet or self.quiet
        self.free_at = spent(channel.rate_per_second, self.free_at, now, page.sent)
        self.room -= page.sent
        self.well = self.well and not page.stopped
        if page.sent:
            breaker = (self.breaker.failures, self.breaker.openings, self.breaker.until)
            channels.set_pace(self.connection, channel.channel, breaker, self.quiet, self.free_at)
        if page.gone is not None:
            channels.set_state(self.connection, channel.channel, "disabled", f"its endpoint answered {page.gone}"[:300])
            self.pump._audit.record(
                self.connection, now, _ACTOR, "channel.disable", channel.channel, {"answer": page.gone[:3]}
            )
        channels.forget_faded(self.connection, channel, now)
